"""What the network says of slices, by Python alone: python slices.py http://localhost:8000 slice.png ..."""

import json
import sys
import urllib.request
from pathlib import Path

address, *files = sys.argv[1:]
for file in files:
    request = urllib.request.Request(f"{address}/predict", Path(file).read_bytes(), {"Content-Type": "image/png"})
    with urllib.request.urlopen(request) as response:
        answer = json.load(response)["predictions"][0]
    print(file, answer["label"] or "no answer", answer["probabilities"])

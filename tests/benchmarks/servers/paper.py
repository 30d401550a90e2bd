"""The paper's way to serve: the upload goes to disk, is loaded by Keras, and `model.predict` runs.

    gunicorn --config /dev/null --timeout 120 tests.benchmarks.servers.paper:app

After A. Sahu (2021), whose server does so in one synchronous process; there is nothing of its code here.
"""

import tempfile
import uuid
from pathlib import Path

import keras
import numpy as np
from flask import Flask, Response, jsonify, request
from werkzeug.utils import secure_filename

from model import bundle

app = Flask(__name__)
folder = Path(tempfile.mkdtemp())
shipped = bundle.load()
network = keras.models.load_model(shipped.h5)


@app.post("/predict")
def predict() -> Response:
    upload = request.files["file"]
    path = folder / f"{uuid.uuid4().hex}-{secure_filename(upload.filename or '')}"
    upload.save(path)
    size = shipped.preprocessing.size
    pixels = keras.utils.img_to_array(keras.utils.load_img(path, target_size=(size, size))) / 255
    probabilities = network.predict(pixels[np.newaxis], verbose=0)[0].tolist()
    path.unlink()
    return jsonify(dict(zip(shipped.labels, probabilities, strict=True)))


@app.get("/readyz")
def ready() -> str:
    network.predict(np.zeros((1, *network.input_shape[1:])), verbose=0)
    return "ready"

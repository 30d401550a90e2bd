"""The classes that the network tells apart, in the order of its outputs."""

from typing import Final

LABELS: Final = ("noncovid", "covid", "cap")
"""Class names, in the order of the softmax (the order of the paper's Table 1 head)."""

TITLES: Final = {
    "noncovid": "Non-COVID",
    "covid": "COVID-19",
    "cap": "Common pneumonia",
}
"""What a person reads for each class."""

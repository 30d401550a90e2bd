"""A decoded slice -> what the network takes. The one path, for training and for serving.

How a slice is resized is a part of what the weights mean (a network trained on one resampling and served another
meets other pictures), so the parameters live in the bundle's card and the code lives here, once.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.errors import BundleError
from model.lungs import lung_mask
from model.pictures import Slice
from model.window import LUNG, Window

Batch = NDArray[np.float32]
"""What the network takes: float32, shape (n, size, size, channels), values in [0, 1]."""


@dataclass(frozen=True)
class Preprocessing:
    """Squash to a square of `size` pixels by Pillow's bilinear filter (it averages when it shrinks), scale to [0, 1].

    The aspect ratio is not kept: so did the paper, and so do its slices, which are nearly square. Slices in Hounsfield
    units became 8-bit gray by the window before; pictures came with theirs. A card without a window has the lung's.
    """

    size: int = 256
    interpolation: str = "bilinear"
    scale: float = 1 / 255
    window_level: float = LUNG.level
    window_width: float = LUNG.width
    channels: int = 3
    """The paper's network takes RGB; a CT slice is gray, so the channels are equal."""
    lungs_only: bool = False
    """Whether all but the lungs is black."""

    @classmethod
    def from_card(cls, card: dict[str, Any]) -> "Preprocessing":
        """Read the parameters from a card.

        Raises:
            BundleError: a parameter is missing, unknown, or has a value that this version does not implement.
        """
        try:
            preprocessing = cls(**card)
        except TypeError as error:
            raise BundleError(f"The card's preprocessing does not fit this version: {error}") from error
        if preprocessing.interpolation != cls.interpolation or preprocessing.scale != cls.scale:
            raise BundleError(f"The card asks for a preprocessing that this version does not have: {card}")
        return preprocessing

    @property
    def window(self) -> Window:
        """Through which Hounsfield units become gray."""
        return Window(self.window_level, self.window_width)

    def to_card(self) -> dict[str, Any]:
        """The parameters as plain JSON values."""
        return asdict(self)

    def resize(self, pixels: Slice) -> Slice:
        """Resize uint8 (height, width) to uint8 (size, size): the form in which training keeps its slices."""
        if self.lungs_only:
            pixels = pixels * lung_mask(pixels, self.window)
        if pixels.shape == (self.size, self.size):
            return pixels
        picture = Image.fromarray(pixels)
        return np.asarray(picture.resize((self.size, self.size), Image.Resampling.BILINEAR))

    def batch(self, slices: Sequence[Slice]) -> Batch:
        """Turn slices of any size into what the network takes: float32, (n, size, size, channels), in [0, 1]."""
        return self.scaled([self.resize(pixels) for pixels in slices])

    def scaled(self, resized: Sequence[Slice]) -> Batch:
        """What the network takes of slices that are `resize`d already.

        The channels are the same memory, and cannot be written to.
        """
        gray = np.stack(resized).astype(np.float32)
        gray *= np.float32(self.scale)
        return np.broadcast_to(gray[..., np.newaxis], (*gray.shape, self.channels))

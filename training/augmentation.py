"""Random changes to training slices, inside the compiled step, on whichever backend trains.

Brightness, flip and shifts are the paper's, as it meant them: ±20 % brightness (its code darkened every picture to at
most a fifth, and did so to validation and test pictures too). The others imitate what differs between hospitals: the
field of view (zoom), the display window (offset, contrast, gamma), the reconstruction kernel, noise, and letters or
arrows drawn on the picture (erase).
"""

import math

import keras
from keras import ops

from model.preprocessing import Preprocessing
from training.experiment import Augmentation


class Augment(keras.layers.Layer):
    """uint8 (n, size, size, 1) -> float32 (n, size, size, channels) in [0, 1]: scaled as in service, changed at random.

    Outside the picture is black: around a patient is air.
    """

    def __init__(self, ranges: Augmentation, preprocessing: Preprocessing, seed: int) -> None:
        super().__init__(name="augment")
        self.ranges = ranges
        self.preprocessing = preprocessing
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, slices: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        x = ops.cast(slices, "float32") * self.preprocessing.scale
        if training:
            x = self._move(x)
            x = self._redraw(x)
            x = self._erase(x)
        return ops.repeat(x, self.preprocessing.channels, axis=-1)

    def _uniform(self, x: keras.KerasTensor, low: float, high: float) -> keras.KerasTensor:
        """One number a slice, shaped to multiply it."""
        return keras.random.uniform((ops.shape(x)[0], 1, 1, 1), low, high, seed=self.seed_generator)

    def _spread(self, x: keras.KerasTensor, amount: float) -> keras.KerasTensor:
        """A factor a slice: log-uniform in [1 / (1 + amount), 1 + amount]."""
        limit = math.log1p(amount)
        return ops.exp(self._uniform(x, -limit, limit))

    def _move(self, x: keras.KerasTensor) -> keras.KerasTensor:
        r, size = self.ranges, x.shape[1]
        if not (r.flip or r.shift or r.zoom or r.rotation):
            return x
        mirror = ops.where(self._uniform(x, -1, 1) < 0, -1.0, 1.0) if r.flip else ops.ones_like(self._uniform(x, 0, 1))
        angle = self._uniform(x, -math.radians(r.rotation), math.radians(r.rotation))
        scale = self._spread(x, r.zoom)
        width, height = scale * self._spread(x, r.zoom / 3), scale * self._spread(x, r.zoom / 3)
        # Where each output pixel comes from (keras.ops.image.affine_transform), turned about the middle.
        a0, a1 = mirror * width * ops.cos(angle), -width * ops.sin(angle)
        b0, b1 = mirror * height * ops.sin(angle), height * ops.cos(angle)
        middle, reach = (size - 1) / 2, r.shift * size
        a2 = middle - (a0 + a1) * middle + self._uniform(x, -reach, reach)
        b2 = middle - (b0 + b1) * middle + self._uniform(x, -reach, reach)
        zero = ops.zeros_like(a0)
        transforms = ops.reshape(ops.concatenate([a0, a1, a2, b0, b1, b2, zero, zero], axis=-1), (-1, 8))
        return ops.image.affine_transform(x, transforms, data_format="channels_last")

    def _redraw(self, x: keras.KerasTensor) -> keras.KerasTensor:
        r = self.ranges
        if r.kernel:
            smooth = ops.average_pool(x, 3, strides=1, padding="same", data_format="channels_last")
            x = x + self._uniform(x, -r.kernel, r.kernel) * (smooth - x)
        if r.gamma:
            x = ops.power(ops.clip(x, 1e-6, 1.0), self._spread(x, r.gamma))
        if r.contrast:
            x = (x - 0.5) * self._spread(x, r.contrast) + 0.5
        if r.offset:
            x = x + self._uniform(x, -r.offset, r.offset)
        if r.brightness:
            x = x * self._uniform(x, 1 - r.brightness, 1 + r.brightness)
        if r.darken:
            x = x * self._uniform(x, 0, r.darken)
        if r.noise:
            x = x + self._uniform(x, 0, r.noise) * keras.random.normal(ops.shape(x), seed=self.seed_generator)
        return ops.clip(x, 0.0, 1.0)

    def _erase(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Paint one rectangle, of 5 to 30 % of each side, in one gray, on the share `erase` of the slices."""
        if not self.ranges.erase:
            return x
        size = x.shape[1]
        place = ops.arange(size, dtype="float32") / size
        inside_x = ops.abs(ops.reshape(place, (1, 1, size, 1)) - self._uniform(x, 0, 1)) < self._uniform(x, 0.025, 0.15)
        inside_y = ops.abs(ops.reshape(place, (1, size, 1, 1)) - self._uniform(x, 0, 1)) < self._uniform(x, 0.025, 0.15)
        chosen = self._uniform(x, 0, 1) < self.ranges.erase
        return ops.where(chosen & inside_x & inside_y, self._uniform(x, 0, 1), x)

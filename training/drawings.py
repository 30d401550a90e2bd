"""Pictures that are drawn from formulas and chance, and are no axial chest CT: see `training.counterexamples`."""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from model.phantom import chest_phantom
from model.pictures import Slice
from model.window import LUNG

Random = np.random.Generator
Floats = NDArray[np.float64]

SIDE: Final = 128
"""Pixels on a side."""


def _flat(random: Random) -> Slice:
    return np.clip(random.uniform(0, 255) + random.normal(0, random.uniform(0, 30), (SIDE, SIDE)), 0, 255).astype(
        np.uint8
    )


def _noise(random: Random) -> Slice:
    return _stretch(texture(random, (SIDE, SIDE), random.uniform(0, 1)))


def _clouds(random: Random) -> Slice:
    """Noise whose power falls with the frequency as that of natural scenes does, and steeper."""
    return windowed(0.5 + 0.25 * texture(random, (SIDE, SIDE), random.uniform(1, 2.5)), random)


def _gradient(random: Random) -> Slice:
    y, x = _grid()
    turn = random.uniform(0, 2 * np.pi)
    slope = x * np.cos(turn) + y * np.sin(turn) if random.random() < 0.6 else np.hypot(x, y) * random.choice((-1, 1))
    return _stretch(slope + random.uniform(0, 0.5) * texture(random, (SIDE, SIDE), 1.5))


def _page(random: Random) -> Slice:
    """A page of text."""
    ground, ink = random.choice(((255, 0), (0, 255), (230, 60), (40, 200)))
    picture = Image.new("L", (SIDE, SIDE), int(ground))
    draw, size = ImageDraw.Draw(picture), random.uniform(8, 30)
    letters = list("abcdefghijklmnopqrstuvwxyz      ABCDEFGH0123456789.,")
    for line in range(round(random.uniform(0, 3)), round(SIDE / size / 1.2)):
        draw.text(
            (random.uniform(0, 15), 1.2 * size * line), "".join(random.choice(letters, 60)), int(ink), font_size=size
        )
    return np.asarray(picture)


def _scene(random: Random) -> Slice:
    """Things in front of each other (dead leaves: Lee, Mumford & Huang 2001), each with a texture and a shade."""
    y, x = _grid()
    ground = texture(random, (SIDE, SIDE), random.uniform(0.8, 1.5))
    picture = 0.5 + 0.2 * ground
    for _ in range(random.integers(3, 40)):
        across, down = random.pareto(2, 2) * 0.15 + 0.03
        turn, at = random.uniform(0, np.pi), random.uniform(-1, 1, 2)
        u = (x - at[0]) * np.cos(turn) + (y - at[1]) * np.sin(turn)
        v = (y - at[1]) * np.cos(turn) - (x - at[0]) * np.sin(turn)
        inside = (
            np.abs(u / across) ** 4 + np.abs(v / down) ** 4 if random.random() < 0.5 else np.hypot(u / across, v / down)
        ) < 1
        shade = random.uniform(0, 1) + random.normal(0, 0.3) * u + random.uniform(0, 0.15) * ground
        picture = np.where(inside, shade, picture)
    return windowed(picture, random)


def _head(random: Random) -> Slice:
    """A skull around a brain with its ventricles; of bone, of fat or dark, as CT or MR would show it."""
    y, x = _moved(random)
    wide, tall = random.uniform(0.5, 0.8), random.uniform(0.65, 0.95)
    skin, bone, brain = (
        np.hypot(x / (wide * part), y / (tall * part)) < 1 for part in (1, 0.95, random.uniform(0.8, 0.9))
    )
    inside = random.uniform(0.25, 1)
    picture = np.full(x.shape, random.choice((0.0, 0.0, 0.03, 0.1)))
    picture[skin] = random.uniform(0.2, 1)
    picture[bone] = random.choice((1.0, 1.0, 0.05, 0.1, 0.5))
    picture[brain] = (inside + random.uniform(0, 0.25) * texture(random, x.shape, 1.2))[brain]
    for side in (-1, 1):
        at, radii = random.uniform(0.05, 0.2), random.uniform((0.03, 0.1), (0.12, 0.35))
        hole = np.hypot((x - side * at) / radii[0], (y + random.uniform(-0.1, 0.2)) / radii[1]) < 1
        picture[hole & brain] = inside * random.choice((0.2, 0.5, 0.8, 1.3))
    if random.random() < 0.3:  # eyes, nose
        picture[blobs(random, x.shape, 4, 0.05, 0.15) > 0.5] = random.uniform(0, 0.4)
    return windowed(picture, random)


def belly(random: Random) -> Slice:
    """A body without lungs: organs, spine, fat, gas in the bowel."""
    y, x = _moved(random)
    wide, tall = random.uniform(0.7, 1), random.uniform(0.5, 0.8)
    body = np.hypot(x / wide, y / tall) < 1
    muscle = np.hypot(x / wide, y / tall) < random.uniform(0.7, 0.97)
    level = random.uniform(0.35, 0.9)
    picture = np.full(x.shape, random.choice((0.0, 0.0, 0.05)))
    picture[body] = level * random.uniform(0.3, 1.1)
    picture[muscle] = level
    for _ in range(random.integers(3, 12)):
        organ = blobs(random, x.shape, 1, 0.08, 0.4) > 0.5
        picture[organ & muscle] = level * random.uniform(0.5, 1.3)
    picture[muscle] += (random.uniform(0, 0.1) * texture(random, x.shape, 1))[muscle]
    gas = blobs(random, x.shape, int(random.integers(0, 7)), 0.02, 0.12) > 0.5
    picture[gas & muscle] = random.uniform(0, 0.2)
    picture[np.hypot(x, y - 0.6 * tall) < random.uniform(0.08, 0.16)] = random.uniform(0.6, 1)
    return windowed(picture, random)


def _limbs(random: Random) -> Slice:
    """One or two round things with bone in them."""
    y, x = _moved(random)
    picture = np.zeros(x.shape)
    level = random.uniform(0.3, 0.9)
    for at in (0,) if random.random() < 0.4 else (-0.5, 0.5):
        radius = random.uniform(0.25, 0.48)
        picture[np.hypot(x - at, y) < radius] = level * random.uniform(0.5, 1)
        picture[np.hypot(x - at, y) < 0.85 * radius] = level
        picture[np.hypot(x - at, y) < random.uniform(0.2, 0.5) * radius] = random.choice((0.1, 0.6, 1.0))
    return windowed(picture + random.uniform(0, 0.1) * texture(random, x.shape, 1), random)


def _shadow(random: Random) -> Slice:
    """A chest seen from the front, as rays through all of it would: tall lungs over the diaphragm, ribs, shoulders."""
    y, x = _moved(random)
    picture = random.uniform(0.55, 0.95) - 0.3 * np.abs(x) ** 3
    picture *= np.clip((random.uniform(0.9, 1.4) - np.abs(x) - 0.5 * np.clip(-0.55 - y, 0, 1)) / 0.1, 0, 1)
    bottom = random.uniform(0.25, 0.75)
    for side in (-1, 1):
        at, wide, tall = side * random.uniform(0.36, 0.48), random.uniform(0.24, 0.34), random.uniform(0.6, 0.9)
        lung = np.clip((1 - np.hypot((x - at) / wide, (y + 0.1) / tall)) / 0.25, 0, 1)
        lung *= np.clip((bottom - y - 0.15 * np.cos(3 * (x - at))) / 0.08, 0, 1)
        picture -= lung * random.uniform(0.3, 0.55)
    heart = np.clip((1 - np.hypot((x - 0.12) / 0.32, (y - bottom + 0.25) / 0.32)) / 0.2, 0, 1)
    picture += random.uniform(0.1, 0.4) * heart + 0.15 * np.exp(-((x / 0.12) ** 2))
    ribs = np.sin(random.uniform(16, 26) * (y + random.uniform(0.2, 0.5) * x**2 * 1.5))
    picture += random.uniform(0.01, 0.07) * ribs * (np.abs(x) < 0.85)
    picture += 0.12 * (np.abs(y + 0.72 + 0.25 * np.abs(x)) < 0.035)  # clavicles
    return windowed(picture + random.uniform(0, 0.08) * texture(random, x.shape, 1.2), random)


def _reformat(random: Random) -> Slice:
    """A drawn chest cut from the front or from the side."""
    volume = _volumes()[random.integers(len(_volumes()))]
    at = int(random.uniform(0.3, 0.7) * volume.shape[1])
    cut = volume[::-1, at] if random.random() < 0.5 else volume[::-1, :, at]
    return windowed(resized(LUNG.apply(cut), SIDE) / 255, random)


def _projected(random: Random) -> Slice:
    """A drawn chest, rays through all of it, from the front or from the side."""
    volume = _volumes()[random.integers(len(_volumes()))].astype(np.float64) + 1000
    return windowed(resized(_stretch(volume.mean(axis=random.integers(1, 3))[::-1]), SIDE) / 255, random)


KINDS: Final[dict[str, Callable[[Random], Slice]]] = {
    "flat": _flat,
    "noise": _noise,
    "clouds": _clouds,
    "gradient": _gradient,
    "page": _page,
    "scene": _scene,
    "head": _head,
    "belly": belly,
    "limbs": _limbs,
    "shadow": _shadow,
    "reformat": _reformat,
    "projected": _projected,
}


@cache
def _volumes() -> list[NDArray[np.int16]]:
    heights = np.linspace(-0.1, 1.1, 40).tolist()
    return [chest_phantom(label, 101, heights, 64) for label in ("noncovid", "covid")]


def _grid() -> tuple[Floats, Floats]:
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    return y, x


def _moved(random: Random) -> tuple[Floats, Floats]:
    """The grid, seen from a little elsewhere."""
    y, x = _grid()
    turn, zoom = random.normal(0, 0.1), random.uniform(0.75, 1.2)
    x, y = x - random.normal(0, 0.06), y - random.normal(0, 0.06)
    return zoom * (y * np.cos(turn) + x * np.sin(turn)), zoom * (x * np.cos(turn) - y * np.sin(turn))


def texture(random: Random, shape: tuple[int, ...], steepness: float) -> Floats:
    """Noise with mean 0 and deviation 1, whose amplitude falls with frequency to the power `steepness`."""
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in shape), indexing="ij"))
    frequency[0, 0] = np.inf
    noise = np.fft.ifft2(np.fft.fft2(random.normal(size=shape)) / frequency**steepness).real
    even: Floats = noise / noise.std()
    return even


def blobs(random: Random, shape: tuple[int, ...], number: int, least: float, most: float) -> Floats:
    """1 in some ellipses near the middle, 0 elsewhere; radii are shares of half a side."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    picture = np.zeros(shape)
    for _ in range(number):
        at, radii = random.normal(0, 0.35, 2), random.uniform(least, most, 2)
        picture[np.hypot((x - at[0]) / radii[0], (y - at[1]) / radii[1]) < 1] = 1
    return picture


def windowed(picture: Floats, random: Random) -> Slice:
    """Of 0 to 1, through a window by chance."""
    dark, bright = random.uniform(-0.3, 0.2), random.uniform(0.7, 1.3)
    return np.rint(255 * np.clip((picture - dark) / (bright - dark), 0, 1) ** random.uniform(0.7, 1.4)).astype(np.uint8)


def _stretch(picture: Floats) -> Slice:
    gray: Slice = np.rint(255 * (picture - picture.min()) / np.ptp(picture)).astype(np.uint8)
    return gray


def resized(pixels: Slice, side: int) -> Slice:
    """uint8 (height, width) -> uint8 (side, side)."""
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))

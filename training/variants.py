"""One slice -> the same as another hospital, journal or viewer might have made it: what the gate must let through.

Field of view, crop, shape, display window, letters and arrows, a frame, noise, few pixels. Each is drawn with a chance
of its own, so that some variants are much changed and some hardly.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from model.pictures import Slice

Random = np.random.Generator


def variant(pixels: Slice, random: Random) -> Slice:
    """Draw one variant of a slice: uint8 (height, width) -> uint8, of another size."""
    for chance, change in _CHANGES:
        if random.random() < chance:
            pixels = change(pixels, random)
    return pixels


def _cropped(pixels: Slice, random: Random) -> Slice:
    """Up to 30 % of each side less, most of it where there is the most to spare by chance."""
    height, width = pixels.shape
    tall, wide = (round(random.uniform(0.7, 1) * side) for side in (height, width))
    top, left = (round(random.beta(2, 2) * spare) for spare in (height - tall, width - wide))
    return pixels[top : top + tall, left : left + wide]


def _framed(pixels: Slice, random: Random) -> Slice:
    """Laid on an even ground that is up to 60 % larger: a wide field of view, or the page around a figure."""
    height, width = pixels.shape
    ground = (0, 0, 255, int(pixels[0, 0]))[random.integers(4)]
    larger = np.full([round(random.uniform(1, 1.6) * side) for side in (height, width)], ground, np.uint8)
    top, left = (round(random.beta(2, 2) * (of - side)) for of, side in zip(larger.shape, (height, width), strict=True))
    larger[top : top + height, left : left + width] = pixels
    return larger


def _round(pixels: Slice, random: Random) -> Slice:
    """The circle in which a scanner reconstructs, black or gray around it."""
    y, x = (np.linspace(-1, 1, side) for side in pixels.shape)
    outside = np.hypot(*np.meshgrid(y, x, indexing="ij")) > random.uniform(0.98, 1.15)
    return np.where(outside, np.uint8(random.choice((0, 0, 40, 255))), pixels)


def _stretched(pixels: Slice, random: Random) -> Slice:
    height, width = pixels.shape
    taller = round(height * random.uniform(0.8, 1.25))
    return np.asarray(Image.fromarray(pixels).resize((width, taller), Image.Resampling.BILINEAR))


def _windowed(pixels: Slice, random: Random) -> Slice:
    """Another window: with the lungs black, with all tissue white, or so wide that lungs are gray."""
    darkest, brightest = random.choice(
        ((random.uniform(0, 0.45), random.uniform(0.75, 1.6)), (random.uniform(-0.9, 0), random.uniform(0.45, 1.6)))
    )
    gray = np.clip((pixels / 255 - darkest) / (brightest - darkest), 0, 1) ** random.uniform(0.6, 1.6)
    changed: Slice = np.rint(255 * gray).astype(np.uint8)
    return changed


def _drawn_upon(pixels: Slice, random: Random) -> Slice:
    """Letters, and arrows that point at something."""
    picture = Image.fromarray(pixels)
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    gray = int(random.choice((0, 220, 255)))
    for _ in range(random.integers(1, 5)):
        x, y = random.uniform(0, width), random.uniform(0, height)
        if random.random() < 0.5:
            letters = "".join(random.choice(list("ABCDEFLPR0123456789 "), random.integers(1, 9)))
            draw.text((x, y), letters, fill=gray, font_size=float(random.uniform(0.03, 0.14) * height))
        else:
            length, across = random.normal(0, 0.08, 2) * width, random.uniform(1, 4)
            draw.line((x, y, x + length[0], y + length[1]), fill=gray, width=round(across))
            draw.regular_polygon((x, y, 2.5 * across), 3, rotation=int(random.integers(360)), fill=gray)
    return np.asarray(picture)


def _noisy(pixels: Slice, random: Random) -> Slice:
    noise = random.normal(0, random.uniform(0, 12), pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def _soft(pixels: Slice, random: Random) -> Slice:
    """A smooth kernel, or few pixels."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(random.uniform(0, 0.006) * len(pixels))))


_CHANGES: Final[tuple[tuple[float, Callable[[Slice, Random], Slice]], ...]] = (
    (0.3, lambda pixels, _: np.ascontiguousarray(pixels[:, ::-1])),
    (0.6, _cropped),
    (0.3, _round),
    (0.25, _framed),
    (0.4, _stretched),
    (0.7, _windowed),
    (0.3, _drawn_upon),
    (0.3, _noisy),
    (0.3, _soft),
)
"""Chance, and change, in the order in which they come about."""

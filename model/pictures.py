"""Bytes of a picture file (PNG, JPEG, WebP, TIFF, BMP) -> one 8-bit gray slice.

Everything is checked before the pixels are decoded, and everything stays in memory.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from model.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedTypeError

Slice = NDArray[np.uint8]
"""One gray slice: uint8, shape (height, width), 0 = black, 255 = white."""

FORMATS: Final = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""Names, as Pillow gives them, of the formats that are read."""

MAX_PIXELS: Final = 4096 * 4096
"""Default limit of width × height. A CT slice has 262,144; decoding takes up to nine bytes a pixel."""

MIN_SIDE: Final = 32
"""Shortest side, in pixels, of a picture in which a lung could still be seen."""

_QUARTER_TURNS: Final = (5, 6, 7, 8)
"""Values of the EXIF orientation that exchange height and width."""

_READABLE: Final = "Send the slice as DICOM, PNG, JPEG, WebP, TIFF or BMP."

_BROKEN: Final = "The picture is cut off or corrupt. Export the slice again."

_SIGNATURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"II*\0", b"MM\0*", b"BM")
"""How the formats that are read begin: what starts so and cannot be opened is broken, not of another kind."""

_RECOGNISED: Final = (
    (0, b"GIF8", "a GIF"),
    (0, b"%PDF", "a PDF"),
    (0, b"\x1f\x8b", "a gzip file of something else than NIfTI or tar"),
    (344, b"ni1\0", "a NIfTI header without its picture"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML file"),
)
"""(offset, magic bytes, what to call it): files that people do send, so that the refusal can name them."""


COLOUR_SIDE: Final = 64
"""Pixels on a side of the small copy in which colour is looked for."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture, and what its gray pixels no longer tell."""

    pixels: Slice
    colour: float = 0.0
    """Mean difference between the strongest and the weakest of red, green and blue, of 1; 0 where all is gray."""


def decode_picture(data: bytes, max_pixels: int = MAX_PIXELS) -> Slice:
    """The gray slice alone; see `read_picture`."""
    return read_picture(data, max_pixels).pixels


def read_picture(data: bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode one picture to one gray slice.

    8- and 16-bit, gray, RGB, CMYK and palette pictures are read; alpha is dropped, not blended; the EXIF orientation
    is applied. 16-bit samples keep their high byte, which is right both for samples scaled by 256 and by 257.

    Args:
        data: the content of a PNG, JPEG, WebP, TIFF or BMP file.
        max_pixels: largest width × height that is decoded.

    Returns:
        The slice: uint8, shape (height, width), and how much colour there was. Colour becomes gray by ITU-R 601-2
        luma, as Pillow converts.

    Raises:
        UnsupportedTypeError: not one of the formats above, or several pictures in one file.
        ImageTooLargeError: more than `max_pixels`; told by the header, before any pixel is decoded.
        UnreadableImageError: empty, truncated, corrupt, or too small to be a slice.
    """
    with _opened(data, max_pixels) as picture:
        # Not in JPEG's draft mode: it saves a fraction of a millisecond, and moves probabilities by more than 0.001
        # (tests/benchmarks/draft.py).
        picture.load()
        return Picture(_to_gray(ImageOps.exif_transpose(picture)), _colour(picture))


def check_picture(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Height and width; raises what `decode_picture` would, as far as the header tells. No pixel is decoded."""
    with _opened(data, max_pixels) as picture:
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in _QUARTER_TURNS
        return (picture.width, picture.height) if turned else (picture.height, picture.width)


@contextmanager
def _opened(data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """The picture with its header checked; what goes wrong with it is an `ImageError`."""
    if not data:
        raise UnreadableImageError("The file is empty. Send the picture's own bytes.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            _check_header(picture, max_pixels)
            yield picture
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise _refusal(data) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageTooLargeError("The picture declares far too many pixels for a CT slice.") from None
    # Decoders of broken files raise nearly anything (OSError, SyntaxError, struct.error, zlib.error, KeyError …);
    # all of it means the same to the sender.
    except Exception:  # noqa: BLE001
        raise UnreadableImageError(_BROKEN) from None


def _refusal(data: bytes) -> UnsupportedTypeError | UnreadableImageError:
    """Name what was sent, where its first bytes tell."""
    if data.startswith(_SIGNATURES):
        return UnreadableImageError(_BROKEN)
    for offset, magic, name in _RECOGNISED:
        if data[offset : offset + len(magic)].lower() == magic.lower():
            return UnsupportedTypeError(f"This is {name}, which is not read here. {_READABLE}")
    return UnsupportedTypeError(f"The content is not a picture of a known kind. {_READABLE}")


def _check_header(picture: Image.Image, max_pixels: int) -> None:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"The picture has {width} × {height} pixels; at most {max_pixels:,} are read. Send it in its own size."
        )
    if min(width, height) < MIN_SIDE:
        raise UnreadableImageError(
            f"The picture has {width} × {height} pixels; a slice needs at least {MIN_SIDE} on each side."
        )
    if _holds_more(picture):
        raise UnsupportedTypeError("The file holds several pictures. Send one slice a file.")


def _holds_more(picture: Image.Image) -> bool:
    # A phone's JPEG may carry a second, smaller view (MPO); its first picture is the one that was meant.
    if picture.format == "MPO":
        return False
    # Not `n_frames`: counting walks the whole chain of a TIFF, which a hostile file can make very long.
    try:
        picture.seek(1)
    except EOFError:
        return False
    return True


def _colour(picture: Image.Image) -> float:
    if picture.mode in ("1", "L", "LA", "I", "F") or picture.mode.startswith("I;"):
        return 0.0
    picture.info.pop("transparency", None)
    small = picture.convert("RGB").resize((COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BOX)
    samples = np.asarray(small, dtype=np.float32)
    return float((samples.max(axis=-1) - samples.min(axis=-1)).mean() / 255)


def _to_gray(picture: Image.Image) -> Slice:
    if picture.mode.startswith("I;16"):
        return _high_byte(np.asarray(picture))
    if picture.mode == "I":
        samples = np.asarray(picture)
        if samples.min() >= 0 and samples.max() <= 0xFFFF:
            return _high_byte(samples)
    if picture.mode in ("I", "F"):
        raise UnsupportedTypeError("The picture has 32-bit samples, whose gray scale is unknown. Send 8 or 16 bit.")
    # Of a palette or an alpha channel this takes the colours alone: nothing is blended. (Pillow warns of a palette's
    # transparency before it does so.)
    picture.info.pop("transparency", None)
    return np.asarray(picture.convert("L"))


def _high_byte(samples: NDArray[np.generic]) -> Slice:
    return (samples.astype(np.uint16) >> 8).astype(np.uint8)

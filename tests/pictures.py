"""Pictures as bytes, made here: the good, and what people and attackers send instead."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.phantom import lung_phantom


def encode(pixels: NDArray[Any] | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture file."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def slice_file(label: str = "covid", seed: int = 1, kind: str = "PNG", size: int = 256) -> bytes:
    """A phantom slice as a picture file."""
    return encode(lung_phantom(label, seed, size), kind)


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kB that declares, and really holds, width × height black pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    compressor = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    body = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def animation(kind: str) -> bytes:
    """Two frames in one file."""
    frames = [Image.fromarray(lung_phantom("covid", seed)) for seed in (1, 2)]
    return encode(frames[0], kind, save_all=True, append_images=frames[1:])


NOT_A_PICTURE = b"Dear radiologist, please find the slice attached.\n" * 20
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"><rect width="300" height="300"/></svg>'

REFUSED: dict[str, tuple[bytes, int, str]] = {
    "an empty file": (b"", 422, "unreadable_image"),
    "a text file": (NOT_A_PICTURE, 415, "unsupported_type"),
    "a truncated JPEG": (slice_file(kind="JPEG")[:4000], 422, "unreadable_image"),
    "a truncated PNG": (slice_file()[:4000], 422, "unreadable_image"),
    "a PNG that ends in its header": (slice_file()[:20], 422, "unreadable_image"),
    "a 1 x 1 picture": (encode(np.zeros((1, 1), np.uint8)), 422, "unreadable_image"),
    "a 1 x 20000 picture": (encode(np.zeros((20000, 1), np.uint8)), 422, "unreadable_image"),
    "a 20000 x 20000 bomb": (png_bomb(20000, 20000), 413, "too_large"),
    "a 7000 x 7000 bomb": (png_bomb(7000, 7000), 413, "too_large"),
    "a GIF": (slice_file(kind="GIF"), 415, "unsupported_type"),
    "an animated WebP": (animation("WEBP"), 415, "unsupported_type"),
    "an animated PNG": (animation("PNG"), 415, "unsupported_type"),
    "a TIFF of two pages": (animation("TIFF"), 415, "unsupported_type"),
    "an SVG": (SVG, 415, "unsupported_type"),
    "a PDF": (b"%PDF-1.7\n" + bytes(100), 415, "unsupported_type"),
    "a 32-bit float TIFF": (encode(np.ones((64, 64), np.float32), "TIFF"), 415, "unsupported_type"),
}
"""What was sent -> its bytes, and the status and code of the answer."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from model.errors import ImageError
from model.images import decode
from model.phantom import lung_phantom
from tests.pictures import REFUSED, encode, png_bomb, slice_file

GRAY = lung_phantom("covid", 3, 128)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_lossless_formats_give_the_pixels_that_were_saved(kind: str) -> None:
    np.testing.assert_array_equal(decode(encode(GRAY, kind)), GRAY)


def test_a_lossless_webp_gives_the_pixels_that_were_saved() -> None:
    np.testing.assert_array_equal(decode(encode(Image.fromarray(GRAY).convert("RGB"), "WEBP", lossless=True)), GRAY)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_give_nearly_the_pixels_that_were_saved(kind: str) -> None:
    difference = np.abs(decode(encode(Image.fromarray(GRAY), kind, quality=95)).astype(int) - GRAY)
    assert difference.mean() < 3


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "CMYK"])
def test_a_gray_picture_in_another_mode_keeps_its_gray(mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    difference = np.abs(decode(encode(Image.fromarray(GRAY).convert(mode), kind)).astype(int) - GRAY)
    assert difference.max() <= 1


def test_a_cmyk_jpeg_is_not_inverted() -> None:
    data = encode(Image.fromarray(GRAY).convert("RGB").convert("CMYK"), "JPEG", quality=95)
    assert np.abs(decode(data).astype(int) - GRAY).mean() < 3


@pytest.mark.parametrize("factor", [256, 257])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_samples_keep_their_gray(kind: str, factor: int) -> None:
    np.testing.assert_array_equal(decode(encode(GRAY.astype(np.uint16) * factor, kind)), GRAY)


def test_alpha_is_dropped_and_not_blended() -> None:
    picture = Image.fromarray(GRAY).convert("RGBA")
    picture.putalpha(Image.new("L", picture.size, 7))
    np.testing.assert_array_equal(decode(encode(picture)), GRAY)


def test_a_transparent_palette_entry_keeps_its_gray() -> None:
    picture = Image.fromarray(GRAY).convert("P")
    np.testing.assert_array_equal(decode(encode(picture, transparency=bytes(range(256)))), GRAY)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(orientation: int) -> None:
    picture = Image.fromarray(GRAY[:96])
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(picture, "PNG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    decoded = decode(data)
    np.testing.assert_array_equal(decoded, np.asarray(upright))
    assert decoded.shape == ((128, 96) if orientation >= 5 else (96, 128))


def test_a_picture_with_inverted_samples_is_read_as_it_looks() -> None:
    data = encode(GRAY, "TIFF", tiffinfo={262: 0})  # PhotometricInterpretation: WhiteIsZero
    np.testing.assert_array_equal(decode(data), np.asarray(Image.open(io.BytesIO(data)).convert("L")))


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_slice_is_refused_with_its_code(what: str) -> None:
    data, _, code = REFUSED[what]
    with pytest.raises(ImageError) as refused:
        decode(data)
    assert refused.value.code == code
    assert str(refused.value).endswith(".")


def test_the_refusal_names_what_was_sent() -> None:
    with pytest.raises(ImageError, match="a GIF"):
        decode(slice_file(kind="GIF"))


def test_the_pixel_limit_can_be_set() -> None:
    data = png_bomb(640, 640)
    assert decode(data).shape == (640, 640)
    with pytest.raises(ImageError, match=r"640 × 640 pixels; at most 100,000"):
        decode(data, max_pixels=100_000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_broken_bytes_never_raise_anything_else(kind: str) -> None:
    data = slice_file(kind=kind)
    random = np.random.default_rng(0)
    for _ in range(150):
        broken = bytearray(data)
        for position in random.integers(0, min(len(data), 400), size=4):
            broken[position] = random.integers(256)
        with contextlib.suppress(ImageError):
            decode(bytes(broken[: random.integers(1, len(data) + 1)]), max_pixels=1_000_000)

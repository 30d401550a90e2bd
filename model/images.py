"""Bytes of a file that holds one slice -> that slice: a picture, a DICOM or a NIfTI.

The kind of a file is told by its content, never by its name. Volumes and archives are read by `model.study`.
"""

from model.errors import VolumeError
from model.header import Limits
from model.kinds import ARCHIVES, kind_of
from model.pictures import FORMATS, MAX_PIXELS, MIN_SIDE, Picture, Slice, read_picture
from model.volumes import single_slice
from model.window import LUNG, Window

__all__ = ["FORMATS", "MAX_PIXELS", "MIN_SIDE", "Picture", "Slice", "decode", "read"]


def decode(data: bytes, max_pixels: int = MAX_PIXELS, window: Window = LUNG) -> Slice:
    """The gray slice alone; see `read`."""
    return read(data, max_pixels, window).pixels


def read(data: bytes, max_pixels: int = MAX_PIXELS, window: Window = LUNG) -> Picture:
    """Decode one slice.

    Args:
        data: the content of a PNG, JPEG, WebP, TIFF, BMP, DICOM or NIfTI file.
        max_pixels: largest width × height that is decoded.
        window: through which the Hounsfield units of DICOM and NIfTI become gray; their own window is ignored.

    Returns:
        The slice: uint8, shape (height, width), and how much colour there was.

    Raises:
        UnsupportedTypeError: not a kind of file that is read, or no axial CT slice.
        ImageTooLargeError: more than `max_pixels`; told by the header, before any pixel is decoded.
        UnreadableImageError: empty, truncated, corrupt, or too small to be a slice.
        VolumeError: several slices, or an archive.
    """
    kind = kind_of(data)
    if kind in ARCHIVES:
        raise VolumeError(f"This is a {kind} archive. Send it to /studies, which reads archives.")
    if kind == "picture":
        return read_picture(data, max_pixels)
    return Picture(single_slice(data, kind, window, Limits(pixels=max_pixels)))

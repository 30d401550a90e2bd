"""NIfTI bytes -> header, and slices, windowed or in Hounsfield units. Runs in the reading process: see `model.reading`.

NIfTI-1 and NIfTI-2 single files, plain or gzipped, any axis order: the affine tells how the volume lies in the patient
(https://nifti.nimh.nih.gov/nifti-1). Values are taken as Hounsfield units after the file's own scaling.
"""

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import nibabel
import numpy as np
from nibabel.orientations import io_orientation
from numpy.typing import NDArray

from model.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedTypeError
from model.geometry import Orientation, axial_orientation
from model.header import Header, Limits, Plane
from model.inflating import GZIPPED, inflated
from model.kinds import GZIP
from model.pictures import MIN_SIDE, Slice
from model.window import HounsfieldSlice, Window, rounded


@dataclass(frozen=True)
class Volume:
    """A checked volume: `values` is (x, y, z) with z the axis nearest to the body's, and `affine` fits these axes.

    Directions are those of DICOM; NIfTI itself counts x to the right and y to the front.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64]
    slope: float
    intercept: float

    @property
    def orientation(self) -> Orientation:
        """How each of its slices is turned. A volume that is tilted too far lies as its axes, not as the body."""
        across, down = self.affine[:3, 0], self.affine[:3, 1]
        orientation = axial_orientation(*(list(axis / np.linalg.norm(axis)) for axis in (across, down)))
        if orientation is None:
            raise UnsupportedTypeError("No plane of the NIfTI's affine is near to axial. Send the axial series.")
        return orientation


def describe(data: bytes, limits: Limits) -> Header:
    """The header of a NIfTI file. Raises ImageError: it cannot be read, or is no volume of slices."""
    volume = _open(data, limits)
    if volume.values.dtype.kind == "f" and not np.isfinite(volume.values.sum(dtype=np.float64)):
        raise UnreadableImageError("The NIfTI has values that are no numbers (NaN). Fill them and send it again.")
    orientation = volume.orientation
    origins = (volume.affine[:3, 3] + index * volume.affine[:3, 2] for index in range(volume.values.shape[2]))
    across, down, between = (float(np.linalg.norm(volume.affine[:3, axis])) for axis in range(3))
    columns, rows, _ = volume.values.shape
    if orientation.transpose:
        rows, columns, down, across = columns, rows, across, down
    return Header(
        kind="nifti",
        rows=rows,
        columns=columns,
        planes=tuple(_plane(orientation, list(origin), (rows, columns), (down, across)) for origin in origins),
        spacing_mm=(down, across),
        thickness_mm=between,
    )


def _plane(
    orientation: Orientation, origin: list[float], shape: tuple[int, int], spacing: tuple[float, float]
) -> Plane:
    corner = orientation.corner(origin, shape, spacing)
    return Plane(orientation.position(origin), orientation.normal, orientation.across, orientation.down, corner)


def frames(data: bytes, indices: Sequence[int], window: Window, limits: Limits) -> Iterator[Slice]:
    """Slices of the volume, by their place along its z axis: uint8, (height, width), turned to the standard view."""
    for values in _decoded(data, indices, limits):
        yield window.apply(values)


def hounsfield(data: bytes, indices: Sequence[int], limits: Limits) -> Iterator[HounsfieldSlice]:
    """The same slices in Hounsfield units: int16, (height, width)."""
    for values in _decoded(data, indices, limits):
        yield rounded(values)


def _decoded(data: bytes, indices: Sequence[int], limits: Limits) -> Iterator[NDArray[np.float32]]:
    """Hounsfield units of slices, turned to the standard view."""
    volume = _open(data, limits)
    for index in indices:
        stored = volume.values[:, :, index].T.astype(np.float32)
        values = stored * np.float32(volume.slope) + np.float32(volume.intercept)
        yield np.ascontiguousarray(volume.orientation.apply(values))


def _open(data: bytes, limits: Limits) -> Volume:
    try:
        return _volume(inflated(data, GZIPPED, "The NIfTI", limits) if data.startswith(GZIP) else data, limits)
    except ImageError:
        raise
    except MemoryError:
        raise ImageTooLargeError("Reading the NIfTI takes more memory than is allowed.") from None
    except Exception:  # noqa: BLE001 - broken headers raise nearly anything
        raise UnreadableImageError("The NIfTI is cut off or corrupt. Export it again.") from None


def _volume(plain: bytes, limits: Limits) -> Volume:
    kind = nibabel.Nifti2Header if plain[4:6] == b"n+" else nibabel.Nifti1Header
    header = kind.from_fileobj(io.BytesIO(plain[:1024]))
    shape = _shape(header.get_data_shape())
    values = np.frombuffer(plain, _dtype(header), math.prod(shape), int(header.get_data_offset()))
    slope, intercept = header.get_slope_inter()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ _affine(header)
    order = [int(axis) for axis in np.argsort(io_orientation(affine)[:, 0])]  # those nearest to x, y and z
    values = values.reshape(shape, order="F").transpose(order)
    _check_size(values.shape, limits)
    return Volume(
        values,
        affine[:, [*order, 3]],
        1.0 if slope is None else slope,
        0.0 if intercept is None else intercept,
    )


def _shape(dim: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(int(size) for size in dim)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if min(shape, default=0) < 1:
        raise UnreadableImageError("The NIfTI declares a dimension of no voxels. Export it again.")
    if len(shape) != 3:
        raise UnsupportedTypeError(f"The NIfTI has {len(shape)} dimensions; one volume has 3. Send one volume a file.")
    return shape


def _check_size(shape: Sequence[int], limits: Limits) -> None:
    columns, rows, number = shape
    if columns * rows > limits.pixels or number > limits.slices:
        raise ImageTooLargeError(
            f"The NIfTI has {number} slices of {columns} × {rows} pixels; at most {limits.slices:,} slices of "
            f"{limits.pixels:,} pixels are read."
        )
    if min(columns, rows) < MIN_SIDE or number < 1:
        raise UnreadableImageError(
            f"The NIfTI has {number} slices of {columns} × {rows} pixels; a slice needs {MIN_SIDE} on each side."
        )


def _dtype(header: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise UnsupportedTypeError("The NIfTI's voxels are no plain numbers; Hounsfield units are asked for.")
    return dtype


def _affine(header: Any) -> NDArray[np.float64]:
    if not header["sform_code"] and not header["qform_code"]:
        raise UnreadableImageError("The NIfTI has neither sform nor qform: how it lies in the patient is unknown.")
    affine: NDArray[np.float64] = header.get_best_affine()
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise UnreadableImageError("The NIfTI's affine is zero or flat: how it lies in the patient is unknown.")
    return affine

"""Everything that `model` raises on purpose.

CovidScannerError
├── ImageError                  a file cannot be classified; carries a `code` for machines
│   ├── UnsupportedTypeError    not a kind of file that is read here, or not of an axial CT
│   ├── ImageTooLargeError      more pixels, frames or bytes than the limit
│   ├── UnreadableImageError    the right kind, but broken, empty or too small
│   │   └── DecoderError        decoding it crashed, or took too much time or memory
│   ├── VolumeError             several slices, where one is asked for
│   └── StudyError              files that make no study together
│       ├── ArchiveError        an archive is broken, encrypted, nested, or names files outside itself
│       ├── TooManyFilesError   more files than the limit
│       ├── NoSeriesError       no series of axial slices of the lung
│       └── SeveralPatientsError    slices of more than one patient
└── BundleError                 the artefact is missing, incomplete or does not match its card

Messages are written for the person who sent the file: what was received, and what to do.
They never contain a file name or anything else that came with the picture, but for coded values of DICOM tags.
"""

from typing import Final


class CovidScannerError(Exception):
    """Base of every error that this package raises on purpose."""


class ImageError(CovidScannerError):
    """A file that cannot be classified."""

    code = "unreadable_image"


class UnsupportedTypeError(ImageError):
    """The bytes are not of a kind that is read here, or do not hold an axial CT slice."""

    code = "unsupported_type"


class ImageTooLargeError(ImageError):
    """The file declares more pixels, frames or bytes than the limit."""

    code = "too_large"


class UnreadableImageError(ImageError):
    """The bytes are of a known kind but cannot be decoded to a usable slice."""

    code = "unreadable_image"


class DecoderError(UnreadableImageError):
    """Decoding the file ended the process that did it; a study with such a file is not read on."""


class VolumeError(ImageError):
    """A volume or an archive, where one slice is asked for."""

    code = "volume"


class StudyError(ImageError):
    """Files that make no study together."""


class ArchiveError(StudyError):
    """An archive that is broken, encrypted, nested in another, or names files outside itself."""

    code = "bad_archive"


class TooManyFilesError(StudyError):
    """More files than the limit."""

    code = "too_many_files"


class NoSeriesError(StudyError):
    """There is no series of axial CT slices in which lung can be seen."""

    code = "no_series"


class SeveralPatientsError(StudyError):
    """The files are of more than one patient."""

    code = "several_patients"


FILE_ERRORS: Final[dict[str, type[ImageError]]] = {
    error.code: error for error in (UnsupportedTypeError, ImageTooLargeError, UnreadableImageError)
}
"""Code -> what a single file can fail with."""


class BundleError(CovidScannerError):
    """The bundle is missing, incomplete, or its files do not match its card."""

"""Everything that `model` raises on purpose.

CovidScannerError
├── ImageError                  one picture cannot be read; carries a `code` for machines
│   ├── UnsupportedTypeError    not a kind of file that is read here
│   ├── ImageTooLargeError      more pixels than the limit
│   └── UnreadableImageError    the right kind, but broken, empty or too small
└── BundleError                 the artefact is missing, incomplete or does not match its card

Messages are written for the person who sent the file: what was received, and what to do.
They never contain a file name or anything else that came with the picture.
"""


class CovidScannerError(Exception):
    """Base of every error that this package raises on purpose."""


class ImageError(CovidScannerError):
    """A picture that cannot be classified."""

    code = "unreadable_image"


class UnsupportedTypeError(ImageError):
    """The bytes are not of a kind that is read here."""

    code = "unsupported_type"


class ImageTooLargeError(ImageError):
    """The picture declares more pixels than the limit."""

    code = "too_large"


class UnreadableImageError(ImageError):
    """The bytes are of a known kind but cannot be decoded to a usable slice."""

    code = "unreadable_image"


class BundleError(CovidScannerError):
    """The bundle is missing, incomplete, or its files do not match its card."""

"""The errors of the vault, the whole tree in one place.

HeedlineError
├── VaultError
│   ├── BadSegment        a segment file is malformed, cut, or does not open under its key
│   ├── BadManifest       a manifest is malformed or its signature does not hold
│   ├── BadWrap           a wrapped key is malformed, was moved, or does not open
│   ├── NoKek             no KEK is published for that month; run `heedline keys publish`
│   ├── KekDestroyed      the KEK's private half is gone for good: what it wrapped is erased
│   ├── BlobMissing       the object is not in the vault
│   ├── BlobExists        an object of that name is there already and is never overwritten
│   ├── SpoolUnfit        the spool folder is not in RAM or not ours
│   ├── ExportFailed      the output file could not be written
│   └── RecorderError     what the recorder answered to a request: code and detail
│       └── RecorderDown  the recorder could not be reached or did not answer in time
└── BadInput
    ├── BadRequest        a line on the recorder's socket is not a request
    └── NoSuchRecording   no recording has that id
"""

from compliance.errors import BadInput, HeedlineError


class VaultError(HeedlineError):
    """Base of what goes wrong in the vault."""


class BadSegment(VaultError):
    """A segment file is malformed, cut, or does not open under its key."""


class BadManifest(VaultError):
    """A manifest is malformed or its signature does not hold."""


class BadWrap(VaultError):
    """A wrapped key is malformed, was moved to another place, or does not open."""


class NoKek(VaultError):
    """No KEK is published for that tenant, retention class and month."""


class KekDestroyed(VaultError):
    """The private half of the KEK is gone: what it wrapped can't be opened by anyone."""


class BlobMissing(VaultError):
    """The object is not in the vault."""


class BlobExists(VaultError):
    """An object of that name is there already."""


class SpoolUnfit(VaultError):
    """The spool folder is not in RAM, or others than us could steer it."""


class ExportFailed(VaultError):
    """The output file could not be written; nothing of it was left behind."""


class RecorderError(VaultError):
    """The recorder refused a request: `code` is for programs, `detail` for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"recorder: {code}: {detail}")
        self.code = code
        self.detail = detail


class RecorderDown(RecorderError):
    """The recorder could not be reached, or did not answer in time."""

    def __init__(self, detail: str) -> None:
        super().__init__("down", detail)


class BadRequest(BadInput):
    """A line on the recorder's socket is not a request."""


class NoSuchRecording(BadInput):
    """No recording has that id."""

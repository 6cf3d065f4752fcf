"""What can go wrong with the PBX.

HeedlineError
└── PbxError
    ├── AsteriskMissing     no Asterisk new enough on this machine; says how to get one
    ├── BuildFailed         the private Asterisk could not be built
    ├── PortTaken           another program listens where ours should
    ├── SpoolNotRam         the recording spool would lie on a disk
    └── PbxUnhealthy        started, but not answering; carries the end of its log
"""

from compliance.errors import HeedlineError


class PbxError(HeedlineError):
    """The PBX could not do what was asked."""


class AsteriskMissing(PbxError):
    """No Asterisk new enough is on this machine."""


class BuildFailed(PbxError):
    """The private Asterisk could not be built; nothing half-built is left."""


class PortTaken(PbxError):
    """Another program listens on a port of this instance."""


class SpoolNotRam(PbxError):
    """Plaintext audio would reach a disk."""


class PbxUnhealthy(PbxError):
    """Asterisk did not come up, or stopped answering; `log` is the end of what it said."""

    def __init__(self, message: str, log: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.log = log

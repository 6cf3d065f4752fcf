"""The errors of the storage room, the whole tree in one place.

HeedlineError
├── StorageError
│   ├── DatabaseMissing      no ledger at that address; run `heedline init`
│   ├── DatabaseBusy         another process held the write lock longer than we wait
│   ├── DatabaseFailed       the disk is full, the file is damaged, the server is gone
│   ├── SchemaTooOld         run `heedline db upgrade`
│   ├── SchemaTooNew         the ledger was written by a later Heedline
│   ├── SealBroken           a stored number does not open with this key, or was moved to another row
│   ├── LedgerConflict       a fact contradicts one that stands already (a second seq, another number)
│   ├── AttemptNotPending    only a pending attempt may be committed or denied
│   ├── AttemptInFlight      that party is being called already
│   ├── AccessDenied         this principal's roles do not allow it
│   └── AuditBroken          the audit log does not match its hashes or its signed checkpoints
└── BadInput
    ├── NotFound             NoSuchAttempt, NoSuchCampaign, NoSuchParty, NoSuchPrincipal
    ├── NotListed            the number is not on the do-not-call list
    ├── AlreadyThere         a campaign or a principal of that name exists
    └── BadAuditData         a number, a float or a long text offered to the audit log
"""

from compliance.errors import BadInput, HeedlineError


class StorageError(HeedlineError):
    """Base of what goes wrong in the ledger."""


class DatabaseMissing(StorageError):
    """There is no ledger at that address."""


class DatabaseBusy(StorageError):
    """The write lock could not be had in time; nothing was written."""


class DatabaseFailed(StorageError):
    """The database refused or lost a statement; the transaction was rolled back."""


class SchemaTooOld(StorageError):
    """The ledger's schema is older than this code."""


class SchemaTooNew(StorageError):
    """The ledger's schema is newer than this code."""


class SealBroken(StorageError):
    """A sealed number did not open: wrong key, changed bytes, or moved to another row."""


class LedgerConflict(StorageError):
    """The fact contradicts one that stands already."""


class AttemptNotPending(StorageError):
    """Only a pending attempt may be committed to dialling or denied."""


class AttemptInFlight(StorageError):
    """Another attempt to the same party is dialling now."""


class AccessDenied(StorageError):
    """No role of this principal allows the action."""


class AuditBroken(StorageError):
    """The audit log does not agree with its own hashes or with a signed checkpoint."""


class NotFound(BadInput):
    """Nothing of that id or name is in the ledger."""


class NoSuchAttempt(NotFound):
    """No attempt has that id."""


class NoSuchCampaign(NotFound):
    """No campaign has that name (or not that version)."""


class NoSuchParty(NotFound):
    """No party has that id."""


class NoSuchPrincipal(NotFound):
    """No principal has that name."""


class NotListed(BadInput):
    """The number is not on the do-not-call list, so it can't be taken off."""


class AlreadyThere(BadInput):
    """Something of that name exists already."""


class BadAuditData(BadInput):
    """The audit log takes short texts, integers, booleans and null; never a phone number."""

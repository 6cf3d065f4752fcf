"""The audit log: append-only, hash-chained, Merkle-rooted, with signed checkpoints.

Who writes needs `AuditTag` and `tx.audit.append`; who proves needs `verify` and `VerifierKey`.
"""

from storage.audit.entry import AuditValue, Entry, without_numbers
from storage.audit.log import CHECKPOINT_EVERY, Audit
from storage.audit.note import BadCheckpoint, CheckpointSigner, VerifierKey, origin_of, read_note
from storage.audit.tags import AuditTag
from storage.audit.verify import Finding, Report, Trouble, verify

__all__ = [
    "CHECKPOINT_EVERY",
    "Audit",
    "AuditTag",
    "AuditValue",
    "BadCheckpoint",
    "CheckpointSigner",
    "Entry",
    "Finding",
    "Report",
    "Trouble",
    "VerifierKey",
    "origin_of",
    "read_note",
    "verify",
    "without_numbers",
]

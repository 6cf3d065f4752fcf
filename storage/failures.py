"""What the database driver throws, in our own words: busy, conflict, or failed."""

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.errors import DatabaseBusy, DatabaseFailed, LedgerConflict, StorageError

_BUSY_WORDS = ("locked", "lock timeout", "busy")


def translated(error: SQLAlchemyError) -> StorageError:
    """The error of ours that says the same; never the statement nor its values."""
    if isinstance(error, PoolTimeout):
        return DatabaseBusy("the ledger's read connections are all in use; try again")
    said = str(error.orig).splitlines()[0] if isinstance(error, DBAPIError) and error.orig else ""
    if isinstance(error, IntegrityError):
        return LedgerConflict(f"the ledger refuses the fact: {said}")
    if any(word in said for word in _BUSY_WORDS):
        return DatabaseBusy(
            "the ledger is locked by another process; nothing was written. Find who holds it"
            " (`fuser ledger.sqlite3`), then try again"
        )
    return DatabaseFailed(f"the ledger failed: {said or type(error).__name__}; check disk space and the file")

"""What the database driver throws, in our own words: busy, conflict, or failed."""

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.errors import DatabaseBusy, DatabaseFailed, LedgerConflict, StorageError

_BUSY_WORDS = ("locked", "lock timeout", "busy")


# What a database can throw at us: SQLAlchemy's errors, SQLite's own (from what goes to the driver
# directly), and the network's when a server is gone.
DRIVER_ERRORS = (SQLAlchemyError, sqlite3.Error, OSError)


def translated(error: Exception) -> StorageError:
    """The error of ours that says the same; never the statement nor its values."""
    if isinstance(error, PoolTimeout):
        return DatabaseBusy("the ledger's read connections are all in use; try again")
    said = _said(error.orig if isinstance(error, DBAPIError) else error)
    if isinstance(error, IntegrityError | sqlite3.IntegrityError):
        return LedgerConflict(f"the ledger refuses the fact: {said}")
    if any(word in said for word in _BUSY_WORDS):
        return DatabaseBusy(
            "the ledger is locked by another process; nothing was written. Find who holds it"
            " (`fuser` on ledger.sqlite3, or pg_locks), then try again"
        )
    return DatabaseFailed(f"the ledger failed: {said}; check its disk, its file or its server")


def _said(error: BaseException | None) -> str:
    """The driver's first line; a server's further lines (DETAIL, …) may hold values."""
    if isinstance(error, SQLAlchemyError) or error is None:
        return type(error).__name__
    return (str(error).splitlines() or [type(error).__name__])[0]

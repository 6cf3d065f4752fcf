"""SQLite's driver with fewer trips to its thread.

aiosqlite sends every single step of a statement (cursor, execute, fetch, close) to a thread and back. Measured, that
took a third of the CPU of a small unit of work, and the steps themselves are shorter than the trip. What may wait
stays on the thread: connecting, BEGIN (which here takes the lock or the snapshot), COMMIT with its fsync, ROLLBACK.
In between nothing waits: the writer has the lock and a reader its snapshot, so those steps run where they are called.

A query that reads very much would hold up the event loop; the repositories ask in pages.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiosqlite

_STEPS = frozenset({"cursor", "execute", "executemany", "fetchone", "fetchmany", "fetchall", "close"})


class Connection(aiosqlite.Connection):
    """aiosqlite's connection; inside a transaction its statements run in the caller's thread."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        connection = self._connection
        if connection is not None and self._running and _is_step(fn, connection):
            return fn(*args, **kwargs)
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]


def _is_step(fn: Callable[..., Any], connection: sqlite3.Connection) -> bool:
    """A statement's step inside a transaction; closing a cursor too, but never the connection."""
    owner = getattr(fn, "__self__", None)
    if not connection.in_transaction or fn.__name__ not in _STEPS:
        return False
    return isinstance(owner, sqlite3.Cursor) or fn.__name__ == "cursor"


def connect(database: str | Path, **arguments: Any) -> Connection:
    """What SQLAlchemy calls for a new connection; it is awaited there."""

    def open_it() -> sqlite3.Connection:
        opened: sqlite3.Connection = sqlite3.connect(database, **{**arguments, "check_same_thread": False})
        return opened

    connection = Connection(open_it, iter_chunk_size=64)
    connection._thread.daemon = True  # as SQLAlchemy sets it for a connection of aiosqlite's own
    return connection

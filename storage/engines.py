"""SQLAlchemy engines for the ledger: how a writer and a reader connect to SQLite and to PostgreSQL."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import AdaptedConnection, Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from compliance.errors import BadInput
from storage.driver import connect

BUSY_SECONDS = 5
_READERS = 4
# SQLite's own wait for a lock goes up to 100 ms a step, and most of it is slept after the lock has come free: with
# conductor and recorder both busy that was half of a burst. There is nothing to be woken by, so we look more often.
_LOOK_SECONDS = 0.0005
# One writer at a time for the whole cluster, as SQLite has it: the audit log's chain has one end.
_WRITER_LOCK = 0x68656564  # "heed"


def sqlite_file(url_text: str) -> Path | None:
    """The file of a SQLite URL, None for a server.

    Raises BadInput: neither SQLite in a file nor PostgreSQL.
    """
    url = make_url(url_text)
    if url.drivername == "sqlite+aiosqlite" and url.database and url.database != ":memory:":
        return Path(url.database)
    if url.drivername == "postgresql+asyncpg":
        return None
    raise BadInput("database_url: give sqlite+aiosqlite:///FILE or postgresql+asyncpg://…")


def _engine(
    url_text: str, pool_size: int, pragmas: tuple[str, ...], begin: str, pg_begin: str, busy_seconds: int = BUSY_SECONDS
) -> AsyncEngine:
    url = make_url(url_text)
    is_sqlite = sqlite_file(url_text) is not None
    # isolation_level None: sqlite3 would otherwise begin transactions on its own, deferred, and too late.
    arguments: dict[str, Any] = {}
    if is_sqlite:
        arguments = {"isolation_level": None, "timeout": BUSY_SECONDS, "async_creator_fn": connect}
    engine = create_async_engine(
        url,
        connect_args=arguments,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=not is_sqlite,
        hide_parameters=True,  # values never reach an error text or a log
    )
    if is_sqlite:

        def set_pragmas(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            for pragma in (*pragmas, "foreign_keys=ON", f"busy_timeout={busy_seconds * 1000}"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        event.listen(engine.sync_engine, "connect", set_pragmas)

    def on_begin(connection: Connection) -> None:
        adapted = connection.connection.dbapi_connection
        if is_sqlite and isinstance(adapted, AdaptedConnection):
            # One hop to the driver's thread; a cursor would take three (measured: a fifth of a small unit).
            # The snapshot is taken here too: after this trip to the thread no statement waits for a lock.
            adapted.run_async(lambda driver: driver._execute(_begun, driver._conn, begin))
            return
        for statement in pg_begin.split(";"):
            connection.exec_driver_sql(statement)

    event.listen(engine.sync_engine, "begin", on_begin)
    return engine


def _begun(connection: sqlite3.Connection, begin: str) -> None:
    """BEGIN with what it locks or sees. Raises sqlite3.Error: another has the lock for more than BUSY_SECONDS."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(begin)
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        time.sleep(_LOOK_SECONDS)  # in the driver's thread
    try:
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    except sqlite3.Error:
        connection.rollback()
        raise


def writer_engine(url: str) -> AsyncEngine:
    """One connection whose transactions take the write lock at BEGIN and are fsynced at COMMIT."""
    return _engine(
        url,
        pool_size=1,
        pragmas=("journal_mode=WAL", "synchronous=FULL"),
        begin="BEGIN IMMEDIATE",
        busy_seconds=0,  # `_begun` waits; once the lock is had, nothing else does
        # Whatever the server's defaults: each statement sees all that was committed before the lock was had, and a
        # COMMIT is on the disk.
        pg_begin="SET TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE;SET LOCAL synchronous_commit = on;"
        f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s';SELECT pg_advisory_xact_lock({_WRITER_LOCK})",
    )


def reader_engine(url: str) -> AsyncEngine:
    """A small pool that sees one snapshot a transaction and can't write."""
    return _engine(
        url,
        pool_size=_READERS,
        pragmas=("query_only=ON",),
        begin="BEGIN",
        pg_begin="SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    )

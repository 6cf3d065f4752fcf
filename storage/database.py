"""The ledger's database: SQLite (WAL, FULL) or PostgreSQL, opened once a process.

One writer connection is kept and its transactions queue behind an asyncio lock, so that the tasks of one
process never wait for each other inside SQLite; between processes SQLite's own write lock decides, bounded by
`BUSY_SECONDS`. Readers have a small pool of their own and, under WAL, wait for nobody.

Units that wait at the same moment share one COMMIT: whoever comes first begins, those in the queue behind it run
under a savepoint each, and all are let go when the COMMIT has been done. A unit that fails undoes its own part.

    async with db.begin() as tx:      BEGIN IMMEDIATE, COMMIT (fsynced) at the end, ROLLBACK on an exception
    async with db.read() as tx:       one consistent snapshot, read only
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from compliance.errors import HeedlineError
from storage.engines import BUSY_SECONDS, reader_engine, sqlite_file, writer_engine
from storage.errors import DatabaseFailed, DatabaseMissing
from storage.failures import DRIVER_ERRORS, translated
from storage.migrations import Upgraded, check_schema, upgrade
from storage.numbers import NumberKeys
from storage.prepared import raw
from storage.unit import Transaction, to_the_end

if TYPE_CHECKING:
    from storage.audit import CheckpointSigner

__all__ = ["BUSY_SECONDS", "Database", "Upgraded", "sqlite_url", "upgrade"]


MOST_A_COMMIT = 16  # units; the first of them waits for the last, and another process for all


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite ledger in that file."""
    return f"sqlite+aiosqlite:///{file}"


@dataclass
class _Batch:
    """Units that have run and share a COMMIT that is still to come."""

    units: int = 0
    failure: Exception | None = None


class Database:
    """The open ledger. One a process; every task of the process shares it."""

    def __init__(
        self,
        writer: AsyncEngine,
        reader: AsyncEngine,
        keys: NumberKeys,
        signer: "CheckpointSigner | None",
        file: Path | None,
    ) -> None:
        """`file`: of SQLite."""
        self._writer_engine = writer
        self._reader_engine = reader
        self._keys = keys
        self._signer = signer
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[object] | None = None
        self._queue = 0  # units that wait for their turn
        self._batch: _Batch | None = None
        self._writer: AsyncConnection | None = None
        self._file, self._identity = file, _identity(file)

    @classmethod
    async def open(cls, url: str, keys: NumberKeys, signer: "CheckpointSigner | None" = None) -> "Database":
        """Open the ledger at `url`; with a signer, the audit log gets its signed checkpoints as it grows.

        Raises DatabaseMissing, SchemaTooOld, SchemaTooNew, DatabaseBusy, DatabaseFailed.
        """
        file = sqlite_file(url)
        if file is not None and not await asyncio.to_thread(file.exists):
            raise DatabaseMissing(f"{file}: no ledger there; put its backup back, or in a new home run `heedline init`")
        database = cls(writer_engine(url), reader_engine(url), keys, signer, file)
        try:
            async with database._reader_engine.connect() as connection:
                await connection.run_sync(check_schema)
        except DRIVER_ERRORS as error:
            await database.close()
            raise translated(error) from error
        except BaseException:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """A unit of work. It is durable when the block has been left without an exception.

        A cancelled task leaves no open transaction: what was begun is rolled back, and once the block has been left
        the COMMIT is waited for before the cancellation goes on.

        Raises DatabaseBusy: another process held the write lock for more than BUSY_SECONDS.
        """
        me = asyncio.current_task()
        if self._owner is not None and self._owner is me:
            raise RuntimeError("a unit of work is open in this task already; pass its tx on")
        async with self._turn():
            self._owner = me
            batch = self._batch
            try:
                connection = await to_the_end(self._begun() if batch is None else self._joined())
                yield Transaction(connection, self._keys, self._signer)
                if batch is None and not self._queue:
                    await to_the_end(self._commit())
                    return
            except BaseException:
                # Also when the cancellation came while BEGIN was under way: by now it has been done.
                await to_the_end(self._rollback() if batch is None else self._undone(batch))
                raise
            finally:
                self._owner = None
            if batch is None:
                batch = self._batch = _Batch()
            else:
                await to_the_end(self._kept(batch))
            batch.units += 1
            if not self._queue or batch.units >= MOST_A_COMMIT:
                await to_the_end(self._commit_batch(batch))
        await to_the_end(self._settled(batch))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        self._queue += 1
        try:
            await self._lock.acquire()
        finally:
            self._queue -= 1
        try:
            yield
        finally:
            self._lock.release()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A read-only unit of work on one snapshot; it waits for no writer."""
        self._still_there()
        connection = self._reader_engine.connect()
        try:
            try:
                await to_the_end(_started(connection))
            except DRIVER_ERRORS as error:
                raise translated(error) from error
            yield Transaction(connection, self._keys, committed=True)
        finally:
            if connection.sync_connection is not None:
                await to_the_end(connection.close())

    async def close(self) -> None:
        """Close every connection; the writer's last transaction is waited for."""
        async with self._lock:
            if self._batch is not None:
                await to_the_end(self._commit_batch(self._batch))
            if self._writer is not None:
                await to_the_end(self._writer.close())
                self._writer = None
        await self._writer_engine.dispose()
        await self._reader_engine.dispose()

    def _still_there(self) -> None:
        """What is written to a file that was taken away is lost, and what it says of who may be called is old.

        Raises DatabaseFailed.
        """
        if _identity(self._file) != self._identity:
            raise DatabaseFailed(f"{self._file}: was removed or replaced while it was open; start this process again")

    async def _begun(self) -> AsyncConnection:
        self._still_there()
        try:
            if self._writer is None or self._writer.closed or self._writer.invalidated:
                self._writer = None
                self._writer = await self._writer_engine.connect()
            await self._writer.begin()
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        return self._writer

    async def _joined(self) -> AsyncConnection:
        """Inside the transaction of the units before us."""
        if self._writer is None:
            raise RuntimeError("a batch without a connection")
        await self._savepoint("SAVEPOINT")
        return self._writer

    async def _savepoint(self, verb: str) -> None:
        try:
            if self._writer is None:
                return
            driver = raw(self._writer)  # in a transaction it never waits: no trip to its thread
            if driver is not None:
                driver.execute(f"{verb} unit")
            else:
                await self._writer.exec_driver_sql(f"{verb} unit")
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def _kept(self, batch: _Batch) -> None:
        """The unit is part of the batch from here on. Raises when the transaction is not there any more."""
        try:
            await self._savepoint("RELEASE")
        except HeedlineError as error:
            await self._give_up(batch, error)
            raise

    async def _undone(self, batch: _Batch) -> None:
        """Undo one unit of a batch. Where even that fails (SQLite gives up all on a full disk), all have failed."""
        try:
            await self._savepoint("ROLLBACK TO")
            await self._savepoint("RELEASE")
        except HeedlineError as error:
            await self._give_up(batch, error)

    async def _give_up(self, batch: _Batch, error: Exception) -> None:
        """Every unit of the batch raises the error."""
        batch.failure, self._batch = error, None
        await self._rollback()

    async def _settled(self, batch: _Batch) -> None:
        """Until the batch is durable. Our turn comes after all who were waiting when we had run: they are in it."""
        if batch.failure is None and self._batch is batch:
            async with self._lock:
                if self._batch is batch:
                    await self._commit_batch(batch)
        if batch.failure is not None:
            raise type(batch.failure)(*batch.failure.args) from batch.failure

    async def _commit_batch(self, batch: _Batch) -> None:
        """With the lock held."""
        try:
            await self._commit()
        except Exception as error:
            await self._give_up(batch, error)
        else:
            self._batch = None

    async def _commit(self) -> None:
        try:
            if self._writer is not None:
                await self._writer.commit()
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def _rollback(self) -> None:
        """Roll back; a connection that can't even do that is thrown away, the next unit opens another."""
        connection = self._writer
        if connection is None:
            return
        try:
            await connection.rollback()
        except DRIVER_ERRORS:
            self._writer = None
            await connection.invalidate()
            await connection.close()


def _identity(file: Path | None) -> tuple[int, int] | None:
    try:
        status = None if file is None else os.stat(file)
    except FileNotFoundError:
        return None
    return None if status is None else (status.st_dev, status.st_ino)


async def _started(connection: AsyncConnection) -> None:
    await connection.start()
    await connection.begin()

"""The unit of work: one transaction and its repositories, one a noun.

A `Transaction` is handed out by `Database.begin()` and `Database.read()` and is dead after their block.
Repositories are made when first asked for; they reach the database through the four methods here and
nothing else.
"""

import asyncio
import sqlite3
import types
from collections.abc import Coroutine, Generator, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import CursorResult, Executable, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.failures import DRIVER_ERRORS, translated
from storage.numbers import NumberKeys
from storage.prepared import Prepared, prepared, raw

if TYPE_CHECKING:
    from storage.audit import Audit, CheckpointSigner
    from storage.governance.principals import Principals
    from storage.ledger.attempts import Attempts
    from storage.ledger.campaigns import Campaigns
    from storage.ledger.consents import Consents
    from storage.ledger.dnc import DoNotCall
    from storage.ledger.events import CallEvents
    from storage.ledger.outcomes import Outcomes
    from storage.ledger.parties import Parties
    from storage.ledger.party_facts import KnownParties
    from storage.ledger.recordings import Keks, Pauses, Recordings, Wraps
    from storage.ledger.relationships import Relationships
    from storage.ledger.switches import Switches

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await work that must not be left half done; a cancellation is delivered after it.

    A statement that has gone to the driver's thread can't be called back: leaving it running while the
    connection goes to somebody else would mix two transactions. The wait is bounded by the busy timeout.
    """
    try:
        waits_for = work.send(None)  # most statements are done without waiting: no task for those
    except StopIteration as done:
        result: T = done.value
        return result
    task = asyncio.ensure_future(_go_on(work, waits_for))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue  # we are being cancelled already, and say so below
        if not task.cancelled():
            task.exception()  # looked at, so that the loop does not complain; the cancellation goes first
        raise


@types.coroutine
def _go_on(work: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    """The rest of a coroutine whose first step has been taken, and which waits for that future."""
    while True:
        try:
            sent = yield waits_for
        except BaseException as error:
            step = partial(work.throw, error)
        else:
            step = partial(work.send, sent)
        try:
            waits_for = step()
        except StopIteration as done:
            result: T = done.value
            return result


class Transaction:
    """One unit of work. Every statement of a repository goes through `run`, `all`, `first` or `scalar`.

    `values` are those of a statement's bound parameters, or of an insert's columns: a statement that is made once
    and run with values costs a fraction of one that is put together every time (see `storage.prepared`).
    `committed`: all it sees was committed; else some of it may still be rolled back, and must not be kept beyond it.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        keys: NumberKeys,
        signer: "CheckpointSigner | None" = None,
        *,
        committed: bool = False,
    ) -> None:
        self._connection = connection
        self.keys = keys
        self.signer = signer
        self.committed = committed

    async def _execute(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        try:
            return await to_the_end(self._connection.execute(statement, values))
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def run(self, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
        """Run a statement that changes rows; returns how many it changed."""
        cursor = self._at_once(statement, values)
        if cursor is not None:
            return cursor[0].rowcount
        return (await self._execute(statement, values)).rowcount

    async def run_each(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for many rows of values, all of the same names."""
        found = self._direct(statement, rows[0] if rows else None)
        if found is None:
            await self._execute(statement, rows)
            return
        made, driver = found
        try:
            driver.executemany(made.sql, [made.bound(row) for row in rows])
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """All rows of a query."""
        cursor = self._at_once(statement, values)
        if cursor is not None:
            return [cursor[1].row(row) for row in self._fetched(cursor[0])]
        return (await self._execute(statement, values)).all()

    async def first(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """The first row of a query, or None."""
        cursor = self._at_once(statement, values)
        if cursor is not None:
            rows = self._fetched(cursor[0])
            return cursor[1].row(rows[0]) if rows else None
        return (await self._execute(statement, values)).first()

    async def scalar(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        if values is None:
            return (await self._execute(statement, values)).scalar()
        row = await self.first(statement, values)
        return None if row is None else row[0]

    def _direct(
        self, statement: Executable, values: Mapping[str, Any] | None
    ) -> "tuple[Prepared, sqlite3.Connection] | None":
        """A statement made once, and SQLite's connection to run it on: inside a transaction nothing waits."""
        if values is None or self._connection.dialect.name != "sqlite":
            return None
        driver = raw(self._connection)
        if driver is None:
            return None
        try:
            made = prepared(statement, tuple(values), self._connection.dialect)
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        return None if made is None else (made, driver)

    def _at_once(
        self, statement: Executable, values: Mapping[str, Any] | None
    ) -> "tuple[sqlite3.Cursor, Prepared] | None":
        found = self._direct(statement, values)
        if found is None or values is None:
            return None
        made, driver = found
        try:
            return driver.execute(made.sql, made.bound(values)), made
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    @staticmethod
    def _fetched(cursor: sqlite3.Cursor) -> list[tuple[Any, ...]]:
        try:
            return cursor.fetchall()
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    @cached_property
    def parties(self) -> "Parties":
        from storage.ledger.parties import Parties

        return Parties(self)

    @cached_property
    def campaigns(self) -> "Campaigns":
        from storage.ledger.campaigns import Campaigns

        return Campaigns(self)

    @cached_property
    def attempts(self) -> "Attempts":
        from storage.ledger.attempts import Attempts

        return Attempts(self)

    @cached_property
    def events(self) -> "CallEvents":
        from storage.ledger.events import CallEvents

        return CallEvents(self)

    @cached_property
    def consents(self) -> "Consents":
        from storage.ledger.consents import Consents

        return Consents(self)

    @cached_property
    def dnc(self) -> "DoNotCall":
        from storage.ledger.dnc import DoNotCall

        return DoNotCall(self)

    @cached_property
    def known(self) -> "KnownParties":
        from storage.ledger.party_facts import KnownParties

        return KnownParties(self)

    @cached_property
    def relationships(self) -> "Relationships":
        from storage.ledger.relationships import Relationships

        return Relationships(self)

    @cached_property
    def switches(self) -> "Switches":
        from storage.ledger.switches import Switches

        return Switches(self)

    @cached_property
    def outcomes(self) -> "Outcomes":
        from storage.ledger.outcomes import Outcomes

        return Outcomes(self)

    @cached_property
    def recordings(self) -> "Recordings":
        from storage.ledger.recordings import Recordings

        return Recordings(self)

    @cached_property
    def wraps(self) -> "Wraps":
        from storage.ledger.recordings import Wraps

        return Wraps(self)

    @cached_property
    def keks(self) -> "Keks":
        from storage.ledger.recordings import Keks

        return Keks(self)

    @cached_property
    def pauses(self) -> "Pauses":
        from storage.ledger.recordings import Pauses

        return Pauses(self)

    @cached_property
    def principals(self) -> "Principals":
        from storage.governance.principals import Principals

        return Principals(self)

    @cached_property
    def audit(self) -> "Audit":
        from storage.audit import Audit

        return Audit(self)

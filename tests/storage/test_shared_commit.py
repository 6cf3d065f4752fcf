"""Units that wait at the same moment share one COMMIT, and each still keeps its own promise."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert

from storage.database import MOST_A_COMMIT, Database
from storage.errors import DatabaseFailed
from storage.schema import parties

FAR = 10.0


def _on_disk(file: Path) -> set[str]:
    """What another process reads: committed rows only."""
    with closing(sqlite3.connect(file)) as other:
        return {row[0] for row in other.execute("SELECT id FROM parties")}


async def _unit(db: Database, name: str, gate: asyncio.Event | None = None, fail: bool = False) -> None:
    async with db.begin() as tx:
        if gate is not None:
            await gate.wait()
        row = {"id": name, "lookup_hash": name.encode(), "number_sealed": b"s", "created_us": 1}
        await tx.run(insert(parties).values(**row))
        if fail:
            raise ZeroDivisionError


async def _behind_one(db: Database, *others: tuple[str, bool]) -> tuple[asyncio.Event, list[asyncio.Task[None]]]:
    """A first unit that waits for the gate, and others in the queue behind it."""
    gate = asyncio.Event()
    tasks = [asyncio.create_task(_unit(db, "first", gate))]
    while not db._lock.locked():
        await asyncio.sleep(0)
    tasks += [asyncio.create_task(_unit(db, name, fail=fail)) for name, fail in others]
    while db._queue < len(others):
        await asyncio.sleep(0)
    return gate, tasks


@pytest.fixture
def commits(db: Database, ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """What stood on the disk after each COMMIT."""
    seen: list[set[str]] = []
    commit = Database._commit

    async def counted(database: Database) -> None:
        await commit(database)
        seen.append(_on_disk(ledger_file))

    monkeypatch.setattr(Database, "_commit", counted)
    return seen


async def test_units_that_wait_together_are_committed_together(
    db: Database, ledger_file: Path, commits: list[set[str]]
) -> None:
    gate, tasks = await _behind_one(db, ("b", False), ("c", False))
    gate.set()
    done, _ = await asyncio.wait(tasks, timeout=FAR, return_when=asyncio.FIRST_COMPLETED)
    assert done
    assert commits == [{"first", "b", "c"}]  # nobody was let go before the one COMMIT
    await asyncio.gather(*tasks)
    await _unit(db, "later")
    assert _on_disk(ledger_file) == {"first", "b", "c", "later"}


async def test_a_failing_unit_undoes_only_itself(db: Database, ledger_file: Path, commits: list[set[str]]) -> None:
    gate, tasks = await _behind_one(db, ("bad", True), ("good", False), ("worse", True))
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), ZeroDivisionError, type(None), ZeroDivisionError]
    assert commits == [{"first", "good"}]
    assert _on_disk(ledger_file) == {"first", "good"}


async def test_a_commit_that_fails_fails_every_unit(
    db: Database, ledger_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_room(_: Database) -> None:
        raise DatabaseFailed("no room")

    gate, tasks = await _behind_one(db, ("b", False), ("c", False))
    with monkeypatch.context() as patched:
        patched.setattr(Database, "_commit", no_room)
        gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseFailed] * 3
    assert _on_disk(ledger_file) == set()
    await _unit(db, "later")
    assert _on_disk(ledger_file) == {"later"}


async def test_a_transaction_lost_under_a_batch_fails_every_unit(db: Database, ledger_file: Path) -> None:
    """SQLite rolls all back by itself when the disk is full: nobody may believe in a COMMIT then."""

    async def losing() -> None:
        async with db.begin() as tx:
            await tx._connection.exec_driver_sql("ROLLBACK")

    gate, tasks = await _behind_one(db)
    tasks.append(asyncio.create_task(losing()))
    while not db._queue:
        await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseFailed] * 2
    await _unit(db, "later")
    assert _on_disk(ledger_file) == {"later"}


@pytest.mark.parametrize("who", [0, 1, 2])
async def test_a_cancelled_unit_holds_up_nobody(db: Database, ledger_file: Path, who: int) -> None:
    gate, tasks = await _behind_one(db, ("b", False), ("c", False))
    tasks[who].cancel()
    gate.set()
    await asyncio.wait(tasks, timeout=FAR)
    names = {"first", "b", "c"} - {("first", "b", "c")[who]}
    assert _on_disk(ledger_file) == names
    assert [task.cancelled() for task in tasks] == [n == who for n in range(3)]
    await _unit(db, "later")
    assert _on_disk(ledger_file) == names | {"later"}


async def test_a_unit_cancelled_while_it_waits_for_the_others_is_committed(db: Database, ledger_file: Path) -> None:
    gate, tasks = await _behind_one(db)
    second_gate = asyncio.Event()
    tasks.append(asyncio.create_task(_unit(db, "second", second_gate)))
    while not db._queue:
        await asyncio.sleep(0)
    gate.set()
    while db._batch is None:
        await asyncio.sleep(0)
    tasks[0].cancel()
    second_gate.set()
    await asyncio.wait(tasks, timeout=FAR)
    assert tasks[0].cancelled()
    assert tasks[1].exception() is None
    assert _on_disk(ledger_file) == {"first", "second"}


async def test_a_batch_is_bounded(db: Database, commits: list[set[str]]) -> None:
    count = MOST_A_COMMIT + 3
    gate, tasks = await _behind_one(db, *((f"n{n}", False) for n in range(count - 1)))
    gate.set()
    await asyncio.gather(*tasks)
    assert [len(names) for names in commits] == [MOST_A_COMMIT, count]

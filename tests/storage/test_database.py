"""One writer, many readers, several processes: what a unit of work promises."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.sql import func

from compliance.errors import BadInput
from storage import engines, migrations
from storage.audit import AuditTag, verify
from storage.audit.note import CheckpointSigner
from storage.database import Database, sqlite_url, upgrade
from storage.errors import DatabaseBusy, DatabaseFailed, DatabaseMissing, LedgerConflict, SchemaTooNew, SchemaTooOld
from storage.numbers import NumberKeys
from storage.schema import attempts, parties

PARTY = {"lookup_hash": b"h", "number_sealed": b"s", "created_us": 1}


async def _count(db: Database) -> int:
    async with db.read() as tx:
        return int(await tx.scalar(select(func.count()).select_from(parties)))


async def test_a_unit_left_by_an_exception_leaves_nothing(db: Database) -> None:
    async def failing() -> None:
        async with db.begin() as tx:
            await tx.run(insert(parties).values(id="p", **PARTY))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await _count(db) == 0


async def test_a_unit_is_durable_and_read_by_another_process(db: Database, ledger_file: Path) -> None:
    async with db.begin() as tx:
        await tx.run(insert(parties).values(id="p", **PARTY))
    with closing(sqlite3.connect(ledger_file)) as other:
        assert other.execute("SELECT id FROM parties").fetchall() == [("p",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_the_writer_fsyncs_every_commit_and_holds_foreign_keys(db: Database) -> None:
    async with db.begin() as tx:
        assert await tx.scalar(text("PRAGMA synchronous")) == 2  # FULL
        assert await tx.scalar(text("PRAGMA foreign_keys")) == 1
    with pytest.raises(LedgerConflict, match="FOREIGN KEY"):
        async with db.begin() as tx:
            await tx.events.append("nobody", 0, datetime.fromisoformat("2026-01-01T00:00Z"), "x", {})


async def test_a_reader_sees_one_snapshot_and_cannot_write(db: Database) -> None:
    async with db.read() as reader:
        assert await reader.scalar(select(func.count()).select_from(parties)) == 0
        async with db.begin() as tx:
            await tx.run(insert(parties).values(id="p", **PARTY))
        assert await reader.scalar(select(func.count()).select_from(parties)) == 0
        with pytest.raises(DatabaseFailed, match="readonly"):
            await reader.run(insert(parties).values(id="q", **PARTY))
    assert await _count(db) == 1


async def test_units_of_many_tasks_follow_one_another(db: Database, now: datetime) -> None:
    async def one(number: int) -> None:
        async with db.begin() as tx:
            await tx.audit.append(AuditTag.CONDUCTOR_ALARM, now, {"n": number})

    await asyncio.gather(*(one(number) for number in range(100)))
    async with db.read() as tx:
        assert sorted([entry.data async for entry in tx.audit.entries()]) == sorted(f'{{"n":{n}}}' for n in range(100))


async def test_a_unit_inside_a_unit_is_refused_and_does_not_hang(db: Database) -> None:
    async with db.begin():
        with pytest.raises(RuntimeError, match="open in this task"):
            async with db.begin():
                pass
    assert await _count(db) == 0


@pytest.mark.parametrize("cancels", [1, 2])
async def test_a_cancelled_task_leaves_no_open_transaction(db: Database, cancels: int) -> None:
    """Cancel at every step of the loop: the unit is there whole or not at all, and the next one can begin."""

    async def unit(name: str) -> None:
        async with db.begin() as tx:
            await tx.run(insert(parties).values(id=name, **{**PARTY, "lookup_hash": name.encode()}))
            await tx.run(update(parties).where(parties.c.id == name).values(created_us=2))

    finished = 0
    for step in range(60):
        task = asyncio.create_task(unit(f"p{step}"))
        for _ in range(step):
            await asyncio.sleep(0.0002)
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0)
        finished += (await asyncio.gather(task, return_exceptions=True))[0] is None
        async with asyncio.timeout(2), db.begin() as tx:
            written = await tx.scalar(select(parties.c.created_us).where(parties.c.id == f"p{step}"))
            assert written in (None, 2)
    assert 0 < finished < 60


async def test_a_task_cancelled_while_it_waits_for_the_lock_leaves_nothing_behind(
    db: Database, ledger_file: Path
) -> None:
    with closing(sqlite3.connect(ledger_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(_empty(db))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.sleep(0.05)
        other.execute("ROLLBACK")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        other.execute("BEGIN IMMEDIATE")  # ours is not held any more
        other.execute("ROLLBACK")
    await _empty(db)


async def test_cancelled_readers_give_their_connection_back(db: Database) -> None:
    async def look() -> None:
        async with db.read() as tx:
            await tx.scalar(select(func.count()).select_from(parties))

    for step in range(60):
        task = asyncio.create_task(look())
        for _ in range(step):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(2):
        await asyncio.gather(*(look() for _ in range(8)))


async def test_a_full_disk_is_named_and_the_ledger_goes_on_when_there_is_room(db: Database) -> None:
    async def fill(name: str, size: int) -> None:
        async with db.begin() as tx:
            await tx.run(
                insert(parties).values(id=name, lookup_hash=name.encode(), number_sealed=bytes(size), created_us=1)
            )

    async with db.begin() as tx:
        before = await tx.scalar(text("PRAGMA page_count"))
        await tx.scalar(text(f"PRAGMA max_page_count = {before + 2}"))
    with pytest.raises(DatabaseFailed, match="full"):
        await fill("p", 1_000_000)
    assert await _count(db) == 0
    async with db.begin() as tx:
        await tx.scalar(text("PRAGMA max_page_count = 1000000"))
    await fill("q", 1_000_000)
    assert await _count(db) == 1


async def test_a_lock_held_elsewhere_is_waited_for_and_then_named(
    ledger_file: Path, keys: NumberKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 1)
    db = await Database.open(sqlite_url(ledger_file), keys)
    with closing(sqlite3.connect(ledger_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match="locked by another process"):
            async with db.begin():
                pytest.fail("the lock is held")
        assert await _count(db) == 0  # readers are not concerned
        releasing = asyncio.get_running_loop().call_later(0.3, other.execute, "ROLLBACK")
        async with db.begin() as tx:
            await tx.run(insert(parties).values(id="p", **PARTY))
        assert not releasing.cancelled()
    assert await _count(db) == 1
    await db.close()


async def test_the_loop_goes_on_while_a_unit_waits_for_the_lock(db: Database, ledger_file: Path) -> None:
    with closing(sqlite3.connect(ledger_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(_empty(db))
        ticks = 0
        for _ in range(20):
            await asyncio.sleep(0.01)
            ticks += 1
        assert not waiting.done()
        assert ticks == 20
        other.execute("ROLLBACK")
        await waiting


async def _empty(db: Database) -> None:
    async with db.begin():
        pass


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from storage.audit import AuditTag, CheckpointSigner, origin_of
from storage.database import Database
from storage.numbers import NumberKeys

async def main(url, name, count):
    signer = CheckpointSigner(origin_of("main"), b"n" * 32)
    db = await Database.open(url, NumberKeys(b"l" * 32, b"s" * 32), signer)
    for n in range(int(count)):
        async with db.begin() as tx:
            await tx.audit.append(AuditTag.CONDUCTOR_ALARM, datetime.now(UTC), {"who": name, "n": n})
        print(n, flush=True)
    await db.close()

asyncio.run(main(*sys.argv[1:]))
"""


def _writer(file: Path, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, sqlite_url(file), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


async def test_two_processes_write_one_chain(db: Database, ledger_file: Path, signer: CheckpointSigner) -> None:
    writers = [_writer(ledger_file, name, 100) for name in ("a", "b")]
    for writer in writers:
        await asyncio.to_thread(writer.communicate, timeout=60)
        assert writer.returncode == 0
    async with db.read() as tx:
        report = await verify(tx, (signer.key,))
    assert report.sound
    assert (report.entries, report.checkpoints, report.covered) == (200, 3, 192)


@pytest.mark.parametrize("acknowledged", [0, 3, 17, 40])
async def test_a_killed_process_leaves_a_whole_ledger_with_all_it_acknowledged(
    db: Database, ledger_file: Path, signer: CheckpointSigner, acknowledged: int
) -> None:
    writer = _writer(ledger_file, "a", 100_000)
    assert writer.stdout is not None
    for _ in range(acknowledged + 1):
        last = int(await asyncio.to_thread(writer.stdout.readline))
    os.kill(writer.pid, signal.SIGKILL)
    said = await asyncio.to_thread(writer.communicate)
    last = max([last, *map(int, said[0].split())])
    async with db.begin() as tx:  # the lock died with it
        size = await tx.audit.size()
        report = await verify(tx, (signer.key,))
    assert report.sound
    assert last + 1 <= size <= last + 2  # at most the one that was not acknowledged yet
    with closing(sqlite3.connect(ledger_file)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_ledger_taken_away_while_it_is_open_is_neither_believed_nor_written_to(
    db: Database, ledger_file: Path, tmp_path: Path, replaced: bool
) -> None:
    """What a backup in its place says of who may be called would not be heard; what is written would be lost."""
    await _count(db)
    content = ledger_file.read_bytes()
    ledger_file.unlink()
    if replaced:
        (tmp_path / "backup").write_bytes(content)
        (tmp_path / "backup").rename(ledger_file)
    with pytest.raises(DatabaseFailed, match="removed or replaced"):
        await _count(db)
    with pytest.raises(DatabaseFailed, match="removed or replaced"):
        async with db.begin():
            pass


async def test_no_ledger_at_all(tmp_path: Path, keys: NumberKeys) -> None:
    with pytest.raises(DatabaseMissing, match="heedline init"):
        await Database.open(sqlite_url(tmp_path / "nowhere.sqlite3"), keys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite+aiosqlite://", "mysql://x/y", "postgresql://x/y"])
async def test_a_database_of_another_kind(url: str, keys: NumberKeys) -> None:
    with pytest.raises(BadInput, match="database_url"):
        await Database.open(url, keys)


async def test_a_file_that_is_no_database(tmp_path: Path, keys: NumberKeys) -> None:
    file = tmp_path / "ledger.sqlite3"
    file.write_bytes(b"not a database at all, but long enough to be one" * 20)
    with pytest.raises(DatabaseFailed, match="not a database"):
        await Database.open(sqlite_url(file), keys)


@pytest.mark.parametrize(("revision", "error"), [("0000x", SchemaTooNew), ("9999", SchemaTooNew)])
async def test_a_ledger_of_a_later_heedline_is_neither_opened_nor_upgraded(
    ledger_file: Path, keys: NumberKeys, revision: str, error: type[Exception]
) -> None:
    with closing(sqlite3.connect(ledger_file)) as plain:
        plain.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        plain.commit()
    with pytest.raises(error, match="newer Heedline"):
        await Database.open(sqlite_url(ledger_file), keys)
    with pytest.raises(error, match="newer Heedline"):
        await upgrade(sqlite_url(ledger_file))


async def test_an_older_ledger_names_the_command(
    ledger_file: Path, keys: NumberKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "REVISIONS", (*migrations.REVISIONS, "9999"))
    monkeypatch.setattr(migrations, "HEAD", "9999")
    with pytest.raises(SchemaTooOld, match="heedline db upgrade"):
        await Database.open(sqlite_url(ledger_file), keys)


async def test_an_empty_file_names_the_command(tmp_path: Path, keys: NumberKeys) -> None:
    file = tmp_path / "ledger.sqlite3"
    file.touch()
    with pytest.raises(SchemaTooOld, match="heedline db upgrade"):
        await Database.open(sqlite_url(file), keys)


async def test_a_new_ledger_is_private_and_upgrading_twice_changes_nothing(tmp_path: Path, keys: NumberKeys) -> None:
    file = tmp_path / "deep" / "ledger.sqlite3"
    first = await upgrade(sqlite_url(file))
    second = await upgrade(sqlite_url(file))
    assert (first.before, first.after, second.before, second.backup) == (None, migrations.HEAD, migrations.HEAD, None)
    db = await Database.open(sqlite_url(file), keys)
    async with db.begin() as tx:
        await tx.run(insert(parties).values(id="p", **PARTY))
    for part in file.parent.iterdir():
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
    await db.close()


async def test_the_ledger_is_copied_before_it_is_changed(ledger_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(ledger_file)) as plain:
        plain.execute("INSERT INTO parties VALUES ('p', x'00', x'00', 1)")
        plain.execute("UPDATE alembic_version SET version_num = '0000'")
        plain.commit()
    monkeypatch.setattr(migrations, "REVISIONS", ("0000", *migrations.REVISIONS))
    ran: list[str] = []
    monkeypatch.setattr("storage.migrations.command.upgrade", lambda config, target: ran.append(target))
    done = await upgrade(sqlite_url(ledger_file))
    assert ran == ["head"]
    assert done.backup is not None
    assert stat.S_IMODE(done.backup.stat().st_mode) == 0o600
    with closing(sqlite3.connect(done.backup)) as copy:
        assert copy.execute("SELECT id FROM parties").fetchall() == [("p",)]
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [("0000",)]


async def test_an_error_never_shows_the_values_of_a_statement(db: Database) -> None:
    with pytest.raises(LedgerConflict) as caught:
        async with db.begin() as tx:
            await tx.run(
                insert(attempts).values(
                    id="a",
                    party_id="nobody-secret",
                    campaign="c",
                    campaign_version=1,
                    state="pending",
                    not_before_us=1,
                    planned_by="t",
                    planned_us=1,
                )
            )
    assert "secret" not in str(caught.value)
    assert "secret" not in str(caught.value.__cause__)

"""The same ledger on PostgreSQL: a server of the tests' own, where the machine has the program."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from compliance.facts import Abandonment
from storage import migrations
from storage.audit import AuditTag, CheckpointSigner, verify
from storage.database import Database, upgrade
from storage.errors import AttemptInFlight, DatabaseBusy, DatabaseFailed, LedgerConflict
from storage.ledger.dnc import Scope
from storage.ledger.optout import opt_out, take_off
from storage.ledger.party_facts import PartyFacts
from storage.ledger.switches import SwitchAct
from storage.numbers import NumberKeys
from storage.schema import APPEND_ONLY, metadata
from tests.pbx.switch import free_port
from tests.storage.builders import CALLEE, planned, verdict
from tests.storage.office import DAY, NOON, Office


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database. PostgreSQL refuses to run as root: then it runs as its package's user."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server on this machine (package postgresql)")
    programs = found[-1].parent
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="heedline-pg-"))  # not below pytest's own folders: those are ours alone
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "heedline", "-A", "trust", "--no-sync", "--no-instructions"],
        check=True,
        stdout=subprocess.DEVNULL,
        user=user,
    )
    port = free_port()
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"],
        stderr=subprocess.DEVNULL,
        user=user,
    )
    try:
        asyncio.run(_answers(f"postgresql+asyncpg://heedline@127.0.0.1:{port}/postgres"))
        yield f"postgresql+asyncpg://heedline@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


async def _answers(url: str) -> None:
    """Wait until the server, which gives no sign, lets us in."""
    async with asyncio.timeout(30):
        while True:
            engine = create_async_engine(url)
            try:
                async with engine.connect():
                    return
            except (OSError, SQLAlchemyError):
                await asyncio.sleep(0.1)
            finally:
                await engine.dispose()


@pytest_asyncio.fixture
async def pg(url: str, keys: NumberKeys, signer: CheckpointSigner) -> AsyncIterator[Database]:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await engine.dispose()
    assert (await upgrade(url)).before is None
    database = await Database.open(url, keys, signer)
    yield database
    await database.close()


async def test_the_migrations_make_the_schema_of_the_code(pg: Database, url: str) -> None:
    def difference(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    engine = create_async_engine(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(difference) == []
    await engine.dispose()


async def test_an_opt_out_is_one_unit_and_never_doubled(pg: Database, now: datetime) -> None:
    running, waiting = await planned(pg, now), await planned(pg, now)
    async with pg.begin() as tx:
        await tx.attempts.commit(running, verdict(), "d" * 64, now)
    with pytest.raises(AttemptInFlight):
        async with pg.begin() as tx:
            await tx.attempts.commit(waiting, verdict(), "d" * 64, now)
    for created, cancelled in ((True, 1), (False, 0)):
        async with pg.begin() as tx:
            done = await opt_out(
                tx, CALLEE, source="callee", channel="dtmf", reason="9", who="c", at=now, attempt_id=running
            )
        assert (done.created, done.cancelled) == (created, cancelled)
    async with pg.begin() as tx:
        await take_off(tx, CALLEE, reason="asked", who="ann", at=now)
        assert await tx.dnc.check(CALLEE) is None
        assert len(await tx.campaigns.list()) == 1


@pytest.mark.parametrize("table", APPEND_ONLY, ids=lambda table: table.name)
async def test_the_database_itself_refuses_to_change_what_is_append_only(pg: Database, table: object) -> None:
    with pytest.raises(LedgerConflict, match="append-only"):
        async with pg.begin() as tx:
            await tx.run(delete(table))  # type: ignore[arg-type]


async def test_a_servers_own_defaults_weaken_neither_the_write_lock_nor_the_commit(
    pg: Database, url: str, keys: NumberKeys, signer: CheckpointSigner, now: datetime
) -> None:
    """A snapshot from before the lock would read what the last writer has changed since."""
    engine = create_async_engine(url)
    defaults = {"default_transaction_isolation": "'repeatable read'", "synchronous_commit": "off"}
    async with engine.begin() as connection:
        for name, value in defaults.items():
            await connection.execute(text(f"ALTER ROLE heedline SET {name} = {value}"))

    async def write() -> None:
        database = await Database.open(url, keys, signer)
        for n in range(10):
            async with database.begin() as tx:
                assert await tx.scalar(text("SHOW synchronous_commit")) == "on"
                await tx.audit.append(AuditTag.CONDUCTOR_ALARM, now, {"n": n})
        await database.close()

    try:
        await asyncio.gather(write(), write())
    finally:
        async with engine.begin() as connection:
            for name in defaults:
                await connection.execute(text(f"ALTER ROLE heedline RESET {name}"))
        await engine.dispose()


async def test_writers_of_several_processes_make_one_chain_and_one_waits_no_longer_than_it_may(
    pg: Database, url: str, keys: NumberKeys, signer: CheckpointSigner, now: datetime
) -> None:
    async def write(database: Database) -> None:
        for n in range(50):
            async with database.begin() as tx:
                await tx.audit.append(AuditTag.CONDUCTOR_ALARM, now, {"n": n})

    other = await Database.open(url, keys, signer)
    await asyncio.gather(write(pg), write(other))
    async with pg.begin():
        with pytest.raises(DatabaseBusy):
            async with other.begin():
                pytest.fail("the lock is held")
    await other.close()
    async with pg.read() as tx:
        report = await verify(tx, (signer.key,))
        assert (report.sound, report.entries, report.covered) == (True, 100, 64)
        with pytest.raises(DatabaseFailed, match="read-only"):
            await tx.audit.append(AuditTag.CONDUCTOR_ALARM, now, {})


async def test_a_cancelled_task_leaves_no_open_transaction(pg: Database, now: datetime) -> None:
    async def unit(step: int) -> None:
        async with pg.begin() as tx:
            for _ in range(2):
                await tx.audit.append(AuditTag.CONDUCTOR_ALARM, now, {"step": step})

    for step in range(30):
        task = asyncio.create_task(unit(step))
        await asyncio.sleep(step * 0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(2), pg.begin() as tx:
        assert await tx.audit.size() % 2 == 0


async def test_the_dossier_is_read_and_its_acts_are_written_there_too(pg: Database) -> None:
    office = await Office(pg).open()
    await office.call(NOON - DAY, callee=0)
    async with pg.begin() as tx:
        await tx.dnc.add(CALLEE, "office", "letter", "asked", None, "ann", NOON, scope=Scope(seller="Rival"))
        await tx.known.set(CALLEE, "ann", NOON, change=PartyFacts(region="US-GA"))
        await tx.relationships.record(CALLEE, "purchase", "Acme", NOON - DAY, "ann", NOON)
        await tx.switches.write(SwitchAct("US-LA", None, "on", None, None, "storm", NOON, "ann"))
    facts = await office.facts()
    assert (facts.internal_dnc, facts.region, len(facts.attempts or ()), len(facts.silent_calls or ())) == (
        False,
        "US-GA",
        1,
        1,
    )
    assert facts.abandonment == Abandonment(1, 1)
    assert (facts.relationship is not None, set(facts.switches or ())) == (True, {"US-LA"})
    assert (await office.facts("rival")).internal_dnc
    gathered = await office.dossier.gather(
        CALLEE, office.campaigns["spring"], NOON, attempt="", ring_seconds=20, prompts={"en": True}
    )
    async with pg.begin() as tx:
        assert await office.dossier.holds(tx, CALLEE, gathered)
        await tx.dnc.add(CALLEE, "office", "letter", "asked", None, "ann", NOON)
        assert not await office.dossier.holds(tx, CALLEE, gathered)


async def test_an_older_ledger_is_brought_up_with_its_rows(pg: Database, url: str, keys: NumberKeys) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
        await connection.run_sync(lambda sync: command.upgrade(migrations._config(sync), "0002"))
        fill = (
            "INSERT INTO parties VALUES ('p', :hash, NULL, 1)",
            "INSERT INTO campaigns VALUES ('spring', 1, 'Acme', 'survey', '+12125550100', 'en', 'in_bridge', 'notice',"
            " false, 'end', 25, 1)",
            "INSERT INTO attempts VALUES ('a', 'p', 'spring', 1, NULL, 'ended', 0, 'x', 1, 2, 9, NULL, NULL, 'done',"
            " '')",
            """INSERT INTO call_events VALUES ('a', 0, 3, 'LegAnswered', '{"leg"\\:"callee"}')""",
            "INSERT INTO dnc_entries VALUES ('d', :hash, 0, 'add', NULL, 'x', 'x', 'x', NULL, 'x', 7, NULL, NULL)",
        )
        for statement in fill:
            await connection.execute(text(statement).bindparams(**_asked(statement, keys.lookup_hash(CALLEE))))
    await engine.dispose()
    assert (await upgrade(url)).before == "0002"
    async with pg.read() as tx:
        assert (await tx.campaigns.get("spring")).call_kind == "live"
        assert await tx.dnc.check(CALLEE, "Acme") is not None
        assert [call.silent for call in await tx.attempts.calls("p")] == [True]
    with pytest.raises(LedgerConflict, match="append-only"):
        async with pg.begin() as tx:
            await tx.run(delete(metadata.tables["call_outcomes"]))


def _asked(statement: str, lookup_hash: bytes) -> dict[str, bytes]:
    return {"hash": lookup_hash} if ":hash" in statement else {}

"""From the second schema to the third: what was on file is there after, and old calls have their outcomes."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine

from compliance.facts import Abandonment
from storage import migrations
from storage.database import Database, sqlite_url, upgrade
from storage.ledger.dnc import EVERYTHING, Scope
from storage.numbers import NumberKeys
from tests.storage.builders import CALLEE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
CAMPAIGN = "'Acme', 'survey', '+12125550100', 'en', 'in_bridge', 'notice', 0, 'end', 25, 1"
STORIES = {
    "A1": [("LegAnswered", "agent", 1), ("LegAnswered", "callee", 5), ("LegGone", "callee", 60)],
    "A2": [("LegAnswered", "callee", 5), ("LegGone", "callee", 30)],  # waited, and nobody came
    "A3": [("LegAnswered", "callee", 5), ("LegGone", "callee", 6)],  # hung up before anybody could come
    "A4": [("LegFailed", "callee", 5)],
    "A5": [("LegAnswered", "callee", 5), ("LegAnswered", "agent", 9)],  # came too late
}


def before(connection: Connection) -> None:
    command.upgrade(migrations._config(connection), "0002")


@pytest.fixture
def old_ledger(tmp_path: Path, keys: NumberKeys) -> Path:
    file = tmp_path / "old.sqlite3"
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        before(connection)
        run, hashed = connection.exec_driver_sql, keys.lookup_hash(CALLEE).hex()
        run(f"INSERT INTO parties VALUES ('p', x'{hashed}', NULL, 1)")
        run(f"INSERT INTO campaigns VALUES ('spring', 1, {CAMPAIGN}), ('spring', 2, {CAMPAIGN})")
        for n, (attempt, story) in enumerate(STORIES.items()):
            start = n * 100 * SECOND
            run(
                "INSERT INTO attempts VALUES"
                " (?, 'p', 'spring', 2, 'alice', 'ended', 0, 'x', ?, ?, ?, NULL, NULL, 'done', '')",
                (attempt, start, start, start + 90 * SECOND),
            )
            for seq, (kind, leg, at) in enumerate(story):
                data = f'{{"leg":"{leg}"}}'
                run("INSERT INTO call_events VALUES (?, ?, ?, ?, ?)", (attempt, seq, start + at * SECOND, kind, data))
        for entry, generation, act, revokes in (
            ("D1", 0, "add", None),
            ("D2", 0, "revoke", "D1"),
            ("D3", 1, "add", None),
        ):
            run(
                "INSERT INTO dnc_entries VALUES (?, ?, ?, ?, x'00', 'callee', 'dtmf', '9', NULL, 'callee', 7, NULL, ?)",
                (entry, keys.lookup_hash(CALLEE), generation, act, revokes),
            )
    engine.dispose()
    return file


async def test_what_was_on_file_is_there_and_stops_everybody_as_before(old_ledger: Path, keys: NumberKeys) -> None:
    done = await upgrade(sqlite_url(old_ledger))
    assert (done.before, done.after) == ("0002", migrations.HEAD)
    db = await Database.open(sqlite_url(old_ledger), keys)
    async with db.read() as tx:
        campaign = await tx.campaigns.get("spring")
        history, standing = await tx.dnc.history(CALLEE), await tx.dnc.check(CALLEE, "Acme", "roofs")
    assert (campaign.version, campaign.call_kind, campaign.party) == (2, "live", "consumer")
    assert (campaign.topic, campaign.double_opt_in, campaign.start) == (None, False, None)
    assert [(entry.id, entry.act, entry.scope) for entry in history] == [
        ("D1", "add", EVERYTHING),
        ("D2", "revoke", EVERYTHING),
        ("D3", "add", EVERYTHING),
    ]
    assert standing is not None
    async with db.begin() as tx:
        assert (await tx.dnc.add(CALLEE, "x", "x", "x", None, "x", EPOCH, scope=Scope(seller="Acme"))).created
    await db.close()


async def test_calls_of_before_have_their_outcomes(old_ledger: Path, keys: NumberKeys) -> None:
    await upgrade(sqlite_url(old_ledger))
    db = await Database.open(sqlite_url(old_ledger), keys)
    async with db.read() as tx:
        counts = await tx.outcomes.counts("spring", EPOCH)
        silent = {call.attempt for call in await tx.attempts.calls("p") if call.silent}
        first = await tx.attempts.first_call("spring")
    await db.close()
    assert counts == Abandonment(answered=4, abandoned=2)
    assert (silent, first) == ({"A2"}, EPOCH)


async def test_the_upgraded_ledger_is_whole_and_as_guarded_as_a_new_one(old_ledger: Path, empty_ledger: Path) -> None:
    await upgrade(sqlite_url(old_ledger))

    def stored(file: Path) -> dict[str, str]:
        with closing(sqlite3.connect(file)) as connection:
            return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())

    assert stored(old_ledger) == stored(empty_ledger)
    with closing(sqlite3.connect(old_ledger)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        for table in ("campaigns", "dnc_entries", "call_outcomes"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(f"DELETE FROM {table}")

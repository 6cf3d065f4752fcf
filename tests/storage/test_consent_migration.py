"""From the first schema to the second: what people agreed to before is there after, in its order."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine

from storage import migrations
from storage.database import Database, sqlite_url, upgrade
from storage.numbers import NumberKeys
from tests.storage.builders import CALLEE

ROWS = """INSERT INTO consents VALUES
('c2', '{party}', 'recording', 'survey', 'withdraw', '{{}}', NULL, 2000, 'office'),
('c1', '{party}', 'recording', 'survey', 'grant', '{{"prompt":"p"}}', NULL, 1000, 'callee'),
('c3', 'q', 'recording', 'survey', 'refuse', '{{}}', NULL, 1500, 'callee')"""


def at_0001(connection: Connection) -> None:
    command.upgrade(migrations._config(connection), "0001")


@pytest.fixture
def old_ledger(tmp_path: Path, keys: NumberKeys) -> Path:
    file = tmp_path / "old.sqlite3"
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        at_0001(connection)
        hashed = keys.lookup_hash(CALLEE).hex()
        connection.exec_driver_sql(f"INSERT INTO parties VALUES ('p', x'{hashed}', NULL, 1), ('q', x'01', NULL, 1)")
        connection.exec_driver_sql(ROWS.format(party="p"))
    engine.dispose()
    return file


async def test_old_acts_keep_every_field_and_get_their_place(old_ledger: Path, keys: NumberKeys) -> None:
    done = await upgrade(sqlite_url(old_ledger))
    assert (done.before, done.after) == ("0001", migrations.HEAD)
    db = await Database.open(sqlite_url(old_ledger), keys)
    async with db.read() as tx:
        acts = await tx.consents.of("p")
    await db.close()
    assert [(act.id, act.kind, act.purpose, act.act, act.by) for act in acts] == [
        ("c1", "recording", "survey", "grant", "callee"),
        ("c2", "recording", "survey", "withdraw", "office"),
    ]
    assert acts[0].evidence == {"prompt": "p"}
    with closing(sqlite3.connect(old_ledger)) as connection:
        places = connection.execute("SELECT id, position, pending FROM consents ORDER BY id").fetchall()
        assert places == [("c1", 0, 0), ("c2", 1, 0), ("c3", 0, 0)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute("DELETE FROM consents")


async def test_an_upgraded_ledger_has_the_schema_of_a_new_one(old_ledger: Path, empty_ledger: Path) -> None:
    await upgrade(sqlite_url(old_ledger))

    def stored(file: Path) -> dict[str, str]:
        with closing(sqlite3.connect(file)) as connection:
            return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())

    assert stored(old_ledger) == stored(empty_ledger)

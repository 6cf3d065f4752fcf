import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from storage import migrations
from storage.schema import APPEND_ONLY, guard_statements, metadata


def _objects(file: Path) -> dict[str, set[str]]:
    """Every table, index and trigger with its SQL; lines of a table in any order, white space aside."""
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {
        name: {" ".join(line.strip(" ,\t)").split()) for line in sql.replace("(\n", "\n").splitlines()} - {""}
        for name, sql in rows
        if name != "alembic_version"
    }


def test_the_migrations_make_the_schema_of_the_code(empty_ledger: Path, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{empty_ledger}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_checks_and_triggers_are_the_same_too(empty_ledger: Path, tmp_path: Path) -> None:
    """Alembic compares neither: hold the stored SQL side by side."""
    direct = tmp_path / "direct.sqlite3"
    engine = create_engine(f"sqlite:///{direct}")
    metadata.create_all(engine)
    engine.dispose()
    assert _objects(empty_ledger) == _objects(direct)


def test_revisions_are_listed_in_order() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    walked = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(walked)) == migrations.REVISIONS


def test_the_schema_compiles_for_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "INDEX" in str(CreateIndex(index).compile(dialect=dialect))
    assert "TRUNCATE" in guard_statements("audit", "postgresql")[1]


@pytest.mark.parametrize("table", [table.name for table in APPEND_ONLY])
@pytest.mark.parametrize("verb", ["UPDATE {0} SET rowid = rowid", "DELETE FROM {0}"])
def test_the_database_itself_refuses_to_change_what_is_append_only(ledger_file: Path, table: str, verb: str) -> None:
    connection = sqlite3.connect(ledger_file)
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('1' for _ in columns)})")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(verb.format(table))
    connection.close()


CAMPAIGN = "'c', 1, 's', 'p', 'n', 'en'"


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("campaigns", f"{CAMPAIGN}, 'elsewhere', 'notice', 0, 'end', 20, 1, 'live', 'consumer', NULL, 0, NULL"),
        ("campaigns", f"{CAMPAIGN}, 'in_bridge', 'notice', 0, 'end', 14, 1, 'live', 'consumer', NULL, 0, NULL"),
        ("campaigns", f"{CAMPAIGN}, 'in_bridge', 'notice', 0, 'end', 20, 1, 'shouted', 'consumer', NULL, 0, NULL"),
        ("campaigns", f"{CAMPAIGN}, 'in_bridge', 'notice', 0, 'end', 20, 1, 'live', 'nobody', NULL, 0, NULL"),
        ("party_facts", "'p', 0, NULL, NULL, 'nobody', 1, 'b'"),
        ("relationships", "'p', 0, 's', 'friendship', 1, 1, 'b', NULL"),
        ("switches", "0, 'n', '', 'on', 2, 2, 'r', 1, 'b'"),
        ("switches", "0, 'n', '', 'maybe', NULL, NULL, 'r', 1, 'b'"),
        ("call_outcomes", "'a', 'c', 1, 1, 1, NULL, 0, 1, 0"),
        ("call_outcomes", "'a', 'c', 0, 1, 1, NULL, 0, 1, 2"),
        ("role_grants", "'i', 'p', 'root', 0, 'grant', 'b', 1"),
        ("role_grants", "'i', 'p', 'admin', 1, 'grant', 'b', 1"),
        ("pauses", "'r', 10, 9"),
        ("audit", "-1, 1, 't', '{}', x'00', x'00'"),
    ],
)
def test_closed_sets_are_closed_in_the_database(ledger_file: Path, table: str, values: str) -> None:
    connection = sqlite3.connect(ledger_file)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        connection.execute(f"INSERT INTO {table} VALUES ({values})")
    connection.close()

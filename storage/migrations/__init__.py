"""Migrations of the ledger (Alembic, driven from here: there is no alembic.ini).

`REVISIONS` lists them in order; a ledger whose revision is not the last one is not opened.
"""

import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from storage.engines import reader_engine, sqlite_file, writer_engine
from storage.errors import SchemaTooNew, SchemaTooOld
from storage.failures import DRIVER_ERRORS, translated

REVISIONS = ("0001", "0002", "0003")
HEAD = REVISIONS[-1]


@dataclass(frozen=True)
class Upgraded:
    """What an upgrade did: revisions before (None: a new ledger) and after, and the backup made, if any."""

    before: str | None
    after: str
    backup: Path | None


def current_revision(connection: Connection) -> str | None:
    """The revision the ledger stands at, None when it has no schema yet."""
    return MigrationContext.configure(connection).get_current_revision()


async def revision_of(url: str) -> str | None:
    """The revision of the ledger at `url`; None when there is no ledger. Raises DatabaseBusy, DatabaseFailed."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return None
    engine = reader_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(current_revision)
    except DRIVER_ERRORS as error:
        raise translated(error) from error
    finally:
        await engine.dispose()


def check_schema(connection: Connection) -> None:
    """Raises SchemaTooOld, SchemaTooNew: the ledger is not at this code's revision."""
    revision = current_revision(connection)
    if revision == HEAD:
        return
    if revision is None or revision in REVISIONS:
        raise SchemaTooOld(
            f"the ledger stands at revision {revision or 'none'}, this Heedline needs {HEAD};"
            " stop Heedline and run `heedline db upgrade`"
        )
    raise SchemaTooNew(
        f"the ledger stands at revision {revision}, this Heedline knows up to {HEAD};"
        " install the newer Heedline (its `heedline db upgrade` has been here)"
    )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _backup(file: Path, revision: str) -> Path:
    """A whole copy of the SQLite ledger beside it, in `backups/`, mode 0600."""
    folder = file.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    copy = folder / f"{file.name}.{revision}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    return copy


async def upgrade(url: str) -> Upgraded:
    """Make the ledger, or bring it to this code's revision, in one transaction; SQLite is copied first.

    Raises SchemaTooNew, DatabaseBusy, DatabaseFailed.
    """
    file = sqlite_file(url)
    if file is not None and not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    engine = writer_engine(url)
    try:
        async with engine.connect() as connection:
            before = await connection.run_sync(current_revision)
            await connection.rollback()
            if before is not None and before not in REVISIONS:
                await connection.run_sync(check_schema)
            backup = None
            if file is not None and before is not None and before != HEAD:
                backup = _backup(file, before)
            if before != HEAD:
                await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
                await connection.commit()
    except DRIVER_ERRORS as error:
        raise translated(error) from error
    finally:
        await engine.dispose()
    return Upgraded(before, HEAD, backup)

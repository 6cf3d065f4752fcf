"""A fresh ledger for every test: a copy of one that was migrated once."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from storage.audit import CheckpointSigner, origin_of
from storage.database import Database, sqlite_url, upgrade
from storage.numbers import NumberKeys


@pytest.fixture(scope="session")
def keys() -> NumberKeys:
    return NumberKeys(b"l" * 32, b"s" * 32)


@pytest.fixture(scope="session")
def signer() -> CheckpointSigner:
    return CheckpointSigner(origin_of("main"), b"n" * 32)


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "ledger.sqlite3"
    asyncio.run(upgrade(sqlite_url(file)))
    return file


@pytest.fixture
def ledger_file(tmp_path: Path, empty_ledger: Path) -> Path:
    return Path(shutil.copy(empty_ledger, tmp_path / "ledger.sqlite3"))


@pytest_asyncio.fixture
async def db(ledger_file: Path, keys: NumberKeys, signer: CheckpointSigner) -> AsyncIterator[Database]:
    database = await Database.open(sqlite_url(ledger_file), keys, signer)
    yield database
    await database.close()


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 21, 15, 30, tzinfo=UTC)

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from storage.database import Database
from tests.storage.vault.world import SETTINGS, World, now, ram_folder, remove


@pytest_asyncio.fixture
async def world(tmp_path: Path, db: Database, ledger_file: Path) -> AsyncIterator[World]:
    spool = await asyncio.to_thread(ram_folder)
    made = World(tmp_path, db, ledger_file, spool)
    await made.keyring().publish_ahead(now(), SETTINGS.retention_days)
    yield made
    await made.end_processes()
    await asyncio.to_thread(remove, spool)

"""The recorder as a process, for tests that kill it: ledger, vault, spool, socket, minutes a segment."""

import asyncio
import logging
import sys
from dataclasses import replace
from pathlib import Path

from storage.audit import CheckpointSigner, origin_of
from storage.database import Database, sqlite_url
from storage.numbers import NumberKeys
from storage.vault.service import serve
from tests.storage.vault.world import SETTINGS, SIGNER


async def main(ledger: str, vault: str, spool: str, socket: str, minutes: str) -> None:
    signer = CheckpointSigner(origin_of("main"), b"n" * 32)
    db = await Database.open(sqlite_url(Path(ledger)), NumberKeys(b"l" * 32, b"s" * 32), signer)
    settings = replace(SETTINGS, segment_minutes=float(minutes))
    await serve(db, Path(vault), Path(spool), Path(socket), settings, SIGNER)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(main(*sys.argv[1:]))

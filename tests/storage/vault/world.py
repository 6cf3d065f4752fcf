"""A small world around the recorder: a RAM spool, a vault, KEKs, and somebody who writes as MixMonitor does."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from storage.database import Database
from storage.ids import new_id
from storage.vault import keys
from storage.vault.blobs import FolderBlobs, manifest_name, opened, segment_name
from storage.vault.books import RecorderSettings
from storage.vault.client import RecorderClient
from storage.vault.keyring import Keyring, private_half
from storage.vault.manifest import Manifest, from_file
from storage.vault.providers import KeyfileProvider
from storage.vault.random_access import ChunkReader
from storage.vault.service import serve
from storage.vault.signing import Signer, Trusted
from tests.storage.builders import planned

BLOCK = 32 * 1024
SETTINGS = RecorderSettings("main", "node1", "standard", 1825)
SIGNER = Signer("node1", b"n" * 32)
TRUSTED = Trusted([SIGNER.public])
PROVIDER = KeyfileProvider(b"k" * 32)


def audio(length: int, seed: int = 0) -> bytes:
    """Bytes that occur nowhere else: every place in them can be recognised."""
    return random.Random(seed).randbytes(length)


class MixMonitor:
    """Writes as Asterisk's MixMonitor does: opens the file the recorder made, appends blocks, a rest at the end."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_TRUNC | os.O_CREAT)

    def write(self, data: bytes) -> None:
        os.write(self._descriptor, data)

    def stop(self) -> None:
        os.close(self._descriptor)


@dataclass
class World:
    """`ledger` is the database file; `spool` lies in /dev/shm."""

    folder: Path
    db: Database
    ledger: Path
    spool: Path
    settings: RecorderSettings = SETTINGS
    _processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def vault(self) -> Path:
        return self.folder / "vault"

    @property
    def socket(self) -> Path:
        return self.folder / "recorder.sock"

    @property
    def blobs(self) -> FolderBlobs:
        return FolderBlobs(self.vault)

    def keyring(self, signer: Signer | None = None) -> Keyring:
        tenant, kind = self.settings.tenant, self.settings.retention_class
        return Keyring(self.db, PROVIDER, tenant, kind, signer or SIGNER, TRUSTED)

    async def attempt(self) -> str:
        return await planned(self.db, now())

    def spool_file(self, recording: str) -> Path:
        return self.spool / f"{recording}.raw"

    @contextlib.asynccontextmanager
    async def serving(self, **options: float) -> AsyncIterator[RecorderClient]:
        """The recorder in this process."""
        task = asyncio.create_task(
            serve(self.db, self.vault, self.spool, self.socket, self.settings, SIGNER, TRUSTED, **options)
        )
        client = RecorderClient(self.socket)
        try:
            await client.connect()
            yield client
        finally:
            await client.close()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def start_process(self, segment_minutes: float = 15) -> asyncio.subprocess.Process:
        """The recorder as a process of its own, to be killed."""
        command = [sys.executable, "-m", "tests.storage.vault.recorder_process"]
        arguments = [self.ledger, self.vault, self.spool, self.socket, segment_minutes]
        process = await asyncio.create_subprocess_exec(*command, *map(str, arguments))
        self._processes.append(process)
        return process

    async def end_processes(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()

    async def begin(self, client: RecorderClient) -> str:
        recording = new_id()
        await client.open(
            recording=recording, attempt=await self.attempt(), spool=f"{recording}.raw", rate=8000, at=now()
        )
        return recording

    def manifest(self, recording: str) -> Manifest:
        name = manifest_name(recording)
        with opened(self.blobs, name) as blob:
            return from_file(blob.read_at(0, 1 << 20), TRUSTED, name)

    async def dek(self, recording: str, segment: int) -> bytes:
        async with self.db.read() as tx:
            wrap = next(w for w in await tx.wraps.of(recording) if w.segment == segment)
            kek = await tx.keks.get(wrap.kek_id)
        place = keys.Place(recording, segment, kek.id)
        return keys.unwrap(wrap.wrapped, private_half(kek, PROVIDER), keys.algorithm_named(wrap.algorithm), place)

    async def heard(self, recording: str) -> bytes:
        """All the audio of a sealed recording, opened segment by segment."""
        parts = []
        for entry in self.manifest(recording).segments:
            with opened(self.blobs, segment_name(recording, entry.number)) as blob:
                dek = await self.dek(recording, entry.number)
                reader = ChunkReader(dek, blob.read_at, blob.size, "test", torn=not entry.complete)
                assert blob.size == entry.size
                assert reader.shape.chunks == entry.chunks
                parts.append(reader.read(0, entry.plaintext))
        return b"".join(parts)

    def holds_plaintext(self, plaintext: bytes) -> list[Path]:
        """Files of ours in which a stretch of the audio can be read."""
        needles = [plaintext[start : start + 64] for start in range(0, len(plaintext) - 64, 4096)]
        files = [file for root in (self.folder, self.spool) for file in root.rglob("*") if file.is_file()]
        return [file for file in files if any(needle in file.read_bytes() for needle in needles)]


def now() -> datetime:
    return datetime.now(UTC)


def ram_folder() -> Path:
    """A folder in RAM of our own."""
    return Path(tempfile.mkdtemp(prefix="heedline-test-", dir="/dev/shm"))


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)

"""Figures of the recorder: `python bench/recorder.py [--json]`. Ratios hold from machine to machine, times don't.

seal       Cobblestone-256 against AES-256-GCM of the same library, and all that the recorder does to a chunk
seek       the last 5 s of an hour by random access, against opening the whole file
follow     one process following many spool files: its share of a core, and how it learns of growth
"""

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from storage import merkle
from storage.ids import new_id
from storage.vault import format as layout
from storage.vault.blobs import FolderBlobs, opened, segment_name
from storage.vault.format import CHUNK, Codec, Layout, SegmentHeader
from storage.vault.random_access import ChunkReader
from storage.vault.segment import SegmentWriter

HOUR = 3600 * 8000 * 4
BLOCK = 2 * CHUNK  # what MixMonitor writes at once
SAMPLE = 64 * 1024 * 1024


def best(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of the fastest of some runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def header() -> SegmentHeader:
    return SegmentHeader("bench", new_id(), 0, Codec.S16LE, Layout.IN_OUT, 8000, 1_800_000_000_000_000, "bench")


def seal(folder: Path) -> dict[str, float]:
    block, key = os.urandom(BLOCK), os.urandom(32)
    rounds = SAMPLE // BLOCK
    aead, nonce = AESGCM(key), os.urandom(12)

    def plain() -> None:
        for _ in range(rounds):
            aead.encrypt(nonce, block, None)

    def cobblestone() -> None:
        encryptor = Cobblestone256Encryptor(key, b"bench")
        for _ in range(rounds):
            encryptor.update(block)

    def hashed() -> None:
        encryptor, tree, whole = Cobblestone256Encryptor(key, b"bench"), merkle.Tree(), hashlib.sha256()
        for _ in range(rounds):
            sealed = encryptor.update(block)
            whole.update(sealed)
            for start in range(0, len(sealed), layout.SEALED_CHUNK):
                tree.append(sealed[start : start + layout.SEALED_CHUNK])

    def durable() -> None:
        writer = SegmentWriter(FolderBlobs(folder), header(), key)
        for _ in range(200):
            writer.seal(block)
        writer.close()

    gcm, cobble, with_hashes = best(plain), best(cobblestone), best(hashed)
    return {
        "AES-256-GCM, MB/s": SAMPLE / gcm / 1e6,
        "Cobblestone-256, MB/s": SAMPLE / cobble / 1e6,
        "Cobblestone-256 / AES-256-GCM (target 0.6)": gcm / cobble,
        "with SHA-256 and Merkle tree, MB/s": SAMPLE / with_hashes / 1e6,
        "with SHA-256 and Merkle tree, talks a core": SAMPLE / with_hashes / 32_000,
        "block of 32 KiB sealed and durable, ms": best(durable, 3) / 200 * 1e3,
    }


def seek(folder: Path) -> dict[str, float]:
    key, about = os.urandom(32), header()
    context = about.encode()
    name = segment_name(about.recording, 0)
    blobs = FolderBlobs(folder)
    encryptor = Cobblestone256Encryptor(key, context)
    with open(blobs.create(name), "wb") as stream:
        stream.write(context + encryptor.update(bytes(HOUR)) + encryptor.finalize())
    five = 5 * 8000 * 4

    def last_five() -> None:
        with opened(blobs, name) as blob:
            ChunkReader(key, blob.read_at, blob.size, name).read(HOUR - five, five)

    def whole() -> None:
        decryptor = Cobblestone256Decryptor(key, context)
        with opened(blobs, name) as blob:
            offset = len(context)
            while data := blob.read_at(offset, 1 << 20):
                decryptor.update(data)
                offset += len(data)
        decryptor.finalize()

    by_place, by_order = best(last_five), best(whole)
    return {
        "last 5 s of an hour, ms": by_place * 1e3,
        "whole hour opened, ms": by_order * 1e3,
        "whole / last 5 s": by_order / by_place,
    }


def look(folder: Path, files: int = 100) -> dict[str, float]:
    """What it costs to look at every spool file five times a second."""
    descriptors = [os.open(folder / f"{number}.raw", os.O_CREAT | os.O_RDWR) for number in range(files)]

    def all_of_them() -> None:
        for descriptor in descriptors:
            os.fstat(descriptor)

    cost = best(all_of_them, 50) * 5
    for descriptor in descriptors:
        os.close(descriptor)
    return {f"{files} spool files looked at 5 times a second, % of a core": cost * 100}


async def follow(folder: Path, talks: int, seconds: float) -> dict[str, float]:
    """One recorder process following `talks` files that grow by 32 KiB a second each."""
    from storage.database import sqlite_url, upgrade
    from storage.numbers import NumberKeys
    from tests.storage.vault.world import Database, MixMonitor, RecorderClient, World, now, ram_folder

    ledger, spool = folder / "ledger.sqlite3", ram_folder()
    await upgrade(sqlite_url(ledger))
    db = await Database.open(sqlite_url(ledger), NumberKeys(b"l" * 32, b"s" * 32))
    world = World(folder, db, ledger, spool)
    await world.keyring().publish_ahead(now(), world.settings.retention_days)
    process = await world.start_process()
    client = RecorderClient(world.socket)
    try:
        await client.connect(20)
        recordings = [await world.begin(client) for _ in range(talks)]
        writers = [MixMonitor(world.spool_file(recording)) for recording in recordings]
        block = os.urandom(BLOCK)
        before, start = _cpu(process.pid), time.monotonic()
        written = 0
        while time.monotonic() < start + seconds:
            for writer in writers:
                writer.write(block)
                written += 1
                await asyncio.sleep(max(0.0, start + written / talks - time.monotonic()))
        share = (_cpu(process.pid) - before) / (time.monotonic() - start)
        for writer in writers:
            writer.stop()
        began = time.monotonic()
        await asyncio.gather(*(client.close_recording(recording=r, at=now(), within=60) for r in recordings))
        closed = time.monotonic() - began
    finally:
        await client.close()
        await world.end_processes()
        await db.close()
        shutil.rmtree(spool)
    return {
        f"recorder, {talks} talks, % of a core": share * 100,
        f"{talks} closed at once, s": closed,
    }


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--talks", type=int, nargs="*", default=[20, 50, 100], help="talks to follow at once")
    parser.add_argument("--seconds", type=float, default=10, help="how long each is followed")
    options = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found["seal"] = seal(folder / "seal")
        found["seek"] = seek(folder / "seek")
        found["follow"] = look(folder)
        for talks in options.talks:
            place = folder / f"follow-{talks}"
            place.mkdir()
            found["follow"] |= asyncio.run(follow(place, talks, options.seconds))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for part, figures in found.items():
        print(part)
        for what, figure in figures.items():
            print(f"    {what:58s} {figure:12.3f}")


if __name__ == "__main__":
    main()

"""Full disks, full spools, a locked ledger: a clear error, a defined end, and the others go on."""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.ledger.recordings import RecordingState
from storage.vault.errors import RecorderError
from tests.storage.vault.world import BLOCK, MixMonitor, World, audio, now

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small tmpfs")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    yield from _mounted(tmp_path / "vault", "1m")


@pytest.fixture
def small_spool(tmp_path: Path) -> Iterator[Path]:
    """A spool of 2 MiB."""
    yield from _mounted(tmp_path / "spool", "2m")


def _mounted(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "heedline-test", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a tmpfs here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@root_only
async def test_a_full_disk_fails_the_recording_keeps_what_was_sealed_and_serves_the_others(
    world: World, small_disk: Path
) -> None:
    assert small_disk == world.vault
    hog = world.vault / "something-else"
    hog.write_bytes(bytes(512 * 1024))
    said = audio(40 * BLOCK)  # 1.25 MiB
    async with world.serving() as client:
        watching = client.watch()
        first = asyncio.ensure_future(anext(watching))
        await asyncio.sleep(0.1)
        doomed = await world.begin(client)
        monitor = MixMonitor(world.spool_file(doomed))
        for start in range(0, len(said), 4 * BLOCK):
            monitor.write(said[start : start + 4 * BLOCK])
            await asyncio.sleep(0.05)
        event = await asyncio.wait_for(first, 10)
        assert (event.event, event.recording, event.error) == ("failed", doomed, "disk_full")
        await asyncio.sleep(0.5)
        assert world.spool_file(doomed).stat().st_blocks == 0, "what can't be sealed does not fill the spool"
        again = client.watch()
        assert (await asyncio.wait_for(anext(again), 5)).recording == doomed, "a new watcher hears it too"
        await again.aclose()

        hog.unlink()
        other = await world.begin(client)
        writer = MixMonitor(world.spool_file(other))
        writer.write(said[:BLOCK])
        writer.stop()
        await client.close_recording(recording=other, at=now())
        monitor.stop()
        kept = await client.close_recording(recording=doomed, at=now())
        await watching.aclose()
    async with world.db.read() as tx:
        found = await tx.recordings.get(doomed)
    assert found.state is RecordingState.FAILED
    assert 0 < kept < len(said) / 32_000
    assert await world.heard(doomed) == said[: round(kept * 32_000)]
    manifest = world.manifest(doomed)
    assert [gap.kind.value for gap in manifest.gaps] == ["disk_full"]
    assert [segment.complete for segment in manifest.segments] == [False]
    assert await world.heard(other) == said[:BLOCK]
    assert list(world.spool.iterdir()) == []


@root_only
async def test_a_full_spool_is_told_before_audio_is_lost(world: World, small_spool: Path) -> None:
    world.spool = small_spool
    async with world.serving() as client:
        recording = await world.begin(client)
        watching = client.watch()
        first = asyncio.ensure_future(anext(watching))
        await asyncio.sleep(0.1)
        hog = small_spool / "something-else"
        hog.write_bytes(b"x" * (1024 * 1024 + 900 * 1024))
        event = await asyncio.wait_for(first, 5)
        assert (event.event, event.recording, event.error) == ("failed", recording, "spool_full")
        with pytest.raises(RecorderError, match="spool_full"):
            await world.begin(client)
        hog.unlink()
        await asyncio.sleep(1.5)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(audio(BLOCK))
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
        await watching.aclose()
    (gap,) = world.manifest(recording).gaps
    assert gap.kind.value == "spool_full"
    assert gap.to_us is not None
    assert await world.heard(recording) == audio(BLOCK)


async def test_a_ledger_locked_for_ten_seconds_costs_no_audio(world: World) -> None:
    said = audio(6 * BLOCK)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said[: 3 * BLOCK])
        lock = sqlite3.connect(world.ledger, isolation_level=None, timeout=10)
        lock.execute("BEGIN IMMEDIATE")
        monitor.write(said[3 * BLOCK :])
        monitor.stop()
        closing = asyncio.create_task(client.close_recording(recording=recording, at=now(), within=40))
        await asyncio.sleep(10)
        assert not closing.done()
        lock.execute("ROLLBACK")
        lock.close()
        assert await closing == pytest.approx(len(said) / 32_000)
    assert await world.heard(recording) == said


async def test_a_recording_whose_close_met_a_locked_ledger_is_committed_without_being_asked_again(
    world: World,
) -> None:
    said = audio(BLOCK)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said)
        monitor.stop()
        lock = sqlite3.connect(world.ledger, isolation_level=None, timeout=10)
        lock.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecorderError, match=r"database|down"):
            await client.close_recording(recording=recording, at=now(), within=6.5)
        lock.execute("ROLLBACK")
        lock.close()
        async with asyncio.timeout(15):
            while (await client.ping()).open:
                await asyncio.sleep(0.1)
    assert await world.heard(recording) == said

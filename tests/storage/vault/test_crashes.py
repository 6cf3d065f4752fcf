"""`kill -9` of the recorder at random moments: nothing is lost, nothing comes twice."""

import asyncio
import random

import pytest

from storage.ids import new_id
from storage.vault.client import RecorderClient
from storage.vault.format import CHUNK
from tests.storage.vault.world import MixMonitor, World, audio, now

BLOCK = 8 * 1024  # smaller and faster than MixMonitor's, for more moments a second
KILLS = 12


async def _talk(file_writer: MixMonitor, said: bytes, pause: float) -> None:
    for start in range(0, len(said), BLOCK):
        file_writer.write(said[start : start + BLOCK])
        await asyncio.sleep(pause)
    file_writer.stop()


@pytest.mark.parametrize("seed", range(3))
async def test_recorder_killed_again_and_again_in_mid_call_loses_nothing(world: World, seed: int) -> None:
    dice = random.Random(seed)
    lines = 4
    said = [audio(BLOCK * 160 + dice.randrange(BLOCK), seed=seed * 10 + n) for n in range(lines)]
    # Segments of four chunks: kills fall into roll-overs too.
    process = await world.start_process(segment_minutes=4 * CHUNK / (8000 * 4 * 60))
    client = RecorderClient(world.socket)
    recordings = [await world.begin(client) for _ in range(lines)]
    talks = [
        asyncio.create_task(_talk(MixMonitor(world.spool_file(recording)), words, 0.05))
        for recording, words in zip(recordings, said, strict=True)
    ]
    for _ in range(KILLS // 2):
        await asyncio.sleep(dice.uniform(0.05, 1.6))
        process.kill()
        await process.wait()
        process = await world.start_process(segment_minutes=4 * CHUNK / (8000 * 4 * 60))
    await asyncio.gather(*talks)
    for recording in recordings:
        await client.close_recording(recording=recording, at=now(), within=30)
    await client.close()
    for recording, words in zip(recordings, said, strict=True):
        manifest = world.manifest(recording)
        assert not manifest.failed
        assert manifest.plaintext == len(words)
        assert await world.heard(recording) == words
        assert len(manifest.segments) >= 2
    assert list(world.spool.iterdir()) == []
    assert world.holds_plaintext(said[0]) == []


@pytest.mark.parametrize("seed", range(KILLS))
async def test_recorder_killed_while_it_opens_or_closes(world: World, seed: int) -> None:
    dice = random.Random(seed)
    said = audio(CHUNK * 3 + 777, seed)
    process = await world.start_process()
    client = RecorderClient(world.socket)
    await client.connect(within=20)
    recording, attempt = new_id(), await world.attempt()
    opening = asyncio.create_task(
        client.open(recording=recording, attempt=attempt, spool=f"{recording}.raw", rate=8000, at=now())
    )
    if seed % 2:
        await asyncio.sleep(dice.uniform(0, 0.02))
        process.kill()
        await process.wait()
        process = await world.start_process()
    await opening
    monitor = MixMonitor(world.spool_file(recording))
    monitor.write(said)
    monitor.stop()
    closing = asyncio.create_task(client.close_recording(recording=recording, at=now(), within=30))
    await asyncio.sleep(dice.uniform(0, 0.03))
    process.kill()
    await process.wait()
    await world.start_process()
    assert await closing == pytest.approx(len(said) // 4 / 8000, abs=0.001)
    await client.close()
    assert await world.heard(recording) == said
    assert list(world.spool.iterdir()) == []

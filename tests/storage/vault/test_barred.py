"""The callee's voice is not sealed before it may be, whatever Asterisk was told and did; what is cut is not sealed."""

import asyncio

from storage.ids import new_id
from storage.vault.client import RecorderClient
from storage.vault.format import CHUNK
from tests.storage.vault.test_recorder import until_sealed
from tests.storage.vault.world import BLOCK, MixMonitor, World, audio, now


def silenced(said: bytes) -> bytes:
    """As it is heard when nothing of the callee's side (left: two bytes of four) is kept."""
    return b"".join(b"\0\0" + said[place + 2 : place + 4] for place in range(0, len(said), 4))


async def begin(world: World, client: RecorderClient) -> str:
    recording = new_id()
    attempt = await world.attempt()
    await client.open(recording=recording, attempt=attempt, spool=f"{recording}.raw", rate=8000, at=now(), barred=True)
    return recording


async def test_the_callee_is_silence_until_admitted_and_the_announcement_is_heard(world: World) -> None:
    before, after = audio(2 * BLOCK + 400, seed=1), audio(BLOCK + 800, seed=2)
    async with world.serving() as client:
        recording = await begin(world, client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(before)
        await until_sealed(world, recording, CHUNK)
        await client.admit(recording=recording, at=now())
        await client.admit(recording=recording, at=now())
        monitor.write(after)
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
    assert await world.heard(recording) == silenced(before) + after


async def test_never_admitted_nothing_of_the_callee_is_sealed(world: World) -> None:
    """AMI goes down between MixMonitor and its mute: the audio is in the spool and does not leave it."""
    said = audio(3 * BLOCK + 100)
    async with world.serving() as client:
        recording = await begin(world, client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said)
        monitor.stop()
        await client.close_recording(recording=recording, at=now(), crashed=True, reason="did not start")
    assert await world.heard(recording) == silenced(said)


async def test_a_recorder_that_is_killed_still_bars_the_callee(world: World) -> None:
    said = audio(6 * BLOCK)
    await world.start_process()
    client = RecorderClient(world.socket)
    await client.connect(within=30)
    recording = await begin(world, client)
    monitor = MixMonitor(world.spool_file(recording))
    monitor.write(said[: 3 * BLOCK])
    await until_sealed(world, recording, CHUNK)
    await world.end_processes()
    await world.start_process()
    monitor.write(said[3 * BLOCK :])
    monitor.stop()
    await client.close_recording(recording=recording, at=now(), within=30)
    await client.close()
    assert await world.heard(recording) == silenced(said)


async def test_what_is_cut_is_thrown_away_although_asterisk_still_writes(world: World) -> None:
    """Card numbers: the pause could not be done, so what may hold them is not sealed."""
    said, card = audio(BLOCK, seed=1), audio(1_000 * 4, seed=2)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said)
        await until_sealed(world, recording, BLOCK)
        monitor.write(card)
        async with asyncio.timeout(1):  # the writer is not waited for
            await client.close_recording(recording=recording, at=now(), crashed=True, cut=True)
        monitor.stop()
    assert await world.heard(recording) == said
    assert list(world.spool.iterdir()) == []

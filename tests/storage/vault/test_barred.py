"""The callee's voice is not sealed before it may be, whatever Asterisk was told and did; what is cut is not sealed."""

import asyncio
from datetime import datetime, timedelta

import pytest

from storage.ids import new_id
from storage.vault.client import RecorderClient
from storage.vault.format import CHUNK
from storage.vault.spool import Bar, SpoolFolder
from tests.storage.vault.test_recorder import until_sealed
from tests.storage.vault.world import BLOCK, MixMonitor, World, audio, now


def silenced(said: bytes) -> bytes:
    """As it is heard when nothing of the callee's side (left: two bytes of four) is kept."""
    return b"".join(b"\0\0" + said[place + 2 : place + 4] for place in range(0, len(said), 4))


SECOND = 8000 * 4  # bytes


async def killed(world: World) -> None:
    """The recorder, and started again."""
    await world.end_processes()
    await world.start_process()
    again = RecorderClient(world.socket)
    await again.connect(within=30)
    await again.close()


async def begin(world: World, client: RecorderClient, at: datetime | None = None) -> str:
    recording = new_id()
    attempt, spool = await world.attempt(), f"{recording}.raw"
    await client.open(recording=recording, attempt=attempt, spool=spool, rate=8000, at=at or now(), barred=True)
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


@pytest.mark.parametrize("written", [0, BLOCK])
async def test_what_asterisk_still_holds_back_was_said_before_the_callee_was_admitted(
    world: World, written: int
) -> None:
    """MixMonitor writes a block a second: when the notice ends, what was said during its last second is not written."""
    held_back, after = audio(2 * SECOND - written, seed=1), audio(2 * SECOND, seed=2)
    async with world.serving() as client:
        recording = await begin(world, client, now() - timedelta(seconds=2))
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(audio(written))
        await client.admit(recording=recording, at=now())
        monitor.write(held_back)
        monitor.write(after)
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
    heard = await world.heard(recording)
    assert heard[: 2 * SECOND] == silenced(audio(written) + held_back)
    assert heard[3 * SECOND :] == after[SECOND:], "soon after the notice the callee is recorded"


@pytest.mark.parametrize(("set_by", "silent"), [(timedelta(hours=1), 3 * BLOCK), (timedelta(hours=-1), BLOCK)])
async def test_a_clock_that_is_set_during_the_notice_bars_the_callee_two_blocks_longer_at_most(
    world: World, set_by: timedelta, silent: int
) -> None:
    said = audio(4 * BLOCK)
    async with world.serving() as client:
        recording = await begin(world, client, now() - set_by)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said[:BLOCK])
        await client.admit(recording=recording, at=now())
        monitor.write(said[BLOCK:])
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
    assert await world.heard(recording) == silenced(said[:silent]) + said[silent:]


def test_a_spool_file_is_barred_from_its_first_instant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that is killed before its next step finds it so."""
    monkeypatch.setattr("os.fchmod", lambda *_: None)
    assert SpoolFolder(world.spool).create(new_id(), barred=True).bar() is Bar.UP


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
    await killed(world)
    monitor.write(said[3 * BLOCK :])
    monitor.stop()
    await client.close_recording(recording=recording, at=now(), within=30)
    await client.close()
    assert await world.heard(recording) == silenced(said)


async def test_a_recorder_that_is_killed_while_the_notice_is_not_all_sealed_still_bars_what_was_said_in_it(
    world: World,
) -> None:
    written, held_back, after = audio(BLOCK, seed=1), audio(2 * SECOND - BLOCK, seed=2), audio(4 * BLOCK, seed=3)
    await world.start_process()
    client = RecorderClient(world.socket)
    await client.connect(within=30)
    recording = await begin(world, client, now() - timedelta(seconds=2))
    monitor = MixMonitor(world.spool_file(recording))
    monitor.write(written)
    await client.admit(recording=recording, at=now())
    await killed(world)
    monitor.write(held_back + after)
    async with asyncio.timeout(10):
        while world.spool_file(recording).stat().st_mode & Bar.LIFTING.value:
            await asyncio.sleep(0.02)
    await killed(world)
    monitor.write(written)
    monitor.stop()
    await client.close_recording(recording=recording, at=now(), within=30)
    await client.close()
    heard = await world.heard(recording)
    said = written + held_back + after + written
    assert heard[: 2 * SECOND] == silenced(said[: 2 * SECOND])
    assert heard[3 * BLOCK :] == said[3 * BLOCK :]


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

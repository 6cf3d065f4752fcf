"""AMI says Success though Asterisk can't write: a recording nobody writes to is a failure, a silent phone is none."""

import asyncio

from storage.ledger.recordings import RecordingState
from storage.vault import follower
from tests.storage.vault.world import BLOCK, MixMonitor, World, audio, now


async def test_a_spool_file_nobody_opened_fails_the_recording_at_once(world: World) -> None:
    async with world.serving() as client:
        watching = client.watch()
        first = asyncio.ensure_future(anext(watching))
        recording = await world.begin(client)
        async with asyncio.timeout(follower.FIRST_BLOCK + 3):
            event = await first
        assert (event.event, event.recording, event.error) == ("failed", recording, "no_audio")
        assert await client.close_recording(recording=recording, at=now()) == 0.0
        await watching.aclose()
    async with world.db.read() as tx:
        assert (await tx.recordings.get(recording)).state is RecordingState.FAILED
    assert [gap.kind.value for gap in world.manifest(recording).gaps] == ["no_audio"]


async def test_a_phone_that_sends_no_audio_for_a_while_fails_nothing(world: World) -> None:
    said = audio(BLOCK)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        await asyncio.sleep(follower.FIRST_BLOCK + 2)
        monitor.write(said)
        monitor.stop()
        assert await client.close_recording(recording=recording, at=now()) > 1.0
    assert await world.heard(recording) == said
    assert world.manifest(recording).gaps == ()

"""Stories of recordings, with a writer that behaves like MixMonitor and a spool in RAM."""

import asyncio
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from storage.ids import new_id
from storage.ledger.recordings import RecordingState
from storage.vault.client import RecorderClient
from storage.vault.errors import RecorderDown, RecorderError, SpoolUnfit
from storage.vault.format import CHUNK
from storage.vault.spool import SpoolFolder
from tests.storage.vault.world import BLOCK, MixMonitor, World, audio, now


async def until_sealed(world: World, recording: str, length: int) -> None:
    """Wait until so many bytes of plaintext are in the vault."""
    folder = world.vault / recording
    async with asyncio.timeout(10):
        while sum(file.stat().st_size for file in folder.glob("*.seg")) < length:
            await asyncio.sleep(0.02)


async def test_a_recorded_talk_is_sealed_byte_for_byte_and_nothing_stays_in_the_spool(world: World) -> None:
    said = audio(5 * BLOCK + 1234 * 4)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        for start in range(0, len(said), BLOCK):
            monitor.write(said[start : start + BLOCK])
            await asyncio.sleep(0.05)
        monitor.stop()
        seconds = await client.close_recording(recording=recording, at=now(), reason="hangup")
    assert seconds == pytest.approx(len(said) / 4 / 8000, abs=0.001)
    assert await world.heard(recording) == said
    assert list(world.spool.iterdir()) == []
    assert world.holds_plaintext(said) == []
    async with world.db.read() as tx:
        found = await tx.recordings.get(recording)
        assert found.state is RecordingState.SEALED
        tags = [entry.tag async for entry in tx.audit.entries()]
    assert tags[-2:] == ["recorder:recording:open", "recorder:recording:seal"]


async def test_what_is_sealed_leaves_the_spool_while_the_talk_goes_on(world: World) -> None:
    said = audio(8 * BLOCK)
    async with world.serving() as client:
        recording = await world.begin(client)
        file = world.spool_file(recording)
        monitor = MixMonitor(file)
        monitor.write(said)
        await until_sealed(world, recording, len(said))
        async with asyncio.timeout(5):
            while file.stat().st_blocks:
                await asyncio.sleep(0.02)
        assert file.stat().st_size == len(said), "the size stays: Asterisk writes on where it was"
        assert file.read_bytes() == bytes(len(said))
        monitor.write(said[:BLOCK])
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
    assert await world.heard(recording) == said + said[:BLOCK]


async def test_a_talk_of_nothing_is_sealed_too(world: World) -> None:
    async with world.serving() as client:
        recording = await world.begin(client)
        assert await client.close_recording(recording=recording, at=now()) == 0
    assert await world.heard(recording) == b""


async def test_closing_waits_for_the_last_block_asterisk_has_not_flushed(world: World) -> None:
    said = audio(BLOCK + 400)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said[:BLOCK])
        closing = asyncio.create_task(client.close_recording(recording=recording, at=now()))
        await asyncio.sleep(0.3)
        monitor.write(said[BLOCK:])
        monitor.stop()
        await closing
    assert await world.heard(recording) == said
    assert world.manifest(recording).gaps == ()


async def test_a_writer_that_never_lets_go_is_noted_in_the_manifest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.vault.follower.WRITER_GRACE", 0.1)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(audio(BLOCK))
        await client.close_recording(recording=recording, at=now())
        monitor.stop()
    assert [gap.kind.value for gap in world.manifest(recording).gaps] == ["still_writing"]
    assert await world.heard(recording) == audio(BLOCK)


async def test_open_and_close_asked_for_twice_do_the_same_once(world: World) -> None:
    async with world.serving() as client:
        recording, attempt = new_id(), await world.attempt()
        asks = [
            client.open(recording=recording, attempt=attempt, spool=f"{recording}.raw", rate=8000, at=now())
            for _ in range(3)
        ]
        await asyncio.gather(*asks)
        first, second = await asyncio.gather(
            client.close_recording(recording=recording, at=now()),
            client.close_recording(recording=recording, at=now()),
        )
        assert first == second == await client.close_recording(recording=recording, at=now())
        with pytest.raises(RecorderError, match="exists"):
            await client.open(recording=recording, attempt=attempt, spool=f"{recording}.raw", rate=8000, at=now())


async def test_pauses_stand_in_the_manifest_and_in_the_audit_log(world: World) -> None:
    async with world.serving() as client:
        recording = await world.begin(client)
        first = now()
        await client.pause(recording=recording, at=first)
        await client.pause(recording=recording, at=now())
        await client.resume(recording=recording, at=now())
        await client.resume(recording=recording, at=now())
        await client.pause(recording=recording, at=now())
        await client.close_recording(recording=recording, at=now())
    spans = world.manifest(recording).pauses
    assert [span.to_us is None for span in spans] == [False, True]
    async with world.db.read() as tx:
        tags = [entry.tag async for entry in tx.audit.entries()]
    assert tags.count("recorder:recording:pause") == 2
    assert tags.count("recorder:recording:unpause") == 1


async def test_a_long_talk_is_cut_into_segments_without_a_seam(world: World) -> None:
    world.settings = replace(world.settings, segment_minutes=2 * CHUNK / (8000 * 4 * 60))
    said = audio(9 * CHUNK + 100)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        for start in range(0, len(said), CHUNK * 2):
            monitor.write(said[start : start + CHUNK * 2])
            await asyncio.sleep(0.3)
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
    segments = world.manifest(recording).segments
    assert len(segments) >= 4
    assert all(segment.complete for segment in segments)
    assert await world.heard(recording) == said


async def test_forty_recordings_at_once_keep_to_their_own(world: World) -> None:
    async with world.serving() as client:
        recordings = [await world.begin(client) for _ in range(40)]
        monitors = [MixMonitor(world.spool_file(recording)) for recording in recordings]
        for block in range(3):
            for number, monitor in enumerate(monitors):
                monitor.write(audio(BLOCK, seed=number * 10 + block))
            await asyncio.sleep(0.1)
        for monitor in monitors:
            monitor.stop()
        await asyncio.gather(*(client.close_recording(recording=r, at=now()) for r in recordings))
    for number, recording in enumerate(recordings):
        assert await world.heard(recording) == b"".join(audio(BLOCK, seed=number * 10 + b) for b in range(3))


async def test_without_a_published_kek_nothing_is_begun(world: World) -> None:
    world.settings = replace(world.settings, retention_days=20_000)
    async with world.serving() as client:
        with pytest.raises(RecorderError, match="no_kek"):
            await world.begin(client)
        assert (await client.ping()).open == 0
    assert list(world.spool.iterdir()) == []


async def test_a_spool_file_that_is_taken_away_fails_the_recording_and_says_so(world: World) -> None:
    async with world.serving() as client:
        recording = await world.begin(client)
        watching = client.watch()
        first = asyncio.ensure_future(anext(watching))
        await asyncio.sleep(0.1)
        world.spool_file(recording).unlink()
        event = await asyncio.wait_for(first, 5)
        assert (event.event, event.recording, event.error) == ("failed", recording, "spool_changed")
        await client.close_recording(recording=recording, at=now())
        await watching.aclose()
    assert world.manifest(recording).failed


async def test_a_recording_nobody_writes_or_closes_is_sealed_by_itself(world: World) -> None:
    said = audio(BLOCK + 40)
    async with world.serving(abandoned_after=0.5) as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said)
        await asyncio.sleep(1.5)
        assert (await client.ping()).open == 1, "while somebody has the file open it is not abandoned"
        monitor.stop()
        async with asyncio.timeout(5):
            while (await client.ping()).open:
                await asyncio.sleep(0.05)
    manifest = world.manifest(recording)
    assert (manifest.crashed, manifest.reason) == (True, "abandoned")
    assert await world.heard(recording) == said


async def test_a_planned_restart_in_the_middle_leaves_whole_segments(world: World) -> None:
    said = audio(3 * BLOCK + 4_000)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said[: BLOCK + 2_000])
    async with world.serving() as client:
        monitor.write(said[BLOCK + 2_000 :])
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
    manifest = world.manifest(recording)
    assert [segment.complete for segment in manifest.segments] == [True, True]
    assert not manifest.crashed
    assert await world.heard(recording) == said


async def test_after_the_machine_restarted_what_was_sealed_is_kept_and_marked(world: World) -> None:
    said = audio(4 * BLOCK)
    process = await world.start_process()
    client = RecorderClient(world.socket)
    recording = await world.begin(client)
    MixMonitor(world.spool_file(recording)).write(said)
    await until_sealed(world, recording, len(said))
    process.kill()
    await process.wait()
    await client.close()
    world.spool_file(recording).unlink()  # RAM is empty after a restart
    async with world.serving():
        pass
    manifest = world.manifest(recording)
    assert manifest.crashed
    assert [gap.kind.value for gap in manifest.gaps] == ["spool_lost"]
    assert await world.heard(recording) == said


async def test_a_second_recorder_is_refused_and_does_no_harm(world: World) -> None:
    async with world.serving() as client:
        recording = await world.begin(client)
        with pytest.raises(RecorderError, match="running"):
            async with world.serving():
                pass
        await client.close_recording(recording=recording, at=now())


async def test_the_socket_is_ours_alone_and_bad_lines_end_the_conversation(world: World) -> None:
    async with world.serving():
        assert stat.S_IMODE(os.stat(world.socket).st_mode) == 0o600
        for line in (b"hello\n", b'{"id":1,"op":"open"}\n', b"x" * 9000 + b"\n", b'{"id":1,"op":"ping","x":1}\n'):
            reader, writer = await asyncio.open_unix_connection(world.socket)
            writer.write(line)
            answer = await reader.readline()
            assert b'"ok":false' in answer
            assert b"bad_request" in answer
            assert await reader.read() == b""
            writer.close()


async def test_a_client_without_a_recorder_says_what_to_do(world: World) -> None:
    client = RecorderClient(world.socket)
    assert not client.connected
    with pytest.raises(RecorderDown, match="is the recorder running"):
        await client.connect(within=0.2)


def test_a_spool_on_a_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpoolUnfit, match="not in RAM"):
        SpoolFolder(tmp_path)

"""Killed between the commit of a recording and its spool file: who asked for it asks again, and gets it."""

from dataclasses import replace
from datetime import timedelta

from storage.ids import new_id
from storage.vault import resume
from storage.vault.books import Books
from storage.vault.recorder import utc_now
from tests.storage.vault.world import BLOCK, SETTINGS, SIGNER, MixMonitor, World, audio, now


async def test_a_recording_committed_and_not_begun_is_begun_at_the_next_start(world: World) -> None:
    books, said = Books(world.db, SETTINGS, SIGNER, utc_now), audio(BLOCK)
    recording, attempt = new_id(), await world.attempt()
    await books.begin(books.recording(recording, attempt, 8000, now()))
    async with world.serving() as client:
        await client.open(recording=recording, attempt=attempt, spool=f"{recording}.raw", rate=8000, at=now())
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said)
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
    assert await world.heard(recording) == said


async def test_one_from_before_the_machine_restarted_is_not(world: World) -> None:
    books = Books(world.db, SETTINGS, SIGNER, utc_now)
    recording, attempt = new_id(), await world.attempt()
    old = books.recording(recording, attempt, 8000, now())
    await books.begin(replace(old, started=now() - resume.BEGINNING - timedelta(seconds=1)))
    async with world.serving():
        assert not world.spool_file(recording).exists()
    assert [gap.kind.value for gap in world.manifest(recording).gaps] == ["spool_lost"]

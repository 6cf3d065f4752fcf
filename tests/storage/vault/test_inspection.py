"""What somebody with write access to the ledger, or to ledger and vault, could do that no manifest shows."""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import delete, update

from storage import schema
from storage.ids import new_id
from storage.ledger.recordings import NoSuchRecording
from storage.vault.inspection import inspect
from storage.vault.manifest import from_file, sign, to_file
from tests.storage.vault.world import SIGNER, TRUSTED, MixMonitor, World, audio, now


@pytest_asyncio.fixture
async def recording(world: World) -> AsyncIterator[str]:
    async with world.serving() as client:
        made = await world.begin(client)
        monitor = MixMonitor(world.spool_file(made))
        monitor.write(audio(40_000))
        monitor.stop()
        await client.close_recording(recording=made, at=now())
        yield made


async def findings(world: World, wanted: str | None = None) -> dict[str, list[str]]:
    proofs = await inspect(world.db, world.blobs, TRUSTED, wanted)
    return {proof.recording: [f"{found.where}: {found.what}" for found in proof.findings] for proof in proofs}


async def change(world: World, recording: str, **values: object) -> None:
    async with world.db.begin() as tx:
        await tx.run(update(schema.recordings).where(schema.recordings.c.id == recording).values(**values))


async def test_what_is_as_it_was_has_no_findings_and_one_going_on_is_none(world: World, recording: str) -> None:
    assert await findings(world) == {recording: []} == await findings(world, recording)


async def test_a_recording_deleted_from_the_ledger_is_missed(world: World, recording: str) -> None:
    async with world.db.begin() as tx:
        for table in (schema.wraps, schema.segments):
            await tx.run(delete(table).where(table.c.recording_id == recording))
        await tx.run(delete(schema.recordings).where(schema.recordings.c.id == recording))
    assert (await findings(world))[recording][0].startswith("ledger: has no such recording any more")
    shutil.rmtree(world.vault / recording)
    assert (await findings(world))[recording][0].startswith("ledger: has no such recording any more")
    assert (await findings(world, recording))[recording][0].startswith("ledger: has no such recording any more")


async def test_a_recording_made_to_look_open_again_is_found(world: World, recording: str) -> None:
    await change(world, recording, state="open", manifest=None, manifest_signature=None, sealed_us=None)
    assert (await findings(world))[recording][-1].startswith("ledger: its manifest is not the one")


async def test_another_signed_manifest_in_both_places_is_not_the_one_in_the_audit_log(
    world: World, recording: str
) -> None:
    file = world.vault / recording / "manifest.json"
    body = file.read_bytes().splitlines()[0].replace(b'"reason":""', b'"reason":"x"')
    signature = sign(body, SIGNER)
    file.chmod(0o600)
    file.write_bytes(to_file(body, SIGNER.key_id, signature))
    from_file(file.read_bytes(), TRUSTED, "it holds")
    await change(world, recording, manifest=body.decode(), manifest_signature=signature)
    assert await findings(world) == {
        recording: ["ledger: its manifest is not the one that the audit log says it was closed with"]
    }


@pytest.mark.parametrize("field", ["attempt", "node", "crash flag"])
async def test_a_recording_hung_on_another_call_is_found(world: World, recording: str, field: str) -> None:
    other: dict[str, dict[str, object]] = {
        "attempt": {"attempt_id": await world.attempt()},
        "node": {"node": "node2"},
        "crash flag": {"crashed": True},
    }
    await change(world, recording, **other[field])
    assert await findings(world) == {recording: [f"ledger: its {field} is not the one in the signed manifest"]}


async def test_a_folder_nobody_knows_is_named(world: World, recording: str) -> None:
    stranger = new_id()
    shutil.copytree(world.vault / recording, world.vault / stranger)
    assert (await findings(world))[stranger] == ["vault: neither the ledger nor the audit log knows it"]
    with pytest.raises(NoSuchRecording):
        await inspect(world.db, world.blobs, TRUSTED, new_id())

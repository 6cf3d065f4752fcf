"""A flipped, cut, swapped or appended byte in segment, manifest or wrapped key is found and named."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from storage import schema
from storage.vault import keys, manifest
from storage.vault.blobs import FolderBlobs
from storage.vault.errors import BadManifest, BadWrap, KekDestroyed
from storage.vault.format import CHUNK
from storage.vault.keyring import private_half
from storage.vault.manifest import GapKind
from storage.vault.published import public_half
from storage.vault.signing import Signer, Trusted
from storage.vault.verify import LedgerSide, Proof, verify
from tests.storage.vault.world import PROVIDER, SIGNER, TRUSTED, MixMonitor, World, audio, now

CUSTODIAN = Signer("custodian", b"c" * 32)
SOME = 60


async def sealed(world: World, length: int = 5 * CHUNK + 100) -> str:
    """A recording of three segments."""
    world.settings = replace(world.settings, segment_minutes=2 * CHUNK / (8000 * 4 * 60))
    said = audio(length)
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        for start in range(0, length, 2 * CHUNK):
            monitor.write(said[start : start + 2 * CHUNK])
            folder = world.vault / recording
            while sum(f.stat().st_size for f in folder.glob("*.seg")) < min(start + 2 * CHUNK, length // CHUNK * CHUNK):
                await client.ping()
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
    return recording


async def side(world: World, recording: str) -> LedgerSide:
    async with world.db.read() as tx:
        return LedgerSide(await tx.recordings.get(recording), tuple(await tx.wraps.of(recording)))


def named(proof: Proof) -> list[str]:
    return [f"{finding.where}: {finding.what}" for finding in proof.findings]


async def test_every_flipped_byte_is_found_and_named(world: World) -> None:
    recording = await sealed(world)
    ledger = await side(world, recording)
    assert verify(recording, world.blobs, TRUSTED, ledger).sound
    files = sorted((world.vault / recording).iterdir())
    assert [file.name for file in files][-1] == "manifest.json"
    assert len(files) >= 3

    @settings(max_examples=SOME, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(files), st.data())
    def flip(file: Path, data: st.DataObject) -> None:
        before = file.read_bytes()
        place = data.draw(st.integers(0, len(before) - 1))
        after = bytearray(before)
        after[place] ^= data.draw(st.integers(1, 255))
        file.write_bytes(after)
        try:
            found = verify(recording, world.blobs, TRUSTED)
            assert not found.sound
            expected = "manifest" if file.name == "manifest.json" else f"segment {int(file.stem)}"
            assert [finding.where for finding in found.findings] == [expected]
        finally:
            file.write_bytes(before)

    flip()


async def test_cut_appended_swapped_missing_and_strange_files_are_named(world: World) -> None:
    recording = await sealed(world)
    folder = world.vault / recording
    whole = world.folder / "whole"
    shutil.copytree(folder, whole)
    first, second = folder / "000000.seg", folder / "000001.seg"

    def proof() -> list[str]:
        found = named(verify(recording, world.blobs, TRUSTED))
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        return found

    first.write_bytes(first.read_bytes()[:-5])
    (line,) = proof()
    assert line.startswith("segment 0: cut: ")
    first.write_bytes(first.read_bytes() + b"x")
    assert proof() == ["segment 0: 1 bytes were appended"]
    first.write_bytes(second.read_bytes())
    assert proof() == [f"segment 0: holds segment 1 of recording {recording} (swapped)"]
    second.unlink()
    assert proof() == [f"segment 1: {recording}/000001.seg: is not in the vault"]
    shutil.copy(first, folder / "000099.seg")
    assert proof() == [f"{recording}/000099.seg: is not in the manifest"]
    paper = folder / "manifest.json"
    paper.write_bytes(paper.read_bytes() + b"\n")
    (line,) = proof()
    assert line.startswith("manifest: ")
    paper.unlink()
    assert proof() == [f"manifest: {recording}/manifest.json: is not in the vault"]
    assert proof() == []


async def test_a_manifest_of_another_recording_or_by_a_stranger_is_refused(world: World) -> None:
    recording, other = await sealed(world), await sealed(world)
    paper = world.vault / recording / "manifest.json"
    mine = paper.read_bytes()
    shutil.copy(world.vault / other / "manifest.json", paper)
    assert named(verify(recording, world.blobs, TRUSTED)) == [f"manifest: is that of recording {other} (swapped)"]
    body = mine.split(b"\n")[0].replace(b'"crashed":false', b'"crashed":true')
    stranger = Signer("node1", b"s" * 32)
    paper.write_bytes(manifest.to_file(body, stranger.key_id, manifest.sign(body, stranger)))
    (line,) = named(verify(recording, world.blobs, TRUSTED))
    assert "a key that is not trusted here" in line


async def test_every_changed_wrapped_key_is_found_with_public_keys_alone(world: World) -> None:
    recording = await sealed(world)
    ledger = await side(world, recording)

    @settings(max_examples=SOME, deadline=None)
    @given(st.data())
    def flip(data: st.DataObject) -> None:
        which = data.draw(st.integers(0, len(ledger.wraps) - 1))
        wrap = ledger.wraps[which]
        changed = bytearray(wrap.wrapped)
        how = data.draw(st.sampled_from(["flip", "cut", "append", "empty"]))
        if how == "flip":
            changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
        elif how == "cut":
            del changed[-data.draw(st.integers(1, 200)) :]
        elif how == "append":
            changed += data.draw(st.binary(min_size=1, max_size=9))
        else:
            changed.clear()
        wraps = [*ledger.wraps]
        wraps[which] = replace(wrap, wrapped=bytes(changed))
        found = verify(recording, world.blobs, TRUSTED, replace(ledger, wraps=tuple(wraps)))
        assert [finding.where for finding in found.findings] == [f"wrapped key of segment {wrap.segment}"]

    flip()
    first, second, *rest = ledger.wraps
    swapped = (replace(first, wrapped=second.wrapped), replace(second, wrapped=first.wrapped), *rest)
    found = verify(recording, world.blobs, TRUSTED, replace(ledger, wraps=swapped))
    assert [finding.where for finding in found.findings] == ["wrapped key of segment 0", "wrapped key of segment 1"]


async def test_a_changed_ledger_copy_of_the_manifest_is_found(world: World) -> None:
    recording = await sealed(world)
    async with world.db.begin() as tx:
        found = await tx.recordings.get(recording)
        assert found.manifest is not None
        text = found.manifest.decode().replace('"failed":false', '"failed":true')
        await tx.run(update(schema.recordings).values(manifest=text))
    (line,) = named(verify(recording, world.blobs, TRUSTED, await side(world, recording)))
    assert line.startswith("manifest: the ledger's manifest: the manifest was changed")


async def test_integrity_can_be_proven_after_the_keys_are_gone(world: World) -> None:
    recording = await sealed(world)
    before = await side(world, recording)
    async with world.db.begin() as tx:
        for wrap in before.wraps:
            await tx.wraps.remove(wrap)
    found = verify(recording, world.blobs, TRUSTED, await side(world, recording))
    assert found.sound
    assert any("erased" in note for note in found.notes)
    assert verify(recording, FolderBlobs(world.vault), Trusted([SIGNER.public])).sound


async def test_rotation_and_re_wrapping_need_no_audio_and_the_old_kek_opens_nothing(world: World) -> None:
    recording = await sealed(world)
    said = await world.heard(recording)
    ring = world.keyring()
    old = (await side(world, recording)).wraps[0].kek_id
    async with world.db.read() as tx:
        month = (await tx.keks.get(old)).month
    new = await ring.publish(month, now())
    shutil.move(world.vault, world.folder / "elsewhere")
    custodian = world.keyring(CUSTODIAN)
    moved = await custodian.rewrap(old, now(), "cli:test")
    assert await custodian.rewrap(old, now(), "cli:test") == 0
    shutil.move(world.folder / "elsewhere", world.vault)
    ledger = await side(world, recording)
    assert moved == len(ledger.wraps)
    assert {wrap.kek_id for wrap in ledger.wraps} == {new.id}
    both = Trusted([SIGNER.public, CUSTODIAN.public])
    assert verify(recording, world.blobs, both, ledger).sound
    assert not verify(recording, world.blobs, TRUSTED, ledger).sound, "the custodian's signature must be trusted"
    assert await ring.destroy(old, now(), "cli:test", "expired")
    assert not await ring.destroy(old, now(), "cli:test", "expired")
    assert await world.heard(recording) == said
    async with world.db.read() as tx:
        with pytest.raises(KekDestroyed):
            private_half(await tx.keks.get(old), PROVIDER)


async def test_a_wrap_that_somebody_put_into_the_ledger_is_not_signed_by_the_custodian(world: World) -> None:
    recording = await sealed(world)
    wrap = (await side(world, recording)).wraps[0]
    async with world.db.read() as tx:
        kek = await tx.keks.get(wrap.kek_id)
    place, algorithm = keys.Place(recording, wrap.segment, kek.id), keys.algorithm_named(wrap.algorithm)
    forged = keys.wrap(b"z" * 32, public_half(kek, TRUSTED), algorithm, place, Signer("stranger", b"s" * 32))
    async with world.db.begin() as tx:
        await tx.wraps.remove(wrap)
        await tx.wraps.add(recording, wrap.segment, kek.id, wrap.algorithm, forged)
    await world.keyring().publish(kek.month, now())
    with pytest.raises(BadWrap, match="not trusted"):
        await world.keyring().rewrap(kek.id, now(), "cli:test")
    assert (await side(world, recording)).wraps[0].wrapped == forged, "it stays as it is, for verify to name"


@pytest.mark.parametrize("algorithm", list(keys.Algorithm))
def test_a_wrapped_key_opens_only_in_its_place(algorithm: keys.Algorithm) -> None:
    private, public = keys.generate(algorithm)
    dek, place = keys.new_dek(), keys.Place("01M7ZVV5MSFJHPXSDVJ600W17E", 0, "01M7ZVV5MSFJHPXSDVJ600W17F")
    wrapped = keys.wrap(dek, public, algorithm, place, SIGNER)
    assert keys.unwrap(wrapped, private, algorithm, place) == dek
    keys.check(wrapped, algorithm, place, TRUSTED)
    for other in (replace(place, segment=1), replace(place, kek_id=place.recording)):
        with pytest.raises(BadWrap):
            keys.unwrap(wrapped, private, algorithm, other)
        with pytest.raises(BadWrap):
            keys.check(wrapped, algorithm, other, TRUSTED)
    with pytest.raises(BadWrap):
        keys.unwrap(wrapped, keys.generate(algorithm)[0], algorithm, place)


def test_a_sealed_private_key_opens_only_for_its_kek() -> None:
    with pytest.raises(BadWrap, match="does not open"):
        PROVIDER.open("b", PROVIDER.seal("a", b"private"))
    assert PROVIDER.open("a", PROVIDER.seal("a", b"private")) == b"private"


@given(st.binary(max_size=400))
def test_the_manifest_reader_refuses_any_bytes(data: bytes) -> None:
    for read in (lambda: manifest.from_file(data, TRUSTED, "test"), lambda: manifest.parse(data, "test")):
        with pytest.raises(BadManifest):
            read()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**60) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(manifest.Manifest.__dataclass_fields__)), _JSON)
def test_a_manifest_with_any_other_value_is_read_strictly_or_refused(field: str, value: object) -> None:
    """Signed by a trusted node, and wrong: still no exception but BadManifest, and no value of another type."""
    import json

    good = manifest.Manifest(
        tenant="main",
        recording="01M7ZVV5MSFJHPXSDVJ600W17E",
        attempt="01M7ZVV5MSFJHPXSDVJ600W17F",
        node="node1",
        codec=manifest.Codec.S16LE,
        layout=manifest.Layout.IN_OUT,
        rate=8000,
        started_us=1,
        sealed_us=2,
        crashed=False,
        failed=False,
        reason="",
        segments=(manifest.SegmentEntry(0, 1, 2, 3, 4, True, bytes(32), bytes(32)),),
        pauses=(manifest.Span(1, None),),
        gaps=(manifest.Gap(GapKind.DISK_FULL, 1, 2),),
    )
    assert manifest.parse(good.encode(), "test") == good
    changed = {**json.loads(good.encode()), field: value}
    body = json.dumps(changed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    try:
        read = manifest.parse(body, "test")
    except BadManifest:
        return
    assert read.encode() == body

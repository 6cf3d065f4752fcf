"""Opening recordings: for whom the rules allow it, with the audit entry committed first."""

import io
import os
import stat
import tracemalloc
import wave
from pathlib import Path

import numpy
import pytest
import soundfile

from compliance.errors import BadInput
from storage.audit import AuditTag
from storage.canonical import parse_object
from storage.errors import AccessDenied
from storage.governance.access import Action, Role
from storage.ledger.recordings import NoSuchRecording
from storage.vault.custodian import Custodian, OpenRecording
from storage.vault.errors import BadManifest, BadSegment, KekDestroyed
from storage.vault.export import AudioFormat, Stretch, stretch_of, to_file, to_player
from tests.storage.vault.world import PROVIDER, TRUSTED, MixMonitor, World, now

RATE = 8000


def two_tones(seconds: float) -> bytes:
    """The callee's tone (500 Hz) on the left, the agent's (1200 Hz) on the right."""
    time = numpy.arange(int(seconds * RATE)) / RATE
    left, right = (10_000 * numpy.sin(2 * numpy.pi * hertz * time) for hertz in (500, 1200))
    return numpy.stack([left, right], axis=1).astype("<i2").tobytes()


async def recorded(world: World, said: bytes) -> str:
    async with world.db.begin() as tx:
        for name, role in (("olga", Role.COMPLIANCE_OFFICER), ("sam", Role.SUPERVISOR), ("ada", Role.ADMIN)):
            await tx.principals.add(name, "test", now())
            await tx.principals.grant(name, role, "test", now())
    async with world.serving() as client:
        recording = await world.begin(client)
        monitor = MixMonitor(world.spool_file(recording))
        monitor.write(said)
        monitor.stop()
        await client.close_recording(recording=recording, at=now())
    return recording


async def opened(
    world: World, recording: str, who: str = "olga", action: Action = Action.EXPORT_RECORDING
) -> OpenRecording:
    custodian = Custodian(world.db, world.blobs, PROVIDER, TRUSTED)
    return await custodian.open(recording, action, principal=who, reason="a complaint", at=now())


def loudest(samples: numpy.ndarray) -> float:
    """The strongest frequency, in hertz."""
    spectrum = numpy.abs(numpy.fft.rfft(samples))
    return float(numpy.argmax(spectrum) * RATE / len(samples))


@pytest.mark.parametrize("kind", list(AudioFormat))
async def test_an_export_has_each_side_on_its_channel(world: World, kind: AudioFormat) -> None:
    said = two_tones(4)
    recording = await recorded(world, said)
    target = world.folder / f"out.{kind.value}"
    with await opened(world, recording) as source:
        size = to_file(source, stretch_of(source, None, None), target, kind)
    assert size == target.stat().st_size
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    samples, rate = soundfile.read(target)
    assert rate == RATE
    assert samples.shape == (4 * RATE, 2)
    assert loudest(samples[:, 0]) == pytest.approx(500, abs=2)
    assert loudest(samples[:, 1]) == pytest.approx(1200, abs=2)
    if kind is not AudioFormat.OPUS:
        assert soundfile.read(target, dtype="int16")[0].astype("<i2").tobytes() == said


async def test_a_stretch_is_cut_out_to_the_sample(world: World) -> None:
    said = two_tones(5)
    recording = await recorded(world, said)
    with await opened(world, recording) as source:
        stretch = stretch_of(source, 1.25, 3.5)
        target = world.folder / "out.wav"
        to_file(source, stretch, target, AudioFormat.WAV)
        pipe = io.BytesIO()
        to_player(source, stretch, pipe)
        for start, end in ((6.0, None), (2.0, 1.0), (2.0, 2.0)):
            with pytest.raises(BadInput):
                stretch_of(source, start, end)
    with wave.open(str(target)) as file:
        frames = file.readframes(file.getnframes())
    assert frames == said[int(1.25 * RATE) * 4 : int(3.5 * RATE) * 4]
    with wave.open(io.BytesIO(pipe.getvalue())) as file:
        assert file.readframes(file.getnframes()) == frames


async def test_the_audit_entry_is_committed_before_a_key_is_opened(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await recorded(world, two_tones(1))

    def refuse(kek_id: str, sealed: bytes) -> bytes:
        raise RuntimeError("the key provider was asked")

    monkeypatch.setattr(PROVIDER, "open", refuse)
    with pytest.raises(RuntimeError):
        await opened(world, recording)
    async with world.db.read() as tx:
        last = [entry async for entry in tx.audit.entries()][-1]
    assert last.tag == AuditTag.RECORDING_EXPORTED.value
    data = parse_object(last.data)
    assert (data["recording"], data["by"], data["reason"]) == (recording, "olga", "a complaint")


async def test_who_may_not_is_refused_and_that_is_noted(world: World) -> None:
    recording = await recorded(world, two_tones(1))
    (await opened(world, recording, "sam", Action.PLAY_RECORDING)).__exit__(None, None, None)
    for who, action in (("sam", Action.EXPORT_RECORDING), ("ada", Action.PLAY_RECORDING)):
        with pytest.raises(AccessDenied):
            await opened(world, recording, who, action)
    async with world.db.read() as tx:
        tags = [entry.tag async for entry in tx.audit.entries()]
    assert tags[-2:] == [AuditTag.ACCESS_DENIED.value] * 2


async def test_what_is_open_unknown_or_erased_is_said_so(world: World) -> None:
    recording = await recorded(world, two_tones(1))
    with pytest.raises(NoSuchRecording):
        await opened(world, "01M7ZVV5MSFJHPXSDVJ600W17E")
    async with world.serving() as client:
        going_on = await world.begin(client)
        with pytest.raises(BadManifest, match="is being recorded"):
            await opened(world, going_on)
        await client.close_recording(recording=going_on, at=now())
    async with world.db.begin() as tx:
        for kek in await tx.keks.list():
            await tx.keks.destroy(kek.id)
    with pytest.raises(KekDestroyed, match="erased"):
        await opened(world, recording)


async def test_a_damaged_recording_leaves_no_half_file(world: World) -> None:
    recording = await recorded(world, two_tones(5))
    segment = world.vault / recording / "000000.seg"
    whole = segment.read_bytes()
    damaged = bytearray(whole)
    damaged[-100] ^= 1
    segment.write_bytes(damaged)
    target = world.folder / "out.wav"
    with await opened(world, recording) as source, pytest.raises(BadSegment, match="chunk"):
        to_file(source, stretch_of(source, None, None), target, AudioFormat.WAV)
    assert [name for name in os.listdir(world.folder) if "out" in name] == []
    segment.write_bytes(whole[:-10])
    with pytest.raises(BadSegment, match="when it was sealed"):
        await opened(world, recording)


async def test_an_existing_file_is_never_overwritten(world: World) -> None:
    recording = await recorded(world, two_tones(1))
    target = world.folder / "out.wav"
    target.write_bytes(b"mine")
    with await opened(world, recording) as source:
        with pytest.raises(BadInput, match="not overwritten"):
            to_file(source, Stretch(0, 100), target, AudioFormat.WAV)
        with pytest.raises(BadInput):
            to_file(source, Stretch(0, 100), Path("/nowhere/out.wav"), AudioFormat.WAV)
    assert target.read_bytes() == b"mine"


async def test_exporting_takes_little_memory_however_long_the_recording(world: World) -> None:
    recording = await recorded(world, bytes(16 * 1024 * 1024))
    with await opened(world, recording) as source:
        tracemalloc.start()
        to_file(source, stretch_of(source, None, None), world.folder / "out.flac", AudioFormat.FLAC)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1024 * 1024

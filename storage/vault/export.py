"""Audio out of the vault: into a file (WAV, FLAC, Ogg-Opus) or into a player's stdin. In bounded memory."""

import os
import secrets
import wave
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO

import numpy
import soundfile

from compliance.errors import BadInput
from storage.vault.blobs import sync_folder
from storage.vault.custodian import OpenRecording
from storage.vault.errors import ExportFailed

CHANNELS = 2


class AudioFormat(Enum):
    """Of a file; the value is its suffix."""

    WAV = "wav"
    FLAC = "flac"
    OPUS = "opus"


_KINDS = {AudioFormat.WAV: ("WAV", "PCM_16"), AudioFormat.FLAC: ("FLAC", "PCM_16"), AudioFormat.OPUS: ("OGG", "OPUS")}


@dataclass(frozen=True)
class Stretch:
    """Frames of a recording: from `first` up to, not including, `last`."""

    first: int
    last: int


def stretch_of(recording: OpenRecording, start: float | None, end: float | None) -> Stretch:
    """From second `start` to second `end` (None: from the beginning, to the end). Raises BadInput: nothing there."""
    rate, length = recording.manifest.rate, recording.frames
    first = 0 if start is None else round(start * rate)
    last = length if end is None else min(round(end * rate), length)
    if not 0 <= first <= last or (first == last and length):
        asked = f"from {start or 0:g} s to {'its end' if end is None else f'{end:g} s'}"
        raise BadInput(f"{asked}: nothing is there; the recording has {length / rate:.2f} s")
    return Stretch(first, last)


def to_file(recording: OpenRecording, stretch: Stretch, target: Path, kind: AudioFormat) -> int:
    """Write the stretch to a new file of mode 0600: whole or not at all. Returns its bytes.

    Raises BadInput: the file exists, its folder does not; ExportFailed; BadSegment (nothing is left behind).
    """
    scratch = target.parent / f".{target.name[:200]}.{secrets.token_hex(6)}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(scratch, flags, 0o600)
    except OSError as error:
        raise BadInput(f"{target}: {error.strerror}; name a new file in a folder you may write to") from None
    try:
        with os.fdopen(descriptor, "w+b", buffering=0) as stream:
            _encode(recording, stretch, stream, kind)
            os.fsync(stream.fileno())
            size = os.fstat(stream.fileno()).st_size
        target.hardlink_to(scratch)  # refuses an existing name
        sync_folder(target.parent)
    except FileExistsError:
        raise BadInput(f"{target}: is there already and is not overwritten") from None
    except (OSError, soundfile.LibsndfileError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        raise ExportFailed(f"{target}: {text}; nothing was left behind") from None
    finally:
        scratch.unlink(missing_ok=True)
    return size


class _Sink:
    """A file as libsndfile's callbacks use one. They may not raise: what failed is kept, and raised afterwards."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.failed: OSError | None = None
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        return self._stream.read(size)

    def write(self, data: bytes) -> int:
        if self.failed is None:
            try:
                left = memoryview(data)
                while left:
                    left = left[self._stream.write(left) :]
            except OSError as error:
                self.failed = error
        return len(data)


def _encode(recording: OpenRecording, stretch: Stretch, stream: IO[bytes], kind: AudioFormat) -> None:
    container, coding = _KINDS[kind]
    rate, sink = recording.manifest.rate, _Sink(stream)
    with soundfile.SoundFile(sink, "w", rate, CHANNELS, coding, format=container) as out:
        for block in recording.stretch(stretch.first, stretch.last):
            out.write(numpy.frombuffer(block, "<i2").reshape(-1, CHANNELS))
            if sink.failed is not None:
                break
    if sink.failed is not None:  # asked once more: closing writes too
        raise sink.failed


def to_player(recording: OpenRecording, stretch: Stretch, stream: IO[bytes]) -> None:
    """Write the stretch as WAV into a pipe; a player that is closed early is no error."""
    try:
        with wave.open(stream, "wb") as out:
            out.setnchannels(CHANNELS)
            out.setsampwidth(2)
            out.setframerate(recording.manifest.rate)
            out.setnframes(stretch.last - stretch.first)  # known before: a pipe can't be sought in
            for block in recording.stretch(stretch.first, stretch.last):
                out.writeframesraw(block)
    except BrokenPipeError:
        return

"""What was heard: tones, silence and prompts found in audio.

All times are seconds from the first sample. `Sound.samples` are floats from -1 to 1, one channel.
"""

import struct
import wave
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from compliance.errors import BadInput

Samples = NDArray[np.float64]
Spectrogram = NDArray[np.float64]  # frames × bands

FRAME = 0.02  # s: one RTP packet of G.711
_QUIET = 0.003  # of full scale, about -50 dBFS: above what µ-law makes of silence, below any speech
_BAND_EDGES = np.geomspace(250, 3400, 21)  # Hz: the telephone band
_PIECE = 0.4  # s: prompts are matched in pieces, so a cut or shifted one is measured as such
_PIECE_STEP = 0.1
_PIECE_MATCH = 0.8  # likeness from which a piece counts as heard; a tone underneath as loud costs up to 0.15
_PIECE_DOUBT = 0.6  # below it a piece is unlike; between the two it settles nothing
_PIECE_SPREAD = 0.08
_FOUND_SECONDS = 1.0  # less than that other speech may resemble by chance
_SHORT_SECONDS, _SHORT_SCORE = 1.5, 0.9  # of a short prompt so much must match
_SLIP = 0.12  # s a piece may lie beside its place: jitter buffers grow and shrink
_LONGEST = 4 * 3600 * 16000 * 2 * 2  # bytes


@dataclass(frozen=True)
class Span:
    """From `start` to `end`, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Sound:
    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        return self.samples.size / self.rate

    def part(self, start: float, end: float | None = None) -> "Sound":
        last = None if end is None else round(end * self.rate)
        return Sound(self.samples[round(start * self.rate) : last], self.rate)


@dataclass(frozen=True)
class Heard:
    """Where a prompt was found.

    fraction: how much of it was heard, 0 to 1. score: mean likeness of that. skipped: seconds of the prompt's speech
    before the first that was heard; about 0 unless its beginning is missing.
    """

    found: bool
    start: float
    end: float
    score: float
    fraction: float
    skipped: float

    @property
    def whole(self) -> bool:
        """Heard from its first word to its last."""
        return self.found and self.fraction >= 0.95


def load(path: Path, channel: int = 0) -> Sound:
    """One channel of a WAV file of 16-bit samples; the file may still be growing, its header's length is not believed.

    Raises BadInput: no such file.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_LONGEST)
    except FileNotFoundError:
        raise BadInput(f"{path}: not there") from None
    data = content.find(b"data", 12)
    if content[:4] != b"RIFF" or content[8:16] != b"WAVEfmt " or data < 36:
        raise BadInput(f"{path}: not a WAV file")
    coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", content, 20)
    if coding not in (1, 0xFFFE) or bits != 16 or not channels or channel >= channels:
        raise BadInput(f"{path}: not plain 16-bit audio with a channel {channel}")
    return _sound(content[data + 8 :], channels, channel, rate)


def load_raw(path: Path, channel: int, rate: int = 8000) -> Sound:
    """One channel (0 left, 1 right) of interleaved 16-bit stereo: what MixMonitor's `D` writes."""
    return _sound(path.read_bytes(), 2, channel, rate)


def write_wav(path: Path, sound: Sound) -> None:
    """Mono, 16 bit."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate)
        file.writeframes(np.round(np.clip(sound.samples, -1, 1) * 32767).astype("<i2").tobytes())


def tone(hz: float, seconds: float, rate: int = 8000, level: float = 0.25) -> Sound:
    """A sine."""
    return Sound(level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate), rate)


def write_tone(path: Path, hz: float, seconds: float, rate: int = 8000) -> None:
    """A sine as WAV; written a second at a time, whole periods long, so that it goes on without a click."""
    if hz != int(hz) or not 100 <= hz <= rate * 0.45:
        raise BadInput(f"tone of {hz:g} Hz: whole Hz from 100 to {rate * 0.45:.0f} only")
    second = np.round(tone(hz, 1.0, rate).samples * 32767).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for _ in range(round(seconds)):
            file.writeframesraw(second)


def tone_spans(sound: Sound, hz: float, *, level: float = 0.02, purity: float = 0.5, gap: float = 0.06) -> list[Span]:
    """Where a tone sounds: its own energy is above `level` (of full scale) and above `purity` of all energy there.

    Spans nearer than `gap` seconds become one; one frame is 20 ms, so edges are right to about that.
    """
    frames = _frames(sound)
    size = frames.shape[1]
    probe = np.exp(-2j * np.pi * hz * np.arange(size) / sound.rate) * np.hanning(size)
    amplitude = np.abs(frames @ probe) * 2 / np.hanning(size).sum()
    power = np.mean(frames**2, axis=1)
    present = (amplitude > level) & (amplitude**2 / 2 > purity * np.maximum(power, 1e-12))
    return _spans(present, gap)


def tone_seconds(sound: Sound, hz: float) -> float:
    """How long a tone sounds, all spans together."""
    return sum(span.seconds for span in tone_spans(sound, hz))


def silence_spans(sound: Sound, *, at_least: float = 0.1, level: float = _QUIET) -> list[Span]:
    """Where nothing sounds for `at_least` seconds."""
    quiet = np.abs(_frames(sound)).max(axis=1, initial=0.0) < level
    return [span for span in _spans(quiet, 0.0) if span.seconds >= at_least - FRAME / 2]


def sounding_spans(sound: Sound, *, gap: float = 0.3, level: float = _QUIET) -> list[Span]:
    """Where anything sounds; pauses shorter than `gap` seconds belong to it."""
    loud = np.abs(_frames(sound)).max(axis=1, initial=0.0) >= level
    return _spans(loud, gap)


def find_prompt(sound: Sound, prompt: Sound) -> Heard:
    """Look for a rendered prompt in what a phone heard or a recording holds.

    Both become spectrograms of the telephone band (20 ms frames, 10 ms apart). Overlapping pieces of the prompt are
    correlated with the sound; the offset on which most pieces agree, ±120 ms for a jitter buffer at work, is where
    the prompt lies. Pieces that match there were heard, the others were not. G.711 and a change of loudness do not
    matter. Found means a second of it, or all of a shorter one.
    """
    if sound.rate != prompt.rate:
        raise BadInput(f"sound at {sound.rate} Hz and prompt at {prompt.rate} Hz: bring them to one rate first")
    hop = 0.01
    spoken = sounding_spans(prompt, gap=10.0)
    if not spoken:
        raise BadInput("the prompt is silent: it cannot be found")
    lead = spoken[0].start
    wanted = _spectrogram(prompt.part(lead, spoken[-1].end))
    ear = _spectrogram(sound)
    piece, step, slip = (round(seconds / hop) for seconds in (_PIECE, _PIECE_STEP, _SLIP))
    if ear.shape[0] < piece or wanted.shape[0] < piece:
        return Heard(False, 0.0, 0.0, 0.0, 0.0, 0.0)
    last = wanted.shape[0] - piece
    starts = np.append(np.arange(0, last, step), last)
    # In column 0 the prompt began `last` frames before the sound.
    likeness = np.full((starts.size, ear.shape[0] + last), -1.0)
    for row, start in enumerate(starts):
        found = _correlate(ear, wanted[start : start + piece])
        likeness[row, last - start : last - start + found.size] = found
    # A piece may lie a little beside its place: take the best within the slip.
    padded = np.pad(likeness, ((0, 0), (slip, slip)), constant_values=-1.0)
    near = sliding_window_view(padded, 2 * slip + 1, axis=1).max(axis=2)
    best = int(np.argmax(np.where(near >= _PIECE_MATCH, near, 0.0).sum(axis=0)))
    rows = _heard_pieces(near[:, best])
    # Where the matching pieces really lie, not where the tolerance would allow them.
    if rows.size == 0:
        return Heard(False, 0.0, 0.0, float(near[:, best].max()), 0.0, 0.0)
    places = [best - slip + int(np.argmax(padded[row, best : best + 2 * slip + 1])) for row in rows]
    start = (places[0] - last + int(starts[rows[0]])) * hop
    end = (places[-1] - last + int(starts[rows[-1]]) + piece) * hop
    covered = int(starts[rows[-1]] - starts[rows[0]]) + piece
    score = float(near[rows, best].mean())
    long_enough = covered * hop >= _FOUND_SECONDS or covered == wanted.shape[0]
    return Heard(
        found=long_enough and (score >= _SHORT_SCORE or wanted.shape[0] * hop > _SHORT_SECONDS),
        start=max(0.0, start),
        end=end,
        score=score,
        fraction=covered / wanted.shape[0],
        skipped=float(starts[rows[0]]) * hop,
    )


def best_prompt(sound: Sound, prompts: dict[str, Sound]) -> tuple[str, Heard] | None:
    """Which of several prompts was heard: the one with the highest score times fraction; None when none was."""
    heard = {name: find_prompt(sound, prompt) for name, prompt in prompts.items()}
    found = [(name, result) for name, result in heard.items() if result.found]
    return max(found, key=lambda item: item[1].score * item[1].fraction, default=None)


def _sound(body: bytes, channels: int, channel: int, rate: int) -> Sound:
    width = 2 * channels
    samples = np.frombuffer(body[: len(body) // width * width], "<i2").reshape(-1, channels)
    return Sound(samples[:, channel] / 32768, rate)


def _frames(sound: Sound) -> Samples:
    size = round(FRAME * sound.rate)
    whole = sound.samples.size // size
    return sound.samples[: whole * size].reshape(whole, size)


def _spans(present: NDArray[np.bool_], gap: float) -> list[Span]:
    edges = np.diff(np.concatenate([[0], present.astype(np.int8), [0]]))
    merged: list[Span] = []
    for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        span = Span(float(first * FRAME), float(last * FRAME))
        if merged and span.start - merged[-1].end <= gap + 1e-9:
            merged[-1] = Span(merged[-1].start, span.end)
        else:
            merged.append(span)
    return merged


def _spectrogram(sound: Sound) -> Spectrogram:
    """Log energy in bands of the telephone band, 10 ms apart, with a floor at what G.711 leaves of silence."""
    size, hop = round(0.02 * sound.rate), round(0.01 * sound.rate)
    if sound.samples.size < size:
        return np.zeros((0, _BAND_EDGES.size - 1))
    frames = sliding_window_view(sound.samples, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, 4 * size, axis=1)) ** 2
    frequencies = np.fft.rfftfreq(4 * size, 1 / sound.rate)
    bands = np.stack(
        [power[:, (frequencies >= low) & (frequencies < high)].sum(axis=1) for low, high in pairwise(_BAND_EDGES)],
        axis=1,
    )
    loudest = bands.max(initial=0.0)
    logs: Spectrogram = np.log(bands + max(loudest * 1e-4, 1e-9))
    return logs


def _correlate(ear: Spectrogram, piece: Spectrogram) -> Samples:
    """Likeness of the piece to every place in the ear's spectrogram, -1 to 1: how alike each band rises and falls.

    Each band is taken against its own mean over the piece, so that a steady tone or hiss underneath matters little.
    """
    length = piece.shape[0]
    moving = piece - piece.mean(axis=0)
    spread = float(np.sqrt((moving**2).sum()))
    total = 1 << int(ear.shape[0] + length - 1).bit_length()
    spectrum = np.fft.rfft(ear, total, axis=0) * np.conj(np.fft.rfft(moving, total, axis=0))
    products = np.fft.irfft(spectrum.sum(axis=1), total)[: ear.shape[0] - length + 1]
    sums, squares = (np.pad(np.cumsum(power, axis=0), ((1, 0), (0, 0))) for power in (ear, ear**2))
    of_window, of_squares = (run[length:] - run[:-length] for run in (sums, squares))
    variance = (of_squares - of_window**2 / length).sum(axis=1)
    likeness: Samples = products / np.maximum(np.sqrt(np.maximum(variance, 0)) * spread, 1e-3)
    return likeness


def _heard_pieces(likeness: Samples) -> NDArray[np.intp]:
    """Rows of the longest stretch of the prompt that was heard, from the likeness of its pieces.

    It begins and ends with pieces about as alike as the rest of it: one cut through the middle is not heard. Up to
    five pieces within may be unlike, for a lost packet spoils so many; more of them may be half alike.
    """
    sure = likeness >= _PIECE_MATCH
    if not sure.any():
        return np.flatnonzero(sure)
    sure &= likeness >= float(np.median(likeness[sure])) - _PIECE_SPREAD
    rows = np.flatnonzero(sure)
    unlike = np.concatenate([[0], np.cumsum(likeness < _PIECE_DOUBT)])
    runs = np.split(rows, np.flatnonzero(unlike[rows[1:]] - unlike[rows[:-1]] > 5) + 1)
    return max(runs, key=lambda run: int(run[-1] - run[0]))

"""Text to telephone audio: espeak-ng speaks, we bring it to 8 and 16 kHz. Also reads and checks WAV files."""

import shutil
import struct
import subprocess
import wave
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ari_app.wording import Language
from compliance.errors import BadInput, HeedlineError

Samples = NDArray[np.float64]  # one channel, -1 to 1

NARROW, WIDE = 8000, 16000  # Hz: `.wav` and `.wav16` to Asterisk
PEAK = 0.6  # of full scale: -4.4 dBFS, well below what µ-law clips
LEAD_S, TAIL_S = 0.1, 0.2  # a phone may lose the first packets; the last word must leave its jitter buffer
_SECONDS_AT_MOST = 60.0
_TIMEOUT = 30.0  # s; espeak-ng takes 50 ms for the longest text


class SpeechFailed(HeedlineError):
    """espeak-ng is missing or could not say it."""


@dataclass(frozen=True)
class Recording:
    """A WAV file fit to be a prompt: mono, 16 bit, 8 kHz."""

    content: bytes
    seconds: float


def speak(language: Language, text: str) -> Samples:
    """The text at 16 kHz, peak at PEAK, a little silence around it.

    The text goes in by stdin: argv is for all to read, and cannot be mistaken for an option there.
    Raises SpeechFailed.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise SpeechFailed("espeak-ng: not there; install the package espeak-ng")
    command = [program, "--stdin", "-b", "1", "-v", language.voice, "-s", str(language.words_per_minute), "--stdout"]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=_TIMEOUT, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        raise SpeechFailed(f"espeak-ng could not speak {language.code} with voice {language.voice}: {error}") from None
    rate, spoken = _riff(done.stdout)
    if not spoken.size or not np.abs(spoken).max():
        raise SpeechFailed(f"espeak-ng said nothing with voice {language.voice}; see `espeak-ng --voices`")
    wide = resample(spoken, rate, WIDE)
    wide *= PEAK / np.abs(wide).max()
    return np.concatenate([np.zeros(int(LEAD_S * WIDE)), wide, np.zeros(int(TAIL_S * WIDE))])


def beep() -> Samples:
    """A quarter of a second of 1,400 Hz at 16 kHz: the tone of 47 CFR 64.501 as it was, which people know."""
    tone = 0.2 * np.sin(2 * np.pi * 1400 * np.arange(WIDE // 4) / WIDE)
    ramp = np.minimum(1.0, np.arange(tone.size) / (WIDE * 0.005))
    return np.concatenate([tone * ramp * ramp[::-1], np.zeros(int(TAIL_S * WIDE))])


def resample(samples: Samples, source: int, target: int) -> Samples:
    """From one rate (Hz) to another through the spectrum, tapered below the new band's edge so that nothing rings."""
    step = source // np.gcd(source, target)  # the length must be whole at both rates
    padding = source // 10  # the spectrum is a circle: the ends must not meet
    length = -(-(samples.size + padding) // step) * step
    spectrum = np.fft.rfft(samples, length)
    wanted = length * target // source
    edge = min(source, target) / 2
    frequencies = np.fft.rfftfreq(length, 1 / source)
    taper = np.clip((0.98 * edge - frequencies) / (0.10 * edge), 0, 1)
    kept = (spectrum * (0.5 - 0.5 * np.cos(np.pi * taper)))[: wanted // 2 + 1]
    full = np.zeros(wanted // 2 + 1, complex)
    full[: kept.size] = kept
    result: Samples = np.fft.irfft(full, wanted) * (wanted / length)
    return result[: round(samples.size * target / source)]


def to_wav(samples: Samples, rate: int) -> bytes:
    """A mono 16-bit WAV file's content."""
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def read_recording(path: Path) -> Recording:
    """A recording of the admin's own.

    Raises BadInput: not a WAV file of one channel, 16 bit, 8000 Hz, 0.3 to 60 s, or silent.
    """
    with path.open("rb") as stream:
        content = stream.read(int(_SECONDS_AT_MOST * NARROW * 2) + 65536)
    try:
        with wave.open(BytesIO(content)) as file:
            shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, struct.error):
        raise BadInput(f"{path}: not a WAV file of plain samples") from None
    if shape != (1, 2, NARROW):
        raise BadInput(
            f"{path}: {shape[0]} channel(s), {shape[1] * 8} bit, {shape[2]} Hz; Asterisk plays mono, 16 bit, 8000 Hz"
        )
    seconds = len(frames) / 2 / NARROW
    if not 0.3 <= seconds <= _SECONDS_AT_MOST:
        raise BadInput(f"{path}: {seconds:.1f} s long; a prompt takes 0.3 to {_SECONDS_AT_MOST:.0f} s")
    if not np.frombuffer(frames[: len(frames) // 2 * 2], "<i2").any():
        raise BadInput(f"{path}: silent from end to end")
    return Recording(content, seconds)


def _riff(content: bytes) -> tuple[int, Samples]:
    """Rate and samples of what espeak-ng streams: its header cannot know the length, so the rest of the data is it."""
    data = content.find(b"data", 12)
    if content[:4] != b"RIFF" or content[8:16] != b"WAVEfmt " or data < 36:
        raise SpeechFailed("espeak-ng sent something that is not a WAV file")
    coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", content, 20)
    if (coding, channels, bits) != (1, 1, 16):
        raise SpeechFailed(f"espeak-ng sent coding {coding}, {channels} channels, {bits} bit; wanted plain mono 16 bit")
    body = content[data + 8 :]
    return rate, np.frombuffer(body[: len(body) // 2 * 2], "<i2") / 32768

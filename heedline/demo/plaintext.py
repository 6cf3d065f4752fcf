"""Looks for audio where none may be: a tone that was spoken must be found in no file but the ones made to hold it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from heedline.demo.sound import Sound, tone_seconds
from heedline.demo.world import AGENT_HZ, CALLEE_HZ

LOOKED_FOR = (AGENT_HZ, CALLEE_HZ, 2 * CALLEE_HZ)
LEAST_SECONDS = 0.2


def files_below(folders: Iterable[Path], *, but: Iterable[Path] = ()) -> Iterator[Path]:
    """Every regular file below the folders, except below those in `but`."""
    left_out = [folder.resolve() for folder in but]
    for folder in folders:
        for file in sorted(folder.resolve().rglob("*")):
            if file.is_file() and not file.is_symlink() and not any(file.is_relative_to(out) for out in left_out):
                yield file


def holds_tone(content: bytes) -> bool:
    """Whether one of the phones' tones is in the bytes, read as 16-bit samples from an even or an odd offset.

    Read as one side of stereo: mono audio read so sounds an octave higher, which is looked for too.
    """
    for offset in (0, 1):
        body = content[offset : offset + (len(content) - offset) // 4 * 4]
        pairs = np.frombuffer(body, "<i2").reshape(-1, 2) / 32768
        for side in (0, 1):
            sound = Sound(pairs[:, side], 8000)
            if any(tone_seconds(sound, hz) >= LEAST_SECONDS for hz in LOOKED_FOR):
                return True
    return False


def found_in(files: Iterable[Path]) -> list[Path]:
    """The files that hold one of the tones."""
    return [file for file in files if holds_tone(file.read_bytes())]

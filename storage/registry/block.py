"""A block: which of ten thousand successive numbers are on a list. PURE.

A number is its E.164 digits as an integer; a block holds those that share all but the last four digits ("1212555").
Two forms, told apart by their length: a bitmap of 1,250 bytes (bit `n & 7` of byte `n >> 3`), or, where that is
shorter, the offsets themselves, ascending, two bytes each, little-endian.
"""

import numpy as np
import numpy.typing as npt

SIZE = 10_000
BITMAP = SIZE // 8
_DENSE_FROM = BITMAP // 2  # as many offsets would take no less room

Bits = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.uint64]


def encode(bits: Bits, listed: int) -> bytes:
    """The shorter form of a bitmap with so many bits set. Empty: nobody is listed."""
    if listed >= _DENSE_FROM:
        return bits.tobytes()
    return np.flatnonzero(np.unpackbits(bits, bitorder="little")).astype("<u2").tobytes()


def decode(plain: bytes) -> Bits:
    """The bitmap of either form, the caller's to change."""
    if len(plain) == BITMAP:
        return np.frombuffer(plain, np.uint8).copy()
    flags = np.zeros(SIZE, np.uint8)
    flags[np.frombuffer(plain, "<u2")] = 1
    return np.packbits(flags, bitorder="little")


def has(plain: bytes, offset: int) -> bool:
    """Whether the number at `offset` (0 to 9,999) is in the block."""
    if len(plain) == BITMAP:
        return plain[offset >> 3] >> (offset & 7) & 1 == 1
    wanted = offset.to_bytes(2, "little")
    at = plain.find(wanted)
    while at & 1 and at > 0:  # between two offsets
        at = plain.find(wanted, at + 1)
    return at >= 0


def count(plain: bytes) -> int:
    """How many numbers are in the block."""
    if len(plain) == BITMAP:
        return int(np.bitwise_count(np.frombuffer(plain, np.uint8)).sum())
    return len(plain) // 2

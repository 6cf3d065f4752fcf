"""The file of one list version: sealed blocks, found by their first digits.

    "HLREGIX1" | salt (32) | block … | footer | length of the footer (8, little-endian) | "HLREGEND"

Each block and the footer is AES-256-GCM (NIST SP 800-38D) under a key of this file alone: HKDF-SHA256 (RFC 5869) of
the tenant's secret with the file's random salt. A block's nonce is its number, the footer's is all ones; a file is
written once, so no nonce is used twice. So the file is noise without the secret, has nothing in common with the same
list of another tenant, and a changed byte is found by the look-up that meets it. Its length says about how long the
list is; nothing else does.

The footer holds what is known of the version (canonical JSON, a line) and the directory: for each block its number,
start and length. A look-up is one step in a table made of it and one block opened.
"""

import mmap
import os
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from compliance.errors import BadInput
from storage.canonical import canonical, parse_object
from storage.registry import block
from storage.registry.errors import RegistryDamaged

KEY_BYTES = 32
_MAGIC, _END = b"HLREGIX1", b"HLREGEND"
_SALT = 32
_TAG = 16
_NONCE = 12
_FOOTER_NONCE = b"\xff" * _NONCE
_INFO = b"heedline registry index v1"
_LARGEST_FOOTER = 1 << 28
_LENGTH_BITS = 20  # of a span: a sealed block is under a megabyte
_LENGTH_MASK = (1 << _LENGTH_BITS) - 1
ROW = 1000


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError(f"the registry key is {KEY_BYTES} bytes")
    return AESGCM(HKDF(SHA256(), 32, salt, _INFO).derive(key))


class IndexWriter:
    """Writes one index from its first byte to its last; a file without its end does not open."""

    def __init__(self, stream: BinaryIO, key: bytes) -> None:
        salt = os.urandom(_SALT)
        self._head = _MAGIC + salt
        self._aead = _cipher(key, salt)
        self._stream = stream
        self._stream.write(self._head)
        self._at = len(self._head)
        self._written: dict[int, int] = {}  # row → a bit for each of its blocks that was written
        self._numbers, self._starts, self._lengths = array("Q"), array("Q"), array("Q")

    def add(self, number: int, plain: bytes) -> None:
        """Seal a block; its number comes once a file. Raises ValueError: it came already."""
        row, bit = number // ROW, 1 << number % ROW
        written = self._written.get(row, 0)
        if written & bit:
            raise ValueError("a block is written once: its nonce must not be used again")
        self._written[row] = written | bit
        sealed = self._aead.encrypt(number.to_bytes(_NONCE, "big"), plain, None)
        self._stream.write(sealed)
        for values, value in ((self._numbers, number), (self._starts, self._at), (self._lengths, len(sealed))):
            values.append(value)
        self._at += len(sealed)

    def finish(self, about: dict[str, object]) -> None:
        """Write what ends the file, and make it durable."""
        numbers = np.frombuffer(self._numbers, np.uint64)
        order = np.argsort(numbers)
        directory = (
            numbers[order].astype("<u8").tobytes()
            + np.frombuffer(self._starts, np.uint64)[order].astype("<u8").tobytes()
            + np.frombuffer(self._lengths, np.uint64)[order].astype("<u4").tobytes()
        )
        plain = canonical({"blocks": len(numbers), **about}).encode() + b"\n" + directory
        footer = self._aead.encrypt(_FOOTER_NONCE, plain, self._head)
        self._stream.write(footer + len(footer).to_bytes(8, "little") + _END)
        self._stream.flush()
        os.fsync(self._stream.fileno())


class Index:
    """An index opened for reading, memory-mapped: its pages are shared by all processes.

    Raises RegistryDamaged on opening and in every look-up: cut, changed, or sealed under another key.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size < len(_MAGIC) + _SALT + _TAG + 8 + len(_END):
                raise self._damaged()
            self._map = mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ)
        self._map.madvise(mmap.MADV_RANDOM)
        about, directory = self._footer(size, key)
        blocks = about.pop("blocks", None)
        if not isinstance(blocks, int) or len(directory) != blocks * 20:
            raise self._damaged()
        self.about = about
        self.numbers = np.frombuffer(directory, "<u8", blocks).astype(np.uint64)
        spans = np.frombuffer(directory, "<u8", blocks, blocks * 8).astype(np.uint64)
        spans <<= np.uint64(_LENGTH_BITS)
        spans |= np.frombuffer(directory, "<u4", blocks, blocks * 16)
        self._spans = spans.data
        self._rows, places = _table(self.numbers)
        self._places = places.data

    def _footer(self, size: int, key: bytes) -> tuple[dict[str, object], memoryview]:
        head = self._map[: len(_MAGIC) + _SALT]
        length = int.from_bytes(self._map[size - 16 : size - 8], "little")
        start = size - 16 - length
        if not head.startswith(_MAGIC) or self._map[size - 8 :] != _END:
            raise self._damaged()
        if not _TAG <= length <= _LARGEST_FOOTER or start < len(head):
            raise self._damaged()
        self._aead = _cipher(key, head[len(_MAGIC) :])
        try:
            plain = self._aead.decrypt(_FOOTER_NONCE, memoryview(self._map)[start : start + length], head)
            line = plain.index(b"\n")
            return parse_object(plain[:line].decode()), memoryview(plain)[line + 1 :]
        except (InvalidTag, ValueError, BadInput):
            raise self._damaged() from None

    def __len__(self) -> int:
        return len(self.numbers)

    def get(self, number: int) -> bytes | None:
        """The block of that number, opened; None: there is none."""
        row = self._rows.get(number // ROW)
        if row is None:
            return None
        place = self._places[row + number % ROW]
        return None if place < 0 else self._opened(number, place)

    def _opened(self, number: int, place: int) -> bytes:
        span = self._spans[place]
        start = span >> _LENGTH_BITS
        try:
            return self._aead.decrypt(
                number.to_bytes(_NONCE, "big"), self._map[start : start + (span & _LENGTH_MASK)], None
            )
        except InvalidTag:
            raise self._damaged() from None

    def bits(self, row: int, wanted: Iterable[int]) -> block.Bits:
        """A thousand blocks in one bitmap, those wanted (0 to 999) opened and the others empty."""
        bits = np.zeros(ROW * block.BITMAP, np.uint8)
        first = self._rows.get(row)
        if first is None:
            return bits
        into = bits.data
        for at in wanted:
            place = self._places[first + at]
            if place < 0:
                continue
            plain = self._opened(row * ROW + at, place)
            start = at * block.BITMAP
            if len(plain) == block.BITMAP:
                into[start : start + block.BITMAP] = plain
            else:
                bits[start : start + block.BITMAP] = block.decode(plain)
        return bits

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """All blocks by ascending number."""
        for place, number in enumerate(self.numbers.tolist()):
            yield number, self._opened(number, place)

    def _damaged(self) -> RegistryDamaged:
        name = f"{self._path.parent.name}/{self._path.name}"
        return RegistryDamaged(
            f"{name}: damaged, or sealed under another registry key; put secrets/registry.key back, "
            "or import the list again"
        )


def _table(numbers: npt.NDArray[np.uint64]) -> tuple[dict[int, int], npt.NDArray[np.int32]]:
    """Row of a thousand blocks → where it begins in the places; a block's place there, -1: no such block.

    One step each, where a bisection takes eighteen, each into other memory.
    """
    row_of = numbers // np.uint64(ROW)
    rows = np.unique(row_of)
    places = np.full(len(rows) * ROW, -1, np.int32)
    at = np.searchsorted(rows, row_of) * ROW + (numbers % np.uint64(ROW)).astype(np.int64)
    places[at] = np.arange(len(numbers), dtype=np.int32)
    return {row: place * ROW for place, row in enumerate(rows.tolist())}, places

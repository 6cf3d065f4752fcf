"""A segment file, byte by byte. Pure: no I/O, no clock, no cryptography.

    magic       8 bytes   "HEEDSEG1"
    length      2 bytes   of the header, big-endian
    header                canonical JSON: what was fixed when the segment began
    message               C2SP chunked encryption, Cobblestone-256 (https://c2sp.org/chunked-encryption):
        salt        24 bytes
        commitment  32 bytes    binds the one key that opens it
        chunk 0     16,384 bytes of plaintext + 16 of tag
        chunk 1 …
        last chunk  always shorter than 16,384 bytes of plaintext (0 to 16,383), + 16 of tag

Everything before the message (magic, length, header) is the message's context: it goes into the key
derivation, so a segment whose header was changed, or which was moved to another recording, does not open.

A segment that its recorder could not finish (kill -9, power, full disk) ends after a whole chunk: it has no
last short chunk. Its length then says "truncated", which is true; the signed manifest says how many chunks
there are (`complete: false`), and opening it checks against that number.

Plaintext: interleaved signed 16-bit little-endian stereo, as MixMonitor's option `D` writes it
(https://docs.asterisk.org, MixMonitor): left what comes from the channel, right what goes to it.
"""

import re
from dataclasses import dataclass
from enum import Enum

from storage.vault.errors import BadSegment
from storage.vault.fields import Fields, Json, decode, encode

MAGIC = b"HEEDSEG1"
VERSION = 1
CHUNK = 16_384
TAG = 16
SEALED_CHUNK = CHUNK + TAG
SALT = 24
COMMITMENT = 32
PREFIX = SALT + COMMITMENT
LONGEST_HEADER = 1024
LONGEST_INTRODUCTION = len(MAGIC) + 2 + LONGEST_HEADER
MOST_CHUNKS = 2**32  # 64 TiB: two years of stereo; the specification allows 2^38
FRAME = 4  # bytes of one sample of both channels

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


class Codec(Enum):
    S16LE = "s16le"


class Layout(Enum):
    """Which side of the call is on which channel."""

    IN_OUT = "in-out"  # left: from the callee's channel; right: to it


@dataclass(frozen=True)
class SegmentHeader:
    """What is fixed when a segment begins. `rate`: frames a second; `started_us`: since the epoch."""

    tenant: str
    recording: str
    segment: int
    codec: Codec
    layout: Layout
    rate: int
    started_us: int
    node: str

    def encode(self) -> bytes:
        """Magic, length and canonical header: the message's context, and the first bytes of the file."""
        body = encode(
            {
                "codec": self.codec.value,
                "layout": self.layout.value,
                "node": self.node,
                "rate": self.rate,
                "recording": self.recording,
                "segment": self.segment,
                "started_us": self.started_us,
                "tenant": self.tenant,
                "version": VERSION,
            }
        )
        return MAGIC + len(body).to_bytes(2, "big") + body


def is_recording_id(text: str) -> bool:
    """Whether the text is a ULID: the only form of a name that ever becomes part of a path."""
    return _ULID.fullmatch(text) is not None


def read_header(data: bytes, where: str) -> tuple[SegmentHeader, int]:
    """The header at the beginning of `data`, and the offset at which the message begins.

    `data` is the first LONGEST_INTRODUCTION bytes of a file, or all of a shorter one.

    Raises BadSegment: anything but the one way to write a header.
    """
    fixed = len(MAGIC) + 2
    if data[: len(MAGIC)] != MAGIC:
        raise BadSegment(f"{where}: not a segment (it begins with other bytes)")
    if len(data) < fixed:
        raise BadSegment(f"{where}: cut within its header")
    length = int.from_bytes(data[len(MAGIC) : fixed], "big")
    if not 2 <= length <= LONGEST_HEADER:
        raise BadSegment(f"{where}: a header of {length} bytes, 2 to {LONGEST_HEADER} are read")
    body = data[fixed : fixed + length]
    if len(body) < length:
        raise BadSegment(f"{where}: cut within its header")
    try:
        header = _header_of(decode(body, LONGEST_HEADER))
    except (ValueError, TypeError) as error:
        raise BadSegment(f"{where}: header: {error}") from None
    return header, fixed + length


def _header_of(value: dict[str, Json]) -> SegmentHeader:
    fields = Fields(value, "header")
    version = fields.integer("version")
    if version != VERSION:
        raise ValueError(f"version {version}; this Heedline reads version {VERSION}")
    header = SegmentHeader(
        tenant=_name(fields.text("tenant"), "tenant"),
        recording=fields.text("recording"),
        segment=fields.integer("segment", 0, 999_999),
        codec=Codec(fields.text("codec")),
        layout=Layout(fields.text("layout")),
        rate=fields.integer("rate", 8_000, 48_000),
        started_us=fields.integer("started_us"),
        node=_name(fields.text("node"), "node"),
    )
    if not is_recording_id(header.recording):
        raise ValueError("recording is not a ULID")
    fields.end()
    return header


def _name(text: str, what: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{what} is not a name")
    return text


@dataclass(frozen=True)
class Shape:
    """What the length of a message says. `stray` bytes lie after the last whole chunk and belong to none."""

    full_chunks: int
    tail: int | None  # plaintext bytes of the last short chunk; None: there is none, the segment was torn
    stray: int

    @property
    def complete(self) -> bool:
        return self.tail is not None

    @property
    def chunks(self) -> int:
        return self.full_chunks + (1 if self.complete else 0)

    @property
    def plaintext(self) -> int:
        """Plaintext bytes."""
        return self.full_chunks * CHUNK + (self.tail or 0)


def shape_of(message_bytes: int, where: str, *, torn: bool = False) -> Shape:
    """The shape of a message of that many bytes (prefix and chunks). Every length has exactly one.

    With `torn` the segment is known to have been left unfinished: what follows its last whole chunk is part
    of a chunk that was never acknowledged, not a last short chunk.

    Raises BadSegment: shorter than the prefix, or longer than any segment of ours.
    """
    if message_bytes < PREFIX:
        raise BadSegment(f"{where}: cut within its first {PREFIX} bytes")
    full, rest = divmod(message_bytes - PREFIX, SEALED_CHUNK)
    if full > MOST_CHUNKS:
        raise BadSegment(f"{where}: longer than any segment")
    if torn or rest < TAG:
        return Shape(full, None, rest)
    return Shape(full, rest - TAG, 0)


def message_bytes(shape: Shape) -> int:
    """The length of a message of that shape, stray bytes left out."""
    tail = 0 if shape.tail is None else shape.tail + TAG
    return PREFIX + shape.full_chunks * SEALED_CHUNK + tail


def chunk_span(number: int, shape: Shape) -> tuple[int, int]:
    """Where in the message chunk `number` lies: offset and length, tag included.

    Raises IndexError: there is no such chunk.
    """
    if not 0 <= number < shape.chunks:
        raise IndexError(f"chunk {number} of {shape.chunks}")
    offset = PREFIX + number * SEALED_CHUNK
    if number < shape.full_chunks:
        return offset, SEALED_CHUNK
    return offset, (shape.tail or 0) + TAG


def nonce(base: bytes, number: int) -> bytes:
    """The nonce of chunk `number`: the base nonce XOR the number, big-endian, as wide as the base."""
    return (int.from_bytes(base, "big") ^ number).to_bytes(len(base), "big")


_UNWRITTEN = bytes(512)


def looks_unwritten(sealed_chunk: bytes) -> bool:
    """Whether part of a sealed chunk never reached the disk.

    After a power failure a file system may keep a file's length and lose the blocks under it: they read as
    zeros. 512 zero bytes in a row inside AES-GCM ciphertext come about once in 2^4096.
    """
    return _UNWRITTEN in sealed_chunk


def frames(plaintext_bytes: int) -> int:
    """Whole stereo samples in so many bytes."""
    return plaintext_bytes // FRAME


def seconds(plaintext_bytes: int, rate: int) -> float:
    """How long so many bytes of stereo play."""
    return frames(plaintext_bytes) / rate

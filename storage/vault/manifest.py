"""The manifest: what a recording consists of, signed by the node that recorded it.

It proves a recording whole and unchanged from the public key and the ciphertext alone, also after the keys to
its audio are gone. It is written once, at sealing. As a file it has two lines of canonical JSON: the manifest,
and who signed it.
"""

import base64
import binascii
from dataclasses import dataclass
from enum import Enum

from storage.vault.errors import BadManifest
from storage.vault.fields import Fields, Json, decode, encode
from storage.vault.format import FRAME, MOST_CHUNKS, Codec, Layout, is_recording_id
from storage.vault.signing import SIGNATURE_BYTES, Signer, Trusted

FORMAT = "heedline-recording-1"
LONGEST = 4 * 1024 * 1024
MOST_SEGMENTS = 10_000
MOST_SPANS = 10_000
_DOMAIN = b"heedline manifest v1"
_MOST_BYTES = 2**50


class GapKind(Enum):
    """Why a stretch of the call may be missing from the audio."""

    SPOOL_FULL = "spool_full"  # the RAM spool had no room: Asterisk drops what it can't write, silently
    DISK_FULL = "disk_full"  # the vault's disk refused a write; from here on nothing was kept
    DISK_ERROR = "disk_error"  # likewise, for another reason than room
    NO_KEK = "no_kek"  # no key was published to seal the next segment to
    SPOOL_LOST = "spool_lost"  # the machine restarted: what was in RAM and not yet sealed is gone
    SPOOL_CHANGED = "spool_changed"  # the spool file shrank or vanished under the recorder
    NO_AUDIO = "no_audio"  # Asterisk never wrote: MixMonitor could not open the spool file, or was not started
    STILL_WRITING = "still_writing"  # sealed on request while Asterisk still held the file open


@dataclass(frozen=True)
class Gap:
    kind: GapKind
    from_us: int
    to_us: int | None


@dataclass(frozen=True)
class Span:
    """A pause: silence in the audio. `to_us` None: it lasted to the end."""

    from_us: int
    to_us: int | None


@dataclass(frozen=True)
class SegmentEntry:
    """One segment. Without `complete` there is no last short chunk: its recorder was stopped by force."""

    number: int
    started_us: int
    size: int  # bytes of the file
    chunks: int
    plaintext: int  # bytes
    complete: bool
    sha256: bytes  # over the file
    merkle_root: bytes  # RFC 6962, over the sealed chunks


@dataclass(frozen=True)
class Manifest:
    """`crashed`: sealed after Asterisk or the machine crashed; `failed`: recording could not go on (see gaps)."""

    tenant: str
    recording: str
    attempt: str
    node: str
    codec: Codec
    layout: Layout
    rate: int
    started_us: int
    sealed_us: int
    crashed: bool
    failed: bool
    reason: str
    segments: tuple[SegmentEntry, ...]
    pauses: tuple[Span, ...]
    gaps: tuple[Gap, ...]

    @property
    def plaintext(self) -> int:
        """Bytes of audio."""
        return sum(segment.plaintext for segment in self.segments)

    @property
    def seconds(self) -> float:
        return self.plaintext // FRAME / self.rate

    def encode(self) -> bytes:
        return encode(
            {
                "attempt": self.attempt,
                "codec": self.codec.value,
                "crashed": self.crashed,
                "failed": self.failed,
                "format": FORMAT,
                "gaps": [{"from_us": g.from_us, "kind": g.kind.value, "to_us": g.to_us} for g in self.gaps],
                "layout": self.layout.value,
                "node": self.node,
                "pauses": [{"from_us": span.from_us, "to_us": span.to_us} for span in self.pauses],
                "rate": self.rate,
                "reason": self.reason,
                "recording": self.recording,
                "sealed_us": self.sealed_us,
                "segments": [_segment_json(segment) for segment in self.segments],
                "started_us": self.started_us,
                "tenant": self.tenant,
            }
        )


def _segment_json(segment: SegmentEntry) -> dict[str, Json]:
    return {
        "chunks": segment.chunks,
        "complete": segment.complete,
        "merkle_root": segment.merkle_root.hex(),
        "number": segment.number,
        "plaintext": segment.plaintext,
        "sha256": segment.sha256.hex(),
        "size": segment.size,
        "started_us": segment.started_us,
    }


def sign(body: bytes, signer: Signer) -> bytes:
    return signer.sign(_DOMAIN, body)


def to_file(body: bytes, key_id: str, signature: bytes) -> bytes:
    """The two lines kept beside the segments."""
    mark = encode({"key": key_id, "signature": base64.b64encode(signature).decode()})
    return body + b"\n" + mark + b"\n"


def from_file(data: bytes, trusted: Trusted, where: str) -> Manifest:
    """The manifest in a file, its signature checked first. Raises BadManifest."""
    lines = data.split(b"\n") if len(data) <= LONGEST else []
    if len(lines) != 3 or lines[2]:
        raise BadManifest(f"{where}: not a manifest (two lines are read, at most {LONGEST} bytes)")
    try:
        fields = Fields(decode(lines[1], 1024), "signature")
        key, text = fields.text("key"), fields.text("signature", 128)
        fields.end()
        signature = base64.b64decode(text, validate=True)
        if base64.b64encode(signature).decode() != text:
            raise ValueError("signature: not canonical base64")
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadManifest(f"{where}: signature line: {error}") from None
    return opened(lines[0], key, signature, trusted, where)


def opened(body: bytes, key_id: str, signature: bytes, trusted: Trusted, where: str) -> Manifest:
    """The manifest in `body`, read only after its signature holds. Raises BadManifest."""
    if not trusted.knows(key_id):
        raise BadManifest(f"{where}: signed by {key_id}, a key that is not trusted here")
    if len(signature) != SIGNATURE_BYTES or not trusted.holds(key_id, _DOMAIN, body, signature):
        raise BadManifest(f"{where}: the manifest was changed (its signature does not hold)")
    return parse(body, where)


def from_ledger(body: bytes, signature: bytes, trusted: Trusted, where: str) -> Manifest:
    """The manifest as the ledger holds it, read only after its signature holds. Raises BadManifest."""
    key = trusted.signer_of(_DOMAIN, body, signature)
    if key is None:
        raise BadManifest(f"{where}: the manifest was changed, or signed by a key that is not trusted here")
    return opened(body, key, signature, trusted, where)


def parse(body: bytes, where: str) -> Manifest:
    """The manifest in `body`, strictly. Proves nothing: see `opened`. Raises BadManifest."""
    try:
        return _manifest(Fields(decode(body, LONGEST), "manifest"))
    except (ValueError, TypeError) as error:
        raise BadManifest(f"{where}: {error}") from None


def _manifest(fields: Fields) -> Manifest:
    if fields.text("format") != FORMAT:
        raise ValueError(f"format: this Heedline reads {FORMAT}")
    segments = tuple(_segment(item) for item in fields.items("segments", MOST_SEGMENTS))
    numbers = [segment.number for segment in segments]
    if numbers != sorted(set(numbers)):
        raise ValueError("segments: out of order or twice")
    manifest = Manifest(
        tenant=fields.text("tenant"),
        recording=fields.text("recording"),
        attempt=fields.text("attempt"),
        node=fields.text("node"),
        codec=Codec(fields.text("codec")),
        layout=Layout(fields.text("layout")),
        rate=fields.integer("rate", 8_000, 48_000),
        started_us=fields.integer("started_us"),
        sealed_us=fields.integer("sealed_us"),
        crashed=fields.flag("crashed"),
        failed=fields.flag("failed"),
        reason=fields.text("reason", 256),
        segments=segments,
        pauses=tuple(_span(item) for item in fields.items("pauses", MOST_SPANS)),
        gaps=tuple(_gap(item) for item in fields.items("gaps", MOST_SPANS)),
    )
    if not is_recording_id(manifest.recording) or not is_recording_id(manifest.attempt):
        raise ValueError("recording or attempt is not a ULID")
    fields.end()
    return manifest


def _segment(item: Json) -> SegmentEntry:
    fields = Fields(item, "segment")
    entry = SegmentEntry(
        number=fields.integer("number", 0, 999_999),
        started_us=fields.integer("started_us"),
        size=fields.integer("size", 0, _MOST_BYTES),
        chunks=fields.integer("chunks", 0, MOST_CHUNKS),
        plaintext=fields.integer("plaintext", 0, _MOST_BYTES),
        complete=fields.flag("complete"),
        sha256=fields.digest("sha256"),
        merkle_root=fields.digest("merkle_root"),
    )
    fields.end()
    return entry


def _span(item: Json) -> Span:
    fields = Fields(item, "pause")
    span = Span(fields.integer("from_us"), fields.optional_integer("to_us"))
    fields.end()
    return span


def _gap(item: Json) -> Gap:
    fields = Fields(item, "gap")
    kind = GapKind(fields.text("kind"))
    gap = Gap(kind, fields.integer("from_us"), fields.optional_integer("to_us"))
    fields.end()
    return gap

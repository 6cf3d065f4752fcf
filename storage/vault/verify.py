"""Prove a recording whole and unchanged from its manifest, the public keys and the ciphertext alone.

No private key and no database is needed; with the ledger at hand, its copy of the manifest and the wrapped keys
are proven too. Each finding names what is wrong, and where.
"""

from dataclasses import dataclass

from storage.instant import to_us
from storage.ledger.recordings import Recording, RecordingState, Wrap
from storage.vault import format as layout
from storage.vault import keys
from storage.vault.blobs import Blob, Blobs, manifest_name, opened, segment_name
from storage.vault.errors import BadManifest, BadSegment, BadWrap, BlobMissing
from storage.vault.manifest import LONGEST, Manifest, SegmentEntry, from_file, from_ledger
from storage.vault.segment import digests
from storage.vault.signing import Trusted


@dataclass(frozen=True)
class Finding:
    """`where`: "manifest", "segment 3", "wrapped key of segment 3"; `what`: for a person."""

    where: str
    what: str


@dataclass(frozen=True)
class Proof:
    """What a verification saw. Sound when there are no findings; `notes` are worth knowing and no fault."""

    recording: str
    manifest: Manifest | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not self.findings


@dataclass(frozen=True)
class LedgerSide:
    """What the ledger says of the recording."""

    recording: Recording
    wraps: tuple[Wrap, ...]


def verify(recording: str, blobs: Blobs, trusted: Trusted, ledger: LedgerSide | None = None) -> Proof:
    """Reads every byte of the recording's segments, in bounded memory. Raises OSError: the disk can't be read."""
    findings: list[Finding] = []
    notes: list[str] = []
    manifest = _manifest(recording, blobs, trusted, ledger, findings)
    if manifest is not None:
        by_digest = {entry.sha256: entry.number for entry in manifest.segments}
        for entry in manifest.segments:
            what = _segment(manifest, entry, blobs, by_digest)
            if what:
                findings.append(Finding(f"segment {entry.number}", what))
        _strangers(manifest, blobs, findings)
        notes += _notes(manifest)
        if ledger is not None:
            _row(manifest, ledger.recording, findings)
            _wraps(manifest, ledger, trusted, findings, notes)
    return Proof(recording, manifest, tuple(findings), tuple(notes))


def _manifest(
    recording: str, blobs: Blobs, trusted: Trusted, ledger: LedgerSide | None, findings: list[Finding]
) -> Manifest | None:
    found: list[Manifest] = []
    try:
        with opened(blobs, manifest_name(recording)) as blob:
            found.append(from_file(blob.read_at(0, LONGEST + 1), trusted, "the vault's manifest"))
    except (BadManifest, BlobMissing) as error:
        findings.append(Finding("manifest", str(error)))
    if ledger is not None:
        body, signature = ledger.recording.manifest, ledger.recording.manifest_signature
        try:
            if body is None or signature is None:
                raise BadManifest("the ledger has no manifest: the recording is open, or never began")
            found.append(from_ledger(body, signature, trusted, "the ledger's manifest"))
        except BadManifest as error:
            findings.append(Finding("manifest", str(error)))
    if len(found) == 2 and found[0] != found[1]:
        findings.append(Finding("manifest", "the vault's and the ledger's differ, though both are signed"))
    for manifest in found:
        if manifest.recording != recording:
            findings.append(Finding("manifest", f"is that of recording {manifest.recording} (swapped)"))
            return None
    return found[-1] if found else None


def _segment(manifest: Manifest, entry: SegmentEntry, blobs: Blobs, by_digest: dict[bytes, int]) -> str:
    """What is wrong with a segment's file; empty when nothing is."""
    try:
        with opened(blobs, segment_name(manifest.recording, entry.number)) as blob:
            return _file(manifest, entry, blob, by_digest)
    except (BlobMissing, BadSegment) as error:
        return str(error)


def _file(manifest: Manifest, entry: SegmentEntry, blob: Blob, by_digest: dict[bytes, int]) -> str:
    name, size = segment_name(manifest.recording, entry.number), blob.size
    header, message = layout.read_header(blob.read_at(0, layout.LONGEST_INTRODUCTION), name)
    if (header.recording, header.segment) != (manifest.recording, entry.number):
        return f"holds segment {header.segment} of recording {header.recording} (swapped)"
    if size < entry.size:
        return f"cut: {size} bytes of {entry.size}"
    if size > entry.size:
        return f"{size - entry.size} bytes were appended"
    shape = layout.shape_of(size - message, name, torn=not entry.complete)
    found = digests(blob, message, shape)
    if found.sha256 != entry.sha256 and found.sha256 in by_digest:
        return f"holds segment {by_digest[found.sha256]} (swapped)"
    if found.sha256 != entry.sha256:
        return "changed: its bytes are not those that were sealed (SHA-256)"
    if (found.merkle_root, shape.chunks, shape.plaintext) != (entry.merkle_root, entry.chunks, entry.plaintext):
        return "its chunks are not those of the manifest (Merkle root)"
    return ""


def _strangers(manifest: Manifest, blobs: Blobs, findings: list[Finding]) -> None:
    known = {segment_name(manifest.recording, entry.number) for entry in manifest.segments}
    known.add(manifest_name(manifest.recording))
    for name in blobs.names(manifest.recording):
        if name not in known:
            findings.append(Finding(name, "is not in the manifest"))


def _notes(manifest: Manifest) -> list[str]:
    notes = [f"gap: {gap.kind.value}" for gap in manifest.gaps]
    torn = [str(entry.number) for entry in manifest.segments if not entry.complete]
    if torn:
        notes.append(f"segment {', '.join(torn)}: ended by force after its last whole chunk")
    if manifest.crashed:
        notes.append("sealed after a crash")
    return notes


def _row(manifest: Manifest, row: Recording, findings: list[Finding]) -> None:
    """What the ledger says of the recording beside its manifest: whoever reads only the ledger must not be misled."""
    said = {
        "attempt": (row.attempt_id, manifest.attempt),
        "tenant": (row.tenant, manifest.tenant),
        "node": (row.node, manifest.node),
        "start": (to_us(row.started), manifest.started_us),
        "end": (None if row.sealed is None else to_us(row.sealed), manifest.sealed_us),
        "rate": (row.rate, manifest.rate),
        "crash flag": (row.crashed, manifest.crashed),
        "state": (row.state, RecordingState.FAILED if manifest.failed else RecordingState.SEALED),
    }
    for field, (ledger, signed) in said.items():
        if ledger != signed:
            findings.append(Finding("ledger", f"its {field} is not the one in the signed manifest"))


def _wraps(manifest: Manifest, ledger: LedgerSide, trusted: Trusted, findings: list[Finding], notes: list[str]) -> None:
    for wrap in ledger.wraps:
        try:
            place = keys.Place(manifest.recording, wrap.segment, wrap.kek_id)
            keys.check(wrap.wrapped, keys.algorithm_named(wrap.algorithm), place, trusted)
        except BadWrap as error:
            findings.append(Finding(f"wrapped key of segment {wrap.segment}", str(error)))
    held = {wrap.segment for wrap in ledger.wraps}
    gone = [str(entry.number) for entry in manifest.segments if entry.number not in held]
    if gone:
        notes.append(f"segment {', '.join(gone)}: no wrapped key any more; the audio is erased")

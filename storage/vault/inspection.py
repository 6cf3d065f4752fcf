"""All recordings of a home against each other: vault, ledger and audit log.

One recording alone is proven by `verify`. Who can write to the ledger can do what no manifest shows: delete a
recording, hang it on another attempt, take its manifest away, put an older signed one in its place. The audit log
(whose own soundness is `heedline audit verify`'s to say) names every recording that was opened, and the SHA-256
of the manifest it was closed with.
"""

import hashlib
from dataclasses import replace

from storage.audit import AuditTag
from storage.canonical import parse_object
from storage.database import Database
from storage.ledger.recordings import NoSuchRecording, Recording
from storage.vault.blobs import FolderBlobs
from storage.vault.signing import Trusted
from storage.vault.verify import Finding, LedgerSide, Proof, verify

_PAGE = 100
_OPENED = AuditTag.RECORDING_OPENED.value
_CLOSED = (AuditTag.RECORDING_SEALED.value, AuditTag.RECORDING_FAILED.value)


async def inspect(db: Database, blobs: FolderBlobs, trusted: Trusted, wanted: str | None = None) -> list[Proof]:
    """One proof a closed recording, the newest first; then what is missing or a stranger. `wanted`: only that one.

    Raises NoSuchRecording: nobody knows the one that is wanted.
    """
    proofs: dict[str, Proof] = {}
    rows: dict[str, bytes | None] = {}  # the digests of their manifests
    before: str | None = None
    while True:
        async with db.read() as tx:
            page = await tx.recordings.list(_PAGE, before) if wanted is None else _one(await tx.recordings.find(wanted))
            sides = [LedgerSide(row, tuple(await tx.wraps.of(row.id))) for row in page]
        for side in sides:
            rows[side.recording.id] = _digest(side.recording)
            if wanted is not None or side.recording.manifest is not None:
                proofs[side.recording.id] = verify(side.recording.id, blobs, trusted, side)
        if len(page) < _PAGE:
            break
        before = page[-1].id
    audited = await _audited(db)  # after the rows: what has a row by then has its entry too
    in_vault = blobs.recordings()
    known = [*rows, *sorted({*audited, *in_vault} - set(rows))] if wanted is None else [wanted]
    for recording in known:
        finding = await _finding(db, recording, rows, audited, in_vault)
        if finding is not None:
            proof = proofs.get(recording) or Proof(recording, None, (), ())
            proofs[recording] = replace(proof, findings=(*proof.findings, finding))
    if wanted is not None and not proofs:
        raise NoSuchRecording(f"no recording {wanted}; `heedline recordings list` shows them")
    return list(proofs.values())


def _one(row: Recording | None) -> list[Recording]:
    return [] if row is None else [row]


def _digest(row: Recording) -> bytes | None:
    return None if row.manifest is None else hashlib.sha256(row.manifest).digest()


async def _audited(db: Database) -> dict[str, bytes | None]:
    """What the audit log says was opened, and the digest of the manifest it was closed with; None: not, or none."""
    found: dict[str, bytes | None] = {}
    async with db.read() as tx:
        async for entry in tx.audit.entries():
            if entry.tag != _OPENED and entry.tag not in _CLOSED:
                continue
            data = parse_object(entry.data)
            recording, digest = str(data.get("recording")), data.get("manifest")
            found.setdefault(recording, None)
            if isinstance(digest, str) and len(digest) == 64:
                found[recording] = bytes.fromhex(digest)
    return found


async def _finding(
    db: Database,
    recording: str,
    rows: dict[str, bytes | None],
    audited: dict[str, bytes | None],
    in_vault: frozenset[str],
) -> Finding | None:
    if recording not in audited:
        if recording in rows:
            return Finding("audit log", "says nothing of this recording, though the ledger has it")
        return Finding("vault", "neither the ledger nor the audit log knows it") if recording in in_vault else None
    if recording in rows and rows[recording] == audited[recording]:
        return None
    async with db.read() as tx:
        now = await tx.recordings.find(recording)  # it may have begun or ended since the rows were read
    if now is None:
        return Finding("ledger", "has no such recording any more; the audit log says that it was opened")
    if _digest(now) == audited[recording] or (rows.get(recording) is None and audited[recording] is None):
        return None
    return Finding("ledger", "its manifest is not the one that the audit log says it was closed with")

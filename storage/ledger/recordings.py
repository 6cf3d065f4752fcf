"""Recordings, their segments and pauses in the ledger (their keys: `storage.ledger.vault_keys`).

A recording is `open` until its manifest is committed with it (`sealed`) or until it could not go on
(`failed`, with a manifest over what had been sealed by then, where that was possible). What is closed never
opens again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from storage import schema
from storage.errors import LedgerConflict, NotFound
from storage.instant import from_us, to_us
from storage.ledger.vault_keys import Kek, Keks, NoSuchKek, Wrap, Wraps
from storage.unit import Transaction

__all__ = [
    "Kek",
    "Keks",
    "NoSuchKek",
    "NoSuchRecording",
    "Pause",
    "Pauses",
    "Recording",
    "RecordingState",
    "Recordings",
    "Segment",
    "Wrap",
    "Wraps",
]

MOST_LISTED = 1_000


class NoSuchRecording(NotFound):
    """No recording has that id."""


class RecordingState(Enum):
    OPEN = "open"
    SEALED = "sealed"
    FAILED = "failed"


@dataclass(frozen=True)
class Recording:
    """One recording. `rate` in frames a second; `manifest` is canonical JSON, its signature 64 bytes."""

    id: str
    attempt_id: str
    tenant: str
    node: str
    started: datetime
    rate: int
    layout: str
    retention_class: str
    spool_name: str
    keep_until: datetime | None = None
    delete_after: datetime | None = None
    state: RecordingState = RecordingState.OPEN
    sealed: datetime | None = None
    manifest: bytes | None = None
    manifest_signature: bytes | None = None
    crashed: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Segment:
    """One sealed message of a recording. `size` in bytes of the whole file, unknown while it is open."""

    recording_id: str
    number: int
    blob: str
    started: datetime
    state: RecordingState
    size: int | None = None
    sha256: bytes | None = None


@dataclass(frozen=True)
class Pause:
    """A span the agent asked not to be recorded; it is silence in the audio. `until` None: it lasts."""

    since: datetime
    until: datetime | None


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_us(microseconds)


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else to_us(moment)


_OPEN, _OPEN_SEGMENT = insert(schema.recordings), insert(schema.segments)
_CLOSE_SEGMENT = (
    update(schema.segments)
    .where(schema.segments.c.recording_id == bindparam("of"), schema.segments.c.number == bindparam("which"))
    .values(state=bindparam("becomes"), ciphertext_size=bindparam("size"), sha256=bindparam("digest"))
)
_VOID_SEGMENTS = (
    update(schema.segments)
    .where(schema.segments.c.recording_id == bindparam("of"))
    .where(schema.segments.c.state == RecordingState.OPEN.value)
    .values(state=RecordingState.FAILED.value, ciphertext_size=0)
)
_CLOSE = (
    update(schema.recordings)
    .where(schema.recordings.c.id == bindparam("of"), schema.recordings.c.state == RecordingState.OPEN.value)
    .values(
        state=bindparam("becomes"),
        sealed_us=bindparam("at"),
        manifest=bindparam("paper"),
        manifest_signature=bindparam("signature"),
        crashed=bindparam("died"),
        reason=bindparam("why"),
    )
)
_FIND = select(schema.recordings).where(schema.recordings.c.id == bindparam("of"))
_PAUSES = select(schema.pauses).where(schema.pauses.c.recording_id == bindparam("of")).order_by(schema.pauses.c.from_us)


class Recordings:
    """Recordings and their segments."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def open(self, recording: Recording) -> None:
        """Add an open recording. Raises LedgerConflict: the id is taken, or there is no such attempt."""
        await self._tx.run(
            _OPEN,
            {
                "id": recording.id,
                "attempt_id": recording.attempt_id,
                "tenant": recording.tenant,
                "node": recording.node,
                "state": RecordingState.OPEN.value,
                "started_us": to_us(recording.started),
                "rate": recording.rate,
                "layout": recording.layout,
                "retention_class": recording.retention_class,
                "keep_until_us": _microseconds(recording.keep_until),
                "delete_after_us": _microseconds(recording.delete_after),
                "spool_name": recording.spool_name,
            },
        )

    async def segment_opened(self, recording_id: str, number: int, blob: str, at: datetime) -> None:
        await self._tx.run(
            _OPEN_SEGMENT,
            {
                "recording_id": recording_id,
                "number": number,
                "blob": blob,
                "started_us": to_us(at),
                "state": RecordingState.OPEN.value,
            },
        )

    async def segment_closed(
        self, recording_id: str, number: int, state: RecordingState, size: int, sha256: bytes
    ) -> None:
        """The segment's file has its last byte: `size` in bytes, `sha256` over all of them."""
        values = {"of": recording_id, "which": number, "becomes": state.value, "size": size, "digest": sha256}
        await self._tx.run(_CLOSE_SEGMENT, values)

    async def segments_void(self, recording_id: str) -> int:
        """Segments that were committed and never came to hold a chunk are marked failed, with no bytes."""
        return await self._tx.run(_VOID_SEGMENTS, {"of": recording_id})

    async def sealed(
        self,
        recording_id: str,
        at: datetime,
        manifest: bytes,
        signature: bytes,
        *,
        crashed: bool,
        reason: str,
    ) -> None:
        """Close a recording with its manifest. Raises LedgerConflict: it is not open."""
        await self._close(recording_id, RecordingState.SEALED, at, manifest, signature, crashed, reason)

    async def failed(
        self,
        recording_id: str,
        at: datetime,
        manifest: bytes | None,
        signature: bytes | None,
        *,
        crashed: bool,
        reason: str,
    ) -> None:
        """Close a recording that could not go on. Raises LedgerConflict: it is not open."""
        await self._close(recording_id, RecordingState.FAILED, at, manifest, signature, crashed, reason)

    async def _close(
        self,
        recording_id: str,
        state: RecordingState,
        at: datetime,
        manifest: bytes | None,
        signature: bytes | None,
        crashed: bool,
        reason: str,
    ) -> None:
        values = {
            "of": recording_id,
            "becomes": state.value,
            "at": to_us(at),
            "paper": None if manifest is None else manifest.decode("ascii"),
            "signature": signature,
            "died": crashed,
            "why": reason[:256],
        }
        changed = await self._tx.run(_CLOSE, values)
        if changed != 1:
            raise LedgerConflict(f"recording {recording_id}: not open, so it can't be {state.value}")

    async def find(self, recording_id: str) -> Recording | None:
        row = await self._tx.first(_FIND, {"of": recording_id})
        return None if row is None else _recording(row)

    async def get(self, recording_id: str) -> Recording:
        """Raises NoSuchRecording."""
        found = await self.find(recording_id)
        if found is None:
            raise NoSuchRecording(f"no recording {recording_id[:32]}; `heedline recordings list` shows them")
        return found

    async def list(self, limit: int = 50, before: str | None = None) -> list[Recording]:
        """The newest first; `before` is the id after which the page before ended."""
        query = select(schema.recordings).order_by(schema.recordings.c.id.desc())
        if before is not None:
            query = query.where(schema.recordings.c.id < before)
        return [_recording(row) for row in await self._tx.all(query.limit(min(limit, MOST_LISTED)))]

    async def of_attempt(self, attempt_id: str) -> "Sequence[Recording]":
        query = select(schema.recordings).where(schema.recordings.c.attempt_id == attempt_id)
        return [_recording(row) for row in await self._tx.all(query.order_by(schema.recordings.c.id))]

    async def open_ones(self, node: str | None = None) -> "Sequence[Recording]":
        """Recordings that are not closed, of one node or of all."""
        query = select(schema.recordings).where(schema.recordings.c.state == RecordingState.OPEN.value)
        if node is not None:
            query = query.where(schema.recordings.c.node == node)
        return [_recording(row) for row in await self._tx.all(query.order_by(schema.recordings.c.id))]

    async def segments(self, recording_id: str) -> "Sequence[Segment]":
        query = select(schema.segments).where(schema.segments.c.recording_id == recording_id)
        return [_segment(row) for row in await self._tx.all(query.order_by(schema.segments.c.number))]


def _recording(row: Row[Any]) -> Recording:
    return Recording(
        id=row.id,
        attempt_id=row.attempt_id,
        tenant=row.tenant,
        node=row.node,
        started=from_us(row.started_us),
        rate=row.rate,
        layout=row.layout,
        retention_class=row.retention_class,
        spool_name=row.spool_name,
        keep_until=_instant(row.keep_until_us),
        delete_after=_instant(row.delete_after_us),
        state=RecordingState(row.state),
        sealed=_instant(row.sealed_us),
        manifest=None if row.manifest is None else row.manifest.encode("utf-8"),
        manifest_signature=row.manifest_signature,
        crashed=row.crashed,
        reason=row.reason,
    )


def _segment(row: Row[Any]) -> Segment:
    return Segment(
        row.recording_id,
        row.number,
        row.blob,
        from_us(row.started_us),
        RecordingState(row.state),
        row.ciphertext_size,
        row.sha256,
    )


class Pauses:
    """Spans in which recording was paused."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def begin(self, recording_id: str, at: datetime) -> bool:
        """Begin a span; False when one lasts already."""
        if any(pause.until is None for pause in await self.of(recording_id)):
            return False
        values = {"recording_id": recording_id, "from_us": to_us(at)}
        await self._tx.run(insert(schema.pauses).values(values))
        return True

    async def end(self, recording_id: str, at: datetime) -> bool:
        """End the span that lasts; False when none does. A clock set back ends it where it began."""
        lasting = [pause for pause in await self.of(recording_id) if pause.until is None]
        for pause in lasting:
            await self._tx.run(
                update(schema.pauses)
                .where(schema.pauses.c.recording_id == recording_id)
                .where(schema.pauses.c.from_us == to_us(pause.since))
                .values(to_us=max(to_us(at), to_us(pause.since)))
            )
        return bool(lasting)

    async def of(self, recording_id: str) -> list[Pause]:
        rows = await self._tx.all(_PAUSES, {"of": recording_id})
        return [Pause(from_us(row.from_us), _instant(row.to_us)) for row in rows]

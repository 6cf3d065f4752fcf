"""What the recorder writes into the ledger: every step of a recording, each in one transaction with its audit.

The order that makes a crash harmless: COMMIT recording and wrapped key → create the segment → seal chunks → end
the segment → COMMIT. A segment that is in the vault always has its key in the ledger.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.audit import AuditTag, AuditValue
from storage.database import Database
from storage.instant import from_us
from storage.ledger.recordings import Recording, RecordingState, Segment
from storage.unit import Transaction
from storage.vault import keys
from storage.vault.blobs import segment_name
from storage.vault.errors import NoKek
from storage.vault.format import Layout
from storage.vault.manifest import sign
from storage.vault.published import newest_genuine, public_half
from storage.vault.session import Closing, Session
from storage.vault.signing import Signer, Trusted
from storage.vault.spool import spool_name

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class RecorderSettings:
    """What every recording of this node shares. Retention in days from its start; segments in minutes."""

    tenant: str
    node: str
    retention_class: str
    retention_days: int
    segment_minutes: float = 15


class Books:
    def __init__(
        self,
        db: Database,
        settings: RecorderSettings,
        signer: Signer,
        clock: Clock,
        trusted: Trusted | None = None,
    ) -> None:
        """trusted: whose KEKs are sealed to; None: only those this node published itself."""
        self._db, self._settings, self._signer, self._clock = db, settings, signer, clock
        self._trusted = trusted or Trusted([signer.public])

    @property
    def key_id(self) -> str:
        """The id of the node's signing key."""
        return self._signer.key_id

    @property
    def own(self) -> Trusted:
        """The node's public key: by it we know what we wrote before a crash."""
        return Trusted([self._signer.public])

    async def find(self, recording_id: str) -> Recording | None:
        async with self._db.read() as tx:
            return await tx.recordings.find(recording_id)

    async def unfinished(self) -> list[tuple[Recording, list[Segment]]]:
        """This node's open recordings and their segments."""
        async with self._db.read() as tx:
            return [
                (r, list(await tx.recordings.segments(r.id)))
                for r in await tx.recordings.open_ones(self._settings.node)
            ]

    def recording(self, recording_id: str, attempt_id: str, rate: int, started: datetime) -> Recording:
        """A recording about to begin."""
        settings = self._settings
        return Recording(
            id=recording_id,
            attempt_id=attempt_id,
            tenant=settings.tenant,
            node=settings.node,
            started=started,
            rate=rate,
            layout=Layout.IN_OUT.value,
            retention_class=settings.retention_class,
            spool_name=spool_name(recording_id),
            keep_until=started + timedelta(days=settings.retention_days),
        )

    async def begin(self, recording: Recording) -> bytes:
        """Commit the recording, its first segment and its wrapped key. Returns the data key.

        Raises NoKek, and the ledger's errors: nothing was written then.
        """
        async with self._db.begin() as tx:
            await tx.recordings.open(recording)
            dek = await self._segment(tx, recording, 0, recording.started)
            data = {"attempt": recording.attempt_id, "recording": recording.id}
            await tx.audit.append(AuditTag.RECORDING_OPENED, self._clock(), data)
        return dek

    async def next_segment(self, session: Session, at: datetime, *, resumed: bool = False) -> tuple[int, bytes]:
        """Commit the segments that have ended and a new one; returns its number and data key. Raises as `begin`."""
        number = session.next_segment
        session.next_segment += 1  # also if the commit fails: whether it did is not always known
        async with self._db.begin() as tx:
            await self._note_closed(tx, session)
            dek = await self._segment(tx, session.recording, number, at)
            if resumed:
                data: dict[str, AuditValue] = {
                    "recording": session.id,
                    "sealed_bytes": session.sealed,
                    "segment": number,
                }
                await tx.audit.append(AuditTag.RECORDING_RESUMED, self._clock(), data)
        session.unrecorded.clear()
        return number, dek

    async def note_ended(self, session: Session) -> None:
        """Commit the segments that have ended (a planned stop of the recorder)."""
        async with self._db.begin() as tx:
            await self._note_closed(tx, session)
        session.unrecorded.clear()

    async def pause(self, session: Session, at: datetime, *, lasting: bool) -> None:
        """Commit the beginning or the end of a pause; saying it twice changes nothing."""
        async with self._db.begin() as tx:
            if lasting:
                changed, tag = await tx.pauses.begin(session.id, at), AuditTag.RECORDING_PAUSED
            else:
                changed, tag = await tx.pauses.end(session.id, at), AuditTag.RECORDING_UNPAUSED
            if changed:
                await tx.audit.append(tag, self._clock(), {"recording": session.id})

    async def write_manifest(self, session: Session, at: datetime, *, crashed: bool, reason: str) -> Closing:
        """The session's manifest, signed; the first one stands, however often closing has to be tried."""
        async with self._db.read() as tx:
            pauses = await tx.pauses.of(session.id)
        return session.write_manifest(at, pauses, crashed=crashed, reason=reason, sign=self._sign)

    async def close(self, session: Session, closing: Closing) -> None:
        """Commit the end of a recording: its segments, its signed manifest, its audit entry.

        May be called again after an error of the ledger; does nothing when the recording is closed already.
        """
        written = closing.manifest
        async with self._db.begin() as tx:
            if (await tx.recordings.get(session.id)).state is not RecordingState.OPEN:
                return
            await self._note_closed(tx, session)
            await tx.recordings.segments_void(session.id)
            close, tag = tx.recordings.sealed, AuditTag.RECORDING_SEALED
            if session.failure is not None:
                close, tag = tx.recordings.failed, AuditTag.RECORDING_FAILED
            await close(
                session.id,
                from_us(written.sealed_us),
                closing.body,
                closing.signature,
                crashed=written.crashed,
                reason=written.reason,
            )
            data: dict[str, AuditValue] = {
                "crashed": written.crashed,
                "failure": session.failure.value if session.failure else None,
                "manifest": hashlib.sha256(closing.body).hexdigest(),
                "milliseconds": int(written.seconds * 1000),
                "recording": session.id,
                "segments": len(written.segments),
            }
            await tx.audit.append(tag, self._clock(), data)

    async def never_began(self, recording_id: str, reason: str) -> None:
        """Commit that a recording just committed could not be begun: no byte of it exists."""
        async with self._db.begin() as tx:
            await tx.recordings.segments_void(recording_id)
            at = self._clock()
            await tx.recordings.failed(recording_id, at, None, None, crashed=False, reason=reason)
            data = {"failure": reason, "recording": recording_id}
            await tx.audit.append(AuditTag.RECORDING_FAILED, at, data)

    async def _segment(self, tx: Transaction, recording: Recording, number: int, at: datetime) -> bytes:
        month = keys.expiry_month(recording.started, self._settings.retention_days)
        living = await tx.keks.living(recording.tenant, recording.retention_class, month)
        kek = newest_genuine(living, self._trusted)
        if kek is None:
            raise NoKek(
                f"no KEK for {recording.tenant}/{recording.retention_class}/{month}; run `heedline keys publish`"
            )
        algorithm = keys.algorithm_named(kek.algorithm)
        dek = keys.new_dek()
        place = keys.Place(recording.id, number, kek.id)
        wrapped = keys.wrap(dek, public_half(kek, self._trusted), algorithm, place, self._signer)
        await tx.recordings.segment_opened(recording.id, number, segment_name(recording.id, number), at)
        await tx.wraps.add(recording.id, number, kek.id, algorithm.value, wrapped)
        return dek

    async def _note_closed(self, tx: Transaction, session: Session) -> None:
        for entry in session.unrecorded:
            await tx.recordings.segment_closed(
                session.id, entry.number, RecordingState.SEALED, entry.size, entry.sha256
            )

    def _sign(self, body: bytes) -> bytes:
        return sign(body, self._signer)

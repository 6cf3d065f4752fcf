"""The keys of recordings in the ledger: wrapped data keys, and the KEKs they are wrapped to.

Wraps live here and never in a recording's object: deleting them erases every copy of the audio, backups and
locked objects included; destroying a month's KEK is the backstop.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update

from storage import schema
from storage.errors import LedgerConflict, NotFound
from storage.instant import from_us, to_us
from storage.unit import Transaction

MOST_WRAPS = 1_000
MOST_LIVING = 100


class NoSuchKek(NotFound):
    """No KEK has that id."""


@dataclass(frozen=True)
class Wrap:
    """A segment's data key, wrapped to a KEK; `algorithm` says how."""

    recording_id: str
    segment: int
    kek_id: str
    algorithm: str
    wrapped: bytes


@dataclass(frozen=True)
class Kek:
    """A key-encryption key.

    `public`: with its publisher's signature (`storage.vault.published`); `sealed_private` is None once destroyed;
    `month` ("2031-11"): when it may be.
    """

    id: str
    tenant: str
    retention_class: str
    month: str
    algorithm: str
    public: bytes
    sealed_private: bytes | None
    provider: str
    created: datetime


_ADD = insert(schema.wraps)
_LIVING = (
    select(schema.keks)
    .where(
        schema.keks.c.tenant == bindparam("tenant"),
        schema.keks.c.retention_class == bindparam("retention_class"),
        schema.keks.c.month == bindparam("month"),
        schema.keks.c.sealed_private.is_not(None),
    )
    .order_by(schema.keks.c.id.desc())
    .limit(MOST_LIVING)
)


class Wraps:
    """Wrapped data keys, one a segment and KEK. Deleting a segment's erases every copy of its audio."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, recording_id: str, segment: int, kek_id: str, algorithm: str, wrapped: bytes) -> None:
        await self._tx.run(
            _ADD,
            {
                "recording_id": recording_id,
                "segment": segment,
                "kek_id": kek_id,
                "algorithm": algorithm,
                "wrapped": wrapped,
            },
        )

    async def of(self, recording_id: str) -> list[Wrap]:
        query = select(schema.wraps).where(schema.wraps.c.recording_id == recording_id)
        rows = await self._tx.all(query.order_by(schema.wraps.c.segment, schema.wraps.c.kek_id))
        return [_wrap(row) for row in rows]

    async def of_kek(self, kek_id: str, limit: int = MOST_WRAPS) -> list[Wrap]:
        """Some of the keys wrapped to that KEK, oldest recordings first."""
        query = select(schema.wraps).where(schema.wraps.c.kek_id == kek_id)
        query = query.order_by(schema.wraps.c.recording_id, schema.wraps.c.segment)
        return [_wrap(row) for row in await self._tx.all(query.limit(limit))]

    async def remove(self, wrap: Wrap) -> None:
        """Remove exactly that wrap. Raises LedgerConflict: it changed or went in the meantime."""
        removed = await self._tx.run(
            delete(schema.wraps)
            .where(schema.wraps.c.recording_id == wrap.recording_id)
            .where(schema.wraps.c.segment == wrap.segment)
            .where(schema.wraps.c.kek_id == wrap.kek_id)
            .where(schema.wraps.c.wrapped == wrap.wrapped)
        )
        if removed != 1:
            raise LedgerConflict(f"recording {wrap.recording_id}: its wrapped key changed meanwhile; try again")


def _wrap(row: Row[Any]) -> Wrap:
    return Wrap(row.recording_id, row.segment, row.kek_id, row.algorithm, row.wrapped)


class Keks:
    """Key-encryption keys of (tenant, retention class, expiry month)."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, kek: Kek) -> None:
        await self._tx.run(
            insert(schema.keks).values(
                id=kek.id,
                tenant=kek.tenant,
                retention_class=kek.retention_class,
                month=kek.month,
                algorithm=kek.algorithm,
                public=kek.public,
                sealed_private=kek.sealed_private,
                provider=kek.provider,
                created_us=to_us(kek.created),
            )
        )

    async def get(self, kek_id: str) -> Kek:
        """Raises NoSuchKek."""
        row = await self._tx.first(select(schema.keks).where(schema.keks.c.id == kek_id))
        if row is None:
            raise NoSuchKek(f"no KEK {kek_id[:32]}; `heedline keys list` shows them")
        return _kek(row)

    async def living(self, tenant: str, retention_class: str, month: str) -> list[Kek]:
        """Those of that month that have not been destroyed, the newest first."""
        values = {"tenant": tenant, "retention_class": retention_class, "month": month}
        rows = await self._tx.all(_LIVING, values)
        return [_kek(row) for row in rows]

    async def list(self) -> list[Kek]:
        query = select(schema.keks).order_by(schema.keks.c.month, schema.keks.c.id)
        return [_kek(row) for row in await self._tx.all(query)]

    async def destroy(self, kek_id: str) -> bool:
        """Forget the private half for good; False when that was done before."""
        changed = await self._tx.run(
            update(schema.keks)
            .where(schema.keks.c.id == kek_id, schema.keks.c.sealed_private.is_not(None))
            .values(sealed_private=None)
        )
        return changed == 1


def _kek(row: Row[Any]) -> Kek:
    return Kek(
        row.id,
        row.tenant,
        row.retention_class,
        row.month,
        row.algorithm,
        row.public,
        row.sealed_private,
        row.provider,
        from_us(row.created_us),
    )

"""The internal do-not-call list: an append-only ledger of adds and revocations.

The current state is derived: a number is listed while it has an add that no revocation names. `generation`
counts how often it had been taken off before, and (number, generation, act) is unique, so that the database
itself refuses a second active entry. Numbers are found by their keyed hash and kept sealed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, Select, bindparam, func, insert, select

from compliance.errors import BadInput
from compliance.number import Number
from storage.canonical import canonical, parse_object
from storage.errors import LedgerConflict, NotListed, SealBroken
from storage.ids import new_id
from storage.instant import from_us, to_us
from storage.schema import dnc_entries
from storage.unit import Transaction

LONGEST_REASON = 256
_revocation = dnc_entries.alias("revocation")


@dataclass(frozen=True)
class DncEntry:
    """One act of the ledger. `revokes` is the id of the add that a revocation takes back."""

    id: str
    lookup_hash: bytes
    generation: int
    act: Literal["add", "revoke"]
    source: str
    channel: str
    reason: str
    proof: dict[str, object] | None
    who: str
    at: datetime
    attempt_id: str | None
    revokes: str | None


@dataclass(frozen=True)
class DncAdded:
    """`created` is False when the number was listed already: then `entry` is the one that stands."""

    entry: DncEntry
    created: bool


def _entry(row: Row[Any]) -> DncEntry:
    return DncEntry(
        row.id,
        row.lookup_hash,
        row.generation,
        row.act,
        row.source,
        row.channel,
        row.reason,
        None if row.proof is None else parse_object(row.proof),
        row.who,
        from_us(row.at_us),
        row.attempt_id,
        row.revokes,
    )


def _active() -> Select[Any]:
    """Adds that nothing has revoked."""
    joined = dnc_entries.outerjoin(_revocation, _revocation.c.revokes == dnc_entries.c.id)
    return select(dnc_entries).select_from(joined).where(dnc_entries.c.act == "add", _revocation.c.id.is_(None))


_OF_HASH = _active().where(dnc_entries.c.lookup_hash == bindparam("hash"))


def _checked(reason: str) -> str:
    if not 1 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise BadInput(f"reason: 1 to {LONGEST_REASON} printable characters")
    return reason


class DoNotCall:
    """The do-not-call ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(
        self,
        number: Number,
        source: str,
        channel: str,
        reason: str,
        proof: dict[str, object] | None,
        who: str,
        at: datetime,
        attempt_id: str | None = None,
    ) -> DncAdded:
        """List the number; a listed number stays listed by its first entry.

        An attempt's entry is written once: the same request told again (after a crash) gives the entry that
        it made, even when that has been revoked since.
        Raises LedgerConflict: the attempt's entry is for another number. BadInput: no reason, or too long.
        """
        lookup_hash = self._tx.keys.lookup_hash(number)
        standing = await self.check(number) or await self._same_attempt(attempt_id, lookup_hash)
        if standing is not None:
            return DncAdded(standing, created=False)
        entry_id = new_id(at)
        entry = DncEntry(
            entry_id,
            lookup_hash,
            await self._revocations(lookup_hash),
            "add",
            source,
            channel,
            _checked(reason),
            proof,
            who,
            at,
            attempt_id,
            None,
        )
        await self._write(entry, self._tx.keys.seal(number, f"dnc:{entry_id}"))
        return DncAdded(entry, created=True)

    async def revoke(self, number: Number, reason: str, who: str, at: datetime) -> DncEntry:
        """Take the number off the list; the revocation is an entry of its own.

        Raises NotListed. BadInput: no reason, or too long.
        """
        standing = await self.check(number)
        if standing is None:
            raise NotListed("do-not-call list: the number is not on it; nothing to remove")
        entry = DncEntry(
            new_id(at),
            standing.lookup_hash,
            standing.generation,
            "revoke",
            standing.source,
            "office",
            _checked(reason),
            None,
            who,
            at,
            None,
            standing.id,
        )
        await self._write(entry, None)
        return entry

    async def check(self, number: Number) -> DncEntry | None:
        """The entry by which the number is listed, or None."""
        row = await self._tx.first(_OF_HASH, {"hash": self._tx.keys.lookup_hash(number)})
        return None if row is None else _entry(row)

    async def list(self, limit: int = 50, after: str | None = None) -> tuple[DncEntry, ...]:
        """Active entries by id (that is, by time); `after` is the id to go on from."""
        query = _active().order_by(dnc_entries.c.id).limit(limit)
        if after is not None:
            query = query.where(dnc_entries.c.id > after)
        return tuple(_entry(row) for row in await self._tx.all(query))

    async def history(self, number: Number) -> tuple[DncEntry, ...]:
        """Every act about the number, in order."""
        lookup_hash = self._tx.keys.lookup_hash(number)
        rows = await self._tx.all(
            select(dnc_entries)
            .where(dnc_entries.c.lookup_hash == lookup_hash)
            .order_by(dnc_entries.c.generation, dnc_entries.c.act)
        )
        return tuple(_entry(row) for row in rows)

    async def of_attempt(self, attempt_id: str) -> DncEntry | None:
        """The entry that was asked for in that call."""
        row = await self._tx.first(select(dnc_entries).where(dnc_entries.c.attempt_id == attempt_id))
        return None if row is None else _entry(row)

    async def number(self, entry_id: str) -> Number:
        """The number of an add, in clear. Raises SealBroken; NotListed: no such add."""
        sealed = await self._tx.scalar(select(dnc_entries.c.number_sealed).where(dnc_entries.c.id == entry_id))
        if sealed is None:
            raise NotListed(f"do-not-call entry {entry_id}: no such add")
        number = self._tx.keys.open(sealed, f"dnc:{entry_id}")
        stored = await self._tx.scalar(select(dnc_entries.c.lookup_hash).where(dnc_entries.c.id == entry_id))
        if stored != self._tx.keys.lookup_hash(number):
            raise SealBroken(f"dnc:{entry_id}: the sealed number is not the one that is listed")
        return number

    async def _revocations(self, lookup_hash: bytes) -> int:
        counted = await self._tx.scalar(
            select(func.count()).where(dnc_entries.c.lookup_hash == lookup_hash, dnc_entries.c.act == "revoke")
        )
        return int(counted)

    async def _same_attempt(self, attempt_id: str | None, lookup_hash: bytes) -> DncEntry | None:
        if attempt_id is None:
            return None
        entry = await self.of_attempt(attempt_id)
        if entry is not None and entry.lookup_hash != lookup_hash:
            raise LedgerConflict(f"attempt {attempt_id}: its do-not-call entry is for another number")
        return entry

    async def _write(self, entry: DncEntry, sealed: bytes | None) -> None:
        await self._tx.run(
            insert(dnc_entries).values(
                id=entry.id,
                lookup_hash=entry.lookup_hash,
                generation=entry.generation,
                act=entry.act,
                number_sealed=sealed,
                source=entry.source,
                channel=entry.channel,
                reason=entry.reason,
                proof=None if entry.proof is None else canonical(entry.proof),
                who=entry.who,
                at_us=to_us(entry.at),
                attempt_id=entry.attempt_id,
                revokes=entry.revokes,
            )
        )

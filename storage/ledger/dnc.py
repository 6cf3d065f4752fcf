"""The internal do-not-call list: an append-only ledger of adds and revocations.

The current state is derived: a number is listed while it has an add that no revocation names. An entry has a scope:
whose calls, and about what, are not wanted. `generation` counts how often it had been taken off before in that scope,
and (number, scope, generation, act) is unique, so that the database itself refuses a second active entry. Numbers are
found by their keyed hash and kept sealed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, Select, bindparam, func, insert, select

from compliance.errors import BadInput
from compliance.number import Number
from storage.canonical import canonical, parse_object
from storage.consent.fold import same_name
from storage.errors import LedgerConflict, NotListed, SealBroken
from storage.ids import new_id
from storage.instant import from_us, to_us
from storage.ledger.campaigns import checked_seller, checked_topic
from storage.schema import dnc_entries
from storage.unit import Transaction

LONGEST_REASON = 256
_revocation = dnc_entries.alias("revocation")


@dataclass(frozen=True)
class Scope:
    """Whose calls, and about what, a person does not want; None: anybody's, about anything.

    Raises BadInput: a seller or a topic that can be none.
    """

    seller: str | None = None
    topic: str | None = None

    def __post_init__(self) -> None:
        if self.seller is not None:
            checked_seller(self.seller)
        if self.topic is not None:
            checked_topic(self.topic)

    def stops(self, seller: str | None, topic: str | None) -> bool:
        """A call of that seller about that topic; what is not known of the call (None) may be what is not wanted."""
        return (self.seller is None or seller is None or same_name(self.seller, seller)) and (
            self.topic is None or topic is None or same_name(self.topic, topic)
        )

    def __str__(self) -> str:
        limits = [f"by {self.seller}"] if self.seller is not None else []
        limits += [f"about {self.topic}"] if self.topic is not None else []
        return " ".join(limits) or "everything"


EVERYTHING = Scope()


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
    scope: Scope = EVERYTHING


@dataclass(frozen=True)
class DncAdded:
    """`created` is False when the number was listed in that scope already: then `entry` is the one that stands."""

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
        Scope(row.seller or None, row.topic or None),
    )


def _active() -> Select[Any]:
    """Adds that nothing has revoked."""
    joined = dnc_entries.outerjoin(_revocation, _revocation.c.revokes == dnc_entries.c.id)
    return select(dnc_entries).select_from(joined).where(dnc_entries.c.act == "add", _revocation.c.id.is_(None))


# All acts, not only those that stand: few there are, and a join would be planned anew for a list that has none revoked.
_OF_HASH = select(dnc_entries).where(dnc_entries.c.lookup_hash == bindparam("hash"))
_OF_SCOPE = (
    (dnc_entries.c.lookup_hash == bindparam("hash"))
    & (dnc_entries.c.seller == bindparam("seller"))
    & (dnc_entries.c.topic == bindparam("topic"))
)
_REVOCATIONS = select(func.count()).where(_OF_SCOPE, dnc_entries.c.act == "revoke")


def _values(lookup_hash: bytes, scope: Scope) -> dict[str, object]:
    return {"hash": lookup_hash, "seller": scope.seller or "", "topic": scope.topic or ""}


def _checked(reason: str) -> str:
    if not 1 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise BadInput(f"reason: 1 to {LONGEST_REASON} printable characters")
    return reason


def standing(acts: Iterable[DncEntry]) -> tuple[DncEntry, ...]:
    """The adds that nothing has revoked, oldest first."""
    known = tuple(acts)
    revoked = {entry.revokes for entry in known}
    return tuple(sorted((e for e in known if e.act == "add" and e.id not in revoked), key=lambda entry: entry.id))


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
        scope: Scope = EVERYTHING,
    ) -> DncAdded:
        """List the number; a number listed in that scope stays listed by its first entry.

        An attempt's entry is written once: the same request told again (after a crash) gives the entry that
        it made, even when that has been revoked since.
        Raises LedgerConflict: the attempt's entry is for another number. BadInput: no reason, or too long.
        """
        lookup_hash = self._tx.keys.lookup_hash(number)
        known = await self.entry(number, scope) or await self._same_attempt(attempt_id, lookup_hash)
        if known is not None:
            return DncAdded(known, created=False)
        entry_id = new_id(at)
        entry = DncEntry(
            entry_id,
            lookup_hash,
            int(await self._tx.scalar(_REVOCATIONS, _values(lookup_hash, scope))),
            "add",
            source,
            channel,
            _checked(reason),
            proof,
            who,
            at,
            attempt_id,
            None,
            scope,
        )
        await self._write(entry, self._tx.keys.seal(number, f"dnc:{entry_id}"))
        return DncAdded(entry, created=True)

    async def revoke(self, number: Number, reason: str, who: str, at: datetime, scope: Scope = EVERYTHING) -> DncEntry:
        """Take the number off the list in that scope; the revocation is an entry of its own.

        Raises NotListed. BadInput: no reason, or too long.
        """
        listed = await self.entry(number, scope)
        if listed is None:
            others = await self.active(number)
            if others:
                raise NotListed(f"do-not-call list: the number is on it for other calls ({others[0].scope}); say those")
            raise NotListed("do-not-call list: the number is not on it; nothing to remove")
        entry = DncEntry(
            new_id(at),
            listed.lookup_hash,
            listed.generation,
            "revoke",
            listed.source,
            "office",
            _checked(reason),
            None,
            who,
            at,
            None,
            listed.id,
            scope,
        )
        await self._write(entry, None)
        return entry

    async def check(self, number: Number, seller: str | None = None, topic: str | None = None) -> DncEntry | None:
        """The first entry that stops a call of that seller about that topic, or None; unnamed: of anybody's."""
        return next((entry for entry in await self.active(number) if entry.scope.stops(seller, topic)), None)

    async def active(self, number: Number) -> tuple[DncEntry, ...]:
        """Every entry by which the number is listed, in whatever scope, oldest first."""
        return standing(await self.history(number))

    async def entry(self, number: Number, scope: Scope) -> DncEntry | None:
        """The active entry of exactly that scope, or None."""
        return next((entry for entry in await self.active(number) if entry.scope == scope), None)

    async def list(self, limit: int = 50, after: str | None = None) -> tuple[DncEntry, ...]:
        """Active entries by id (that is, by time); `after` is the id to go on from."""
        query = _active().order_by(dnc_entries.c.id).limit(limit)
        if after is not None:
            query = query.where(dnc_entries.c.id > after)
        return tuple(_entry(row) for row in await self._tx.all(query))

    async def history(self, number: Number) -> tuple[DncEntry, ...]:
        """Every act about the number, in order, scope by scope."""
        rows = await self._tx.all(_OF_HASH, {"hash": self._tx.keys.lookup_hash(number)})
        rows = sorted(rows, key=lambda row: (row.seller, row.topic, row.generation, row.act))
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
                seller=entry.scope.seller or "",
                topic=entry.scope.topic or "",
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

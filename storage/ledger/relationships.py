"""Established business relationships: a person's purchases from a seller and inquiries to it, and the end of it all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, func, insert, select

from compliance.errors import BadInput
from compliance.number import Number
from storage.audit import AuditTag, without_numbers
from storage.consent.fold import same_name
from storage.instant import from_us, to_us
from storage.ledger.campaigns import checked_seller
from storage.schema import relationships
from storage.unit import Transaction

Kind = Literal["purchase", "inquiry", "ended"]
LONGEST_NOTE = 256

_OF = (
    select(relationships)
    .where(relationships.c.party_id == bindparam("of"))
    .order_by(relationships.c.at_us, relationships.c.position)
)
_OF_SELLER = _OF.where(relationships.c.seller == bindparam("seller"))
_NEXT = (
    select(func.coalesce(func.max(relationships.c.position) + 1, 0))
    .where(relationships.c.party_id == bindparam("of"))
    .scalar_subquery()
)
_ADD = insert(relationships).values(position=_NEXT)


@dataclass(frozen=True)
class Dealing:
    """One dealing of a person with a seller. `at`: when it happened; `ended`: what was before it counts no more."""

    kind: Kind
    seller: str
    at: datetime
    by: str
    note: str | None


class Relationships:
    """The relationships of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def record(
        self,
        number: Number,
        kind: Kind,
        seller: str,
        happened: datetime,
        by: str,
        at: datetime,
        note: str | None = None,
    ) -> Dealing:
        """Put a dealing on file, with its audit entry; one that is there already is not written twice.

        Raises BadInput: it lies in the future, or seller or note can be none.
        """
        if happened > at:
            raise BadInput("relationship: it can't have happened in the future")
        if note is not None and (not 1 <= len(note) <= LONGEST_NOTE or not note.isprintable()):
            raise BadInput(f"note: 1 to {LONGEST_NOTE} printable characters")
        party_id = await self._tx.parties.ensure(number)
        dealing = Dealing(kind, checked_seller(seller), happened, by, note)
        if any((known.kind, known.seller, known.at) == (kind, seller, happened) for known in await self.of(party_id)):
            return dealing
        row = {
            "party_id": party_id,
            "of": party_id,
            "seller": seller,
            "kind": kind,
            "at_us": to_us(happened),
            "recorded_us": to_us(at),
            "by": by,
            "note": note,
        }
        await self._tx.run(_ADD, row)
        data = {"party": party_id, "kind": kind, "seller": without_numbers(seller), "by": without_numbers(by)}
        await self._tx.audit.append(AuditTag.RELATIONSHIP_RECORDED, at, data)
        return dealing

    async def of(self, party_id: str, seller: str | None = None) -> tuple[Dealing, ...]:
        """Every dealing of the party, with that seller, in the order they happened."""
        query = _OF if seller is None else _OF_SELLER
        rows = await self._tx.all(query, {"of": party_id} if seller is None else {"of": party_id, "seller": seller})
        return tuple(Dealing(row.kind, row.seller, from_us(row.at_us), row.by, row.note) for row in rows)

    async def counting(self, party_id: str, seller: str, at: datetime) -> tuple[Dealing, ...]:
        """The purchases and inquiries up to `at` that no end has followed since, the oldest first."""
        found: list[Dealing] = []
        for dealing in await self.of(party_id):
            if dealing.kind == "ended":
                found = [] if same_name(dealing.seller, seller) else found
            elif dealing.seller == seller and dealing.at <= at:
                found.append(dealing)
        return tuple(found)

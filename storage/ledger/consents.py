"""Consents: what a person agreed to or refused, with the evidence. Append-only; a withdrawal is another act."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, func, insert, select

from storage.canonical import canonical, parse_object
from storage.ids import new_id
from storage.instant import from_us, to_us
from storage.schema import consents
from storage.unit import Transaction

Act = Literal["grant", "confirm", "withdraw", "refuse"]


@dataclass(frozen=True)
class ConsentAct:
    """One act. `evidence`: for a recording the prompt's id, language, version, text hash, and the answer."""

    id: str
    party_id: str
    kind: str
    purpose: str
    act: Act
    evidence: dict[str, object]
    attempt_id: str | None
    at: datetime
    by: str


_NEXT = (
    select(func.coalesce(func.max(consents.c.position) + 1, 0))
    .where(consents.c.party_id == bindparam("of"))
    .scalar_subquery()
)
_ADD = insert(consents).values(position=_NEXT)


class Consents:
    """The consents of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(
        self,
        party_id: str,
        kind: str,
        purpose: str,
        act: Act,
        evidence: dict[str, object],
        attempt_id: str | None,
        at: datetime,
        by: str,
    ) -> str:
        """Write an act; returns its id. Raises LedgerConflict: no such party or attempt, or no such act."""
        consent_id = new_id(at)
        row = {
            "id": consent_id,
            "party_id": party_id,
            "of": party_id,
            "kind": kind,
            "purpose": purpose,
            "act": act,
            "evidence": canonical(evidence),
            "attempt_id": attempt_id,
            "at_us": to_us(at),
            "by": by,
        }
        await self._tx.run(_ADD, row)
        return consent_id

    async def of(self, party_id: str) -> tuple[ConsentAct, ...]:
        """All acts of the party, in order."""
        rows = await self._tx.all(select(consents).where(consents.c.party_id == party_id).order_by(consents.c.position))
        return tuple(
            ConsentAct(
                row.id,
                row.party_id,
                row.kind,
                row.purpose,
                row.act,
                parse_object(row.evidence),
                row.attempt_id,
                from_us(row.at_us),
                row.by,
            )
            for row in rows
        )

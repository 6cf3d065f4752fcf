"""What is known of a person beside the number: where they live, and whether they are called as a business."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, insert, select

from compliance.errors import BadInput
from compliance.facts import Party
from compliance.number import Number
from storage.audit import AuditTag, without_numbers
from storage.instant import to_us
from storage.schema import party_facts
from storage.unit import Transaction

_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII)
_POSTAL_CODE = re.compile(r"[A-Z0-9][A-Z0-9 -]{0,14}[A-Z0-9]", re.ASCII)
_LAST = (
    select(party_facts)
    .where(party_facts.c.party_id == bindparam("of"))
    .order_by(party_facts.c.position.desc())
    .limit(1)
)
_ADD = insert(party_facts)


@dataclass(frozen=True)
class PartyFacts:
    """None: unknown. `region`: ISO 3166 ("US-FL", "GB"), where the person may be beside where the number says.

    Raises BadInput: a region or a postal code that can be none.
    """

    region: str | None = None
    postal_code: str | None = None
    party: Party | None = None

    def __post_init__(self) -> None:
        if self.region is not None and not _REGION.fullmatch(self.region):
            raise BadInput("region: an ISO 3166 code such as US-CA, US or GB")
        if self.postal_code is not None and not _POSTAL_CODE.fullmatch(self.postal_code):
            raise BadInput("postal code: 2 to 16 capital letters, digits, blanks and -")

    def to_dict(self) -> dict[str, str | None]:
        party = None if self.party is None else self.party.value
        return {"region": self.region, "postal_code": self.postal_code, "party": party}


NOTHING_KNOWN = PartyFacts()


class KnownParties:
    """What the ledger knows of its parties."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def of(self, party_id: str) -> PartyFacts:
        """What is known now."""
        return (await self._last(party_id))[1]

    async def set(
        self, number: Number, by: str, at: datetime, *, change: PartyFacts, forget: frozenset[str] = frozenset()
    ) -> PartyFacts:
        """Put on file what `change` says and forget what `forget` names, with the audit entry; the rest stays."""
        party_id = await self._tx.parties.ensure(number)
        position, known = await self._last(party_id)
        kept = {name: None if name in forget else getattr(known, name) for name in known.to_dict()}
        given = {name: getattr(change, name) for name in kept if getattr(change, name) is not None}
        following = replace(known, **{**kept, **given})
        if following == known:
            return known
        row = {**following.to_dict(), "party_id": party_id, "position": position + 1, "at_us": to_us(at), "by": by}
        await self._tx.run(_ADD, row)
        await self._tx.audit.append(
            AuditTag.PARTY_SET,
            at,
            {
                "party": party_id,
                "known": ", ".join(name for name, value in following.to_dict().items() if value is not None),
                "by": without_numbers(by),
            },
        )
        return following

    async def _last(self, party_id: str) -> tuple[int, PartyFacts]:
        row = await self._tx.first(_LAST, {"of": party_id})
        if row is None:
            return -1, NOTHING_KNOWN
        party = None if row.party is None else Party(row.party)
        return row.position, PartyFacts(row.region, row.postal_code, party)

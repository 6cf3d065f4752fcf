"""What the stories begin with: a campaign, a party, a verdict."""

from datetime import datetime
from typing import Any

from compliance.number import Number
from compliance.verdict import Confidence, Decision, Reason, RecordingDuty, RecordingMode, Verdict
from storage.database import Database
from storage.ledger.campaigns import Campaign

CALLEE = Number("+12125550123")
OTHER = Number("+442079460000")


def campaign(name: str = "spring", **changes: object) -> Campaign:
    fields: dict[str, Any] = {"seller": "Acme", "purpose": "survey", "caller_id": "+12125550100", **changes}
    return Campaign(name=name, **fields)


def verdict(decision: Decision = Decision.ALLOW) -> Verdict:
    reason = Reason("internal_dnc", "47 CFR 64.1200(d)", "on our own list", Confidence.VERIFIED_PRIMARY)
    return Verdict(
        decision=decision,
        reasons=() if decision is Decision.ALLOW else (reason,),
        obligations=(),
        recording=RecordingDuty(RecordingMode.NOTICE, False, ("US-NY",), ()),
        next_allowed_at=None,
        pack="test-1",
    )


async def planned(db: Database, now: datetime, number: Number = CALLEE, name: str = "spring") -> str:
    """A pending attempt to the number, in the campaign of that name (made when it is new)."""
    async with db.begin() as tx:
        if name not in {known.name for known in await tx.campaigns.list()}:
            await tx.campaigns.add(campaign(name))
        party = await tx.parties.ensure(number)
        return await tx.attempts.plan(party, name, "alice", now, "test")

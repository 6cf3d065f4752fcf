"""Attempts: one intended call to one party, from its plan to its disposition.

    pending ──commit──► dialling ──end──► ended
       └──deny / cancel / end─────────────►

`commit` is durable before anything is dialled, so that no call is placed twice: after a restart an attempt
found in `dialling` may have been dialled and is never dialled again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Row, Update, bindparam, exists, func, insert, select, update

from compliance.verdict import Verdict
from storage.errors import AttemptInFlight, AttemptNotPending, NoSuchAttempt
from storage.ids import new_id
from storage.instant import from_us, to_us
from storage.schema import attempts, call_outcomes, campaigns
from storage.unit import Transaction

DENIED = "denied"
CANCELLED = "cancelled"
REFUSED = "refused"  # the person said no
LONGEST_DETAIL = 256


class AttemptState(Enum):
    PENDING = "pending"
    DIALLING = "dialling"
    ENDED = "ended"


@dataclass(frozen=True)
class Attempt:
    """An attempt as it stands. `verdict_json` is the verdict it was committed or denied with."""

    id: str
    party_id: str
    campaign: str
    campaign_version: int
    agent: str | None
    state: AttemptState
    not_before: datetime
    planned_by: str
    planned_at: datetime
    committed_at: datetime | None
    ended_at: datetime | None
    verdict_json: str | None
    facts_digest: str | None
    disposition: str | None
    detail: str | None

    @property
    def verdict(self) -> Verdict | None:
        return None if self.verdict_json is None else Verdict.from_json(self.verdict_json)


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        party_id=row.party_id,
        campaign=row.campaign,
        campaign_version=row.campaign_version,
        agent=row.agent,
        state=AttemptState(row.state),
        not_before=from_us(row.not_before_us),
        planned_by=row.planned_by,
        planned_at=from_us(row.planned_us),
        committed_at=None if row.committed_us is None else from_us(row.committed_us),
        ended_at=None if row.ended_us is None else from_us(row.ended_us),
        verdict_json=row.verdict,
        facts_digest=row.facts_digest,
        disposition=row.disposition,
        detail=row.detail,
    )


_PLAN = insert(attempts)
_other = attempts.alias("other")
_newest = select(func.max(campaigns.c.version)).where(campaigns.c.name == attempts.c.campaign).scalar_subquery()
# pending → dialling in one statement, which changes nothing unless all that `commit` promises holds.
_COMMIT = (
    update(attempts)
    .where(attempts.c.id == bindparam("of"), attempts.c.state == AttemptState.PENDING.value)
    .where(~exists().where(_other.c.party_id == attempts.c.party_id, _other.c.state == AttemptState.DIALLING.value))
    .values(
        state=AttemptState.DIALLING.value,
        campaign_version=_newest,
        committed_us=bindparam("at"),
        verdict=bindparam("because"),
        facts_digest=bindparam("facts"),
    )
)
_END = (
    update(attempts)
    .where(attempts.c.id == bindparam("of"), attempts.c.state != AttemptState.ENDED.value)
    .values(
        state=AttemptState.ENDED.value,
        disposition=bindparam("how"),
        detail=bindparam("said"),
        ended_us=bindparam("at"),
    )
)
_IN_FLIGHT = select(attempts).where(
    attempts.c.party_id == bindparam("party"), attempts.c.state == AttemptState.DIALLING.value
)
_of_campaign = (campaigns.c.name == attempts.c.campaign) & (campaigns.c.version == attempts.c.campaign_version)
# Every call to a person that was dialled, whoever's, with what came of it where somebody answered.
_CALLS = (
    select(
        attempts.c.id,
        attempts.c.state,
        attempts.c.committed_us,
        attempts.c.ended_us,
        attempts.c.disposition,
        campaigns.c.seller,
        call_outcomes.c.agent_after_us,
        call_outcomes.c.abandoned,
    )
    .select_from(attempts.join(campaigns, _of_campaign).outerjoin(call_outcomes))
    .where(attempts.c.party_id == bindparam("party"), attempts.c.committed_us.is_not(None))
    .order_by(attempts.c.committed_us)
)
_FIRST = (
    select(attempts.c.committed_us)
    .where(attempts.c.campaign == bindparam("of"), attempts.c.committed_us.is_not(None))
    .order_by(attempts.c.committed_us)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call to a person that was dialled. `silent`: it was answered, and no agent came. `refused_at`: they said no."""

    attempt: str
    seller: str
    at: datetime
    in_flight: bool
    silent: bool
    refused_at: datetime | None


class Attempts:
    """The attempts of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def plan(self, party_id: str, campaign: str, agent: str | None, not_before: datetime, by: str) -> str:
        """Plan an attempt under the campaign's present version; returns its id. Raises NoSuchCampaign."""
        version = (await self._tx.campaigns.get(campaign)).version
        now = datetime.now(UTC)
        attempt_id = new_id(now)
        row = {
            "id": attempt_id,
            "party_id": party_id,
            "campaign": campaign,
            "campaign_version": version,
            "agent": agent,
            "state": AttemptState.PENDING.value,
            "not_before_us": to_us(not_before),
            "planned_by": by,
            "planned_us": to_us(now),
        }
        await self._tx.run(_PLAN, row)
        return attempt_id

    async def commit(self, attempt_id: str, verdict: Verdict, facts_digest: str, at: datetime) -> None:
        """pending → dialling, under the campaign's version of this moment. Dial after the unit has closed.

        Raises NoSuchAttempt, AttemptNotPending; AttemptInFlight: the party is being called already.
        ValueError: the verdict does not allow the call.
        """
        if not verdict.allowed:
            raise ValueError("a denied attempt can't be committed")
        values = {"of": attempt_id, "at": to_us(at), "because": verdict.to_json(), "facts": facts_digest}
        if not await self._tx.run(_COMMIT, values):
            await self._pending(attempt_id)
            raise AttemptInFlight(f"attempt {attempt_id}: its party is being called by another attempt")

    async def deny(self, attempt_id: str, verdict: Verdict, facts_digest: str, at: datetime) -> None:
        """pending → ended, disposition `denied`. Raises NoSuchAttempt, AttemptNotPending."""
        await self._pending(attempt_id)
        await self._tx.run(
            self._of(attempt_id).values(
                state=AttemptState.ENDED.value,
                disposition=DENIED,
                detail=", ".join(reason.rule for reason in verdict.reasons)[:LONGEST_DETAIL],
                ended_us=to_us(at),
                verdict=verdict.to_json(),
                facts_digest=facts_digest,
            )
        )

    async def end(self, attempt_id: str, disposition: str, detail: str, at: datetime) -> bool:
        """→ ended. False when it had ended before: the first disposition stands. Raises NoSuchAttempt."""
        values = {"of": attempt_id, "how": disposition, "said": detail[:LONGEST_DETAIL], "at": to_us(at)}
        changed = await self._tx.run(_END, values)
        if not changed:
            await self.get(attempt_id)
        return changed > 0

    async def cancel_pending(
        self, party_id: str, reason: str, at: datetime, seller: str | None = None, topic: str | None = None
    ) -> int:
        """End every pending attempt to the party; returns how many.

        With a seller or a topic, only those of campaigns for that seller, about that topic or about none that is known.
        """
        limits = [] if seller is None else [campaigns.c.seller == seller]
        limits += [] if topic is None else [(campaigns.c.topic == topic) | campaigns.c.topic.is_(None)]
        return await self._tx.run(
            update(attempts)
            .where(attempts.c.party_id == party_id, attempts.c.state == AttemptState.PENDING.value)
            .where(*([exists().where(_of_campaign, *limits)] if limits else []))
            .values(
                state=AttemptState.ENDED.value,
                disposition=CANCELLED,
                detail=reason[:LONGEST_DETAIL],
                ended_us=to_us(at),
            )
        )

    async def get(self, attempt_id: str) -> Attempt:
        """Raises NoSuchAttempt."""
        row = await self._tx.first(select(attempts).where(attempts.c.id == attempt_id))
        if row is None:
            raise NoSuchAttempt(f"attempt {attempt_id[:26]!r}: there is none; see `heedline calls list`")
        return _attempt(row)

    async def due(self, now: datetime, limit: int = 100) -> tuple[Attempt, ...]:
        """Pending attempts whose time has come, the longest waiting first."""
        return await self._select(
            select(attempts)
            .where(attempts.c.state == AttemptState.PENDING.value, attempts.c.not_before_us <= to_us(now))
            .order_by(attempts.c.not_before_us, attempts.c.id)
            .limit(limit)
        )

    async def open(self) -> tuple[Attempt, ...]:
        """Attempts that are dialling, or were when a conductor died."""
        return await self._select(
            select(attempts).where(attempts.c.state == AttemptState.DIALLING.value).order_by(attempts.c.id)
        )

    async def recent(self, party_id: str, since: datetime) -> tuple[Attempt, ...]:
        """Attempts to the party that were committed to dialling at or after `since`, in order."""
        return await self._select(
            select(attempts)
            .where(attempts.c.party_id == party_id, attempts.c.committed_us >= to_us(since))
            .order_by(attempts.c.committed_us)
        )

    async def calls(self, party_id: str) -> tuple[PastCall, ...]:
        """Every call to the party that was dialled, in order, those that are going on among them."""
        return tuple(
            PastCall(
                row.id,
                row.seller,
                from_us(row.committed_us),
                row.state == AttemptState.DIALLING.value,
                bool(row.abandoned) and row.agent_after_us is None,
                from_us(row.ended_us) if row.disposition == REFUSED and row.ended_us is not None else None,
            )
            for row in await self._tx.all(_CALLS, {"party": party_id})
        )

    async def first_call(self, campaign: str) -> datetime | None:
        """When the campaign dialled for the first time; None: it never has."""
        found = await self._tx.scalar(_FIRST, {"of": campaign})
        return None if found is None else from_us(found)

    async def in_flight(self, party_id: str) -> tuple[Attempt, ...]:
        """Attempts to the party that are dialling now."""
        return tuple(_attempt(row) for row in await self._tx.all(_IN_FLIGHT, {"party": party_id}))

    async def list(self, limit: int = 50, before: str | None = None) -> tuple[Attempt, ...]:
        """The latest attempts, newest first; `before` is the id to go on from."""
        query = select(attempts).order_by(attempts.c.id.desc()).limit(limit)
        return await self._select(query if before is None else query.where(attempts.c.id < before))

    async def _select(self, query: Any) -> tuple[Attempt, ...]:
        return tuple(_attempt(row) for row in await self._tx.all(query))

    async def _pending(self, attempt_id: str) -> Attempt:
        attempt = await self.get(attempt_id)
        if attempt.state is not AttemptState.PENDING:
            raise AttemptNotPending(f"attempt {attempt_id}: is {attempt.state.value}, not pending")
        return attempt

    @staticmethod
    def _of(attempt_id: str) -> Update:
        return update(attempts).where(attempts.c.id == attempt_id)

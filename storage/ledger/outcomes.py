"""Outcomes: what came of the calls that a person answered, read from their stories when they have ended.

A call is abandoned when the person waited longer for an agent than the law lets anybody wait, whatever came then: a
disposition does not tell it (who is left waiting may press 9, and is then one who opted out). Each row carries the
sums of its campaign so far, so that the counts of any period are the difference of two rows, however many calls there
were. A call counts in the period in which it ended.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select

from compliance.facts import Abandonment
from storage.canonical import parse_object
from storage.instant import from_us, to_us
from storage.ledger.events import CallEvent
from storage.schema import attempts, call_events, call_outcomes
from storage.unit import Transaction

CALLEE, AGENT = "callee", "agent"
TOLD_BY = ("Ordered", "LegAnswered", "LegGone", "LegFailed", "LinkRestored")
_ZERO = timedelta(0)
_MICROSECOND = timedelta(microseconds=1)

_STORY = (
    select(call_events)
    .where(call_events.c.attempt_id == bindparam("of"), call_events.c.kind.in_(TOLD_BY))
    .order_by(call_events.c.seq)
)
_KNOWN = select(call_outcomes.c.position).where(call_outcomes.c.attempt_id == bindparam("of"))
_CAMPAIGN = select(attempts.c.campaign).where(attempts.c.id == bindparam("of"))
_SUMS = select(call_outcomes.c.at_us, call_outcomes.c.answered_total, call_outcomes.c.abandoned_total)
_LAST = (
    _SUMS.where(call_outcomes.c.campaign == bindparam("of"))
    .order_by(call_outcomes.c.at_us.desc(), call_outcomes.c.position.desc())
    .limit(1)
)
_LAST_BEFORE = _LAST.where(call_outcomes.c.at_us < bindparam("before"))
_ADD = insert(call_outcomes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`agent_after`: from the answer until an agent was there; None: none came. `left_after`: until the person left."""

    answered_at: datetime
    agent_after: timedelta | None
    left_after: timedelta | None

    def abandoned(self, within: timedelta) -> bool:
        """Nobody was there within that time, and the person had not hung up by then."""
        late = self.agent_after is None or self.agent_after > within
        return late and (self.left_after is None or self.left_after > within)


def outcome_of(story: Iterable[CallEvent]) -> Outcome | None:
    """From a call's events in order; None: nobody answered. Those of other kinds than TOLD_BY say nothing here."""
    here = {CALLEE: False, AGENT: False}
    answered: datetime | None = None
    met: datetime | None = None
    left: datetime | None = None
    for event in story:
        if event.kind == "Ordered":
            here[AGENT] = bool(event.data.get("agent_channel"))  # who dialled from the phone is there
        elif event.kind == "LinkRestored":
            here = {leg: event.data.get(leg) == "up" for leg in here}
        elif event.kind in TOLD_BY and event.data.get("leg") in here:
            here[str(event.data["leg"])] = event.kind == "LegAnswered"
        if here[CALLEE]:
            answered = answered or event.at
            met = met or (event.at if here[AGENT] else None)
        elif answered is not None:
            left = left or event.at
    if answered is None:
        return None
    return Outcome(answered, _since(answered, met), _since(answered, left))


def _since(start: datetime, end: datetime | None) -> timedelta | None:
    return None if end is None else max(_ZERO, end - start)  # the clock may have been set back


class Outcomes:
    """The outcomes of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def record(self, attempt_id: str, within: timedelta, at: datetime) -> Outcome | None:
        """Put on file what came of a call that has ended; None: nobody answered. Once: repeated, it changes nothing.

        `within`: how long the law lets a person wait for an agent, from the answer on.
        """
        rows = await self._tx.all(_STORY, {"of": attempt_id})
        outcome = outcome_of(
            CallEvent(row.attempt_id, row.seq, from_us(row.at_us), row.kind, parse_object(row.data)) for row in rows
        )
        if outcome is None or await self._tx.first(_KNOWN, {"of": attempt_id}) is not None:
            return outcome
        campaign = str(await self._tx.scalar(_CAMPAIGN, {"of": attempt_id}))
        last = await self._tx.first(_LAST, {"of": campaign})
        at_us, answered, abandoned = (0, 0, 0) if last is None else tuple(last)
        given_up = outcome.abandoned(within)
        row = {
            "attempt_id": attempt_id,
            "campaign": campaign,
            "position": answered,
            "at_us": max(at_us, to_us(at)),
            "answered_us": to_us(outcome.answered_at),
            "agent_after_us": None if outcome.agent_after is None else outcome.agent_after // _MICROSECOND,
            "abandoned": given_up,
            "answered_total": answered + 1,
            "abandoned_total": abandoned + given_up,
        }
        await self._tx.run(_ADD, row)
        return outcome

    async def counts(self, campaign: str, since: datetime) -> Abandonment:
        """Of the campaign's calls that have ended from `since` on: how many were answered, abandoned of these.

        Calls that ended later than a clock that was set back says are among them.
        """
        now = await self._tx.first(_LAST, {"of": campaign})
        if now is None:
            return Abandonment(0, 0)
        then = await self._tx.first(_LAST_BEFORE, {"of": campaign, "before": to_us(since)})
        answered, abandoned = (0, 0) if then is None else (then.answered_total, then.abandoned_total)
        return Abandonment(now.answered_total - answered, now.abandoned_total - abandoned)

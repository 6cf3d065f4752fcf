from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from compliance.case import Case
from compliance.facts import Facts
from compliance.jurisdictions.model import AttemptCap, WaitAfter, WaitingTime
from compliance.rules.law_rule import LawRule
from compliance.verdict import Confidence


class AttemptsLeft(LawRule[AttemptCap]):
    """The person has been called less often than a cap allows, over all numbers and campaigns of the seller.

    Source: Fla. Stat. 501.616(6)(b), C. consom. D223-9 and their like in the data. An attempt counts until exactly
    as many hours have passed, or through its calendar day in every zone; one dated in the future counts too, since
    somebody's clock is wrong.
    """

    id = "attempts.cap"
    citation = "Fla. Stat. 501.616(6)(b) and its like in the data"
    confidence = Confidence.VERIFIED_PRIMARY
    topic = AttemptCap

    def objection(self, case: Case, law: AttemptCap, at: datetime) -> tuple[str, datetime | None] | None:
        attempts = case.facts.attempts
        if attempts is None:
            return "attempts is unknown", None
        if len(attempts) < law.max:
            return None
        # The call may be placed once all but max - 1 of the attempts no longer count.
        last_to_lapse = sorted(attempts, reverse=True)[law.max - 1]
        until = _lapses(law, last_to_lapse, case.zones)
        if until is not None and until <= at:
            return None
        span = f"{law.hours} hours" if law.hours is not None else f"{law.calendar_days} calendar days"
        return f"called {law.max} times or more within {span}", until


class WaitedLongEnough(LawRule[WaitingTime]):
    """The time to wait after a refusal, or after a call that found no agent of ours, is over.

    Source: C. consom. D223-9 (refusal), Garante 20.2.2014 (silent calls) and their like in the data. Where nobody
    knows which calls were silent, each of the attempts may have been.
    """

    id = "attempts.waiting"
    citation = "C. consom. D223-9 and its like in the data"
    confidence = Confidence.VERIFIED_PRIMARY
    topic = WaitingTime

    def objection(self, case: Case, law: WaitingTime, at: datetime) -> tuple[str, datetime | None] | None:
        what, events = _waited_for(case.facts, law.after)
        if events is None:
            return f"{what} is unknown", None
        if not events:
            return None
        until = _later(max(events), timedelta(hours=law.hours))
        if until is not None and until <= at:
            return None
        return f"less than {law.hours} hours since {what}", until


def _waited_for(facts: Facts, after: WaitAfter) -> tuple[str, Sequence[datetime] | None]:
    if after is WaitAfter.REFUSAL:
        return ("a refusal", facts.refusals) if facts.refusals is not None else ("refusals", None)
    if facts.silent_calls is not None:
        return "a silent call", facts.silent_calls
    return ("a call that may have been silent", facts.attempts) if facts.attempts is not None else ("attempts", None)


def _lapses(law: AttemptCap, attempt: datetime, zones: Sequence[ZoneInfo]) -> datetime | None:
    """When the attempt no longer counts, in UTC; None: never, or where nobody knows the calendar."""
    if law.hours is not None:
        return _later(attempt, timedelta(hours=law.hours))
    days = timedelta(days=law.calendar_days or 0)
    try:
        return max((_midnight_after(attempt, days, zone) for zone in zones), default=None)
    except OverflowError:
        return None


def _midnight_after(instant: datetime, days: timedelta, zone: ZoneInfo) -> datetime:
    """The first instant of the local day so many days after the instant's. Raises OverflowError: in no calendar."""
    return datetime.combine(instant.astimezone(zone).date() + days, time(), tzinfo=zone).astimezone(UTC)


def _later(instant: datetime, by: timedelta) -> datetime | None:
    try:
        return instant.astimezone(UTC) + by
    except OverflowError:
        return None

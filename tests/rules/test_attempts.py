"""Caps on attempts and times to wait: the last instant that still counts, and the first that does not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from compliance.case import Denial
from compliance.facts import ConsentKind, Relationship, RelationshipKind
from compliance.jurisdictions.model import AttemptCap, Law, Unless, WaitAfter, WaitingTime
from compliance.rules.attempts import AttemptsLeft, WaitedLongEnough
from tests.rules.made_up import (
    AT,
    DAY,
    HOUR,
    TICK,
    allows,
    ask,
    consent,
    detail,
    entry,
    packs,
    packs_of,
    place,
    relationship_law,
)

CAP, WAIT = AttemptsLeft(), WaitedLongEnough()
ENDLESS = datetime.max.replace(tzinfo=UTC)


def cap(times: int = 3, hours: int | None = 24, days: int | None = None, **more: object) -> AttemptCap:
    return AttemptCap(**{"entry": entry("no.cap"), "max": times, "hours": hours, "calendar_days": days, **more})


def wait(after: WaitAfter = WaitAfter.REFUSAL, hours: int = 72, **more: object) -> WaitingTime:
    return WaitingTime(**{"entry": entry("no.wait"), "after": after, "hours": hours, **more})


def attempts(*ago: timedelta) -> dict[str, object]:
    return {"attempts": tuple(AT - span for span in ago)}


def until(found: Sequence[Denial]) -> datetime | None:
    (denial,) = found
    return denial.until


@pytest.mark.parametrize(
    ("ago", "passes"),
    [
        ((), True),
        ((HOUR, HOUR), True),
        ((HOUR, HOUR, HOUR), False),
        ((HOUR, HOUR, HOUR, HOUR), False),
        ((HOUR, 2 * HOUR, DAY - TICK), False),
        ((HOUR, 2 * HOUR, DAY), True),  # exactly 24 hours ago: over
        ((HOUR, 2 * HOUR, DAY + TICK), True),
        ((timedelta(), HOUR, 2 * HOUR), False),  # this very instant
        ((-HOUR, -DAY, -99 * DAY), False),  # dated in the future: somebody's clock is wrong
        ((DAY, 2 * DAY, 3 * DAY, 4 * DAY), True),
    ],
)
def test_attempts_count_for_as_many_hours_and_no_longer(ago: tuple[timedelta, ...], passes: bool) -> None:
    assert allows(CAP, cap(), **attempts(*ago)) is passes
    assert allows(CAP, cap(), **attempts(*reversed(ago))) is passes


def test_next_call_is_when_the_oldest_of_the_last_three_no_longer_counts() -> None:
    asked = attempts(HOUR, 5 * HOUR, 3 * HOUR, 7 * HOUR, 20 * HOUR)
    opening = until(ask(CAP, cap(), **asked))
    assert opening == AT - 5 * HOUR + DAY
    assert allows(CAP, cap(), at=opening, **asked)
    assert not allows(CAP, cap(), at=opening - TICK, **asked)


@pytest.mark.parametrize(
    ("days", "first", "passes"),
    [
        (1, "2026-11-18 00:00:00", False),
        (1, "2026-11-17 23:59:59", True),
        (2, "2026-11-17 00:00:00", False),
        (2, "2026-11-16 23:59:59", True),
        (30, "2026-10-20 00:00:00", False),
        (30, "2026-10-19 23:59:59", True),  # on the other side of the change to winter time
        (1, "2026-11-19 12:00:00", False),
    ],
)
def test_calendar_days_are_local_and_todays_is_one_of_them(days: int, first: str, passes: bool) -> None:
    when = datetime.fromisoformat(first).replace(tzinfo=ZoneInfo("Europe/Oslo"))
    assert allows(CAP, cap(1, None, days), attempts=(when,)) is passes


def test_calendar_day_ends_at_local_midnight_in_the_zone_where_it_ends_last() -> None:
    where = packs_of(place("US", cap(1, None, 1)), place("US-KY"))
    asked = {"number": "+13645550123", "attempts": (AT,)}
    opening = until(ask(CAP, where, **asked))
    assert opening == datetime(2026, 11, 19, 6, tzinfo=UTC)  # midnight in Chicago
    assert allows(CAP, where, at=opening, **asked)
    assert not allows(CAP, where, at=opening - TICK, **asked)


def test_calendar_days_are_not_counted_where_the_zone_is_unknown() -> None:
    found = ask(CAP, cap(1, None, 1), region="ZZ", attempts=(AT - 99 * DAY,))
    assert until(found) is None


def test_denial_tells_the_cap() -> None:
    assert detail(CAP, cap(), **attempts(HOUR, HOUR, HOUR)) == "no.cap: called 3 times or more within 24 hours"
    assert "within 30 calendar days" in detail(CAP, cap(1, None, 30), **attempts(HOUR))
    assert detail(CAP, cap(), attempts=None) == "no.cap: attempts is unknown"


def test_attempts_nobody_knows_matter_only_where_a_law_counts_them() -> None:
    assert allows(CAP, packs(), attempts=None)
    assert allows(CAP, cap(entry=entry(last=AT.date() - DAY)), attempts=None)


def test_strictest_of_two_caps_decides() -> None:
    both: list[Law] = [cap(3), cap(1, 8, entry=entry("no.second"))]
    found = ask(CAP, packs(*both), **attempts(HOUR))
    assert until(found) == AT + 7 * HOUR
    assert len(ask(CAP, packs(*both), **attempts(HOUR, HOUR, HOUR))) == 2


def test_cap_yields_to_what_the_law_names() -> None:
    asked = attempts(HOUR, HOUR, HOUR)
    bought = Relationship(RelationshipKind.PURCHASE, AT - 30 * DAY)
    friendly = packs(cap(unless=Unless(ConsentKind.EXPRESS, True)), relationship_law())
    assert not allows(CAP, friendly, **asked)
    assert allows(CAP, friendly, relationship=bought, **asked)
    assert allows(CAP, friendly, consents=(consent(),), **asked)


# --- waiting ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", list(WaitAfter))
@pytest.mark.parametrize(
    ("ago", "passes"),
    [
        ((), True),
        ((72 * HOUR,), True),
        ((72 * HOUR + TICK,), True),
        ((72 * HOUR - TICK,), False),
        ((timedelta(),), False),
        ((-DAY,), False),
        ((100 * HOUR, HOUR), False),
        ((HOUR, 100 * HOUR), False),
    ],
)
def test_wait_is_over_after_exactly_so_many_hours(after: WaitAfter, ago: tuple[timedelta, ...], passes: bool) -> None:
    fact = "refusals" if after is WaitAfter.REFUSAL else "silent_calls"
    asked = {fact: tuple(AT - span for span in ago)}
    found = ask(WAIT, wait(after), **asked)
    assert (not found) is passes
    if found:
        opening = until(found)
        assert opening == AT - min(ago) + 72 * HOUR
        assert allows(WAIT, wait(after), at=opening, **asked)


def test_where_silent_calls_are_unknown_every_attempt_may_have_been_one() -> None:
    silent = wait(WaitAfter.SILENT_CALL)
    known = {"attempts": (AT - HOUR,)}
    assert allows(WAIT, silent, silent_calls=(), **known)
    said = detail(WAIT, silent, silent_calls=None, **known)
    assert said == "no.wait: less than 72 hours since a call that may have been silent"
    assert allows(WAIT, silent, silent_calls=None, attempts=())
    assert detail(WAIT, silent, silent_calls=None, attempts=None) == "no.wait: attempts is unknown"
    assert detail(WAIT, silent, silent_calls=(AT,), attempts=None).endswith("since a silent call")


def test_refusals_nobody_knows_matter_only_where_a_law_waits_for_them() -> None:
    assert detail(WAIT, wait(), refusals=None) == "no.wait: refusals is unknown"
    assert allows(WAIT, wait(WaitAfter.SILENT_CALL), refusals=None)
    assert allows(WAIT, packs(), refusals=None, silent_calls=None, attempts=None)


@pytest.mark.parametrize("fact", ["at", "number"])
def test_without_place_or_time_neither_is_known_to_be_over(fact: str) -> None:
    assert "is unknown" in detail(WAIT, packs(), **{fact: None})
    assert "is unknown" in detail(CAP, packs(), **{fact: None})


def test_end_of_the_calendar_is_never_over() -> None:
    assert until(ask(WAIT, wait(), refusals=(ENDLESS,))) is None
    assert until(ask(CAP, cap(1), attempts=(ENDLESS,))) is None
    assert until(ask(CAP, cap(1, None, 1), attempts=(ENDLESS,))) is None

"""What came of a call, from its story: whether somebody answered, how long they waited, whether they were abandoned."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from compliance.abandonment import period_starts, worst
from compliance.facts import Abandonment
from compliance.jurisdictions.model import AbandonmentPeriod
from storage.database import Database
from storage.ledger.events import CallEvent
from storage.ledger.outcomes import Outcome, outcome_of
from tests.storage.builders import planned, verdict

START = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
WITHIN = timedelta(seconds=2)
Told = tuple[float, str, dict[str, object]]


def answers(at: float, leg: str) -> Told:
    return at, "LegAnswered", {"leg": leg}


def goes(at: float, leg: str) -> Told:
    return at, "LegGone", {"leg": leg}


def restored(at: float, callee: str, agent: str) -> Told:
    return at, "LinkRestored", {"callee": callee, "agent": agent, "recording": False}


def of(*told: Told) -> Outcome | None:
    return outcome_of(
        CallEvent("A", seq, START + timedelta(seconds=at), kind, data) for seq, (at, kind, data) in enumerate(told)
    )


FROM_THE_PHONE: Told = (0, "Ordered", {"agent": "alice", "agent_channel": "c1", "plan": {}})
BY_US: Told = (0, "Ordered", {"agent": "alice", "agent_channel": "", "plan": {}})


@pytest.mark.parametrize(
    ("story", "after", "abandoned"),
    [
        ((answers(1, "agent"), answers(5, "callee"), goes(60, "callee")), 0.0, False),
        ((BY_US, answers(5, "callee"), answers(7, "agent")), 2.0, False),
        ((BY_US, answers(5, "callee"), answers(7.000001, "agent")), 2.000001, True),
        ((answers(5, "callee"), (6, "Digit", {"leg": "callee", "digit": "9"}), goes(20, "callee")), None, True),
        ((answers(5, "callee"), goes(7, "callee")), None, False),
        ((answers(5, "callee"), goes(7.1, "callee")), None, True),
        ((answers(5, "callee"), (8, "LegFailed", {"leg": "agent", "failure": "busy"})), None, True),
        ((FROM_THE_PHONE, answers(5, "callee")), 0.0, False),
        ((FROM_THE_PHONE, goes(4, "agent"), answers(5, "callee"), goes(9, "callee")), None, True),
        ((answers(1, "agent"), restored(9, "up", "up")), 0.0, False),
        ((answers(1, "agent"), restored(9, "up", "absent"), goes(20, "callee")), None, True),
        ((answers(5, "callee"), restored(9, "absent", "absent")), None, True),
        ((answers(5, "callee"), answers(4, "agent")), 0.0, False),  # the clock was set back
        ((answers(5, "callee"), answers(6, "agent"), goes(8, "agent"), goes(30, "callee")), 1.0, False),
    ],
)
def test_how_long_somebody_waited(story: tuple[Told, ...], after: float | None, abandoned: bool) -> None:
    found = of(*story)
    assert found is not None
    assert found.agent_after == (None if after is None else timedelta(seconds=after))
    assert found.abandoned(WITHIN) is abandoned


@pytest.mark.parametrize(
    "story", [(), (BY_US,), (answers(1, "agent"), goes(9, "agent")), ((1, "LegFailed", {"leg": "callee"}),)]
)
def test_nobody_answered(story: tuple[Told, ...]) -> None:
    assert of(*story) is None


async def test_the_ledger_counts_a_call_once_in_the_period_it_ended_in(db: Database, now: datetime) -> None:
    for n in range(4):
        attempt = await planned(db, now)
        async with db.begin() as tx:
            await tx.attempts.commit(attempt, verdict(), "d" * 64, now)
            await tx.events.append(attempt, 0, now, "LegAnswered", {"leg": "callee"})
            if n % 2:
                await tx.events.append(attempt, 1, now, "LegAnswered", {"leg": "agent"})
            await tx.attempts.end(attempt, "completed", "", now)
        for _ in range(2):
            async with db.begin() as tx:
                await tx.outcomes.record(attempt, WITHIN, now + timedelta(hours=n if n != 3 else -9))
    async with db.read() as tx:
        counts = [await tx.outcomes.counts("spring", now + timedelta(hours=hour)) for hour in range(4)]
        other = await tx.outcomes.counts("autumn", now)
    assert counts == [Abandonment(4, 2), Abandonment(3, 1), Abandonment(2, 1), Abandonment(0, 0)]
    assert other == Abandonment(0, 0)


FIRST = datetime(2026, 1, 1, 9, 30, tzinfo=UTC)
DAYS_30 = timedelta(days=30)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "start"),
    [
        (FIRST, FIRST),
        (FIRST + DAYS_30 - TICK, FIRST),
        (FIRST + DAYS_30, FIRST + DAYS_30),
        (FIRST + 5 * DAYS_30 - TICK, FIRST + 4 * DAYS_30),
        (FIRST - TICK, FIRST - TICK),  # it has not begun
    ],
)
def test_thirty_days_follow_each_other_from_the_first_call(at: datetime, start: datetime) -> None:
    assert period_starts(AbandonmentPeriod.CAMPAIGN_30_DAYS, at, FIRST, ()) == {start}


def test_a_month_begins_at_local_midnight_in_every_zone() -> None:
    zones = (ZoneInfo("America/Toronto"), ZoneInfo("America/Vancouver"))
    at = datetime(2026, 11, 1, 5, tzinfo=UTC)  # November in Toronto, still October in Vancouver
    assert period_starts(AbandonmentPeriod.CALENDAR_MONTH, at, FIRST, zones) == {
        datetime(2026, 11, 1, 4, tzinfo=UTC),
        datetime(2026, 10, 1, 7, tzinfo=UTC),
    }
    assert period_starts(AbandonmentPeriod.CALENDAR_MONTH, at, FIRST, ()) == {datetime(2026, 11, 1, tzinfo=UTC)}


def test_any_twenty_four_hours_are_those_just_past() -> None:
    at = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert period_starts(AbandonmentPeriod.CAMPAIGN_24_HOURS, at, FIRST, ()) == {at - timedelta(hours=24)}


def test_the_worst_counts_are_those_with_the_largest_share() -> None:
    assert worst([Abandonment(100, 3), Abandonment(10, 1), Abandonment(0, 0)]) == Abandonment(10, 1)
    assert worst([Abandonment(0, 0)]) == Abandonment(0, 0)

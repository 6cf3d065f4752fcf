"""When to ask again: the first instant at which no rule has anything against the call, or none."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import pytest

from compliance import Gate
from compliance.case import Case, Denial, Rule
from compliance.facts import ConsentKind, Switch
from compliance.jurisdictions.model import AttemptCap, CallingHours, ConsentLaw
from compliance.rules import SCREENING_RULES
from compliance.rules.attempts import AttemptsLeft
from compliance.verdict import Confidence
from tests.rules.made_up import AT, DAY, HOUR, TICK, call, consent, entry, packs

DAYTIME = CallingHours(entry=entry("no.hours"), week=(((8 * 3600, 20 * 3600),),) * 7)
ONCE_IN_12_HOURS = AttemptCap(entry=entry("no.cap"), max=1, hours=12, calendar_days=None)


def next_allowed(*laws: object, **changes: object) -> datetime | None:
    gate = Gate(SCREENING_RULES, packs(*laws))
    found = gate.check(call(**changes)).next_allowed_at
    if found is not None:
        assert gate.check(call(**{**changes, "at": found})).allowed
        assert not gate.check(call(**{**changes, "at": found - TICK})).allowed
    return found


def test_quota_that_is_free_again_at_night_opens_in_the_morning() -> None:
    assert next_allowed(DAYTIME, ONCE_IN_12_HOURS, attempts=(AT,)) == datetime(2026, 11, 19, 7, tzinfo=UTC)
    assert next_allowed(ONCE_IN_12_HOURS, attempts=(AT - 11 * HOUR,)) == AT + HOUR


def test_latest_end_counts() -> None:
    both = {"a": Switch(end=AT + 2 * HOUR), "b": Switch(end=AT + HOUR)}
    assert next_allowed(DAYTIME, switches=both) == AT + 2 * HOUR


@pytest.mark.parametrize(
    "changes",
    [
        {"internal_dnc": True},
        {"switches": {"a": Switch(end=AT + HOUR), "b": Switch()}},
        {"attempts": (datetime(2199, 12, 31, 23, tzinfo=UTC),)},
        {"attempts": (datetime.max.replace(tzinfo=UTC),)},
        {},
    ],
)
def test_where_waiting_does_not_help_nothing_is_said(changes: dict[str, object]) -> None:
    assert next_allowed(DAYTIME, ONCE_IN_12_HOURS, **changes) is None


def test_consent_that_ends_before_the_wait_does_not_help_either() -> None:
    needs = ConsentLaw(entry=entry("no.consent"), kind=ConsentKind.EXPRESS, renew_months=None)
    asked = {"attempts": (AT,), "consents": (consent(expires_at=AT + DAY),)}
    assert next_allowed(ONCE_IN_12_HOURS, needs, **asked) == datetime(2026, 11, 19, 7, tzinfo=UTC)
    assert next_allowed(ONCE_IN_12_HOURS, needs, **{**asked, "consents": (consent(expires_at=AT + HOUR),)}) is None


class _Relay(Rule):
    """Denies for an hour, again and again, until `end`. Source: made up."""

    id = "relay"
    citation = "made up"
    confidence = Confidence.HOUSE

    def __init__(self, end: datetime) -> None:
        self._end = end

    def check(self, case: Case) -> Sequence[Denial]:
        assert case.facts.at is not None
        return () if case.facts.at >= self._end else self.deny("wait", case.facts.at + timedelta(hours=1))


@pytest.mark.parametrize(("hours", "found"), [(1, True), (16, True), (17, False)])
def test_search_gives_up_rather_than_go_on_for_ever(hours: int, found: bool) -> None:
    end = datetime.combine(AT.date(), time(12), tzinfo=UTC) + timedelta(hours=hours)
    verdict = Gate([_Relay(end)], packs()).check(call())
    assert verdict.next_allowed_at == (end if found else None)


def test_last_year_that_can_be_asked_about_is_told_and_no_later_one() -> None:
    gate = Gate([AttemptsLeft()], packs(ONCE_IN_12_HOURS))
    spring = datetime(2199, 4, 1, tzinfo=UTC)
    assert gate.check(call(at=spring, attempts=(spring,))).next_allowed_at == spring + 12 * HOUR
    end = datetime(2199, 12, 31, 13, tzinfo=UTC)
    assert gate.check(call(at=end, attempts=(end,))).next_allowed_at is None


def test_what_is_kept_about_laws_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compliance.gate._KEPT", 2)
    gate = Gate(SCREENING_RULES, packs(DAYTIME))
    for days in range(5):
        gate.check(call(at=AT + days * DAY))
        assert len(gate._concerned) == (1, 2, 1, 2, 1)[days]
    assert gate.pack == "made up"

"""Rules that begin, end and differ by weekday, on a made-up country (Norway's real law is not in the data)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from compliance import Confidence, Gate, RecordingMode
from compliance.case import Case, Denial, Rule
from compliance.jurisdictions import Packs, load_packs, parse_packs
from compliance.rules import SCREENING_RULES
from tests.rules.hours_world import closed, next_open
from tests.rules.world import facts

OSLO = ZoneInfo("Europe/Oslo")
NORWAY = frozenset({"NO"})

PROVENANCE = """\
  citation: "made up"
  source: "made up"
  confidence: house
  as_of: "2026-01-01"
"""
LAW = """\
- id: no.recording
  topic: recording_consent
  parties: one_party
  mode: {mode}
  record_announcement: false
  {dates}
"""
HOURS = """\
- id: no.hours
  topic: calling_hours
  {dates}
  week:
    mon: [["10:00", "13:00"], ["14:00", "20:00"]]
    tue: [["10:00", "13:00"], ["14:00", "20:00"]]
    wed: [["10:00", "10:01"]]
    thu: []
    fri: [["22:00", "24:00"]]
    sat: []
    sun: []
"""


def packs(*rules: str) -> Packs:
    here = files("compliance.jurisdictions")
    contents = {item.name: item.read_bytes() for item in here.iterdir() if item.name.endswith(".yaml")}
    text = 'schema: 1\njurisdiction: "NO"\nname: Norway\ncovers_subdivisions: true\nrules:\n'
    contents["no.yaml"] = (text + "".join(rule + PROVENANCE for rule in rules)).encode()
    return parse_packs(contents)


def law(mode: str, dates: str) -> str:
    return LAW.format(mode=mode, dates=dates)


def hours(dates: str = 'valid_from: "2000-01-01"') -> str:
    return HOURS.format(dates=dates)


def oslo(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO)


@pytest.mark.parametrize(
    ("day", "modes"),
    [
        ("2026-12-29", {"notice"}),
        ("2026-12-30", {"notice"}),
        ("2026-12-31", {"notice", "explicit"}),  # somewhere it is already the first of January
        ("2027-01-01", {"notice", "explicit"}),  # and somewhere still the last of December
        ("2027-01-02", {"explicit"}),
    ],
)
def test_new_recording_law_counts_from_the_day_before_and_the_old_until_the_day_after(
    day: str, modes: set[str]
) -> None:
    found = packs(law("notice", 'valid_to: "2026-12-31"'), law("explicit", 'valid_from: "2027-01-01"'))
    assert {item.mode.value for item in found.recording_laws("NO", date.fromisoformat(day))} == modes
    assert {item.mode.value for item in found.recording_laws("NO-03", date.fromisoformat(day))} == modes
    assert {item.mode.value for item in found.recording_laws("NO", None)} == {"notice", "explicit"}


def test_law_that_has_ended_without_another_leaves_the_mode_to_consent() -> None:
    gate = Gate(SCREENING_RULES, packs(law("notice", 'valid_to: "2026-06-30"')))
    before = gate.check(facts(agent_region="NO", at=datetime(2026, 6, 30, 17, tzinfo=UTC)))
    after = gate.check(facts(agent_region="NO", at=datetime(2026, 7, 2, 17, tzinfo=UTC)))
    assert before.recording.mode is RecordingMode.NOTICE
    assert after.recording.mode is RecordingMode.EXPLICIT


def test_new_hours_hold_from_local_midnight() -> None:
    found = packs(hours('valid_from: "2026-11-17"'))
    for at, rule in [("2026-11-16 23:59:59", "default.hours"), ("2026-11-17 00:00:00", "no.hours")]:
        shut, *_ = closed(found, NORWAY, [OSLO], oslo(at), 25)
        assert shut.hours.entry.id == rule


def test_old_hours_hold_to_the_end_of_their_last_local_day() -> None:
    found = packs(hours('valid_to: "2026-11-16"'))
    assert closed(found, NORWAY, [OSLO], oslo("2026-11-16 09:00:00"), 25)
    assert not closed(found, NORWAY, [OSLO], oslo("2026-11-17 09:00:00"), 25)


@pytest.mark.parametrize(
    ("asked", "ring", "opens"),
    [
        ("2026-11-16 09:00:00", 25, "2026-11-16 10:00:00"),
        ("2026-11-16 12:59:36", 25, "2026-11-16 14:00:00"),  # over lunch
        ("2026-11-16 12:59:35", 25, "2026-11-16 12:59:35"),
        ("2026-11-16 13:00:00", 25, "2026-11-16 14:00:00"),
        ("2026-11-17 20:00:00", 60, "2026-11-18 10:00:00"),  # a minute is enough for a minute
        ("2026-11-17 20:00:00", 61, "2026-11-20 22:00:00"),
        ("2026-11-18 10:00:01", 60, "2026-11-20 22:00:00"),
        ("2026-11-20 23:59:00", 60, "2026-11-20 23:59:00"),  # a window may end at midnight
        ("2026-11-20 23:59:01", 60, "2026-11-23 10:00:00"),
    ],
)
def test_next_opening_respects_weekday_lunch_and_ring(asked: str, ring: int, opens: str) -> None:
    found = packs(hours())
    opening = next_open(found, NORWAY, [OSLO], oslo(asked), ring)
    assert opening == oslo(opens)
    assert not closed(found, NORWAY, [OSLO], opening, ring)


def test_two_regions_are_open_only_where_both_are() -> None:
    found = packs(hours())
    both = NORWAY | {"FR"}
    assert next_open(found, both, [OSLO], oslo("2026-11-16 07:00:00"), 25) == oslo("2026-11-16 10:00:00")
    # Friday's 22:00 of the one lies outside 08:00-21:00 of the other.
    assert next_open(found, both, [OSLO], oslo("2026-11-18 10:01:00"), 25) == oslo("2026-11-23 10:00:00")


class _Wait(Rule):
    """Source: made up."""

    id = "wait"
    citation = "made up"
    confidence = Confidence.HOUSE

    def __init__(self, until: datetime) -> None:
        self._until = until

    def check(self, case: Case) -> Sequence[Denial]:
        assert case.facts.at is not None
        return self.deny("wait", self._until) if case.facts.at < self._until else ()


@pytest.mark.parametrize("waits", [(1, 5), (5, 1)])
def test_longest_wait_counts(waits: tuple[int, int]) -> None:
    known = facts()
    assert known.at is not None
    ends = [known.at + timedelta(hours=wait) for wait in waits]
    verdict = Gate([_Wait(end) for end in ends], load_packs()).check(known)
    assert verdict.next_allowed_at == known.at + timedelta(hours=5)

"""Every law on hours in the data, each weekday, holiday and eve of it: just outside, on and just inside each window.

The figures come from the files by PyYAML alone; the law is asked by itself, without those it stands beside.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from compliance.case import Case
from compliance.facts import Facts
from compliance.holidays import holiday
from compliance.hours import is_open, next_open
from compliance.jurisdictions import CallingHours, load_packs
from compliance.jurisdictions.model import Scope
from compliance.terms import CallKind, Party, Purpose
from tests.rules.hours_world import seconds

RING = 25
SECOND = timedelta(seconds=1)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONE = ZoneInfo("America/Phoenix")  # its clocks never change


def in_the_files() -> Iterator[tuple[str, dict[str, Any]]]:
    for item in sorted(files("compliance.jurisdictions").iterdir(), key=lambda item: item.name):
        if item.name.endswith(".yaml"):
            data = yaml.safe_load(item.read_bytes())
            for rule in data.get("rules", ()):
                if rule.get("topic") == "calling_hours":
                    yield data["jurisdiction"], rule


RULES = list(in_the_files())


def law_of(code: str, rule: dict[str, Any]) -> CallingHours:
    (found,) = [
        law
        for law in load_packs().jurisdictions[code].of(CallingHours)
        if law.entry.id == rule["id"] and str(law.entry.valid_from) == str(rule.get("valid_from"))
    ]
    return found


def alone(code: str, law: CallingHours) -> Case:
    """A call that the law is about, in a place that has no other law."""
    packs = load_packs()
    everywhere = replace(law, entry=replace(law.entry, scope=Scope.EVERYWHERE), also_zone=None)
    only = replace(packs.jurisdictions[code], laws=(everywhere,), covers_subdivisions=True)
    when = law.when
    facts = Facts(
        call_kind=min(when.call_kinds or CallKind, key=lambda kind: kind.value),
        purpose=min(when.purposes or Purpose, key=lambda purpose: purpose.value),
        party=min(when.parties or Party, key=lambda party: party.value),
    )
    jurisdictions = {"default": packs.jurisdictions["default"], code: only}
    return Case(facts, replace(packs, jurisdictions=jurisdictions), frozenset({code}), (ZONE,))


def some_week(law: CallingHours) -> list[date]:
    """Seven days in a row on which it is in force and none is a holiday or an eve, Monday first."""
    entry = law.entry
    start = max(entry.valid_from or date(2026, 1, 1), date(2026, 1, 1))
    start = min(start, (entry.valid_to or date(2030, 1, 1)) - timedelta(days=400))
    monday = start + timedelta(days=(7 - start.weekday()) % 7)
    for week in range(60):
        days = [monday + timedelta(days=7 * week + day) for day in range(7)]
        if not any(holiday(law.calendar, day) or holiday(law.calendar, day + timedelta(days=1)) for day in days):
            return days
    raise AssertionError("no week without a holiday")


def at(day: date, second: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(seconds=second)


def windows(rule: dict[str, Any], day: date) -> list[tuple[int, int]]:
    return [(seconds(opens), seconds(closes)) for opens, closes in rule["week"][WEEK[day.weekday()]]]


@pytest.mark.parametrize(("code", "rule"), RULES, ids=[f"{rule['id']}-{n}" for n, (_, rule) in enumerate(RULES)])
def test_each_window_of_the_week(code: str, rule: dict[str, Any]) -> None:
    law = law_of(code, rule)
    case = alone(code, law)
    for day in some_week(law):
        found = windows(rule, day)
        if not found:
            assert not any(is_open(case, at(day, hour * 3600), RING) for hour in range(24)), day
        for opens, closes in found:
            touches = any(end == opens for _, end in found)
            assert is_open(case, at(day, opens) - SECOND, RING) is touches, (day, opens)
            assert is_open(case, at(day, opens), RING), (day, opens)
            assert is_open(case, at(day, closes - RING), RING), (day, closes)
            assert not is_open(case, at(day, closes - RING) + SECOND, RING), (day, closes)
            assert not is_open(case, at(day, closes), RING), (day, closes)
        if found:
            assert next_open(case, at(day, 0), RING) == at(day, found[0][0])


SPECIAL = [(code, rule) for code, rule in RULES if "holidays" in rule or "eves" in rule]


@pytest.mark.parametrize(("code", "rule"), SPECIAL, ids=[f"{rule['id']}-{n}" for n, (_, rule) in enumerate(SPECIAL)])
def test_each_holiday_and_its_eve(code: str, rule: dict[str, Any]) -> None:
    law = law_of(code, rule)
    case = alone(code, law)
    entry = law.entry
    first = max(entry.valid_from or date(2026, 1, 1), date(2026, 1, 1))
    last = min(entry.valid_to or date(2027, 12, 31), first + timedelta(days=730))
    seen = 0
    for offset in range((last - first).days):
        day = first + timedelta(days=offset)
        if day.year > 2027 or not holiday(law.calendar, day):
            continue
        seen += 1
        if rule.get("holidays") == "closed":
            assert not any(is_open(case, at(day, hour * 3600), RING) for hour in range(24)), day
        for opens, closes in () if rule.get("holidays", "closed") == "closed" else rule["holidays"]:
            wide = [(a, b) for a, b in windows(rule, day) if a <= seconds(opens) and seconds(closes) <= b]
            if wide:
                assert is_open(case, at(day, seconds(opens)), RING)
                assert not is_open(case, at(day, seconds(opens)) - SECOND, RING)
                assert is_open(case, at(day, seconds(closes) - RING), RING)
                assert not is_open(case, at(day, seconds(closes) - RING) + SECOND, RING)
        eve = day - timedelta(days=1)
        if rule.get("eves") == "closed" and eve >= first:
            assert not any(is_open(case, at(eve, hour * 3600), RING) for hour in range(24)), eve
    assert seen >= 5


def test_there_are_laws_to_ask() -> None:
    assert len(RULES) >= 30
    assert len(SPECIAL) >= 6

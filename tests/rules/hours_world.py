"""Hours asked of places and clocks alone, and laws on hours written in a line or two."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

from compliance import hours
from compliance.case import Case
from compliance.facts import Facts
from compliance.jurisdictions import CallingHours, Packs, load_packs, parse_packs
from compliance.jurisdictions.model import Entry, Jurisdiction, Law, Scope, Windows
from compliance.verdict import Confidence

PROVENANCE = """\
  citation: "made up"
  source: "made up"
  confidence: house
  as_of: "2026-01-01"
"""


def case(packs: Packs, regions: frozenset[str], zones: Sequence[ZoneInfo], **known: object) -> Case:
    return Case(Facts(**known), packs, regions, tuple(zones))


def closed(
    packs: Packs, regions: frozenset[str], zones: Sequence[ZoneInfo], at: datetime, ring: int
) -> tuple[hours.Closed, ...]:
    """Of a call of which nothing else is known."""
    return hours.closed(case(packs, regions, zones), at, ring)


def next_open(
    packs: Packs, regions: frozenset[str], zones: Sequence[ZoneInfo], at: datetime, ring: int
) -> datetime | None:
    return hours.next_open(case(packs, regions, zones), at, ring)


def shipped() -> dict[str, bytes]:
    here = files("compliance.jurisdictions")
    return {item.name: item.read_bytes() for item in here.iterdir() if item.name.endswith(".yaml")}


def with_norway(*rules: str) -> Packs:
    """The shipped data with these rules for a country that it does not hold."""
    text = 'schema: 1\njurisdiction: "NO"\nname: Norway\ncovers_subdivisions: true\nrules:\n'
    return parse_packs({**shipped(), "no.yaml": (text + "".join(rule + PROVENANCE for rule in rules)).encode()})


def entry(name: str = "no.hours", first: date | None = None, last: date | None = None) -> Entry:
    return Entry(name, "made up", "made up", Confidence.HOUSE, date(2026, 1, 1), first, last, Scope.EVERYWHERE)


def windows(text: str) -> Windows:
    """ "10:00-13:00 14:00-20:00"; "" is closed."""
    return tuple((seconds(span.split("-")[0]), seconds(span.split("-")[1])) for span in text.split())


def seconds(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 3600 + int(minute) * 60


def law(every_day: str = "08:00-21:00", name: str = "no.hours", **more: object) -> CallingHours:
    """Open at the same times on every day of the week."""
    return CallingHours(**{"entry": entry(name), "week": (windows(every_day),) * 7, **more})


def with_laws(*laws: Law, code: str = "NO") -> Packs:
    """The shipped data, and a jurisdiction that it does not hold."""
    made = Jurisdiction(code, "Made up", True, frozenset(), laws)
    packs = load_packs()
    return replace(packs, jurisdictions={**packs.jurisdictions, code: made})

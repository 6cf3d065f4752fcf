"""Hours asked of places and clocks alone, and laws on hours written in a line or two."""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

from compliance import hours
from compliance.case import Case
from compliance.facts import Facts
from compliance.jurisdictions import Packs, parse_packs

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
) -> hours.Closed | None:
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

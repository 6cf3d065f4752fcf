"""The curated area-code table: code → regions and time zones it may lie in."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from compliance.jurisdictions.strict_yaml import Table, Value, read
from compliance.verdict import Confidence

FILE = "area_codes.yaml"
_REGION = re.compile(r"(US|CA)-[A-Z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AreaCode:
    regions: frozenset[str]
    zones: frozenset[str]


@cache
def area_codes() -> dict[str, AreaCode]:
    """By three-digit code, from the shipped file. Raises BadInput: the file is malformed."""
    return parse_area_codes((files(__package__) / FILE).read_bytes(), FILE)


def parse_area_codes(content: bytes, file: str) -> dict[str, AreaCode]:
    """Raises BadInput with file and line: unknown key, region, zone or a code given twice."""
    table = read(content, file)
    take_provenance(table)
    rows = [row.table() for row in table.take("rows").items()]
    table.done()
    found: dict[str, AreaCode] = {}
    for row in rows:
        entry = AreaCode(
            frozenset(read_region(value) for value in row.take("regions").items()),
            frozenset(read_zone(value) for value in row.take("zones").items()),
        )
        if not entry.regions or not entry.zones:
            raise row.bad("a row names at least one region and one zone")
        _add(found, row, entry)
        row.done()
    return found


def _add(found: dict[str, AreaCode], row: Table, entry: AreaCode) -> None:
    for value in row.take("codes").items():
        code = str(value.whole(200, 999))
        if code in found:
            raise value.bad(f"area code {code} is given twice")
        found[code] = entry


def take_provenance(table: Table) -> None:
    """Schema, citation, source, confidence and date of a table: one of each for all rows. Raises BadInput."""
    table.take("schema").whole(1, 1)
    table.take("citation").text()
    table.take("source").text(800)
    table.take("confidence").choice(*(item.value for item in Confidence))
    table.take("as_of").date()


def read_region(value: Value) -> str:
    text = value.text(6)
    if _REGION.fullmatch(text) is None:
        raise value.bad("must be a region such as US-CA or CA-ON")
    return text


def read_zone(value: Value) -> str:
    text = value.text(60)
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise value.bad(f"{text!r} is no time zone") from None
    return text

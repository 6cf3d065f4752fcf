"""The curated table of postal codes: a prefix → regions and time zones an address may lie in."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from compliance.jurisdictions.area_codes import read_region, read_zone, take_provenance
from compliance.jurisdictions.strict_yaml import Table, Value, read

FILE = "postal_codes.yaml"
_PREFIXES = re.compile(r"([0-9]{3})(?:-([0-9]{3}))?", re.ASCII)
_LETTER = re.compile(r"[ABCEGHJ-NPRSTVXY]", re.ASCII)


@dataclass(frozen=True, slots=True)
class PostalArea:
    """`zones` empty: all those of `regions`."""

    regions: frozenset[str]
    zones: frozenset[str]


@cache
def postal_areas() -> dict[str, PostalArea]:
    """By three digits (US) or a letter (Canada), from the shipped file. Raises BadInput: the file is malformed."""
    return parse_postal_areas((files(__package__) / FILE).read_bytes(), FILE)


def parse_postal_areas(content: bytes, file: str) -> dict[str, PostalArea]:
    """Raises BadInput with file and line: unknown key, region, zone or a prefix given twice."""
    table = read(content, file)
    take_provenance(table)
    zips = [row.table() for row in table.take("zips").items()]
    letters = [row.table() for row in table.take("letters").items()]
    table.done()
    found: dict[str, PostalArea] = {}
    for row in zips:
        _add(found, row, [(value, key) for value in row.take("prefixes").items() for key in _prefixes(value)])
    for row in letters:
        _add(found, row, [(value, _letter(value)) for value in row.take("letters").items()])
    return found


def _add(found: dict[str, PostalArea], row: Table, keys: list[tuple[Value, str]]) -> None:
    zones = row.maybe("zones")
    area = PostalArea(
        frozenset(read_region(value) for value in row.take("regions").items()),
        frozenset() if zones is None else frozenset(read_zone(value) for value in zones.items()),
    )
    if not area.regions or not keys:
        raise row.bad("a row names at least one region and one prefix")
    for value, key in keys:
        if key in found:
            raise value.bad(f"{key} is given twice")
        found[key] = area
    row.done()


def _prefixes(value: Value) -> list[str]:
    parts = _PREFIXES.fullmatch(value.text(7))
    if parts is None or (parts[2] is not None and parts[2] <= parts[1]):
        raise value.bad('must be three digits, or from-to such as "100-149"')
    return [f"{prefix:03d}" for prefix in range(int(parts[1]), int(parts[2] or parts[1]) + 1)]


def _letter(value: Value) -> str:
    text = value.text(1)
    if _LETTER.fullmatch(text) is None:
        raise value.bad("must be a letter that Canadian postal codes begin with")
    return text

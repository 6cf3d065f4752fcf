"""From files to values, strictly.

A file is named after its jurisdiction ("us-ca.yaml" holds US-CA). Refused with file and line: what
`strict_yaml` refuses, a rule without citation, source, confidence or date, an unknown topic, a code that is not
the file's, the same rule in force twice at once, hours that close on holidays without a calendar of the same file.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from compliance.errors import BadInput
from compliance.jurisdictions import area_codes, postal_codes
from compliance.jurisdictions.model import (
    ELSEWHERE,
    CallingHours,
    Entry,
    HolidayCalendar,
    Jurisdiction,
    Law,
    Packs,
)
from compliance.jurisdictions.strict_yaml import Table, Value, read
from compliance.jurisdictions.topics import is_calendar, read_law

RELEASE_FILE = "pack.yaml"

_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?|default", re.ASCII)


@cache
def load_packs() -> Packs:
    """The shipped data, parsed once per process. Raises BadInput: a file is malformed."""
    return parse_packs(shipped_files())


def shipped_files() -> dict[str, bytes]:
    """File name → content of the shipped data."""
    here = files(__package__)
    return {item.name: item.read_bytes() for item in here.iterdir() if item.name.endswith(".yaml")}


def parse_packs(contents: Mapping[str, bytes]) -> Packs:
    """Packs from file name → content: `pack.yaml`, the two tables of codes and one file a jurisdiction.

    Raises BadInput: as above, or no file says when the pack was released, or there is no house default for hours.
    """
    digest = hashlib.sha256()
    found: dict[str, Jurisdiction] = {}
    release: tuple[date, int] | None = None
    for name in sorted(contents):
        content = contents[name]
        digest.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        digest.update(content)
        if name == RELEASE_FILE:
            release = _release(read(content, name))
        elif name == area_codes.FILE:
            area_codes.parse_area_codes(content, name)
        elif name == postal_codes.FILE:
            postal_codes.parse_postal_areas(content, name)
        else:
            jurisdiction = parse_jurisdiction(content, name)
            found[jurisdiction.code] = jurisdiction
    if release is None:
        raise BadInput(f"{RELEASE_FILE}: not there; the pack has no release date")
    if ELSEWHERE not in found or not found[ELSEWHERE].of(CallingHours):
        raise BadInput(f"{ELSEWHERE}.yaml: must give the calling hours that hold elsewhere")
    released, max_age_days = release
    # The h keeps a hash that happens to be all digits from looking like a phone number, which the audit log refuses.
    version = f"{released.isoformat()}+h{digest.hexdigest()[:12]}"
    return Packs(version, released, MappingProxyType(found), max_age_days)


def _release(table: Table) -> tuple[date, int]:
    """When the data was checked as a whole, and for how many days it may be relied on."""
    table.take("schema").whole(1, 1)
    release = table.take("released").date(), table.take("max_age_days").whole(1, 1000)
    table.done()
    return release


def parse_jurisdiction(content: bytes, file: str) -> Jurisdiction:
    """The jurisdiction in a file. Raises BadInput with file and line."""
    return read_jurisdiction(read(content, file), file)


def read_jurisdiction(table: Table, file: str) -> Jurisdiction:
    """The same from a table whose other keys, if it has any, were taken before."""
    table.take("schema").whole(1, 1)
    code = table.take("jurisdiction")
    text = read_code(code)
    if file != f"{text.lower()}.yaml":
        raise code.bad(f"{text} belongs into {text.lower()}.yaml")
    name = table.take("name").text(80)
    covers = table.maybe("covers_subdivisions")
    members = table.maybe("members")
    rules = tuple(item.table() for item in table.take("rules").items())
    table.done()
    return Jurisdiction(
        code=text,
        name=name,
        covers_subdivisions=covers is not None and covers.flag(),
        members=frozenset() if members is None else frozenset(item.text(2) for item in members.items()),
        laws=read_laws(rules, text),
    )


def read_code(value: Value) -> str:
    text = value.text(10)
    if _CODE.fullmatch(text) is None:
        raise value.bad("must be an ISO 3166 code such as US, US-CA or GB")
    return text


def read_laws(rules: Sequence[Table], code: str, given: Sequence[HolidayCalendar] = ()) -> tuple[Law, ...]:
    """In the order of the file, though calendars are read first: hours close on the days of one.

    `given`: calendars to be had besides the file's own, but for those of an id that it has itself.
    """
    order = sorted(range(len(rules)), key=lambda place: not is_calendar(rules[place]))
    laws: dict[int, Law] = {}
    for place in order:
        own = tuple(law for law in laws.values() if isinstance(law, HolidayCalendar))
        ids = {calendar.entry.id for calendar in own}
        calendars = (*own, *(calendar for calendar in given if calendar.entry.id not in ids))
        law = read_law(rules[place], code, calendars)
        _refuse_overlap(rules[place], law.entry, laws.values())
        laws[place] = law
    return tuple(laws[place] for place in range(len(rules)))


def _refuse_overlap(rule: Table, entry: Entry, others: Iterable[Law]) -> None:
    for other in (law.entry for law in others):
        if other.id == entry.id and other.in_force(entry.valid_from or date.min, entry.valid_to or date.max):
            raise rule.bad(f"{entry.id!r} is in force twice at once")

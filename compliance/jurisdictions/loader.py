"""From files to values, strictly.

A file is named after its jurisdiction ("us-ca.yaml" holds US-CA). Refused with file and line: what
`strict_yaml` refuses, a rule without citation, source, confidence or date, an unknown topic, a code that is not
the file's, the same rule in force twice at once.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from compliance.errors import BadInput
from compliance.jurisdictions import area_codes
from compliance.jurisdictions.model import (
    ELSEWHERE,
    CallingHours,
    Entry,
    Jurisdiction,
    Law,
    Packs,
    Parties,
    RecordingLaw,
    Scope,
    Window,
)
from compliance.jurisdictions.strict_yaml import Table, Value, read
from compliance.verdict import Confidence, RecordingMode

RELEASE_FILE = "pack.yaml"

_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?|default", re.ASCII)
_ID = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*", re.ASCII)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@cache
def load_packs() -> Packs:
    """The shipped data, parsed once per process. Raises BadInput: a file is malformed."""
    here = files(__package__)
    return parse_packs({item.name: item.read_bytes() for item in here.iterdir() if item.name.endswith(".yaml")})


def parse_packs(contents: Mapping[str, bytes]) -> Packs:
    """Packs from file name → content: `pack.yaml`, `area_codes.yaml` and one file a jurisdiction.

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
        else:
            jurisdiction = parse_jurisdiction(content, name)
            found[jurisdiction.code] = jurisdiction
    if release is None:
        raise BadInput(f"{RELEASE_FILE}: not there; the pack has no release date")
    if ELSEWHERE not in found or not found[ELSEWHERE].of(CallingHours):
        raise BadInput(f"{ELSEWHERE}.yaml: must give the calling hours that hold elsewhere")
    released, max_age_days = release
    version = f"{released.isoformat()}+{digest.hexdigest()[:12]}"
    return Packs(version, released, MappingProxyType(found), max_age_days)


def _release(table: Table) -> tuple[date, int]:
    """When the data was checked as a whole, and for how many days it may be relied on."""
    table.take("schema").whole(1, 1)
    release = table.take("released").date(), table.take("max_age_days").whole(1, 1000)
    table.done()
    return release


def parse_jurisdiction(content: bytes, file: str) -> Jurisdiction:
    table = read(content, file)
    table.take("schema").whole(1, 1)
    code = table.take("jurisdiction")
    text = code.text(10)
    if _CODE.fullmatch(text) is None:
        raise code.bad("must be an ISO 3166 code such as US, US-CA or GB")
    if file != f"{text.lower()}.yaml":
        raise code.bad(f"{text} belongs into {text.lower()}.yaml")
    name = table.take("name").text(80)
    covers = table.maybe("covers_subdivisions")
    members = table.maybe("members")
    rules = [item.table() for item in table.take("rules").items()]
    table.done()
    laws: list[Law] = []
    for rule in rules:
        topic = rule.take("topic").choice("recording_consent", "calling_hours")
        entry = _entry(rule)
        if topic == "recording_consent":
            law: Law = _recording(rule, entry)
        else:
            law = CallingHours(entry=entry, week=_week(rule.take("week").table()))
        rule.done()
        _refuse_overlap(rule, entry, laws)
        laws.append(law)
    return Jurisdiction(
        code=text,
        name=name,
        covers_subdivisions=covers is not None and covers.flag(),
        members=frozenset() if members is None else frozenset(item.text(2) for item in members.items()),
        laws=tuple(laws),
    )


def _entry(rule: Table) -> Entry:
    name = rule.take("id")
    if _ID.fullmatch(name.text(80)) is None:
        raise name.bad("must be words of a-z and 0-9 joined by dots")
    scope = rule.maybe("scope")
    note = rule.maybe("note")
    entry = Entry(
        id=name.text(),
        citation=rule.take("citation").text(),
        source=rule.take("source").text(800),
        confidence=Confidence(rule.take("confidence").choice(*(item.value for item in Confidence))),
        as_of=rule.take("as_of").date(),
        valid_from=_maybe_date(rule.maybe("valid_from")),
        valid_to=_maybe_date(rule.maybe("valid_to")),
        scope=Scope.EVERYWHERE if scope is None else Scope(scope.choice(*(item.value for item in Scope))),
        note="" if note is None else note.text(600),
    )
    if entry.valid_from is not None and entry.valid_to is not None and entry.valid_from > entry.valid_to:
        raise rule.bad("valid_from lies after valid_to")
    return entry


def _maybe_date(value: Value | None) -> date | None:
    return None if value is None else value.date()


def _refuse_overlap(rule: Table, entry: Entry, earlier: list[Law]) -> None:
    for other in (law.entry for law in earlier):
        if other.id == entry.id and other.in_force(entry.valid_from or date.min, entry.valid_to or date.max):
            raise rule.bad(f"{entry.id!r} is in force twice at once")


def _recording(rule: Table, entry: Entry) -> RecordingLaw:
    return RecordingLaw(
        entry=entry,
        parties=Parties(rule.take("parties").choice(*(item.value for item in Parties))),
        mode=RecordingMode(rule.take("mode").choice(*(item.value for item in RecordingMode))),
        record_announcement=rule.take("record_announcement").flag(),
    )


def _week(table: Table) -> tuple[tuple[Window, ...], ...]:
    week = tuple(tuple(_window(item) for item in table.take(day).items()) for day in _WEEK)
    table.done()
    return week


def _window(value: Value) -> Window:
    times = [_seconds(item) for item in value.items()]
    if len(times) != 2 or times[0] >= times[1]:
        raise value.bad('must be two times, the earlier first, e.g. ["08:00", "21:00"]')
    return times[0], times[1]


def _seconds(value: Value) -> int:
    text = value.text(5)
    if _TIME.fullmatch(text) is None:
        raise value.bad("must be a time from 00:00 to 24:00")
    return int(text[:2]) * 3600 + int(text[3:]) * 60

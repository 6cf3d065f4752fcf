"""The data is read strictly: a slip in a file is refused with file and line, never converted."""

import re
from datetime import date
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance import BadInput, load_packs
from compliance.hours import bounds
from compliance.jurisdictions import parse_packs
from compliance.jurisdictions.area_codes import parse_area_codes
from compliance.jurisdictions.loader import parse_jurisdiction
from compliance.jurisdictions.model import CallingHours, RecordingLaw
from compliance.jurisdictions.strict_yaml import MAX_BYTES, read

GOOD = """\
schema: 1
jurisdiction: "NO"
name: "Norway"
rules:
- id: no.recording
  topic: recording_consent
  parties: one_party
  mode: notice
  record_announcement: false
  citation: "some law"
  source: "some page"
  confidence: general_knowledge
  as_of: "2026-11-21"
- id: no.hours
  topic: calling_hours
  week:
    mon: [["08:00", "12:00"], ["13:00", "21:00"]]
    tue: []
    wed: [["00:00", "24:00"]]
    thu: []
    fri: []
    sat: []
    sun: []
  citation: "some law"
  source: "some page"
  confidence: general_knowledge
  as_of: "2026-11-21"
"""


def shipped() -> dict[str, bytes]:
    here = files("compliance.jurisdictions")
    return {item.name: item.read_bytes() for item in here.iterdir() if item.name.endswith(".yaml")}


def test_good_file_is_read() -> None:
    norway = parse_jurisdiction(GOOD.encode(), "no.yaml")
    assert (norway.code, norway.name, norway.covers_subdivisions) == ("NO", "Norway", False)
    assert norway.of(CallingHours)[0].week[0] == ((28800, 43200), (46800, 75600))
    assert norway.of(CallingHours)[0].week[2] == ((0, 86400),)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('jurisdiction: "NO"', "jurisdiction: NO", 2, "boolean"),
        ('name: "Norway"', "name: On", 3, "boolean"),
        ("record_announcement: false", "record_announcement: no", 9, "true or false"),
        ("record_announcement: false", "record_announcement: False", 9, "true or false"),
        ("record_announcement: false", 'record_announcement: "false"', 9, "true or false"),
        ('"08:00"', "08:00", 17, "base-60"),
        ('"08:00"', '"8:00"', 17, "time"),
        ('"08:00"', '"12:00"', 17, "earlier first"),
        ('"08:00", "12:00"', '"08:00"', 17, "two times"),
        ('"21:00"', '"24:01"', 17, "time"),
        ('as_of: "2026-11-21"\n- id', 'as_of: "2026-02-29"\n- id', 13, "date"),
        ('as_of: "2026-11-21"\n- id', 'as_of: "2026"\n- id', 13, "date"),
        ('  citation: "some law"\n', "", 5, "'citation' is missing"),
        ('  citation: "some law"', '  citation: ""', 10, "printable text"),
        ('  source: "some page"\n', "", 5, "'source' is missing"),
        ("  confidence: general_knowledge\n", "", 5, "'confidence' is missing"),
        ("confidence: general_knowledge", "confidence: hearsay", 12, "must be one of"),
        ("mode: notice", "mode: whatever", 8, "must be one of"),
        ("mode: notice", "mode: notice\n  mode: none", 9, "given twice"),
        ("mode: notice", "mode: notice\n  mood: none", 9, "unknown key 'mood'"),
        ("topic: calling_hours", "topic: horoscope", 15, "must be one of"),
        ("    sun: []\n", "", 17, "'sun' is missing"),
        ("    sun: []\n", "    sun: []\n    day: []\n", 24, "unknown key 'day'"),
        ("schema: 1", "schema: 2", 1, "whole number"),
        ("schema: 1", "schema: 0x1", 1, "whole number"),
        ("schema: 1", "schema: true", 1, "whole number"),
        ("schema: 1", "schema: 1\nschema: 1", 2, "given twice"),
        ("schema: 1", "schema: 1\nversion: 1", 2, "unknown key 'version'"),
        ('name: "Norway"', "name: &x Norway\nalso: *x", 3, "alias"),
        ('name: "Norway"', "name: !!python/name:os.system x", 3, "tags"),
        ('name: "Norway"', "name: ~", 3, "printable text"),
        ('name: "Norway"', "name: null", 3, "printable text"),
        ('name: "Norway"', "name: [Norway]", 3, "must be text"),
        ('name: "Norway"', "name: 'Nor\tway", 28, ""),
        ("- id: no.hours", "- id: no.recording", 14, "in force twice"),
        ("- id: no.hours", "- id: No Hours", 14, "words of a-z"),
        ("  mode: notice", '  mode: notice\n  valid_from: "2027-01-01"\n  valid_to: "2026-12-31"', 5, "after valid_to"),
        ("rules:\n", "<<: {a: b}\nrules:\n", 4, "unknown key '<<'"),
        (GOOD, "- a list", 1, "table"),
        (GOOD, "plain text", 1, "table"),
        (GOOD, GOOD + "---\nmore: 1\n", 28, ""),
    ],
)
def test_slip_is_refused_with_file_and_line(old: str, new: str, line: int, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as caught:
        parse_jurisdiction(GOOD.replace(old, new, 1).encode(), "no.yaml")
    assert str(caught.value).startswith("no.yaml:")
    assert says in str(caught.value)
    found = re.match(r"no\.yaml:(\d+): ", str(caught.value))
    assert found is not None
    assert int(found[1]) == line


def test_file_is_named_after_its_jurisdiction() -> None:
    with pytest.raises(BadInput, match=r"se\.yaml:2: NO belongs into no\.yaml"):
        parse_jurisdiction(GOOD.encode(), "se.yaml")


def test_same_rule_may_follow_itself_but_not_overlap_by_a_day() -> None:
    second = GOOD.replace("no.hours", "no.recording")
    split = second.replace("  mode: notice", '  mode: notice\n  valid_to: "2026-12-31"')
    adjoining = split.replace("  week:", '  valid_from: "2027-01-01"\n  week:')
    assert parse_jurisdiction(adjoining.encode(), "no.yaml").code == "NO"
    with pytest.raises(BadInput, match="in force twice"):
        parse_jurisdiction(split.replace("  week:", '  valid_from: "2026-12-31"\n  week:').encode(), "no.yaml")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"name: \xff", ":1: not UTF-8"),
        (b"a: b\nname: \x00", ""),
        (b"[" * 20_000, ""),
        (b"#" * (MAX_BYTES + 1), "longer than"),
    ],
)
def test_file_that_is_no_yaml_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(content, "x.yaml")
    assert str(caught.value).startswith("x.yaml")
    assert says in str(caught.value)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_content_is_read_or_refused(content: str | bytes) -> None:
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    with pytest.raises(BadInput, match=r"^no\.yaml"):
        parse_jurisdiction(data, "no.yaml")


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(sorted(set(GOOD + "&*!~{}|>\t\x00"))))
def test_one_changed_character_is_read_or_refused(place: int, char: str) -> None:
    try:
        jurisdiction = parse_jurisdiction((GOOD[:place] + char + GOOD[place + 1 :]).encode(), "no.yaml")
    except BadInput:
        return
    assert jurisdiction.code == "NO"
    assert all(law.entry.citation for law in jurisdiction.of(RecordingLaw))


def test_version_is_the_release_date_and_a_hash_of_every_byte() -> None:
    contents = shipped()
    version = parse_packs(contents).version
    assert version == load_packs().version
    assert re.fullmatch(r"2026-11-21\+h[0-9a-f]{12}", version)
    for name in ("us-ca.yaml", "area_codes.yaml"):
        assert parse_packs({**contents, name: contents[name] + b"\n"}).version != version


def test_pack_without_release_or_default_hours_is_refused() -> None:
    contents = shipped()
    with pytest.raises(BadInput, match="release date"):
        parse_packs({name: content for name, content in contents.items() if name != "pack.yaml"})
    with pytest.raises(BadInput, match=r"default\.yaml"):
        parse_packs({name: content for name, content in contents.items() if name != "default.yaml"})


def test_stricter_hours_of_one_region_hold_beside_the_federal_ones() -> None:
    norway = parse_packs({**shipped(), "no.yaml": GOOD.encode()})
    monday = date(2026, 11, 16)
    asked = (None, None, None)

    def ids(*regions: str) -> set[str]:
        return {bound.hours.entry.id for bound in bounds(norway, frozenset(regions), monday, asked)}

    assert ids("NO") == {"no.hours"}
    assert ids("NO", "US-AK") == {"no.hours", "us.fcc.hours", "us.reg-f.hours"}
    assert ids("PL") == {"default.hours"}
    assert ids() == {"default.hours"}


ROW = "schema: 1\ncitation: c\nsource: s\nconfidence: house\nas_of: '2026-01-01'\nrows:\n"


@pytest.mark.parametrize(
    ("row", "line", "says"),
    [
        ("- {regions: [US-TX], zones: [America/Chicago], codes: [210, 210]}", 7, "given twice"),
        ("- {regions: [US-TX], zones: [America/Dallas], codes: [210]}", 7, "no time zone"),
        ("- {regions: [US-TX], zones: [../etc/passwd], codes: [210]}", 7, "no time zone"),
        ("- {regions: [MX-TX], zones: [America/Chicago], codes: [210]}", 7, "must be a region"),
        ("- {regions: [US-TX], zones: [America/Chicago], codes: [21]}", 7, "whole number"),
        ("- {regions: [], zones: [America/Chicago], codes: [210]}", 7, "at least one"),
        ("- {regions: [US-TX], zones: [America/Chicago], codes: [210], tz: x}", 7, "unknown key"),
        ("- {regions: [US-TX], codes: [210]}", 7, "'zones' is missing"),
    ],
)
def test_slip_in_the_area_codes_is_refused(row: str, line: int, says: str) -> None:
    with pytest.raises(BadInput, match=rf"^a\.yaml:{line}: .*{says}"):
        parse_area_codes((ROW + row).encode(), "a.yaml")

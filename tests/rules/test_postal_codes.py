"""The table of postal codes: strict, whole, and where the borders and the clocks are."""

import pytest

from compliance import BadInput
from compliance.jurisdictions.area_codes import area_codes
from compliance.jurisdictions.postal_codes import parse_postal_areas, postal_areas
from compliance.postal import place_of

HEAD = """\
schema: 1
citation: "made up"
source: "made up"
confidence: house
as_of: "2026-01-01"
"""
ROWS = 'zips:\n- {regions: [US-NY], prefixes: ["100"]}\nletters:\n- {regions: [CA-ON], letters: ["K"]}\n'


def test_every_state_territory_and_province_has_its_codes() -> None:
    known = {region for area in area_codes().values() for region in area.regions}
    assert {region for area in postal_areas().values() for region in area.regions} == known


def test_every_place_of_the_table_has_zones() -> None:
    for prefix in postal_areas():
        code = f"{prefix}01" if prefix.isdigit() else f"{prefix}1A"
        place = place_of(code, frozenset({"US-NY"}))
        assert place is not None
        assert place.regions
        assert place.zones


@pytest.mark.parametrize(
    ("code", "regions", "zones"),
    [
        ("10001", {"US-NY"}, {"America/New_York"}),
        ("00501", {"US-NY"}, {"America/New_York"}),
        ("00901", {"US-PR"}, {"America/Puerto_Rico"}),
        ("00802", {"US-VI"}, {"America/St_Thomas"}),
        ("06390", {"US-CT", "US-NY"}, {"America/New_York"}),
        ("20001", {"US-DC"}, {"America/New_York"}),
        ("33101", {"US-FL"}, {"America/New_York"}),
        ("32501", {"US-FL"}, {"America/New_York", "America/Chicago"}),
        ("37401", {"US-TN"}, {"America/New_York"}),
        ("37355", {"US-TN"}, {"America/New_York", "America/Chicago"}),
        ("42223", {"US-KY", "US-TN"}, {"America/Chicago", "America/New_York", "America/Kentucky/Louisville"}),
        ("46402", {"US-IN"}, {"America/Chicago"}),
        ("46204", {"US-IN"}, {"America/Indiana/Indianapolis"}),
        ("49938", {"US-MI"}, {"America/Detroit", "America/Menominee"}),
        ("58601", {"US-ND", "US-SD"}, {"America/Chicago", "America/Denver"}),
        ("57701", {"US-SD", "US-MT", "US-WY"}, {"America/Denver"}),
        ("69361", {"US-NE"}, {"America/Denver"}),
        ("67735", {"US-KS"}, {"America/Chicago", "America/Denver"}),
        ("79901", {"US-TX"}, {"America/Denver"}),
        ("88510", {"US-TX"}, {"America/Denver"}),
        ("77001", {"US-TX"}, {"America/Chicago"}),
        ("83501", {"US-ID"}, {"America/Boise", "America/Los_Angeles"}),
        ("86045", {"US-AZ", "US-UT", "US-NM"}, {"America/Phoenix", "America/Denver"}),
        ("97913", {"US-OR", "US-ID", "US-NV"}, {"America/Los_Angeles", "America/Boise"}),
        ("96799", {"US-HI", "US-AS"}, {"Pacific/Honolulu", "Pacific/Pago_Pago"}),
        ("96910", {"US-GU", "US-MP"}, {"Pacific/Guam", "Pacific/Saipan"}),
        ("V5K 0A1", {"CA-BC"}, None),
        ("X0A 0H0", {"CA-NT", "CA-NU"}, None),
        ("A1A1A1", {"CA-NL"}, None),
    ],
)
def test_code_is_placed_in_every_state_and_zone_it_may_mean(
    code: str, regions: set[str], zones: set[str] | None
) -> None:
    place = place_of(code, frozenset({"CA-ON"}))
    assert place is not None
    assert place.regions == regions
    if zones is not None:
        assert {zone.key for zone in place.zones} == zones


@pytest.mark.parametrize(
    "code", ["09001", "34001", "96201", "00001", "21301", "1", "", "W1A 1A1", "D1D 1D1", "1A1 A1A"]
)
def test_code_of_no_place_places_nobody(code: str) -> None:
    place = place_of(code, frozenset({"US"}))
    assert place is not None
    assert (place.regions, place.zones) == (frozenset(), ())


def test_table_that_is_as_it_should_be_is_read() -> None:
    found = parse_postal_areas((HEAD + ROWS).encode(), "p.yaml")
    assert set(found) == {"100", "K"}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (ROWS.replace('["100"]', '["100", "100"]'), "100 is given twice"),
        (ROWS.replace('["100"]', '["100-102", "101"]'), "101 is given twice"),
        (ROWS.replace('["100"]', '["102-100"]'), "must be three digits"),
        (ROWS.replace('["100"]', '["100-100"]'), "must be three digits"),
        (ROWS.replace('["100"]', '["1000"]'), "must be three digits"),
        (ROWS.replace('["100"]', "[]"), "and one prefix"),
        (ROWS.replace("[US-NY]", "[]"), "at least one region"),
        (ROWS.replace("US-NY", "GB"), "must be a region"),
        (ROWS.replace('["K"]', '["D"]'), "must be a letter"),
        (ROWS.replace('["K"]', '["k"]'), "must be a letter"),
        (ROWS.replace('prefixes: ["100"]', 'prefixes: ["100"], zones: [Mars/Olympus]'), "no time zone"),
        (ROWS.replace('prefixes: ["100"]', 'prefixes: ["100"], zone: [America/New_York]'), "zone"),
        (ROWS + "more: 1\n", "more"),
    ],
)
def test_slip_in_the_table_is_refused_with_file_and_line(rows: str, says: str) -> None:
    with pytest.raises(BadInput, match=r"^p\.yaml:[0-9]+: .*" + says):
        parse_postal_areas((HEAD + rows).encode(), "p.yaml")

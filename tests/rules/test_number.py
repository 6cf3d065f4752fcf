"""Numbers are parsed strictly, printed masked, and placed everywhere they may be."""

import pickle
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberType, number_type, region_code_for_number

from compliance import BadInput, BadNumber, Number, parse_number, regions, zones
from compliance.jurisdictions.area_codes import area_codes
from compliance.whereabouts import LineKind, canonical_region, line_kind, region_zones


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("+12125550123", None, "+12125550123"),
        ("+1 (212) 555-0123", None, "+12125550123"),
        ("+1.212.555.0123", None, "+12125550123"),
        ("  +1 212 555 0123 ", None, "+12125550123"),
        ("212-555-0123", "US", "+12125550123"),
        ("1 212 555 0123", "US", "+12125550123"),
        ("030 123456", "DE", "+4930123456"),
        ("020 7183 8750", "GB", "+442071838750"),
        ("+39 06 1234567", None, "+39061234567"),  # the Italian zero stays
        ("+17295550123", None, "+17295550123"),  # newer than libphonenumber
    ],
)
def test_number_is_read(text: str, region: str | None, e164: str) -> None:
    assert parse_number(text, region).e164 == e164


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "++12125550123",
        "+1212555012",
        "+121255501234",
        "+1 212 555 0123 ext 5",
        "+1 212 555 0123;ext=5",
        "tel:+12125550123",
        "+1-800-FLOWERS",
        "+44 (0)20 7183 8750",
        "0012125550123",
        "212-555-0123",
        "+\u0661\u0662\u0661\u0662\u0665\u0665\u0665\u0660\u0661\u0662\u0663",
        "\uff0b12125550123",
        "+12125550123\n",
        "+12125550123\x00",
        "+1\t2125550123",
        "+000000000000",
        "911",
        "+911",
        "5" * 500,
        "12+125550123",
    ],
)
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadNumber) as caught:
        parse_number(text)
    assert len(text.strip()) < 4 or text.strip() not in str(caught.value)


@pytest.mark.parametrize("region", ["", "XX", "us", "001", "USA"])
def test_region_that_is_none_is_refused(region: str) -> None:
    with pytest.raises(BadInput, match="region"):
        parse_number("212-555-0123", region)


@pytest.mark.parametrize("thing", [None, b"+12125550123", 12125550123, ["+12125550123"]])
def test_what_is_not_text_is_refused(thing: object) -> None:
    with pytest.raises(BadNumber):
        parse_number(thing)
    with pytest.raises(BadNumber):
        Number(thing)


@pytest.mark.parametrize("e164", ["12125550123", "+0125550123", "+123456", "+1234567890123456", "+1212555O123", ""])
def test_number_cannot_be_made_of_what_is_not_e164(e164: str) -> None:
    with pytest.raises(BadNumber):
        Number(e164)


@pytest.mark.parametrize(
    ("e164", "kind"),
    [
        ("+12125550123", LineKind.ORDINARY),
        ("+18005550123", LineKind.TOLL_FREE),
        ("+19005550123", LineKind.PREMIUM),
        ("+12129765555", LineKind.PREMIUM),  # 976 is one in every area code
        ("+12125551212", LineKind.UNASSIGNED),
        ("+33899123456", LineKind.PREMIUM),
        ("+33805123456", LineKind.TOLL_FREE),  # as long as a number of Ohio, and none
        ("+442071838750", LineKind.ORDINARY),
        ("+999123456789", LineKind.UNASSIGNED),
    ],
)
def test_kind_of_line_is_told(e164: str, kind: LineKind) -> None:
    assert line_kind(e164) is kind


@pytest.mark.parametrize(
    ("text", "says"),
    [("+999123456789", "unknown country code"), ("+441", "too few digits"), ("+44" + "1" * 30, "too many digits")],
)
def test_refusal_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(BadNumber, match=says):
        parse_number(text)


def test_territories_of_the_united_states_have_one_code() -> None:
    assert [canonical_region(code) for code in ("PR", "US-PR", "GU", "GB", "US")] == [
        "US-PR",
        "US-PR",
        "US-GU",
        "GB",
        "US",
    ]


def test_national_number_whose_zeros_would_not_come_back_is_refused() -> None:
    with pytest.raises(BadNumber):
        parse_number("000000", "DE")


def test_number_never_prints_itself() -> None:
    number = Number("+12125550123")
    assert str(number) == "+1•••••0123"
    for shown in (str(number), repr(number), f"{number}", f"{number!r}", str([number]), str({"n": number})):
        assert "212555" not in shown
    assert str(Number("+6834235678")) == "+6•••••5678"
    assert str(Number("+683423567")) == "+6•••••67"  # the last four of so short a number would tell most of it
    assert pickle.loads(pickle.dumps(number)) == number


@given(st.text(max_size=60) | st.from_regex(r"\+?[0-9 ().\-/]{0,44}", fullmatch=True))
def test_any_text_is_read_or_refused_and_what_is_read_reads_back(text: str) -> None:
    for region in (None, "US", "DE", "IT"):
        try:
            number = parse_number(text, region)
        except BadInput:
            continue
        assert parse_number(number.e164) == number
        digits = "".join(char for char in text if char.isdigit())
        assert number.e164.endswith(digits.lstrip("0")[-6:])
        if text.strip(" ").startswith("+"):
            assert number.e164 == "+" + digits
        assert regions(number) is not None
        assert zones(number) <= available_timezones()
        assert line_kind(number.e164) in LineKind


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for text in (data.decode("latin-1"), data.decode("utf-8", "surrogateescape")):
        try:
            number = parse_number(text)
        except BadNumber:
            continue
        assert parse_number(number.e164) == number


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_every_e164_number_can_be_placed_without_failing(e164: str) -> None:
    number = Number(e164)
    assert zones(number) <= available_timezones()
    assert all(len(region) in range(2, 7) for region in regions(number))
    assert line_kind(e164) in LineKind


@pytest.mark.parametrize(
    ("e164", "where", "clocks"),
    [
        ("+12125550123", {"US-NY"}, {"America/New_York"}),
        ("+13645550123", {"US-KY"}, {"America/New_York", "America/Kentucky/Louisville", "America/Chicago"}),
        ("+14485550123", {"US-FL"}, {"America/New_York", "America/Chicago"}),
        ("+14585550123", {"US-OR"}, {"America/Los_Angeles", "America/Boise"}),
        ("+19305550123", {"US-IN"}, {"America/New_York", "America/Indiana/Indianapolis", "America/Chicago"}),
        ("+17295550123", {"US-TN"}, {"America/New_York", "America/Chicago"}),
        ("+18085550123", {"US-HI"}, {"Pacific/Honolulu"}),
        ("+17875550123", {"US-PR"}, {"America/Puerto_Rico"}),
        ("+19025550123", {"CA-NS", "CA-PE"}, {"America/Halifax"}),
        ("+442071838750", {"GB"}, {"Europe/London"}),
        ("+34612345678", {"ES"}, {"Europe/Madrid", "Atlantic/Canary"}),
        ("+14565550123", set(), set()),
        ("+80012345678", set(), set()),
        ("+999123456789", set(), set()),
    ],
)
def test_number_is_placed_everywhere_it_may_be(e164: str, where: set[str], clocks: set[str]) -> None:
    assert regions(Number(e164)) == where
    assert zones(Number(e164)) == clocks


@pytest.mark.parametrize(
    ("code", "pair"),
    [
        ("907", {"America/Anchorage", "America/Adak"}),
        ("928", {"America/Phoenix", "America/Denver"}),
        ("850", {"America/New_York", "America/Chicago"}),
        ("208", {"America/Boise", "America/Los_Angeles"}),
        ("812", {"America/Indiana/Indianapolis", "America/Chicago"}),
        ("785", {"America/Chicago", "America/Denver"}),
        ("270", {"America/Kentucky/Louisville", "America/Chicago"}),
        ("906", {"America/Detroit", "America/Menominee"}),
        ("701", {"America/Chicago", "America/Denver"}),
        ("308", {"America/Chicago", "America/Denver"}),
        ("775", {"America/Los_Angeles", "America/Denver"}),
        ("541", {"America/Los_Angeles", "America/Boise"}),
        ("605", {"America/Chicago", "America/Denver"}),
        ("423", {"America/New_York", "America/Chicago"}),
        ("915", {"America/Chicago", "America/Denver"}),
    ],
)
def test_split_area_code_keeps_both_zones_at_every_exchange(code: str, pair: set[str]) -> None:
    for exchange in ("200", "433", "555", "874", "999"):
        assert pair <= zones(Number(f"+1{code}{exchange}0123"))


def test_table_knows_every_area_code_libphonenumber_gives_to_a_place() -> None:
    placed = set()
    for code in range(200, 1000):
        number = PhoneNumber(country_code=1, national_number=code * 10**7 + 5550123)
        if (
            region_code_for_number(number) in {"US", "CA", "PR", "VI", "GU", "MP", "AS"}
            and number_type(number) == PhoneNumberType.FIXED_LINE_OR_MOBILE
        ):
            placed.add(str(code))
    assert len(placed) > 400
    assert placed <= area_codes().keys()


def test_zones_of_one_area_code_lie_within_two_hours_of_each_other() -> None:
    """A code that spans more than that would be a slip in the table, or in libphonenumber."""
    noon = datetime(2026, 1, 15, 12)
    for code in area_codes():
        offsets = {ZoneInfo(zone).utcoffset(noon) for zone in zones(Number(f"+1{code}5550123"))}
        spread = max(offsets) - min(offsets)
        assert spread.total_seconds() <= 2 * 3600, code


def test_stated_region_knows_its_zones() -> None:
    assert {zone.key for zone in region_zones("US-FL")} == {"America/New_York", "America/Chicago"}
    assert {zone.key for zone in region_zones("DE")} == {"Europe/Berlin"}
    assert len(region_zones("US")) > 6
    assert {zone.key for zone in region_zones("GB-SCT")} == {zone.key for zone in region_zones("GB")} != set()
    assert {zone.key for zone in region_zones("CA-PE")} == {"America/Halifax"}  # its code is Nova Scotia's as well
    for nowhere in ("ZZ", "US-ZZ", "CA-ZZ"):
        assert region_zones(nowhere) == ()

"""Rules of an administrator: what may be laid over the shipped ones, what takes a signature, and what it says then."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from compliance import BadInput, load_packs
from compliance.jurisdictions.changes import ChangeKind, differences
from compliance.jurisdictions.loader import parse_packs
from compliance.jurisdictions.model import CallingHours, HolidayCalendar, Jurisdiction, Packs
from compliance.jurisdictions.overlay import Overlay, OverlayRefused, effect, laid_over, loosens, parse_overlay
from tests.rules.hours_world import PROVENANCE, shipped

OPEN = "{mon: [W], tue: [W], wed: [W], thu: [W], fri: [W], sat: [W], sun: [W]}"


def rule(name: str, topic: str, *keys: str) -> str:
    return f"- id: {name}\n  topic: {topic}\n" + "".join(f"  {key}\n" for key in keys) + PROVENANCE


def week(opens: str, closes: str) -> str:
    return "week: " + OPEN.replace("W", f'["{opens}", "{closes}"]')


CALENDAR = rule("no.days", "holidays", 'days: [{name: "Yule", fixed: "12-25"}, {name: "May", fixed: "05-01"}]')
BASE = (
    CALENDAR
    + rule("no.hours", "calling_hours", week("09:00", "20:00"), "holidays: closed", "unless_consent: express_written")
    + rule("no.cap", "attempt_cap", "max: 3", "hours: 24", "purposes: [telemarketing]")
    + rule("no.wait", "waiting_time", "after: refusal", "hours: 720")
    + rule("no.list", "registry", "list: no.register", "max_age_days: 30", "unless_relationship: true")
    + rule("no.consent", "consent", "kind: express", "call_kinds: [prerecorded, ai_voice]")
    + rule("no.ages", "relationship", "purchase_months: 12", "inquiry_months: 3")
    + rule("no.recording", "recording_consent", "parties: all_party", "mode: explicit", "record_announcement: true")
    + rule("no.abandoned", "abandonment", "max_per_mille: 30", "period: calendar_month", "connect_within_seconds: 2")
    + rule("no.asked", "reassigned", "max_age_days: 30")
    + rule("no.withdrawn", "revocation", "days: 10", "business_days: false")
    + rule("no.shown", "caller_id", 'forbidden_prefixes: ["+4782"]')
    + rule("no.ring", "ring_time", "min_seconds: 15")
    + rule("no.never", "prohibition", "call_kinds: [ai_voice]", "unless_consent: express_written")
    + rule("no.identify", "obligation", "kind: identify", "params: {within_seconds: 30}")
)


def norway() -> Packs:
    text = f'schema: 1\njurisdiction: "NO"\nname: Norway\ncovers_subdivisions: true\nrules:\n{BASE}'
    return parse_packs({**shipped(), "no.yaml": text.encode()})


@pytest.fixture(scope="module")
def packs() -> Packs:
    return norway()


def over(*rules: str, signed: bool = False, remove: str = "", code: str = "NO", more: str = "") -> bytes:
    header = f'schema: 1\noverlay: "Ours"\njurisdiction: "{code}"\n{more}'
    if signed:
        header += 'signed_by: "A. Counsel"\nreason: "the regulator told us so"\n'
    if remove:
        header += f"remove: [{remove}]\n"
    return (header + ("rules:\n" + "".join(rules) if rules else "")).encode()


def read(packs: Packs, content: bytes) -> Overlay:
    return parse_overlay(packs, content, "ours.yaml")


def test_stricter_rule_takes_the_place_of_the_shipped_one(packs: Packs) -> None:
    ours = read(packs, over(rule("no.cap", "attempt_cap", "max: 2", "hours: 24", "purposes: [telemarketing]")))
    (change,) = effect(packs, ours)
    assert (change.kind, change.stricter, change.looser) == (ChangeKind.STRICTER, ("max: 3 → 2",), ())
    (law,) = [law for law in laid_over(packs, [ours]).jurisdictions["NO"].laws if law.entry.id == "no.cap"]
    assert law == ours.jurisdiction.laws[0]
    assert not loosens(packs, ours)


def test_new_rule_is_added_beside_the_shipped_ones(packs: Packs) -> None:
    ours = read(packs, over(rule("no.weekly", "attempt_cap", "max: 5", "calendar_days: 7")))
    (change,) = effect(packs, ours)
    assert (change.id, change.kind, change.looser) == ("no.weekly", ChangeKind.NEW, ())
    assert len(laid_over(packs, [ours]).jurisdictions["NO"].laws) == len(packs.jurisdictions["NO"].laws) + 1


LOOSER = {
    "wider window": rule(
        "no.hours", "calling_hours", week("08:59", "20:00"), "holidays: closed", "unless_consent: express_written"
    ),
    "later close": rule(
        "no.hours", "calling_hours", week("09:00", "20:01"), "holidays: closed", "unless_consent: express_written"
    ),
    "open holiday": rule("no.hours", "calling_hours", week("09:00", "20:00"), "unless_consent: express_written"),
    "half a holiday": rule(
        "no.hours",
        "calling_hours",
        week("09:00", "20:00"),
        'holidays: [["10:00", "10:30"]]',
        "unless_consent: express_written",
    ),
    "weaker consent sets it aside": rule(
        "no.hours", "calling_hours", week("09:00", "20:00"), "holidays: closed", "unless_consent: express"
    ),
    "fewer holidays": rule("no.days", "holidays", 'days: [{name: "Yule", fixed: "12-25"}]'),
    "other holidays": rule(
        "no.days", "holidays", 'days: [{name: "Yule", fixed: "12-25"}, {name: "May", fixed: "05-02"}]'
    ),
    "higher cap": rule("no.cap", "attempt_cap", "max: 4", "hours: 24", "purposes: [telemarketing]"),
    "shorter period": rule("no.cap", "attempt_cap", "max: 3", "hours: 23", "purposes: [telemarketing]"),
    "other period": rule("no.cap", "attempt_cap", "max: 3", "calendar_days: 30", "purposes: [telemarketing]"),
    "fewer purposes": rule("no.cap", "attempt_cap", "max: 3", "hours: 24", "purposes: [survey]"),
    "an exception": rule(
        "no.cap", "attempt_cap", "max: 3", "hours: 24", "purposes: [telemarketing]", "unless_relationship: true"
    ),
    "shorter wait": rule("no.wait", "waiting_time", "after: refusal", "hours: 719"),
    "wait after another thing": rule("no.wait", "waiting_time", "after: silent_call", "hours: 720"),
    "older list": rule("no.list", "registry", "list: no.register", "max_age_days: 31", "unless_relationship: true"),
    "other list": rule("no.list", "registry", "list: no.other", "max_age_days: 30", "unless_relationship: true"),
    "weaker consent": rule("no.consent", "consent", "kind: implied", "call_kinds: [prerecorded, ai_voice]"),
    "fewer kinds": rule("no.consent", "consent", "kind: express", "call_kinds: [prerecorded]"),
    "longer relationship": rule("no.ages", "relationship", "purchase_months: 13", "inquiry_months: 3"),
    "longer inquiry": rule("no.ages", "relationship", "purchase_months: 0", "inquiry_months: 4"),
    "narrower relationship": rule(
        "no.ages", "relationship", "purchase_months: 12", "inquiry_months: 3", "purposes: [survey]"
    ),
    "easier recording": rule(
        "no.recording", "recording_consent", "parties: all_party", "mode: notice", "record_announcement: true"
    ),
    "announcement unrecorded": rule(
        "no.recording", "recording_consent", "parties: all_party", "mode: explicit", "record_announcement: false"
    ),
    "more abandoned": rule(
        "no.abandoned", "abandonment", "max_per_mille: 31", "period: calendar_month", "connect_within_seconds: 2"
    ),
    "other abandonment period": rule(
        "no.abandoned", "abandonment", "max_per_mille: 30", "period: campaign_24_hours", "connect_within_seconds: 2"
    ),
    "slower agent": rule(
        "no.abandoned", "abandonment", "max_per_mille: 30", "period: calendar_month", "connect_within_seconds: 3"
    ),
    "older answer": rule("no.asked", "reassigned", "max_age_days: 31"),
    "later withdrawal": rule("no.withdrawn", "revocation", "days: 11", "business_days: false"),
    "business days": rule("no.withdrawn", "revocation", "days: 10", "business_days: true"),
    "narrower prefix": rule("no.shown", "caller_id", 'forbidden_prefixes: ["+47820"]'),
    "no prefix": rule("no.shown", "caller_id", "forbidden_prefixes: []"),
    "shorter ring": rule("no.ring", "ring_time", "min_seconds: 14"),
    "prohibition of fewer": rule(
        "no.never", "prohibition", "call_kinds: [prerecorded]", "unless_consent: express_written"
    ),
    "prohibition with an exception": rule(
        "no.never", "prohibition", "call_kinds: [ai_voice]", "unless_consent: express"
    ),
    "later name": rule("no.identify", "obligation", "kind: identify", "params: {within_seconds: 31}"),
    "another duty": rule("no.identify", "obligation", "kind: release_line", "params: {within_seconds: 30}"),
    "another topic": rule("no.ring", "waiting_time", "after: refusal", "hours: 24"),
    "only where the state is unknown": rule("no.ring", "ring_time", "min_seconds: 15", "scope: subdivision_unknown"),
}

STRICTER = {
    "narrower window": rule("no.hours", "calling_hours", week("10:00", "19:00"), "holidays: closed"),
    "a break at noon": rule(
        "no.hours",
        "calling_hours",
        "week: " + OPEN.replace("W", '["09:00", "12:00"], ["13:00", "20:00"]'),
        "holidays: closed",
    ),
    "a zone": rule("no.hours", "calling_hours", week("09:00", "20:00"), "holidays: closed", "also_zone: Asia/Tokyo"),
    "eves": rule("no.hours", "calling_hours", week("09:00", "20:00"), "holidays: closed", "eves: closed"),
    "more holidays": CALENDAR.replace('{name: "Yule"', '{name: "Easter", easter: 0}, {name: "Yule"'),
    "every purpose": rule("no.cap", "attempt_cap", "max: 3", "hours: 24"),
    "longer period": rule("no.cap", "attempt_cap", "max: 1", "hours: 25"),
    "longer wait": rule("no.wait", "waiting_time", "after: refusal", "hours: 721"),
    "younger list": rule("no.list", "registry", "list: no.register", "max_age_days: 29"),
    "stronger consent": rule("no.consent", "consent", "kind: express_written", "renew_months: 12"),
    "shorter relationship": rule("no.ages", "relationship", "purchase_months: 6", "inquiry_months: 0"),
    "no recording": rule(
        "no.recording", "recording_consent", "parties: all_party", "mode: none", "record_announcement: true"
    ),
    "fewer abandoned": rule(
        "no.abandoned", "abandonment", "max_per_mille: 29", "period: calendar_month", "connect_within_seconds: 1"
    ),
    "wider prefix": rule("no.shown", "caller_id", 'forbidden_prefixes: ["+478", "+4790"]'),
    "a range required": rule("no.shown", "caller_id", 'forbidden_prefixes: ["+4782"]', 'required_prefixes: ["+4722"]'),
    "longer ring": rule("no.ring", "ring_time", "min_seconds: 20"),
    "wider prohibition": rule("no.never", "prohibition"),
    "sooner name": rule("no.identify", "obligation", "kind: identify", "params: {within_seconds: 5}"),
    "same, other words": CALENDAR.replace("made up", "made up anew"),
    "one more": rule("no.more", "prohibition", "purposes: [charity]"),
    "one more law on hours, wider than the other": rule("no.more", "calling_hours", week("00:00", "24:00")),
    "one more law on relationships": rule("no.more", "relationship", "purchase_months: 60", "inquiry_months: 60"),
    "one more law on recording": rule(
        "no.more", "recording_consent", "parties: one_party", "mode: notice", "record_announcement: false"
    ),
}


@pytest.mark.parametrize("what", LOOSER)
def test_what_loosens_is_refused_until_it_is_signed_and_accepted(packs: Packs, what: str) -> None:
    unsigned = read(packs, over(LOOSER[what]))
    with pytest.raises(OverlayRefused, match="must say signed_by and reason"):
        laid_over(packs, [unsigned], {unsigned.digest})
    signed = read(packs, over(LOOSER[what], signed=True))
    with pytest.raises(OverlayRefused, match="not accepted as it stands"):
        laid_over(packs, [signed], {unsigned.digest})
    assert laid_over(packs, [signed], {signed.digest}).jurisdictions["NO"] != packs.jurisdictions["NO"]


@pytest.mark.parametrize("what", STRICTER)
def test_what_tightens_needs_nobody(packs: Packs, what: str) -> None:
    laid_over(packs, [read(packs, over(STRICTER[what]))])


def test_rule_is_taken_away_only_with_a_signature(packs: Packs) -> None:
    assert loosens(packs, read(packs, over(remove="no.cap")))
    signed = read(packs, over(remove="no.cap, no.wait", signed=True))
    left = laid_over(packs, [signed], {signed.digest}).jurisdictions["NO"].laws
    assert {"no.cap", "no.wait"}.isdisjoint(law.entry.id for law in left)
    assert len(left) == len(packs.jurisdictions["NO"].laws) - 2


def test_calendar_alone_forbids_nothing_and_its_new_days_close_the_hours(packs: Packs) -> None:
    ours = read(packs, over(STRICTER["more holidays"]))
    upon = laid_over(packs, [ours]).jurisdictions["NO"]
    (hours,) = upon.of(CallingHours)
    assert [day.name for day in hours.calendar] == ["Easter", "Yule", "May"]
    assert upon.of(HolidayCalendar)[0].days == hours.calendar


def test_dated_rule_leaves_the_shipped_one_before_and_after(packs: Packs) -> None:
    spring = 'valid_from: "2027-03-01"', 'valid_to: "2027-05-31"'
    ours = read(packs, over(rule("no.ring", "ring_time", "min_seconds: 30", *spring)))
    laws = [law for law in laid_over(packs, [ours]).jurisdictions["NO"].laws if law.entry.id == "no.ring"]
    spans = sorted((law.entry.valid_from or date.min, law.entry.valid_to or date.max, law.min_seconds) for law in laws)
    assert spans == [
        (date.min, date(2027, 2, 28), 15),
        (date(2027, 3, 1), date(2027, 5, 31), 30),
        (date(2027, 6, 1), date.max, 15),
    ]
    (change,) = effect(packs, ours)
    assert (change.first, change.last, change.stricter) == (
        date(2027, 3, 1),
        date(2027, 5, 31),
        ("min_seconds: 15 → 30",),
    )


def test_loosening_for_a_day_is_loosening(packs: Packs) -> None:
    day = 'valid_from: "2027-03-01"', 'valid_to: "2027-03-01"'
    assert loosens(packs, read(packs, over(rule("no.ring", "ring_time", "min_seconds: 14", *day))))


def test_country_that_nothing_covers_is_added_only_with_a_signature() -> None:
    packs = load_packs()
    hours = rule("se.hours", "calling_hours", week("09:00", "18:00"))
    unsigned = over(hours, code="SE", more="name: Sweden\ncovers_subdivisions: true\n")
    assert loosens(packs, read(packs, unsigned))
    signed = read(packs, over(hours, code="SE", more="name: Sweden\ncovers_subdivisions: true\n", signed=True))
    assert laid_over(packs, [signed], {signed.digest}).covered("SE-AB")
    with pytest.raises(BadInput, match="'name' is missing"):
        read(packs, over(hours, code="SE"))
    with pytest.raises(BadInput, match="unknown key 'name'"):
        read(packs, over(rule("gb.more", "prohibition"), code="GB", more="name: Britain\n"))


def test_part_of_a_covered_country_is_added_freely() -> None:
    packs = load_packs()
    ontario = rule("ca-on.cap", "attempt_cap", "max: 1", "hours: 24")
    assert not loosens(packs, read(packs, over(ontario, code="CA-ON", more="name: Ontario\n")))


def test_hours_that_take_the_place_of_the_house_default_may_not_be_wider(packs: Packs) -> None:
    bare = replace(packs.jurisdictions["NO"], laws=())
    without = replace(packs, jurisdictions={**packs.jurisdictions, "NO": bare})
    for opens, closes, looser in [("08:00", "21:00", False), ("07:59", "21:00", True), ("08:00", "21:01", True)]:
        ours = read(without, over(rule("no.ours", "calling_hours", week(opens, closes))))
        assert loosens(without, ours) is looser
    sales = rule("no.hours", "calling_hours", week("06:00", "20:00"), "purposes: [telemarketing]")
    with_sales = laid_over(without, [signed := read(without, over(sales, signed=True))], {signed.digest})
    everybody = rule("no.hours", "calling_hours", week("06:00", "20:00"))
    assert loosens(with_sales, read(with_sales, over(everybody)))


def test_notice_where_consent_was_asked_and_ages_where_there_were_none_are_looser() -> None:
    packs = load_packs()
    nobody = Jurisdiction("NO", "Norway", True, frozenset(), ())
    bare = replace(packs, jurisdictions={**packs.jurisdictions, "NO": nobody})
    recording = ("no.more", "recording_consent", "parties: one_party", "record_announcement: false")
    for mode, looser in [("notice", True), ("explicit", False), ("none", False)]:
        assert loosens(bare, read(bare, over(rule(*recording, f"mode: {mode}")))) is looser
    assert loosens(bare, read(bare, over(rule("no.ages", "relationship", "purchase_months: 1", "inquiry_months: 0"))))


def test_overlays_lie_upon_each_other(packs: Packs) -> None:
    first = read(packs, over(rule("no.ring", "ring_time", "min_seconds: 30")))
    second = read(packs, over(rule("no.ring", "ring_time", "min_seconds: 20")))
    assert laid_over(packs, [second, first]).jurisdictions["NO"].laws[-1] == first.jurisdiction.laws[0]
    with pytest.raises(OverlayRefused, match="min_seconds: 30 → 20"):
        laid_over(packs, [first, second])


def test_version_names_what_the_overlays_say(packs: Packs) -> None:
    first = read(packs, over(rule("no.ring", "ring_time", "min_seconds: 30")))
    second = read(packs, over(rule("no.more", "prohibition", "purposes: [charity]")))
    versions = {laid_over(packs, overlays).version for overlays in ([], [first], [second], [first, second])}
    assert len(versions) == 4
    assert packs.version in versions
    assert all(version.startswith(packs.version) for version in versions)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"schema: 1\njurisdiction: NO\n", "ours.yaml:1: 'overlay' is missing"),
        (over(code="us"), "ours.yaml:3: must be an ISO 3166 code"),
        (over(more="colour: blue\n"), "ours.yaml:4: unknown key 'colour'"),
        (over(more="signed_by: me\n"), "signed_by and reason go together"),
        (over(more="reason: because\n"), "signed_by and reason go together"),
        (over(remove="no.nothing"), "ours.yaml:4: there is no rule 'no.nothing' to take away"),
        (over("- id: no.more\n  topic: prohibition\n"), "ours.yaml:5: 'citation' is missing"),
        (over(rule("us.more", "prohibition")), "ours.yaml:5: must begin with 'no.'"),
        (over(rule("no.more", "calling_hours", week("09:00", "09:00"))), "must be two times, the earlier first"),
        (over(rule("no.a", "prohibition"), rule("no.a", "prohibition")), "'no.a' is in force twice at once"),
    ],
)
def test_what_is_malformed_is_named_with_its_line(packs: Packs, content: bytes, problem: str) -> None:
    with pytest.raises(BadInput) as raised:
        read(packs, content)
    assert problem in str(raised.value)
    assert str(raised.value).startswith("ours.yaml:")


def test_house_default_is_tightened_and_never_lost() -> None:
    packs = load_packs()
    late = read(packs, over(rule("default.hours", "calling_hours", week("10:00", "18:00")), code="default"))
    assert not loosens(packs, late)
    gone = read(packs, over(code="default", remove="default.hours", signed=True))
    with pytest.raises(OverlayRefused, match="leaves no calling hours"):
        laid_over(packs, [gone], {gone.digest})


def test_packs_compared_with_themselves_differ_in_nothing(packs: Packs) -> None:
    assert differences(packs, norway()) == ()


def test_packs_expire_when_they_are_as_old_as_they_may_be(packs: Packs) -> None:
    assert packs.expires == packs.released + timedelta(days=packs.max_age_days)

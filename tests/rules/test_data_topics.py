"""One reader a topic: what a rule may say, and that a slip is refused with file and line."""

import re
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from compliance import BadInput
from compliance.jurisdictions import model
from compliance.jurisdictions.loader import parse_jurisdiction
from compliance.jurisdictions.model import (
    AbandonmentPeriod,
    CallingHours,
    EasterDay,
    FixedDay,
    HolidayCalendar,
    Law,
    NamedDates,
    NthWeekday,
    Observed,
    Unless,
    WaitAfter,
    Weekday,
    WeekdayNear,
    When,
)
from compliance.jurisdictions.topics import TOPICS
from compliance.terms import CallKind, ConsentKind, Party, Purpose
from compliance.verdict import Obligation, ObligationKind

HEAD = 'schema: 1\njurisdiction: "NO"\nname: Norway\nrules:\n'
PROVENANCE = '  citation: "made up"\n  source: "made up"\n  confidence: house\n  as_of: "2026-01-01"\n'
SCOPE = "  call_kinds: [live]\n  purposes: [survey, charity]\n  parties: [business]\n"
UNLESS = "  unless_consent: express\n  unless_relationship: true\n"
WEEK = "  week: {mon: [], tue: [], wed: [], thu: [], fri: [], sat: [], sun: []}\n"
CALENDAR = """\
- id: no.holidays
  topic: holidays
  observed: {saturday: friday, sunday: monday}
  days:
  - {name: "Fixed", fixed: "05-17"}
  - {name: "Third", nth: [3, mon, 1]}
  - {name: "Last", nth: [-1, thu, 11], observed: {saturday: not, sunday: not}}
  - {name: "After", on_or_after: [tue, "11-02"]}
  - {name: "Before", on_or_before: [mon, "05-24"]}
  - {name: "Good Friday", easter: -2}
  - {name: "Ascension", easter: 39}
  - {name: "Named", dates: ["2026-03-04", "2027-03-22"], through: 2027}
"""


def text(topic: str, body: str, name: str = "no.one") -> str:
    return f"- id: {name}\n  topic: {topic}\n{body}{PROVENANCE}"


def read(*rules: str) -> tuple[Law, ...]:
    return parse_jurisdiction((HEAD + "".join(rules)).encode(), "no.yaml").laws


def one(topic: str, body: str) -> Law:
    (law,) = read(text(topic, body))
    assert TOPICS[type(law)] == topic
    return law


def refused(topic: str, body: str) -> str:
    with pytest.raises(BadInput) as caught:
        one(topic, body)
    found = re.fullmatch(r"no\.yaml:\d+: (.*)", str(caught.value))
    assert found is not None
    return found[1]


ALL = When(frozenset({CallKind.LIVE}), frozenset({Purpose.SURVEY, Purpose.CHARITY}), frozenset({Party.BUSINESS}))
ASIDE = Unless(ConsentKind.EXPRESS, relationship=True)


def test_scope_and_exceptions_are_the_same_in_every_topic_that_has_them() -> None:
    bodies = {
        "calling_hours": WEEK,
        "attempt_cap": "  max: 3\n  hours: 24\n",
        "waiting_time": "  after: refusal\n  hours: 24\n",
        "registry": "  list: no.list\n  max_age_days: 31\n",
        "consent": "  kind: express\n",
        "prohibition": "",
    }
    for topic, body in bodies.items():
        law = one(topic, body + SCOPE + UNLESS)
        assert (law.when, law.unless) == (ALL, ASIDE)
        assert (one(topic, body).when, one(topic, body).unless) == (model.ALWAYS, model.NOTHING)
        assert one(topic, body + "  unless_relationship: false\n").unless == model.NOTHING


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("ring_time", "  min_seconds: 15\n"),
        ("abandonment", "  max_per_mille: 30\n  period: calendar_month\n  connect_within_seconds: 2\n"),
        ("relationship", "  purchase_months: 18\n  inquiry_months: 3\n"),
        ("reassigned", "  max_age_days: 31\n"),
        ("revocation", "  days: 10\n  business_days: true\n"),
        ("caller_id", "  forbidden_prefixes: []\n"),
        ("obligation", "  kind: log_consent_use\n"),
    ],
)
def test_topics_nothing_sets_aside_have_a_scope_only(topic: str, body: str) -> None:
    assert one(topic, body + SCOPE).when == ALL
    assert "unknown key 'unless_consent'" in refused(topic, body + UNLESS)


def test_figures_arrive_as_they_stand() -> None:
    cap = one("attempt_cap", "  max: 4\n  calendar_days: 30\n")
    assert isinstance(cap, model.AttemptCap)
    assert (cap.max, cap.hours, cap.calendar_days) == (4, None, 30)
    wait = one("waiting_time", "  after: silent_call\n  hours: 72\n")
    assert isinstance(wait, model.WaitingTime)
    assert (wait.after, wait.hours) == (WaitAfter.SILENT_CALL, 72)
    left = one("abandonment", "  max_per_mille: 50\n  period: calendar_month\n  connect_within_seconds: 2\n")
    assert isinstance(left, model.AbandonmentLaw)
    assert (left.max_per_mille, left.period, left.connect_within_seconds) == (50, AbandonmentPeriod.CALENDAR_MONTH, 2)
    registry = one("registry", "  list: us-tx.dnc\n  max_age_days: 92\n")
    assert isinstance(registry, model.RegistryLaw)
    assert (registry.list, registry.max_age_days) == ("us-tx.dnc", 92)
    consent = one("consent", "  kind: express_written\n  renew_months: 24\n")
    assert isinstance(consent, model.ConsentLaw)
    assert (consent.kind, consent.renew_months) == (ConsentKind.EXPRESS_WRITTEN, 24)
    shown = one("caller_id", '  forbidden_prefixes: ["+336", "+337"]\n')
    assert isinstance(shown, model.CallerIdLaw)
    assert (shown.forbidden_prefixes, shown.required_prefixes) == (("+336", "+337"), ())
    shown = one("caller_id", '  forbidden_prefixes: []\n  required_prefixes: ["+91140"]\n')
    assert isinstance(shown, model.CallerIdLaw)
    assert shown.required_prefixes == ("+91140",)


@pytest.mark.parametrize(
    ("body", "obligation"),
    [
        ("  kind: identify\n  params: {within_seconds: 30}\n", (ObligationKind.IDENTIFY, {"within_seconds": 30})),
        ("  kind: min_ring\n  params: {seconds: 15}\n", (ObligationKind.MIN_RING, {"seconds": 15})),
        ("  kind: beep\n  params: {every_seconds: 15}\n", (ObligationKind.BEEP, {"every_seconds": 15})),
        ("  kind: record_announcement\n", (ObligationKind.RECORD_ANNOUNCEMENT, {})),
        (
            '  kind: message_content\n  params: {name: "who calls", phone_number: "where"}\n',
            (ObligationKind.MESSAGE_CONTENT, {"name": "who calls", "phone_number": "where"}),
        ),
    ],
)
def test_obligations_carry_their_unit(body: str, obligation: tuple[ObligationKind, dict[str, str | int]]) -> None:
    law = one("obligation", body)
    assert isinstance(law, model.ObligationLaw)
    assert law.obligation == Obligation(*obligation)


def test_calendar_knows_every_kind_of_day() -> None:
    (law,) = read(CALENDAR + PROVENANCE)
    assert isinstance(law, HolidayCalendar)
    assert [day.rule for day in law.days] == [
        FixedDay(5, 17),
        NthWeekday(3, Weekday.MON, 1),
        NthWeekday(-1, Weekday.THU, 11),
        WeekdayNear(Weekday.TUE, 11, 2, before=False),
        WeekdayNear(Weekday.MON, 5, 24, before=True),
        EasterDay(-2),
        EasterDay(39),
        NamedDates((date(2026, 3, 4), date(2027, 3, 22)), 2027),
    ]
    kept = {(day.observed_saturday, day.observed_sunday) for day in law.days if day.name != "Last"}
    assert kept == {(Observed.FRIDAY, Observed.MONDAY)}
    assert (law.days[2].observed_saturday, law.days[2].observed_sunday) == (Observed.NOT, Observed.NOT)


def test_days_are_kept_nowhere_else_unless_the_calendar_says_so() -> None:
    (law,) = read(CALENDAR.replace("  observed: {saturday: friday, sunday: monday}\n", "") + PROVENANCE)
    assert isinstance(law, HolidayCalendar)
    assert {(day.observed_saturday, day.observed_sunday) for day in law.days} == {(Observed.NOT, Observed.NOT)}


def test_hours_take_the_calendar_of_their_file_wherever_it_stands() -> None:
    body = WEEK + '  holidays: closed\n  eves: [["10:00", "19:00"]]\n  also_zone: Europe/Oslo\n'
    hours, calendar = read(text("calling_hours", body), CALENDAR + PROVENANCE)
    assert isinstance(hours, CallingHours)
    assert isinstance(calendar, HolidayCalendar)
    assert (hours.holidays, hours.eves, hours.also_zone) == ((), ((36000, 68400),), ZoneInfo("Europe/Oslo"))
    assert hours.calendar == calendar.days
    (plain,) = read(text("calling_hours", WEEK))
    assert isinstance(plain, CallingHours)
    assert (plain.holidays, plain.eves, plain.calendar) == (None, None, ())


@pytest.mark.parametrize("key", ["holidays: closed", 'eves: [["10:00", "19:00"]]'])
@pytest.mark.parametrize(
    ("calendars", "hours", "count"),
    [
        ([], "", 0),
        (['  valid_to: "2026-12-31"\n'], "", 0),
        (['  valid_to: "2026-12-31"\n'], '  valid_from: "2026-01-01"\n  valid_to: "2027-01-01"\n', 0),
        (['  valid_from: "2026-01-02"\n'], '  valid_from: "2026-01-01"\n', 0),
        (["", ""], "", 2),
    ],
)
def test_hours_without_exactly_one_calendar_for_all_their_days_are_refused(
    key: str, calendars: list[str], hours: str, count: int
) -> None:
    rules = [
        CALENDAR.replace("no.holidays", f"no.holidays{place}") + dates + PROVENANCE
        for place, dates in enumerate(calendars)
    ]
    line = len((HEAD + "".join(rules)).splitlines()) + 4
    with pytest.raises(BadInput, match=rf"^no\.yaml:{line}: needs one calendar .* not {count}$"):
        read(*rules, text("calling_hours", f"{WEEK}  {key}\n{hours}"))


def test_hours_of_a_year_take_the_calendar_of_that_year() -> None:
    dates = '  valid_from: "2026-01-01"\n  valid_to: "2026-12-31"\n'
    calendar = CALENDAR + dates + PROVENANCE
    later = CALENDAR.replace("05-17", "05-18") + '  valid_from: "2027-01-01"\n' + PROVENANCE
    _, _, hours = read(calendar, later, text("calling_hours", f"{WEEK}  holidays: closed\n{dates}"))
    assert isinstance(hours, CallingHours)
    assert hours.calendar[0].rule == FixedDay(5, 17)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('fixed: "05-17"', 'fixed: "02-30"', "not a day of every year"),
        ('fixed: "05-17"', 'fixed: "02-29"', "not a day of every year"),
        ('fixed: "05-17"', 'fixed: "13-01"', "not a day of every year"),
        ('fixed: "05-17"', 'fixed: "5-17"', "MM-DD"),
        ('fixed: "05-17"', 'fixed: "05-17", easter: 1', "exactly one of"),
        ('fixed: "05-17"', "moon: 1", "exactly one of"),
        ('fixed: "05-17"', 'fixed: "05-17", moon: 1', "unknown key 'moon'"),
        ('fixed: "05-17"', 'fixed: "05-17", through: 2027', "unknown key 'through'"),
        ("nth: [3, mon, 1]", "nth: [5, mon, 1]", "whole number"),
        ("nth: [3, mon, 1]", "nth: [0, mon, 1]", "-1 for the last"),
        ("nth: [3, mon, 1]", "nth: [-2, mon, 1]", "whole number"),
        ("nth: [3, mon, 1]", "nth: [3, monday, 1]", "must be one of"),
        ("nth: [3, mon, 1]", "nth: [3, mon, 13]", "whole number"),
        ("nth: [3, mon, 1]", "nth: [3, mon]", "a list of 3"),
        ('[tue, "11-02"]', '[tue, "11-31"]', "not a day of every year"),
        ('[tue, "11-02"]', '[tue, "11-02", 1]', "a list of 2"),
        ("easter: -2", "easter: -101", "whole number"),
        ("easter: -2", "easter: --2", "whole number"),
        ("through: 2027", "through: 2026", "after the last year"),
        (", through: 2027", "", "'through' is missing"),
        ('["2026-03-04", "2027-03-22"]', '["2027-03-22", "2026-03-04"]', "each later"),
        ('["2026-03-04", "2027-03-22"]', "[]", "one or more dates"),
        ('"2026-03-04"', '"2026-02-29"', "must be a date"),
        ('name: "Third"', 'name: "Fixed"', "given twice"),
        ("saturday: friday, sunday", "saturday: thursday, sunday", "must be one of"),
        ("sunday: monday}\n", "sunday: friday}\n", "must be one of"),
        ("saturday: friday, sunday: monday", "saturday: friday", "'sunday' is missing"),
        ("sunday: monday}\n", "sunday: monday, monday: not}\n", "unknown key 'monday'"),
    ],
)
def test_slip_in_a_calendar_is_refused(old: str, new: str, says: str) -> None:
    whole = HEAD + CALENDAR
    line = whole[: whole.index(old)].count("\n") + 1
    with pytest.raises(BadInput) as caught:
        read(CALENDAR.replace(old, new, 1) + PROVENANCE)
    assert str(caught.value).startswith(f"no.yaml:{line}: ")
    assert says in str(caught.value)


def test_calendar_without_days_is_refused() -> None:
    assert "at least one day" in refused("holidays", "  days: []\n")


@pytest.mark.parametrize(
    ("topic", "body", "says"),
    [
        ("calling_hours", WEEK + "  holidays: open\n", "must be one of closed"),
        ("calling_hours", WEEK + "  also_zone: Europe/Atlantis\n", "no time zone"),
        ("calling_hours", WEEK + "  also_zone: ../secret\n", "no time zone"),
        ("calling_hours", WEEK.replace("mon: []", 'mon: [["08:00", "12:00"], ["11:59", "21:00"]]'), "without overlap"),
        ("calling_hours", WEEK.replace("mon: []", 'mon: [["13:00", "21:00"], ["08:00", "12:00"]]'), "without overlap"),
        ("calling_hours", WEEK + "  call_kinds: []\n", "empty list"),
        ("calling_hours", WEEK + "  call_kinds: [live, live]\n", "given twice"),
        ("calling_hours", WEEK + "  call_kinds: [manual]\n", "must be one of"),
        ("calling_hours", WEEK + "  purposes: [sales]\n", "must be one of"),
        ("calling_hours", WEEK + "  parties: [minor]\n", "must be one of"),
        ("calling_hours", WEEK + "  parties: consumer\n", "must be a list"),
        ("calling_hours", WEEK + "  unless_consent: none\n", "no consent"),
        ("calling_hours", WEEK + "  unless_consent: oral\n", "must be one of"),
        ("calling_hours", WEEK + "  unless_relationship: yes\n", "true or false"),
        ("ring_time", "  min_seconds: 0\n", "whole number"),
        ("ring_time", "  min_seconds: 121\n", "whole number"),
        ("attempt_cap", "  max: 0\n  hours: 24\n", "whole number"),
        ("attempt_cap", "  max: 3\n", "exactly one of hours, calendar_days"),
        ("attempt_cap", "  max: 3\n  hours: 24\n  calendar_days: 1\n", "exactly one of hours, calendar_days"),
        ("attempt_cap", "  max: 3\n  hours: 0\n", "whole number"),
        ("waiting_time", "  after: sale\n  hours: 24\n", "must be one of"),
        ("waiting_time", "  after: refusal\n", "'hours' is missing"),
        (
            "abandonment",
            "  max_per_mille: 1001\n  period: calendar_month\n  connect_within_seconds: 2\n",
            "whole number",
        ),
        ("abandonment", "  max_per_mille: 30\n  period: week\n  connect_within_seconds: 2\n", "must be one of"),
        ("registry", "  list: Big List\n  max_age_days: 31\n", "words of a-z"),
        ("registry", "  list: no.list\n  max_age_days: 0\n", "whole number"),
        ("consent", "  kind: none\n", "no consent"),
        ("consent", "  kind: express\n  renew_months: 0\n", "whole number"),
        ("relationship", "  purchase_months: 18\n", "'inquiry_months' is missing"),
        ("reassigned", "  max_age_days: -1\n", "whole number"),
        ("reassigned", "  max_age_days: 1\n  every_call: 1\n", "true or false"),
        ("revocation", "  days: 10\n", "'business_days' is missing"),
        ("caller_id", "  forbidden_prefixes: [336]\n", "international number"),
        ("caller_id", '  forbidden_prefixes: ["+"]\n', "international number"),
        ("caller_id", '  forbidden_prefixes: []\n  required_prefixes: ["140"]\n', "international number"),
        ("prohibition", "  kind: express\n", "unknown key 'kind'"),
        ("obligation", "  kind: smile\n", "must be one of"),
        ("obligation", "  kind: identify\n", "'params' is missing"),
        ("obligation", "  kind: identify\n  params: {seconds: 30}\n", "'within_seconds' is missing"),
        ("obligation", "  kind: identify\n  params: {within_seconds: 30, loudly: 1}\n", "unknown key 'loudly'"),
        ("obligation", "  kind: identify\n  params: {within_seconds: soon}\n", "whole number"),
        ("obligation", "  kind: log_consent_use\n  params: {within_seconds: 1}\n", "has no params"),
        ("obligation", "  kind: message_content\n", "'params' is missing"),
        ("obligation", "  kind: message_content\n  params: {}\n", "at least one part"),
        ("obligation", "  kind: message_content\n  params: {Name: who}\n", "words of a-z"),
        ("recording_consent", "  mode: notice\n", "'parties' is missing"),
        ("horoscope", "", "must be one of recording_consent, holidays, calling_hours"),
    ],
)
def test_slip_in_a_rule_is_refused(topic: str, body: str, says: str) -> None:
    assert says in refused(topic, body)


def test_id_begins_with_the_code_of_its_file() -> None:
    with pytest.raises(BadInput, match=r"^no\.yaml:5: must begin with 'no\.'"):
        read(text("prohibition", "", name="se.one"))
    with pytest.raises(BadInput, match=r"^no\.yaml:5: must begin with 'no\.'"):
        read(text("prohibition", "", name="no-03.one"))


def test_rule_may_not_be_in_force_twice_whatever_its_topic() -> None:
    with pytest.raises(BadInput, match="in force twice"):
        read(CALENDAR + PROVENANCE, text("prohibition", "", name="no.holidays"))


def test_laws_stay_in_the_order_of_the_file() -> None:
    laws = read(text("prohibition", "", name="no.a"), CALENDAR + PROVENANCE, text("prohibition", "", name="no.b"))
    assert [law.entry.id for law in laws] == ["no.a", "no.holidays", "no.b"]

"""The figures of the law once more, written down apart from the files: a slip in one of the two shows."""

from datetime import date

import pytest

from compliance import load_packs
from compliance.jurisdictions.model import (
    AbandonmentLaw,
    AttemptCap,
    CallerIdLaw,
    CallingHours,
    ConsentLaw,
    Law,
    ObligationLaw,
    Prohibition,
    ReassignedLaw,
    RegistryLaw,
    RelationshipLaw,
    RevocationLaw,
    RingTimeLaw,
    WaitingTime,
    Window,
)
from compliance.terms import CallKind, ConsentKind, Party, Purpose
from compliance.verdict import ObligationKind

PACKS = load_packs()
TODAY = date(2026, 11, 23)
LIVE, DIALLED, RECORDED, AI = CallKind.LIVE, CallKind.AUTODIALED_LIVE, CallKind.PRERECORDED, CallKind.AI_VOICE
SALES, CONSUMER, BUSINESS = Purpose.TELEMARKETING, Party.CONSUMER, Party.BUSINESS


def clock(text: str) -> tuple[Window, ...]:
    """ "10-13 14-20" """
    spans = [span.split("-") for span in text.split() if text != "closed"]
    return tuple((seconds(opens), seconds(closes)) for opens, closes in spans)


def seconds(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 3600 + int(minute or 0) * 60


def common(windows: list[tuple[Window, ...]]) -> tuple[Window, ...]:
    left: list[Window] = [(0, 86400)]
    for each in windows:
        left = [(max(a, c), min(b, d)) for a, b in left for c, d in each if max(a, c) < min(b, d)]
    return tuple(left)


def hours(region: str, kind: CallKind, purpose: Purpose, party: Party, day: date) -> list[CallingHours]:
    laws = PACKS.laws(CallingHours, region, day, day)
    return [law for law in laws if law.when.may_be(kind, purpose, party)]


FED = ("8-21", "8-21", "8-21", "8-21")
HOURS = {  # weekday, Saturday, Sunday, holiday
    ("US-AK", LIVE): FED,
    ("US-AL", LIVE): ("8-20", "8-20", "closed", "closed"),
    ("US-AL", AI): ("8-20", "8-20", "closed", "closed"),
    ("US-CA", LIVE): FED,
    ("US-CA", RECORDED): ("9-21", "9-21", "9-21", "9-21"),
    ("US-CT", LIVE): ("9-20", "9-20", "9-20", "9-20"),
    ("US-FL", DIALLED): ("8-20", "8-20", "8-20", "8-20"),
    ("US-IL", RECORDED): ("9-21", "9-21", "9-21", "9-21"),
    ("US-IN", LIVE): FED,
    ("US-IN", AI): ("9-20", "9-20", "9-20", "9-20"),
    ("US-KY", LIVE): ("10-21", "10-21", "10-21", "10-21"),
    ("US-LA", LIVE): ("8-20", "8-20", "closed", "closed"),
    ("US-MA", LIVE): ("8-20", "8-20", "8-20", "8-20"),
    ("US-MD", LIVE): ("8-20", "8-20", "8-20", "8-20"),
    ("US-ME", LIVE): FED,
    ("US-ME", RECORDED): ("9-17", "closed", "closed", "closed"),
    ("US-MI", LIVE): ("9-21", "9-21", "9-21", "9-21"),
    ("US-MN", LIVE): ("9-21", "9-21", "9-21", "9-21"),
    ("US-MS", LIVE): ("8-20", "8-20", "closed", "8-20"),
    ("US-NE", LIVE): FED,
    ("US-NE", RECORDED): ("8-21", "8-21", "13-21", "13-21"),
    ("US-NM", LIVE): ("9-21", "9-21", "9-21", "9-21"),
    ("US-NV", LIVE): ("9-20", "9-20", "9-20", "9-20"),
    ("US-NV", AI): ("9-20", "9-20", "9-20", "9-20"),
    ("US-NY", LIVE): FED,
    ("US-OK", LIVE): ("8-20", "8-20", "8-20", "8-20"),
    ("US-OK", RECORDED): ("9-20", "9-20", "9-20", "9-20"),
    ("US-OR", LIVE): ("8-20", "8-20", "8-20", "8-20"),
    ("US-PA", LIVE): ("9-19", "9-19", "closed", "closed"),
    ("US-GU", LIVE): FED,
    ("US-PR", LIVE): ("9-21", "9-21", "9-21", "9-21"),
    ("US-RI", LIVE): ("9-18", "10-17", "closed", "closed"),
    ("US-SC", LIVE): FED,
    ("US-SC", AI): ("8-19", "8-19", "8-19", "8-19"),
    ("US-SD", LIVE): FED,
    ("US-SD", RECORDED): ("9-21", "closed", "closed", "9-21"),
    ("US-TX", LIVE): ("9-21", "9-21", "12-21", "9-21"),
    ("US-UT", LIVE): ("8-21", "8-21", "closed", "closed"),
    ("US-VA", LIVE): FED,
    ("US-WA", LIVE): ("8-20", "8-20", "8-20", "8-20"),
    ("US-WY", LIVE): ("8-20", "8-20", "8-20", "8-20"),
    ("CA-ON", LIVE): ("9-21:30", "10-18", "10-18", "9-21:30"),
    ("CA-BC", LIVE): ("9-21:30", "10-18", "10-18", "closed"),
    ("GB", LIVE): ("8-21", "9-21", "closed", "closed"),
    ("FR", LIVE): ("10-13 14-20", "closed", "closed", "closed"),
    ("ES", LIVE): ("9-21", "closed", "closed", "closed"),
    ("IT", LIVE): ("9-20", "10-19", "closed", "closed"),
    ("AU", LIVE): ("9-20", "9-17", "closed", "closed"),
    ("IN", LIVE): ("10-19", "10-19", "10-19", "10-19"),
}


@pytest.mark.parametrize(("region", "kind"), HOURS)
def test_hours_of_a_sales_call_to_a_consumer(region: str, kind: CallKind) -> None:
    laws = hours(region, kind, SALES, CONSUMER, TODAY)
    monday = [law.week[0] for law in laws]
    found = (
        common(monday),
        common([law.week[5] for law in laws]),
        common([law.week[6] for law in laws]),
        common([law.week[0] if law.holidays is None else law.holidays for law in laws]),
    )
    assert found == tuple(clock(text) for text in HOURS[region, kind])
    assert all(law.week[day] == law.week[0] for law in laws for day in range(5))


@pytest.mark.parametrize(
    ("region", "purpose", "day", "opens"),
    [
        ("US-PA", SALES, "2026-10-17", "8-21"),
        ("US-PA", SALES, "2026-10-18", "9-19"),
        ("US-PA", Purpose.DEBT_COLLECTION, "2026-10-18", "8-21"),
        ("US-OR", SALES, "2025-12-31", "8-21"),
        ("US-OR", SALES, "2026-01-01", "8-20"),
        ("US-FL", Purpose.POLITICAL, "2026-11-23", "8-21"),
        ("FR", Purpose.SURVEY, "2026-11-23", "8-21"),
        ("AU", Purpose.SURVEY, "2026-11-23", "9-20:30"),
        ("AU", Purpose.CHARITY, "2026-11-23", "9-20"),
        ("AU", Purpose.INFORMATIONAL, "2026-11-23", "8-21"),
        ("CA-ON", Purpose.INFORMATIONAL, "2026-11-23", "9-21:30"),
    ],
)
def test_hours_by_date_and_purpose(region: str, purpose: Purpose, day: str, opens: str) -> None:
    laws = hours(region, LIVE, purpose, CONSUMER, date.fromisoformat(day))
    assert common([law.week[0] for law in laws]) == clock(opens)


def test_eves_and_zones_that_a_statute_names() -> None:
    named = {law.entry.id: law for each in PACKS.jurisdictions.values() for law in each.of(CallingHours)}
    assert {name: law.eves for name, law in named.items() if law.eves is not None} == {"it.hours": clock("10-19")}
    assert {name: law.also_zone.key for name, law in named.items() if law.also_zone is not None} == {
        "us-ca.hours.automated": "America/Los_Angeles",
        "us-ms.hours": "America/Chicago",
    }


def figure(law: Law) -> tuple[object, ...]:
    match law:
        case AttemptCap(max=most, hours=rolling, calendar_days=days):
            return most, rolling, days
        case WaitingTime(after=after, hours=rolling):
            return after.value, rolling
        case AbandonmentLaw(max_per_mille=most, period=period, connect_within_seconds=within):
            return most, period.value, within
        case RegistryLaw(max_age_days=days):
            return days, law.unless.consent and law.unless.consent.value, law.unless.relationship
        case ConsentLaw(kind=kind, renew_months=months):
            return kind.value, months
        case RelationshipLaw(purchase_months=purchase, inquiry_months=inquiry):
            return purchase, inquiry
        case ReassignedLaw(max_age_days=days, every_call=every):
            return days, every
        case RingTimeLaw(min_seconds=least):
            return (least,)
        case CallerIdLaw(forbidden_prefixes=barred, required_prefixes=wanted):
            return (*barred, *(f"only {prefix}" for prefix in wanted))
        case Prohibition(unless=unless):
            return unless.consent and unless.consent.value, unless.relationship
    raise AssertionError(law)


WRITTEN, EXPRESS = "express_written", "express"
FIGURES = {
    AttemptCap: {
        "us.fcc.message-cap": (3, 720, None),
        "us.reg-f.attempt-cap": (7, 168, None),
        "us-fl.attempt-cap": (3, 24, None),
        "us-ok.attempt-cap": (3, 24, None),
        "us-md.attempt-cap": (3, 24, None),
        "us-or.attempt-cap": (3, 24, None),
        "us-me.attempt-cap": (1, 8, None),
        "ca-bc.contact-cap": (1, 720, None),
        "fr.solicitation-cap": (4, None, 30),
    },
    WaitingTime: {
        "fr.refusal-wait": ("refusal", 61 * 24),
        "gb.ofcom.silent-wait": ("silent_call", 72),
        "it.silent-wait": ("silent_call", 5 * 24),
        "us-nv.hang-up-wait": ("refusal", 3660 * 24),
        "us-wa.refusal-wait": ("refusal", 366 * 24),
    },
    AbandonmentLaw: {
        "us.fcc.abandonment": (30, "campaign_30_days", 2),
        "us.tsr.abandonment": (30, "campaign_30_days", 2),
        "ca.abandonment": (50, "calendar_month", 2),
        "gb.ofcom.abandonment": (30, "campaign_24_hours", 2),
        "it.silent": (30, "campaign_30_days", 3),
    },
    RegistryLaw: {
        "us.ftc.ndnc": (31, WRITTEN, True),
        "us-co.dnc": (92, WRITTEN, False),
        "us-fl.dnc": (92, WRITTEN, True),
        "us-in.dnc": (92, WRITTEN, False),
        "us-la.dnc": (31, WRITTEN, False),
        "us-ma.dnc": (92, WRITTEN, False),
        "us-mo.dnc": (92, WRITTEN, False),
        "us-ms.dnc": (31, WRITTEN, True),
        "us-ok.dnc": (92, WRITTEN, False),
        "us-pa.dnc": (92, WRITTEN, True),
        "us-tn.dnc": (31, WRITTEN, False),
        "us-tx.dnc": (92, WRITTEN, True),
        "us-wy.dnc": (31, WRITTEN, False),
        "ca.dncl": (31, EXPRESS, True),
        "gb.tps": (28, EXPRESS, False),
        "gb.ctps": (28, EXPRESS, False),
        "it.rpo": (15, None, False),
        "fr.bloctel": (30, EXPRESS, False),
        "au.dncr": (30, EXPRESS, False),
        "sg.dnc": (21, EXPRESS, False),
    },
    RelationshipLaw: {
        "us.ebr": (18, 3),
        "us-ms.ebr": (6, 3),
        "us-or.ebr": (18, 3),
        "us-pa.ebr": (12, 3),
        "ca.ebr": (18, 6),
        "nl.customer": (12, 0),
    },
    ReassignedLaw: {"us.fcc.rnd": (31, False), "us-me.rnd": (31, True)},
    RingTimeLaw: {"us.fcc.ring-time": (15,), "gb.ofcom.ring-time": (15,)},
    CallerIdLaw: {
        "us.caller-id": (),
        "ca.caller-id": (),
        "gb.pecr.cli": (),
        "eu.eprivacy.cli": (),
        "fr.cli": ("+336", "+337"),
        "es.cli": ("+346", "+347"),
        "nl.cli": (),
        "at.cli": (),
        "ch.cli": (),
        "au.cli": (),
        "sg.cli": (),
        "in.promotional-series": ("only +91140",),
    },
    Prohibition: {
        "us-ma.recorded-messages": (WRITTEN, False),
        "us-me.automated": (None, False),
        "us-ok.automated": (WRITTEN, True),
        "us-sc.automated": (WRITTEN, False),
        "us-wa.automated": (WRITTEN, False),
        "us-wy.automated": (None, True),
    },
}


@pytest.mark.parametrize("topic", FIGURES, ids=lambda topic: topic.__name__)
def test_figures_of_a_topic(topic: type[Law]) -> None:
    laws = [law for each in PACKS.jurisdictions.values() for law in each.of(topic)]
    assert {law.entry.id: figure(law) for law in laws} == FIGURES[topic]


def test_revocation_is_ten_business_days_or_fourteen_days() -> None:
    laws = [law for each in PACKS.jurisdictions.values() for law in each.of(RevocationLaw)]
    found = {(law.entry.id, law.days, law.business_days, str(law.entry.valid_from)) for law in laws}
    assert found == {
        ("us.fcc.revocation", 10, True, "2025-04-11"),
        ("us.fcc.internal-dnc", 10, True, "2025-04-11"),
        ("us.fcc.internal-dnc", 30, False, "None"),
        ("us.fcc.revoke-all", 10, True, "2027-01-31"),
        ("ca.internal-dncl", 14, False, "None"),
    }


def strongest(region: str, kind: CallKind, purpose: Purpose, party: Party, day: date = TODAY) -> ConsentKind:
    laws = PACKS.laws(ConsentLaw, region, day, day)
    asked = [law.kind for law in laws if law.when.may_be(kind, purpose, party)]
    order = list(ConsentKind)
    return max(asked, key=order.index, default=ConsentKind.NONE)


@pytest.mark.parametrize(
    ("region", "kind", "purpose", "party", "asked"),
    [
        ("US-TX", LIVE, SALES, CONSUMER, ConsentKind.NONE),
        ("US-CT", LIVE, SALES, CONSUMER, ConsentKind.EXPRESS_WRITTEN),
        ("US-CT", LIVE, Purpose.CHARITY, CONSUMER, ConsentKind.EXPRESS_WRITTEN),
        ("US-CT", LIVE, SALES, BUSINESS, ConsentKind.NONE),
        ("US-TX", DIALLED, SALES, BUSINESS, ConsentKind.EXPRESS_WRITTEN),
        ("US-TX", DIALLED, Purpose.DEBT_COLLECTION, CONSUMER, ConsentKind.EXPRESS),
        ("US-TX", RECORDED, SALES, CONSUMER, ConsentKind.EXPRESS_WRITTEN),
        ("US-TX", AI, Purpose.INFORMATIONAL, CONSUMER, ConsentKind.EXPRESS),
        ("US-CA", AI, Purpose.POLITICAL, CONSUMER, ConsentKind.EXPRESS),
        ("US-UT", DIALLED, SALES, CONSUMER, ConsentKind.EXPRESS_WRITTEN),
        ("CA-ON", LIVE, SALES, CONSUMER, ConsentKind.NONE),
        ("CA-ON", RECORDED, SALES, BUSINESS, ConsentKind.EXPRESS),
        ("CA-ON", RECORDED, Purpose.INFORMATIONAL, CONSUMER, ConsentKind.NONE),
        ("GB", LIVE, SALES, CONSUMER, ConsentKind.NONE),
        ("GB", AI, Purpose.CHARITY, BUSINESS, ConsentKind.EXPRESS),
        ("DE", LIVE, SALES, CONSUMER, ConsentKind.EXPRESS),
        ("DE", LIVE, SALES, BUSINESS, ConsentKind.IMPLIED),
        ("DE", RECORDED, SALES, BUSINESS, ConsentKind.EXPRESS),
        ("DE", LIVE, Purpose.SURVEY, CONSUMER, ConsentKind.NONE),
        ("FR", LIVE, SALES, CONSUMER, ConsentKind.EXPRESS),
        ("FR", LIVE, SALES, BUSINESS, ConsentKind.NONE),
        ("FR", AI, SALES, BUSINESS, ConsentKind.EXPRESS),
        ("ES", LIVE, SALES, CONSUMER, ConsentKind.EXPRESS),
        ("NL", DIALLED, SALES, CONSUMER, ConsentKind.EXPRESS),
        ("NL", LIVE, SALES, BUSINESS, ConsentKind.NONE),
        ("IT", LIVE, SALES, CONSUMER, ConsentKind.NONE),
        ("AT", LIVE, SALES, BUSINESS, ConsentKind.EXPRESS),
        ("CH", LIVE, SALES, CONSUMER, ConsentKind.EXPRESS),
        ("AU", RECORDED, SALES, CONSUMER, ConsentKind.NONE),
    ],
)
def test_consent_a_call_needs(region: str, kind: CallKind, purpose: Purpose, party: Party, asked: ConsentKind) -> None:
    assert strongest(region, kind, purpose, party) is asked


def test_france_went_from_opting_out_to_opting_in_over_night() -> None:
    for day, lists, asked in [
        (date(2026, 8, 10), {"fr.bloctel"}, ConsentKind.NONE),
        (date(2026, 8, 11), set(), ConsentKind.EXPRESS),
    ]:
        assert {law.list for law in PACKS.laws(RegistryLaw, "FR", day, day)} == lists
        assert strongest("FR", LIVE, SALES, CONSUMER, day) is asked


def test_netherlands_ended_the_exception_for_customers_at_midyear() -> None:
    for day, excepted in [(date(2026, 6, 30), True), (date(2026, 7, 1), False)]:
        own = [law for law in PACKS.jurisdictions["NL"].of(ConsentLaw) if law.entry.in_force(day, day)]
        assert [law.unless.relationship for law in own] == [excepted]


def test_spain_renews_consent_every_two_years() -> None:
    renewed = {law.entry.id: law.renew_months for law in PACKS.jurisdictions["ES"].of(ConsentLaw)}
    assert renewed == {"es.consent": 24, "es.automated.consent": None}


@pytest.mark.parametrize(
    ("region", "kind", "owed", "least"),
    [
        ("US-AK", LIVE, ObligationKind.IDENTIFY, 30),
        ("US-AK", RECORDED, ObligationKind.IDENTIFY, 10),
        ("US-WA", LIVE, ObligationKind.IDENTIFY, 30),
        ("US-NM", LIVE, ObligationKind.IDENTIFY, 15),
        ("US-CT", LIVE, ObligationKind.IDENTIFY, 10),
        ("US-WA", LIVE, ObligationKind.END_ON_REQUEST, 10),
        ("US-CT", LIVE, ObligationKind.END_ON_REQUEST, 10),
        ("US-CT", LIVE, ObligationKind.ANNOUNCE_OPT_OUT, 10),
        ("US-AK", AI, ObligationKind.ANNOUNCE_OPT_OUT, 2),
        ("US-AK", RECORDED, ObligationKind.RELEASE_LINE, 5),
        ("CA-ON", RECORDED, ObligationKind.RELEASE_LINE, 10),
        ("AU", LIVE, ObligationKind.END_ON_REQUEST, 0),
        ("FR", LIVE, ObligationKind.ANNOUNCE_OPT_OUT, 60),
    ],
)
def test_shortest_time_of_a_duty(region: str, kind: CallKind, owed: ObligationKind, least: int) -> None:
    laws = PACKS.laws(ObligationLaw, region, TODAY, TODAY)
    times = [
        law.obligation.params["within_seconds"]
        for law in laws
        if law.obligation.kind is owed and law.when.may_be(kind, SALES, CONSUMER)
    ]
    assert min(int(time) for time in times) == least


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("us-al.identify", 20),
        ("us-ma.identify", 60),
        ("us-ky.identify", 25),
        ("us-fl.identify", 30),
        ("us-pr.identify", 60),
        ("us-al.line-release", 10),
        ("us-ky.line-release", 10),
        ("us-ok.line-release", 20),
        ("us-sd.line-release", 20),
        ("us-ut.line-release", 25),
        ("us-me.line-release", 5),
    ],
)
def test_duty_of_a_state_in_its_own_figure(name: str, seconds: int) -> None:
    (law,) = (each for j in PACKS.jurisdictions.values() for each in j.of(ObligationLaw) if each.entry.id == name)
    assert law.obligation.params == {"within_seconds": seconds}

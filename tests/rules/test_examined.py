"""What the law says of a call, case by case: JSON facts as a stranger writes them, the decision, and who decides.

Each row is taken from the law as researched, not from the rules or their data. None stands for "may be called".
"""

import json
from typing import Any

import pytest

from compliance import SCREENING_RULES, Gate, load_packs
from compliance.facts_line import facts_from_line
from compliance.verdict import Verdict

GATE = Gate(SCREENING_RULES, load_packs())
LISTS = ["us.ftc.ndnc", "ca.dncl", "gb.tps", "gb.ctps", "sg.dnc", "au.dncr", "it.rpo", "fr.bloctel"]
STATES = ["co", "fl", "in", "la", "ma", "mo", "ms", "ok", "pa", "tn", "tx", "wy"]
WEDNESDAY = "2026-11-18T{}"
NOON = WEDNESDAY.format("12:00:00-05:00")

US: dict[str, Any] = {
    "number": "+12125550123",
    "at": NOON,
    "call_kind": "live",
    "purpose": "telemarketing",
    "party": "consumer",
    "seller": "Acme",
    "campaign": "spring",
    "agent_region": "US-NY",
    "internal_dnc": False,
    "registries": {
        name: {"listed": False, "version_date": "2026-11-10"} for name in (*LISTS, *(f"us-{s}.dnc" for s in STATES))
    },
    "consents": [],
    "attempts": [],
    "refusals": [],
    "caller_id": "+12125550100",
    "abandonment": {"answered": 1000, "abandoned": 10},
    "switches": {},
}
WRITTEN = {
    "kind": "express_written",
    "purpose": "telemarketing",
    "seller": "Acme",
    "obtained_at": "2026-10-01T12:00:00Z",
    "confirmed_at": "2026-10-02T12:00:00Z",
}
CHECKED = {"answer": "no", "checked_at": "2026-11-10T00:00:00Z", "consent_date": "2026-10-01"}
ROBOT = {"call_kind": "prerecorded", "consents": [WRITTEN], "reassigned": CHECKED}
ON_LIST = {"us.ftc.ndnc": {"listed": True, "version_date": "2026-11-10"}}
OF_LATE = {"kind": "purchase", "at": "2026-03-01T12:00:00Z"}
BOUGHT = {"kind": "purchase", "at": "2025-05-19T12:00:00Z"}


def lists(**more: Any) -> dict[str, Any]:
    """All of them, with these changed: ndnc="2026-10-17" dates one, ndnc=None leaves it out."""
    found = dict(US["registries"])
    for name, version in more.items():
        found.pop(full := name.replace("__", ".").replace("_", "-"))
        if version is not None:
            found[full] = {"listed": False, "version_date": version}
    return {"registries": found}


def asked(day: str) -> dict[str, Any]:
    """All lists, as of that day."""
    return {"registries": {name: {"listed": False, "version_date": day} for name in US["registries"]}}


def to(number: str, clock: str, caller_id: str, day: str = "2026-11-18", **more: Any) -> dict[str, Any]:
    return {"number": number, "at": f"{day}T{clock}", "caller_id": caller_id, **more}


def us(area: str, clock: str, day: str = "2026-11-18", **more: Any) -> dict[str, Any]:
    return {"number": f"+1{area}5550123", "at": f"{day}T{clock}", **more}


def fr(clock: str, day: str = "2026-11-18", **more: Any) -> dict[str, Any]:
    given = {"consents": [{**WRITTEN, "kind": "express"}], **more}
    return {"number": "+33145678901", "at": f"{day}T{clock}", "caller_id": "+33162012345", **given}


def gb(**more: Any) -> dict[str, Any]:
    return to("+442071838750", "12:00:00Z", "+442079460100", **more)


def shown(caller_id: str, **more: Any) -> dict[str, Any]:
    return {**more, "caller_id": caller_id}


RING = {"ring_seconds": 20}
CASES: dict[str, tuple[dict[str, Any], str | None]] = {
    "a good call": ({}, None),
    # hours: 47 CFR 64.1200(c)(1) and the states'
    "07:59:59": (us("212", "07:59:59-05:00"), "hours"),
    "08:00": (us("212", "08:00:00-05:00"), None),
    "a ring that ends at nine": (us("212", "20:59:40-05:00", **RING), None),
    "a ring that outlasts nine": (us("212", "20:59:41-05:00", **RING), "hours"),
    "21:00": (us("212", "21:00:00-05:00", **RING), "hours"),
    "FL at eight": (us("305", "20:00:00-05:00"), "hours"),
    "AL on Sunday": (us("205", "13:00:00-06:00", "2026-11-15"), "hours"),
    "AL, the Fourth is a Saturday, so Friday": (us("205", "13:00:00-05:00", "2026-07-03"), "hours"),
    "TX Sunday before noon": (us("214", "11:59:59-06:00", "2026-11-15"), "hours"),
    "TX Sunday noon": (us("214", "12:00:00-06:00", "2026-11-15"), None),
    "RI Saturday at five": (us("401", "17:00:00-05:00", "2026-11-14"), "hours"),
    "RI Victory Day": (us("401", "13:00:00-04:00", "2026-08-10"), "hours"),
    "UT Pioneer Day": (us("801", "13:00:00-06:00", "2026-07-24"), "hours"),
    "UT Sunday, with consent": (
        us("801", "13:00:00-07:00", "2026-11-15", consents=[WRITTEN], reassigned=CHECKED),
        None,
    ),
    "MS keeps no holidays": (us("601", "13:00:00-06:00", "2026-11-26"), None),
    "PA Sunday until October 17": (us("215", "13:00:00-04:00", "2026-10-11", **asked("2026-10-10")), None),
    "PA Sunday from October 18": (us("215", "13:00:00-04:00", "2026-10-18"), "hours"),
    "OR at half past eight in 2025": (us("503", "20:30:00-08:00", "2025-12-30", **asked("2025-12-20")), None),
    "OR at half past eight in 2026": (us("503", "20:30:00-08:00"), "hours"),
    "KY Louisville at ten": (us("502", "10:00:00-05:00"), None),
    "KY Louisville before ten": (us("502", "09:59:59-05:00"), "hours"),
    "KY 364 at ten Eastern": (us("364", "10:00:00-05:00"), "hours"),
    "FL 448 at eight Eastern": (us("448", "08:30:00-05:00"), "hours"),
    "OR 458 at eight Mountain": (us("458", "19:30:00-08:00"), "hours"),
    "IN 930 at eight Eastern": (us("930", "08:30:00-05:00"), "hours"),
    "AZ 928, nine on the Navajo Nation": (us("928", "20:00:00-07:00", "2026-07-15"), "hours"),
    "a New York number in California": (us("212", "10:30:00-05:00", region="US-CA"), "hours"),
    "the same by its postal code": (us("212", "10:30:00-05:00", postal_code="90210"), "hours"),
    "clocks go forward": (us("212", "08:00:00-04:00", "2026-03-08", **asked("2026-03-01")), None),
    "clocks go back": (us("212", "07:59:59-05:00", "2026-11-01", **asked("2026-10-30")), "hours"),
    "SD by a recording on Saturday": ({**us("605", "12:00:00-07:00", "2026-11-14"), **ROBOT}, "hours"),
    "FR at lunch": (fr("13:30:00+02:00", "2026-07-15", consents=[]), "hours"),
    "FR Bastille Day": (fr("11:00:00+02:00", "2026-07-14", consents=[]), "hours"),
    "ES Saturday": (
        to("+34911234567", "12:00:00+01:00", "+34911234500", "2026-11-14", consents=[WRITTEN]),
        "hours",
    ),
    "IT eve of a holiday": (to("+390612345678", "09:30:00+01:00", "+390612345600", "2026-12-07"), "hours"),
    "GB by its part": (gb(region="GB-SCT"), None),
    "DE by its part": (
        to("+493012345678", "12:00:00+01:00", "+493012345600", region="DE-BY", consents=[WRITTEN]),
        None,
    ),
    # numbers
    "emergency": ({"number": "911"}, "number.valid"),
    "emergency, international": ({"number": "+1911"}, "number.valid"),
    "a digit too many": ({"number": "+121255501234"}, "number.valid"),
    "premium": ({"number": "+19005550123"}, "number.valid"),
    "an area code's premium numbers": ({"number": "+12129765550"}, "number.valid"),
    "GB personal number": (to("+447012345678", "12:00:00Z", "+442079460100"), "number.valid"),
    "nobody's law": (to("+35312345678", "12:00:00Z", "+442079460100"), "jurisdiction.covered"),
    # lists
    "version of 31 days": (lists(us__ftc__ndnc="2026-10-18"), None),
    "version of 32 days": (lists(us__ftc__ndnc="2026-10-17"), "registry"),
    "a list's answer without its date": ({"registries": {"us.ftc.ndnc": {"listed": False}}}, "registry"),
    "TX needs its own list": (us("214", "12:00:00-06:00", **lists(us_tx__dnc=None)), "registry"),
    "NY does not need that of TX": (lists(us_tx__dnc=None), None),
    "on the list": ({"registries": ON_LIST}, "registry"),
    "on the list, consent in writing": ({"registries": ON_LIST, "consents": [WRITTEN], "reassigned": CHECKED}, None),
    "on the list, customer of 18 months": ({"registries": ON_LIST, "relationship": BOUGHT}, None),
    "on the list, customer of a day more": (
        {"registries": ON_LIST, "relationship": {**BOUGHT, "at": "2025-05-17T12:00:00Z"}},
        "registry",
    ),
    "on the list, customer since nobody knows": (
        {"registries": ON_LIST, "relationship": {"kind": "purchase"}},
        "registry",
    ),
    "nothing said of lists, consent or not": ({**ROBOT, "registries": None}, "registry"),
    "customer on our own list": ({"internal_dnc": True, "relationship": BOUGHT}, "dnc.internal"),
    "GB version of 29 days": (gb(**lists(gb__tps="2026-10-20")), "registry"),
    "SG version of 22 days": (
        to("+6561234567", "12:00:00+08:00", "+6561234500", **lists(sg__dnc="2026-10-27")),
        "registry",
    ),
    # consent
    "a recording, nobody asked": ({"call_kind": "prerecorded"}, "consent"),
    "a recording, in writing": (ROBOT, None),
    "a recording, by word of mouth": ({**ROBOT, "consents": [{**WRITTEN, "kind": "express"}]}, "consent"),
    "an AI voice, nobody asked": ({"call_kind": "ai_voice"}, "consent"),
    "consent to another seller": ({**ROBOT, "consents": [{**WRITTEN, "seller": "Other"}]}, "consent"),
    "consent to nobody knows whom": ({**ROBOT, "consents": [{**WRITTEN, "seller": None}]}, "consent"),
    "consent to nobody knows what": ({**ROBOT, "consents": [{**WRITTEN, "purpose": None}]}, "consent"),
    "consent of no known kind": ({**ROBOT, "consents": [{**WRITTEN, "kind": None}]}, "consent"),
    "consent withdrawn this instant": ({**ROBOT, "consents": [{**WRITTEN, "withdrawn_at": NOON}]}, "consent"),
    "consent expires this instant": ({**ROBOT, "consents": [{**WRITTEN, "expires_at": NOON}]}, "consent"),
    "CT, a live call": (us("203", "12:00:00-05:00"), "consent"),
    "FR until 2026-08-10": (fr("11:00:00+02:00", "2026-08-10", consents=[], **asked("2026-08-01")), None),
    "FR from 2026-08-11": (fr("11:00:00+02:00", "2026-08-11", consents=[]), "consent"),
    "FR with consent": (fr("11:00:00+01:00"), None),
    "NL, customers until 2026-06-30": (
        to("+31201234567", "12:00:00+02:00", "+31201234500", "2026-06-30", relationship=OF_LATE, **asked("2026-06-20")),
        None,
    ),
    "NL, customers no longer": (
        to("+31201234567", "12:00:00+02:00", "+31201234500", "2026-07-01", relationship=OF_LATE),
        "consent",
    ),
    "NL, a business": (to("+31201234567", "12:00:00+01:00", "+31201234500", party="business"), None),
    "ES, consent of two years and more": (
        to(
            "+34911234567",
            "12:00:00+01:00",
            "+34911234500",
            consents=[{**WRITTEN, "obtained_at": "2024-11-16T12:00:00Z", "confirmed_at": None}],
        ),
        "consent",
    ),
    # reassigned numbers
    "reassigned": ({**ROBOT, "reassigned": {**CHECKED, "answer": "yes"}}, "reassigned"),
    "reassigned, asked nobody knows when": ({"reassigned": {"answer": "yes"}}, "reassigned"),
    "not reassigned, asked nobody knows when": ({**ROBOT, "reassigned": {"answer": "no"}}, "reassigned"),
    "no data": ({**ROBOT, "reassigned": {**CHECKED, "answer": "no_data"}}, "reassigned"),
    "asked since a day after the consent": (
        {**ROBOT, "reassigned": {**CHECKED, "consent_date": "2026-10-02"}},
        "reassigned",
    ),
    # how often
    "FL third call in a day": (us("305", "15:00:00-05:00", attempts=[WEDNESDAY.format("09:00:00-05:00")] * 2), None),
    "FL fourth call in a day": (
        us("305", "15:00:00-05:00", attempts=[WEDNESDAY.format("09:00:00-05:00")] * 3),
        "attempts.cap",
    ),
    "FL fourth, the first a day ago": (
        us(
            "305",
            "15:00:00-05:00",
            attempts=["2026-11-17T15:00:00-05:00", *[WEDNESDAY.format("09:00:00-05:00")] * 2],
        ),
        None,
    ),
    "FR fifth in thirty days": (
        fr("11:00:00+01:00", attempts=[f"2026-11-0{day}T11:00:00Z" for day in (2, 3, 4, 5)]),
        "attempts.cap",
    ),
    "FR 59 days after a no": (fr("11:00:00+01:00", refusals=["2026-09-20T11:00:00Z"]), "attempts.waiting"),
    "WA within a year of a no": (us("206", "12:00:00-08:00", refusals=["2025-11-19T20:00:00Z"]), "attempts.waiting"),
    "WA a year after a no": (us("206", "12:00:00-08:00", refusals=["2025-11-16T20:00:00Z"]), None),
    # who calls
    "no caller id": ({"caller_id": None}, "caller_id"),
    "GB shows 03": (shown("+443001234567", **{k: v for k, v in gb().items() if k != "caller_id"}), None),
    "IN shows 140": (to("+911123456789", "12:00:00+05:30", "+911401234567"), None),
    "IN shows another": (to("+911123456789", "12:00:00+05:30", "+911123456780"), "caller_id"),
    "IN by a recording": (
        to("+911123456789", "12:00:00+05:30", "+911401234567", call_kind="prerecorded", consents=[]),
        "consent",
    ),
    "FR shows a mobile": (
        shown("+33612345678", **{k: v for k, v in fr("11:00:00+01:00").items() if k != "caller_id"}),
        "caller_id",
    ),
    "shown: premium": (shown("+12129765550"), "caller_id"),
    # the centre
    "3 % abandoned": (
        {**ROBOT, "call_kind": "autodialed_live", "abandonment": {"answered": 100, "abandoned": 3}},
        None,
    ),
    "more than 3 %": (
        {**ROBOT, "call_kind": "autodialed_live", "abandonment": {"answered": 1000, "abandoned": 31}},
        "abandonment",
    ),
    "abandoned of nobody knows how many": (
        {**ROBOT, "call_kind": "autodialed_live", "abandonment": {"abandoned": 3}},
        "abandonment",
    ),
    "stopped in NY": ({"switches": {"US-NY": True}}, "switches"),
    "stopped in LA": ({"switches": {"US-LA": True}}, None),
    "the stop ends now": ({"switches": {"all": {"start": "2026-11-18T00:00:00Z", "end": NOON}}}, None),
    "pack of years ago": ({"at": "2029-11-21T12:00:00-05:00"}, "pack.age"),
}


def verdict(changes: dict[str, Any]) -> Verdict:
    return GATE.check(facts_from_line(json.dumps({**US, **changes}).encode(), "x:1"))


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    changes, rule = CASES[case]
    said = verdict(changes)
    assert (rule is None) is said.allowed, said.to_json()
    if rule is not None:
        assert rule in {reason.rule for reason in said.reasons}, said.to_json()
        assert all(reason.citation and reason.detail for reason in said.reasons)


def test_every_law_that_is_closed_is_told() -> None:
    """A debt collector is told of the law on debt collectors, not only of the one that comes first."""
    for clock, more in [("07:30:00-05:00", {"purpose": "debt_collection"}), ("07:30:00-05:00", {})]:
        told = [reason for reason in verdict(us("212", clock, **more)).reasons if reason.rule == "hours"]
        laws = {reason.detail.split("; ")[1].split(" is ")[0] for reason in told}
        assert laws == {"us.fcc.hours", "us.reg-f.hours" if more else "us-ny.hours"}
        assert len({reason.citation for reason in told}) == 2


NEEDED = ("number", "at", "call_kind", "purpose", "party", "agent_region", "internal_dnc", "registries", "consents")


@pytest.mark.parametrize("key", [*NEEDED, "attempts", "reassigned", "caller_id", "switches"])
def test_nothing_that_is_needed_may_be_missing(key: str) -> None:
    good = {**us("305", "12:00:00-05:00"), **ROBOT}
    assert verdict(good).allowed
    assert not verdict({**good, key: None}).allowed

"""What holds for every entry of the shipped data, and that each fact of the research behind it is in or left out."""

from collections import Counter
from itertools import product

import pytest

from compliance import Confidence, load_packs
from compliance.jurisdictions.model import (
    CallingHours,
    Entry,
    Law,
    ObligationLaw,
    Prohibition,
    RecordingLaw,
    RegistryLaw,
)
from compliance.terms import CallKind, Party, Purpose

PACKS = load_packs()
LAWS: list[tuple[str, Law]] = [(code, law) for code, each in PACKS.jurisdictions.items() for law in each.laws]
ENTRIES: list[Entry] = [law.entry for _, law in LAWS]
IDS = {entry.id for entry in ENTRIES}

STATE_LISTS = {"CO", "FL", "IN", "LA", "MA", "MO", "MS", "OK", "PA", "TN", "TX", "WY"}
LISTS = {"us.ftc.ndnc", "ca.dncl", "gb.tps", "gb.ctps", "sg.dnc", "it.rpo", "au.dncr", "fr.bloctel"}
TERRITORIES = {"US-VI", "US-GU", "US-MP", "US-AS"}


def of_states(name: str, states: str) -> set[str]:
    return {f"us-{state}.{name}" for state in states.split()}


IN_THE_DATA = {
    "us.fcc.hours": {"us.fcc.hours"},
    "us.tsr.hours": {"us.fcc.hours"},
    "us.fcc.ring_time": {"us.fcc.ring-time"},
    "us.fcc.abandonment": {"us.fcc.abandonment", "us.fcc.abandoned-message"},
    "us.tsr.abandonment_safe_harbor": {"us.tsr.abandonment"},
    "us.fcc.pending_2025_nprm": {"us.fcc.ring-time"},
    "us.fcc.prerecorded_identification_and_opt_out": {
        "us.fcc.prerecorded-message",
        "us.fcc.prerecorded-identify",
        "us.fcc.prerecorded-opt-out",
    },
    "us.tsr.prerecorded_sales_calls": {"us.fcc.written-consent"},
    "us.fcc.residential_exempt_prerecorded_limits": {"us.fcc.message-cap"},
    "us.fcc.prior_express_written_consent": {"us.fcc.written-consent", "us.fcc.autodialed-consent"},
    "us.fcc.one_to_one_vacated": {"us.fcc.written-consent"},
    "us.5cir.oral_consent": {"us.fcc.written-consent"},
    "us.fcc.revocation": {"us.fcc.revocation"},
    "us.fcc.revoke_all": {"us.fcc.revoke-all"},
    "us.fcc.internal_dnc": {"us.fcc.internal-dnc"},
    "us.ndnc.scrub": {"us.ftc.ndnc"},
    "us.ebr": {"us.ebr"},
    "us.rnd.safe_harbor": {"us.fcc.rnd"},
    "us.fcc.ai_voice": {"us.fcc.written-consent"},
    "us.caller_id": {"us.caller-id"},
    "us.tsr.oral_disclosures": {"us.tsr.identify"},
    "us.atds": {"us.fcc.autodialed-consent"},
    "us.reg_f.frequency": {"us.reg-f.attempt-cap", "us.reg-f.hours"},
    "us.wiretap": {"us.wiretap"},
    "ca.hours": {"ca.hours"},
    "ca.bc.hours": {"ca-bc.hours", "ca-bc.contact-cap", "ca-bc.holidays"},
    "ca.internal_dncl": {"ca.internal-dncl"},
    "ca.national_dncl": {"ca.dncl"},
    "ca.ebr": {"ca.ebr"},
    "ca.abandonment": {"ca.abandonment"},
    "ca.adad": {"ca.adad.consent", "ca.adad.message", "ca.adad.identify", "ca.adad.line-release"},
    "gb.pecr.automated": {"gb.pecr.automated"},
    "gb.pecr.live": {"gb.tps", "gb.ctps"},
    "gb.pecr.cli": {"gb.pecr.cli", "gb.pecr.identify"},
    "gb.ofcom.current": {"gb.ofcom.abandonment", "gb.ofcom.abandoned-message"},
    "gb.ofcom.legacy_numbers": {"gb.ofcom.silent-wait", "gb.ofcom.ring-time"},
    "gb.hours": {"gb.hours", "gb.hours.sundays"},
    "eu.eprivacy.13": {"eu.eprivacy.automated", "eu.eprivacy.cli"},
    "eu.gdpr.dsr": {"eu.gdpr.objection"},
    "de.uwg7": {"de.uwg7.consumer", "de.uwg7.business", "de.uwg7.automated"},
    "de.uwg7a": {"de.uwg7a.use"},
    "fr.optin": {"fr.optin", "fr.bloctel"},
    "fr.hours": {"fr.hours", "fr.solicitation-cap", "fr.refusal-wait", "fr.holidays"},
    "fr.cli": {"fr.cli"},
    "es.consent": {"es.consent", "es.cli"},
    "es.hours": {"es.hours", "es.holidays"},
    "it.rpo": {"it.rpo"},
    "it.hours": {"it.hours", "it.holidays"},
    "it.silent": {"it.silent", "it.silent-wait"},
    "nl.optin": {"nl.optin", "nl.customer", "nl.cli"},
    "au.hours": {"au.hours", "au.hours.research", "au.holidays", "au.cli", "au.identify", "au.end"},
    "au.dncr": {"au.dncr"},
    "in.hours": {"in.hours"},
    "sg.dnc": {"sg.dnc", "sg.cli"},
    "state hours": of_states("hours", "al ct fl ky la ma md mi mn ms nm nv ny ok or pa ri sc tx ut va wa wy")
    | of_states("hours.automated", "al ca il in ky me ne nv ok sc sd"),
    "state call_attempt_caps": of_states("attempt-cap", "fl ok md or me"),
    "state abandonment": {"us-va.abandoned-message", "us-sc.abandoned-message"},
    "state autodialer_consent": of_states("automated.consent", "fl ok md")
    | {"us-wy.automated", "us-ct.consent", "us-ut.automated.consent"},
    "state holidays": of_states("holidays", "pa al la ri ut"),
    "state dnc lists": {f"us-{state.lower()}.dnc" for state in STATE_LISTS},
}

LEFT_OUT = {
    "us.fcc.ported_wireline_to_wireless": "a grace that permits: every number is taken as wireless at once",
    "us.fcc.never_call_numbers": "emergency and hospital lines are not told apart by the number plan",
    "us.tsr.audio_authorisation": "of payments taken in the call, not of whether it may be placed",
    "us.tsr.records": "retention",
    "us.tsr.b2b": "scopes of the entries say which party they speak of",
    "us.tcpa.damages": "what a breach costs",
    "us.reg_f.records": "retention",
    "pci.sad": "recording of card data: the pause",
    "hipaa.documentation": "retention",
    "hipaa.technical": "security of the system",
    "ccpa.requests": "requests of the person concerned",
    "finra.taping": "retention",
    "finra.3230": "the federal hours under another name; broker-dealers are no purpose of their own",
    "cftc.oral_communications": "retention",
    "us.fcc_64_501": "binds carriers",
    "ca.casl": "speaks of messages; leaves voice calls out",
    "gb.pecr.fines": "what a breach costs",
    "eu.gdpr.breach": "not of calls",
    "eu.gdpr.design": "not of calls",
    "eu.gdpr.erasure_conflict": "the suppression list",
    "nz.dnc": "says that there is no statutory list and no statutory hours",
    "eu.mifid": "retention",
    "us.fcc.rnd (format)": "how the database is asked: the importer",
    "number resolution": "area_codes.yaml and libphonenumber",
    "state emergency_blackouts": "declared day by day: operator switches, named in the notes of LA and NY",
    "state area_code_presumption": "every candidate of number, address and statement counts anyway",
    "no_stricter_hours_found": "absence of evidence",
    "state CT MN ME UT AL NY lists": "the national list is the state's own, or merged with it",
}


@pytest.mark.parametrize("fact", IN_THE_DATA)
def test_fact_of_the_research_is_in_the_data(fact: str) -> None:
    assert IN_THE_DATA[fact] <= IDS


def test_what_is_left_out_is_not_in_as_well() -> None:
    assert not LEFT_OUT.keys() & IN_THE_DATA.keys()
    assert all(LEFT_OUT.values())
    assert not LEFT_OUT.keys() & IDS


def test_nothing_is_cited_as_none() -> None:
    nowhere = {"none", "unknown", "various", "n/a"}
    assert [entry.id for entry in ENTRIES if {entry.citation.lower(), entry.source.lower()} & nowhere] == []


def test_ids_are_unique_but_for_successors_of_themselves() -> None:
    files = {entry.id: {code for code, law in LAWS if law.entry.id == entry.id} for entry in ENTRIES}
    assert all(len(codes) == 1 for codes in files.values())
    again = {name for name, count in Counter(entry.id for entry in ENTRIES).items() if count > 1}
    assert again == {"us-or.hours", "us-pa.hours", "us.fcc.internal-dnc", "nl.optin"}


def test_successor_takes_over_the_day_after() -> None:
    for name in ("us-or.hours", "us-pa.hours", "us.fcc.internal-dnc", "nl.optin"):
        old, new = sorted((e for e in ENTRIES if e.id == name), key=lambda entry: entry.valid_to is None)
        assert old.valid_to is not None
        assert new.valid_from is not None
        assert (new.valid_from - old.valid_to).days == 1


def test_disputed_entry_says_what_is_disputed() -> None:
    disputed = {entry.id: entry.note for entry in ENTRIES if entry.confidence is Confidence.CONFLICT}
    assert {"us-pa.hours", "us-la.holidays"} <= disputed.keys()
    assert all(disputed.values())


def test_nothing_was_checked_after_the_release() -> None:
    assert [entry.id for entry in ENTRIES if entry.as_of > PACKS.released] == []


def test_every_list_the_importers_know_is_asked_for_and_no_other() -> None:
    asked = {law.list for _, law in LAWS if isinstance(law, RegistryLaw)}
    assert asked == LISTS | {f"us-{state.lower()}.dnc" for state in STATE_LISTS}
    assert all(law.list == law.entry.id for _, law in LAWS if isinstance(law, RegistryLaw))


def test_every_file_says_how_a_call_may_be_recorded_but_those_of_parts_that_follow_the_whole() -> None:
    silent = {code for code, each in PACKS.jurisdictions.items() if not each.of(RecordingLaw)}
    assert silent == {"default", "CA-BC"}


def test_territories_have_the_federal_rules_and_no_other() -> None:
    for code in TERRITORIES:
        assert [type(law) for law in PACKS.jurisdictions[code].laws] == [RecordingLaw]
        assert PACKS.covered(code)


@pytest.mark.parametrize("code", sorted(set(PACKS.jurisdictions) - {"EU"}))
def test_every_call_has_hours_wherever_it_goes(code: str) -> None:
    """Either a file has no hours at all and the default holds, or some of its hours or its country's fit every call."""
    day = PACKS.released
    hours = PACKS.laws(CallingHours, code, day, day)
    for kind, purpose, party in product(CallKind, Purpose, Party):
        assert not hours or any(law.when.may_be(kind, purpose, party) for law in hours)


def test_live_calls_are_prohibited_nowhere() -> None:
    live = [
        law.entry.id for _, law in LAWS if isinstance(law, Prohibition) and law.when.may_be(CallKind.LIVE, None, None)
    ]
    assert live == []


def test_figures_of_the_house_in_a_duty_are_owned_up_to() -> None:
    """Laws that say "promptly" or "at the beginning" get a figure of ours, and the note says so."""
    owned = [law.entry.id for _, law in LAWS if isinstance(law, ObligationLaw) and "house's figure" in law.entry.note]
    assert {"us.tsr.identify", "us.fcc.prerecorded-identify", "us-tx.identify", "gb.pecr.identify"} <= set(owned)

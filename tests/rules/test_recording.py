"""The recording mode is the strictest of everyone who has a say."""

import itertools
from datetime import date

import pytest

from compliance import RecordingMode, RecordingPolicy, load_packs
from compliance.jurisdictions.model import RecordingLaw
from compliance.verdict import RecordingDuty, strictest
from tests.rules.world import verdict

NOTICE, EXPLICIT, NONE = RecordingMode.NOTICE, RecordingMode.EXPLICIT, RecordingMode.NONE

ALL_PARTY = ["CA", "CT", "DE", "FL", "IL", "MD", "MA", "MI", "MT", "NH", "NV", "PA", "WA"]
TERRITORIES = {"AS", "GU", "MP", "PR", "VI"}
STATES = sorted({code[3:] for code in load_packs().jurisdictions if code.startswith("US-")} - TERRITORIES)


def duty(**changes: object) -> RecordingDuty:
    return verdict(**changes).recording


def rules(found: RecordingDuty) -> set[str]:
    return {reason.rule for reason in found.reasons}


def test_fifty_states_and_the_district_are_there() -> None:
    assert len(STATES) == 51
    assert set(ALL_PARTY) < set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_its_law_and_at_least_a_notice(state: str) -> None:
    laws = load_packs().jurisdictions[f"US-{state}"].of(RecordingLaw)
    assert len(laws) == 1
    assert (laws[0].parties.value != "one_party") is (state in ALL_PARTY)
    found = duty(region=f"US-{state}")
    assert found.mode is NOTICE
    assert found.record_announcement is (state in {"WA", "CT"})
    assert f"us-{state.lower()}.recording" in rules(found)


@pytest.mark.parametrize(
    ("place", "mode"),
    [
        ("DE", EXPLICIT),
        ("AT", EXPLICIT),
        ("CH", EXPLICIT),
        ("GB", NOTICE),
        ("FR", NOTICE),
        ("ES", NOTICE),
        ("IT", NOTICE),
        ("NL", NOTICE),
        ("CA", NOTICE),
        ("CA-BC", NOTICE),
        ("AU", NOTICE),
        ("NZ", NOTICE),
        ("IN", NOTICE),
        ("SG", NOTICE),
        ("PL", EXPLICIT),  # in the EU, but its own law is not in the data
        ("BR", EXPLICIT),
        ("US-PR", EXPLICIT),
        ("US-ZZ", EXPLICIT),
        ("ZZ", EXPLICIT),
    ],
)
@pytest.mark.parametrize("end", ["region", "agent_region", "storage_region", "seller_region"])
def test_strictest_end_decides_wherever_it_sits(end: str, place: str, mode: RecordingMode) -> None:
    found = duty(**{end: place})
    assert found.mode is mode
    assert place in found.jurisdictions


def test_washington_at_any_end_has_the_announcement_itself_recorded() -> None:
    for end in ("region", "agent_region", "storage_region", "seller_region"):
        found = duty(**{end: "US-WA"})
        assert found.record_announcement
        assert "us-wa.recording" in rules(found)
    assert duty(number="+12065550123").record_announcement


def test_unknown_state_counts_as_every_state_at_once() -> None:
    found = duty(agent_region="US")
    assert (found.mode, found.record_announcement) == (NOTICE, True)
    assert "us.unknown-state" in rules(found)


def test_unknown_agent_counts_as_all_party() -> None:
    found = duty(agent_region=None)
    assert found.mode is NOTICE
    assert "recording.unknown_place" in rules(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"agent_region": None},
        {"agent_region": "ZZ"},
        {"number": None},
        {"recording_policy": RecordingPolicy.EXPLICIT},
        {"recording_policy": RecordingPolicy.NOTICE},
    ],
)
def test_only_a_law_has_the_announcement_itself_recorded(changes: dict[str, object]) -> None:
    assert not duty(**changes).record_announcement


def test_unknown_callee_is_asked() -> None:
    assert duty(number=None).mode is EXPLICIT
    assert duty(number="+14565550123").mode is EXPLICIT


def test_unknown_day_still_finds_the_law() -> None:
    assert duty(at=None).mode is NOTICE
    assert duty(at=None, agent_region="DE").mode is EXPLICIT


@pytest.mark.parametrize(
    ("policy", "law", "mode"),
    [
        (RecordingPolicy.FOLLOW_LAW, "US-TX", NOTICE),
        (RecordingPolicy.FOLLOW_LAW, "DE", EXPLICIT),
        (RecordingPolicy.NOTICE, "US-TX", NOTICE),
        (RecordingPolicy.NOTICE, "DE", EXPLICIT),  # a campaign cannot loosen the law
        (RecordingPolicy.EXPLICIT, "US-TX", EXPLICIT),
        (RecordingPolicy.EXPLICIT, "DE", EXPLICIT),
        (RecordingPolicy.NONE, "US-TX", NONE),
        (RecordingPolicy.NONE, "DE", NONE),
    ],
)
def test_campaign_tightens_and_never_loosens(policy: RecordingPolicy, law: str, mode: RecordingMode) -> None:
    assert duty(recording_policy=policy, agent_region=law).mode is mode


def test_campaign_that_records_nothing_records_no_announcement_either() -> None:
    found = duty(recording_policy=RecordingPolicy.NONE, region="US-WA")
    assert (found.mode, found.record_announcement) == (NONE, False)
    assert rules(found) == {"recording.campaign_policy"}


def test_none_is_stricter_than_explicit_and_explicit_than_notice() -> None:
    for modes in itertools.permutations([NOTICE, EXPLICIT, NONE]):
        assert strictest(modes) is NONE
    assert strictest([NOTICE, EXPLICIT]) is EXPLICIT


def test_another_place_never_loosens_the_mode() -> None:
    places = ["US-TX", "US-WA", "US", "GB", "DE", "ZZ"]
    for place, other in itertools.product(places, places):
        alone, both = duty(agent_region=place), duty(agent_region=place, storage_region=other)
        assert both.mode.strictness >= alone.mode.strictness
        assert both.record_announcement or not alone.record_announcement


def test_reasons_carry_citation_and_who_sits_there() -> None:
    (reason,) = [reason for reason in duty(agent_region="DE").reasons if reason.rule == "de.recording"]
    assert reason.citation.startswith("StGB 201")
    assert reason.detail == "agent in DE: all_party"


def test_law_counts_a_day_early_and_late_because_local_dates_differ() -> None:
    laws = load_packs().recording_laws("DE", date(2026, 11, 18))
    assert {law.entry.id for law in laws} == {"de.recording", "eu.recording"}

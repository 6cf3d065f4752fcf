"""Fail closed, as laws: more restriction or less knowledge never turns a denial into a permission."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from compliance import Facts, Number, RecordingPolicy, Verdict, load_packs
from compliance.gate import Gate
from compliance.rules import DIALLING_RULES, SCREENING_RULES
from tests.rules.world import GOOD

DIALLING = Gate(DIALLING_RULES, load_packs())
SCREENING = Gate(SCREENING_RULES, load_packs())

CODES = ["212", "364", "206", "415", "907", "808", "729", "800", "900", "456", "671"]
PLACES = ["US-TX", "US-CA", "US-WA", "US", "DE", "GB", "US-PR", "ZZ"]

numbers = st.builds(
    lambda code, rest: Number(f"+1{code}{rest}"), st.sampled_from(CODES), st.integers(2_000_000, 9_999_999)
) | st.sampled_from([Number("+442071838750"), Number("+4915112345678"), Number("+999123456789")])
zones_ = st.sampled_from([UTC, timezone(timedelta(hours=-8)), timezone(timedelta(hours=13))])
instants = st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1), timezones=zones_)


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | values


any_facts = st.builds(
    Facts,
    number=maybe(numbers),
    at=maybe(instants),
    region=maybe(st.sampled_from(PLACES)),
    agent_region=maybe(st.sampled_from(PLACES)),
    storage_region=maybe(st.sampled_from(PLACES)),
    seller_region=maybe(st.sampled_from(PLACES)),
    internal_dnc=maybe(st.booleans()),
    in_flight=maybe(st.booleans()),
    prompts=maybe(st.dictionaries(st.sampled_from(["en", "es", "fr"]), st.booleans(), max_size=2)),
    recording_policy=maybe(st.sampled_from(RecordingPolicy)),
    ring_seconds=maybe(st.integers(1, 120)),
)
"""Anything at all; most of it is denied."""

nearly_good = st.builds(
    dataclasses.replace,
    st.just(GOOD),
    number=numbers,
    at=instants,
    region=st.none() | st.sampled_from(PLACES),
    agent_region=st.sampled_from(PLACES),
    ring_seconds=st.integers(13, 120),
    recording_policy=st.sampled_from(RecordingPolicy),
)
"""Close enough to good that many are allowed."""

both_gates = st.sampled_from([DIALLING, SCREENING])
some_facts = nearly_good | any_facts

REMOVABLE = [field.name for field in dataclasses.fields(Facts) if field.name != "region"]


@given(both_gates, some_facts, st.sampled_from(REMOVABLE))
def test_forgetting_a_fact_never_turns_a_denial_into_a_permission(gate: Gate, facts: Facts, fact: str) -> None:
    if not gate.check(facts).allowed:
        assert not gate.check(dataclasses.replace(facts, **{fact: None})).allowed


@given(
    both_gates,
    some_facts,
    st.sampled_from(
        [
            {"internal_dnc": True},
            {"in_flight": True},
            {"prompts": {"en": False}},
            {"ring_seconds": 120},
            {"recording_policy": RecordingPolicy.NONE},
            {"agent_region": "DE"},
            {"region": "US-HI"},
            {"region": "ZZ"},
        ]
    ),
)
def test_adding_a_restriction_never_turns_a_denial_into_a_permission(
    gate: Gate, facts: Facts, restriction: dict[str, object]
) -> None:
    stricter = dataclasses.replace(facts, **restriction)
    known_before = all(getattr(facts, name) is not None or name == "region" for name in restriction)
    too_short_before = "ring_seconds" in restriction and (facts.ring_seconds or 0) < 15
    said_elsewhere = "region" in restriction and facts.region is not None
    prompts_before = "prompts" not in restriction or facts.prompts
    if known_before and not too_short_before and not said_elsewhere and prompts_before:
        assert gate.check(facts).allowed or not gate.check(stricter).allowed


@given(nearly_good, st.integers(15, 119))
def test_longer_ring_never_opens_an_hour(facts: Facts, ring: int) -> None:
    shorter = DIALLING.check(dataclasses.replace(facts, ring_seconds=ring))
    longer = DIALLING.check(dataclasses.replace(facts, ring_seconds=ring + 1))
    assert shorter.allowed or not longer.allowed


@given(some_facts)
def test_whatever_dialling_allows_screening_allows(facts: Facts) -> None:
    assert SCREENING.check(facts).allowed or not DIALLING.check(facts).allowed


@given(both_gates, some_facts)
@settings(max_examples=300)
def test_verdict_is_whole_and_repeats_itself(gate: Gate, facts: Facts) -> None:
    found = gate.check(facts)
    assert found == gate.check(facts)
    assert found.allowed == (not found.reasons)
    assert all(reason.citation and reason.detail for reason in found.reasons)
    assert Verdict.from_json(found.to_json()) == found
    if found.next_allowed_at is not None:
        assert not found.allowed
        assert facts.at is not None
        assert found.next_allowed_at > facts.at
        assert gate.check(dataclasses.replace(facts, at=found.next_allowed_at)).allowed
    if facts.number is not None:
        assert facts.number.e164[-7:] not in found.to_json()


@given(nearly_good)
def test_same_instant_on_another_clock_gets_the_same_verdict(facts: Facts) -> None:
    assert facts.at is not None
    moved = dataclasses.replace(facts, at=facts.at.astimezone(timezone(timedelta(hours=5, minutes=45))))
    assert DIALLING.check(moved) == DIALLING.check(facts)


@given(some_facts, st.sampled_from(PLACES))
def test_another_candidate_region_never_loosens_the_recording(facts: Facts, place: str) -> None:
    before = DIALLING.check(dataclasses.replace(facts, region=None)).recording
    after = DIALLING.check(dataclasses.replace(facts, region=place)).recording
    assert after.mode.strictness >= before.mode.strictness
    assert after.record_announcement or not before.record_announcement
    assert set(before.jurisdictions) <= set(after.jurisdictions)


def test_properties_are_not_empty_some_generated_calls_are_allowed() -> None:
    """Guard on the generators: a law about permissions says nothing if all they make is denied."""
    allowed = [
        DIALLING.check(dataclasses.replace(GOOD, number=Number(f"+1{code}5550123"), agent_region=place)).allowed
        for code in CODES
        for place in PLACES
    ]
    assert sum(allowed) > len(allowed) // 3

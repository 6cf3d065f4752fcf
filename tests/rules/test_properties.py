"""Fail closed, as laws: more restriction or less knowledge never turns a denial into a permission.

No deadlines: the first call to a number whose state is unknown works out the hours of fifty states in forty zones.
"""

import dataclasses
from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from compliance import Facts, Number, RecordingPolicy, Verdict, load_packs
from compliance.case import Case, Rule
from compliance.facts import (
    Abandonment,
    CallKind,
    Consent,
    ConsentKind,
    Party,
    Purpose,
    Reassigned,
    ReassignedAnswer,
    Registry,
    Relationship,
    RelationshipKind,
    Switch,
)
from compliance.gate import Gate
from tests.rules.whole import AT, GOOD, LISTS, NOT_REASSIGNED, RULES, SCREENING, WHOLE, WRITTEN, registries

DAY = timedelta(days=1)
CODES = ["212", "364", "206", "415", "907", "808", "729", "800", "900", "456", "671", "214", "305", "504", "215"]
PLACES = ["US-TX", "US-CA", "US-WA", "US", "DE", "GB", "US-PR", "ZZ"]
POSTAL = ["10001", "75201", "K1A 0B1", "nowhere"]
NAMES = [*LISTS[:3], "us.ftc.ndnc", "gb.tps", "us-tx.dnc", "nobody's"]
SWITCHES = ["operator", "US-LA", "US-NY", "US", "GB", "EU"]

nanp = st.builds(
    lambda code, rest: Number(f"+1{code}{rest}"), st.sampled_from(CODES), st.integers(2_000_000, 9_999_999)
)
abroad = st.sampled_from(
    [Number(f"+{text}") for text in ("442071838750", "4915112345678", "33123456789", "390612345678", "999123456789")]
)
numbers = nanp | abroad
clocks = st.sampled_from([UTC, timezone(timedelta(hours=-8)), timezone(timedelta(hours=13))])
instants = st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1), timezones=clocks)
lately = st.integers(-60 * 24 * 40, 60 * 24).map(lambda minutes: AT + timedelta(minutes=minutes))
"""From forty days before the call to a day after it."""


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | values


consents = st.builds(
    Consent,
    kind=st.sampled_from(ConsentKind),
    purpose=maybe(st.sampled_from(Purpose)),
    seller=maybe(st.sampled_from(["Acme", "Other"])),
    obtained_at=maybe(lately),
    confirmed_at=maybe(lately),
    withdrawn_at=st.none() | st.none() | lately,
    expires_at=st.none() | st.none() | lately,
)
looked_up = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(Registry, st.booleans(), st.dates(date(2026, 9, 1), date(2026, 11, 20))),
    max_size=3,
).map(lambda some: {**registries(), **some})
switches = st.dictionaries(
    st.sampled_from(SWITCHES), st.builds(Switch, st.booleans(), maybe(lately), maybe(lately)), max_size=2
)
times = st.lists(lately, max_size=5).map(tuple)
history = {
    "registries": looked_up,
    "consents": st.lists(consents | st.just(WRITTEN), max_size=3).map(tuple),
    "relationship": maybe(st.builds(Relationship, st.sampled_from(RelationshipKind), lately)),
    "attempts": times,
    "refusals": times,
    "reassigned": maybe(
        st.builds(Reassigned, st.sampled_from(ReassignedAnswer), lately, maybe(lately.map(datetime.date)))
        | st.just(NOT_REASSIGNED)
    ),
    "abandonment": st.builds(Abandonment, st.integers(100, 1000), st.integers(0, 40)),
    "switches": switches,
    "caller_id": st.sampled_from(["+12125550100", "+442079460123", "+33612345678", "+19005550123", "nobody"]),
}
sorts = {
    "call_kind": st.sampled_from(CallKind),
    "purpose": st.sampled_from(Purpose),
    "party": st.sampled_from(Party),
    "double_opt_in": maybe(st.booleans()),
    "seller": st.sampled_from(["Acme", "Other"]),
}
places = {
    "number": numbers,
    "region": st.none() | st.sampled_from(PLACES),
    "postal_code": st.none() | st.sampled_from(POSTAL),
    "agent_region": st.sampled_from(PLACES),
}
setup = {
    "ring_seconds": st.integers(13, 60),
    "recording_policy": st.sampled_from(RecordingPolicy),
    "prompts": st.dictionaries(st.sampled_from(["en", "es", "fr"]), st.booleans(), max_size=2),
    "internal_dnc": st.booleans(),
    "in_flight": st.booleans(),
}


def silent(facts: Facts, some: int) -> Facts:
    """Some of the attempts found no agent of ours; they are attempts all the same."""
    return dataclasses.replace(facts, silent_calls=None if facts.attempts is None else facts.attempts[:some])


anything = st.builds(
    silent,
    st.builds(
        Facts, at=maybe(instants | lately), **{key: maybe(of) for key, of in (history | sorts | places | setup).items()}
    ),
    st.integers(0, 3),
)
"""Anything at all; most of it is denied."""


def spoiled(changes: dict[str, object]) -> Facts:
    return dataclasses.replace(GOOD, **changes)


one_or_two = st.lists(st.sampled_from(sorted(history | sorts | places | setup)), max_size=3, unique=True)
nearly_good = st.builds(
    silent,
    one_or_two.flatmap(
        lambda keys: st.fixed_dictionaries({key: (history | sorts | places | setup)[key] for key in keys})
    ).map(spoiled),
    st.integers(0, 3),
)
"""The good call with up to three facts of another kind; many are allowed, and those denied are so for one cause."""

some_facts = nearly_good | anything
both_gates = st.sampled_from([WHOLE, SCREENING])

ONLY_ADD = {"region", "postal_code", "recording_policy", "double_opt_in"}
"""Taking these away may permit: places only add candidates, and a campaign's demand is its own to drop."""

REMOVABLE = [field.name for field in dataclasses.fields(Facts) if field.name not in ONLY_ADD]


def reassigned_for_sure(facts: Facts) -> bool:
    """A "yes" forbids what nobody would have had to ask about."""
    return facts.reassigned is not None and facts.reassigned.answer is ReassignedAnswer.YES


@given(both_gates, some_facts, st.sampled_from(REMOVABLE))
@settings(max_examples=400, deadline=None)
def test_forgetting_a_fact_never_turns_a_denial_into_a_permission(gate: Gate, facts: Facts, fact: str) -> None:
    if fact == "reassigned" and reassigned_for_sure(facts):
        return
    if not gate.check(facts).allowed:
        assert not gate.check(dataclasses.replace(facts, **{fact: None})).allowed


@given(st.sampled_from(RULES), some_facts, st.sampled_from(REMOVABLE))
@settings(max_examples=400, deadline=None)
def test_no_rule_by_itself_allows_what_it_denied_when_it_knows_less(rule: Rule, facts: Facts, fact: str) -> None:
    if rule.id == "reassigned" and (fact == "consents" or reassigned_for_sure(facts)):
        return  # without a consent the call has nothing to rest on, and another rule denies it
    before = rule.check(Case.of(facts, load_packs()))
    after = rule.check(Case.of(dataclasses.replace(facts, **{fact: None}), load_packs()))
    assert after or not before


def listed_on(name: str) -> object:
    return lambda facts: {"registries": {**(facts.registries or {}), name: Registry(True, AT.date() - DAY)}}


def later_version(facts: Facts) -> dict[str, object]:
    older = {
        name: Registry(found.listed, found.version_date - 40 * DAY) for name, found in (facts.registries or {}).items()
    }
    return {"registries": older}


RESTRICTIONS = {
    "internal_dnc": lambda facts: {"internal_dnc": True},
    "in_flight": lambda facts: {"in_flight": True},
    "listed": listed_on("us.ftc.ndnc"),
    "listed by the state": listed_on("us-tx.dnc"),
    "stale lists": later_version,
    "another attempt": lambda facts: {"attempts": (*(facts.attempts or ()), AT - timedelta(hours=1))},
    "another refusal": lambda facts: {"refusals": (*(facts.refusals or ()), AT - timedelta(hours=1))},
    "another silent call": lambda facts: {"silent_calls": (*(facts.silent_calls or ()), AT - timedelta(hours=1))},
    "switch": lambda facts: {"switches": {**(facts.switches or {}), "flood": Switch()}},
    "switch of a state": lambda facts: {"switches": {**(facts.switches or {}), "US-LA": Switch()}},
    "one more abandoned": lambda facts: {
        "abandonment": facts.abandonment
        and Abandonment(facts.abandonment.answered + 1, facts.abandonment.abandoned + 1)
    },
    "reassigned": lambda facts: {"reassigned": Reassigned(ReassignedAnswer.YES, AT - DAY, None)},
    "withdrawn": lambda facts: {
        "consents": tuple(dataclasses.replace(item, withdrawn_at=AT - DAY) for item in facts.consents or ())
    },
    "double opt-in": lambda facts: {"double_opt_in": True},
    "no caller id": lambda facts: {"caller_id": "nobody"},
    "recording": lambda facts: {"recording_policy": RecordingPolicy.NONE},
    "elsewhere too": lambda facts: {"region": facts.region or "US-RI"},
    "nowhere known": lambda facts: {"region": facts.region or "ZZ"},
    "address elsewhere": lambda facts: {"postal_code": facts.postal_code or "75201"},
    "address nowhere": lambda facts: {"postal_code": facts.postal_code or "00000"},
}
ADDED_TO = {
    "listed": "registries",
    "listed by the state": "registries",
    "stale lists": "registries",
    "another attempt": "attempts",
    "another refusal": "refusals",
    "another silent call": "silent_calls",
    "switch": "switches",
    "switch of a state": "switches",
    "one more abandoned": "abandonment",
    "withdrawn": "consents",
    "internal_dnc": "internal_dnc",
    "in_flight": "in_flight",
    "no caller id": "caller_id",
    "recording": "recording_policy",
}
"""What must be known before something can be added to it: telling what was unknown is no restriction."""


@given(both_gates, some_facts, st.sampled_from(sorted(RESTRICTIONS)))
@settings(max_examples=500, deadline=None)
def test_adding_a_restriction_never_turns_a_denial_into_a_permission(gate: Gate, facts: Facts, name: str) -> None:
    if name in ADDED_TO and getattr(facts, ADDED_TO[name]) is None:
        return
    stricter = dataclasses.replace(facts, **RESTRICTIONS[name](facts))
    assert gate.check(facts).allowed or not gate.check(stricter).allowed


@given(nearly_good, st.integers(15, 59))
@settings(deadline=None)
def test_longer_ring_never_opens_an_hour(facts: Facts, ring: int) -> None:
    shorter = WHOLE.check(dataclasses.replace(facts, ring_seconds=ring))
    longer = WHOLE.check(dataclasses.replace(facts, ring_seconds=ring + 1))
    assert shorter.allowed or not longer.allowed


@given(some_facts)
@settings(deadline=None)
def test_whatever_dialling_allows_screening_allows(facts: Facts) -> None:
    assert SCREENING.check(facts).allowed or not WHOLE.check(facts).allowed


@given(both_gates, some_facts)
@settings(max_examples=400, deadline=None)
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


@given(some_facts)
@settings(deadline=None)
def test_gate_leaves_out_no_rule_that_would_deny(facts: Facts) -> None:
    case = Case.of(facts, load_packs())
    every = [denial.reason for rule in RULES for denial in rule.check(case)]
    assert WHOLE.check(facts).reasons == tuple(dict.fromkeys(every))


@given(nearly_good)
@settings(deadline=None)
def test_same_instant_on_another_clock_gets_the_same_verdict(facts: Facts) -> None:
    assert facts.at is not None
    moved = dataclasses.replace(facts, at=facts.at.astimezone(timezone(timedelta(hours=5, minutes=45))))
    assert WHOLE.check(moved) == WHOLE.check(facts)


@given(some_facts, st.sampled_from(PLACES))
@settings(deadline=None)
def test_another_candidate_region_never_loosens_the_recording(facts: Facts, place: str) -> None:
    before = WHOLE.check(dataclasses.replace(facts, region=None)).recording
    after = WHOLE.check(dataclasses.replace(facts, region=place)).recording
    assert after.mode.strictness >= before.mode.strictness
    assert after.record_announcement or not before.record_announcement
    assert set(before.jurisdictions) <= set(after.jurisdictions)


@given(some_facts, st.sampled_from(PLACES))
@settings(deadline=None)
def test_another_candidate_region_never_takes_an_obligation_away(facts: Facts, place: str) -> None:
    before = WHOLE.check(dataclasses.replace(facts, region=None)).obligations
    after = {duty.kind: duty.params for duty in WHOLE.check(dataclasses.replace(facts, region=place)).obligations}
    for duty in before:
        if duty.kind.value in ("log_consent_use", "record_announcement"):
            continue  # a call that rests on consent may rest on none when it is denied; nothing is recorded at "none"
        for name, value in duty.params.items():
            now = after[duty.kind][name]
            if isinstance(value, int) and isinstance(now, int):
                assert now >= value if name == "seconds" else now <= value
            else:
                assert set(str(value).split("; ")) <= set(str(now).split("; "))


def test_properties_are_not_empty_some_generated_calls_are_allowed() -> None:
    """Guard on the generators: a law about permissions says nothing if all they make is denied."""
    verdicts: list[bool] = []

    @given(nearly_good)
    @settings(max_examples=200, deadline=None, database=None)
    def collect(facts: Facts) -> None:
        verdicts.append(WHOLE.check(facts).allowed)

    collect()
    assert sum(verdicts) > len(verdicts) // 10
    assert sum(verdicts) < len(verdicts)


ends_of_time = st.sampled_from(
    [datetime.min, datetime.max, datetime(1900, 1, 1), datetime(2199, 12, 31, 23, 59, 59), datetime(2000, 1, 1)]
).map(lambda at: at.replace(tzinfo=UTC))
no_number = st.text(max_size=20)


@given(
    both_gates,
    st.sampled_from([GOOD, dataclasses.replace(GOOD, number=Number("+33123456789")), Facts()]),
    st.fixed_dictionaries(
        {},
        optional={
            "at": ends_of_time.filter(lambda at: 2000 <= at.year < 2200),
            "attempts": st.lists(ends_of_time, max_size=3).map(tuple),
            "refusals": st.lists(ends_of_time, max_size=3).map(tuple),
            "silent_calls": st.lists(ends_of_time, max_size=3).map(tuple),
            "relationship": st.builds(Relationship, st.sampled_from(RelationshipKind), ends_of_time),
            "consents": st.builds(
                Consent,
                st.sampled_from(ConsentKind),
                obtained_at=ends_of_time,
                confirmed_at=maybe(ends_of_time),
                withdrawn_at=maybe(ends_of_time),
                expires_at=maybe(ends_of_time),
            ).map(lambda one: (one, one)),
            "reassigned": st.builds(
                Reassigned, st.sampled_from(ReassignedAnswer), ends_of_time, st.sampled_from([date.min, date.max])
            ),
            "registries": st.sampled_from([date.min, date.max]).map(registries),
            "switches": st.dictionaries(
                no_number, st.builds(Switch, st.booleans(), maybe(ends_of_time), maybe(ends_of_time)), max_size=3
            ),
            "caller_id": no_number,
            "postal_code": no_number,
            "region": st.from_regex(r"\A[A-Z]{2}(-[A-Z0-9]{1,3})?\Z"),
            "abandonment": st.builds(Abandonment, st.integers(0, 10**12), st.integers(0, 10**12)),
        },
    ),
)
@settings(max_examples=400, deadline=None)
def test_gate_answers_whatever_the_facts_are(gate: Gate, facts: Facts, wild: dict[str, object]) -> None:
    found = gate.check(dataclasses.replace(facts, **wild))
    assert Verdict.from_json(found.to_json()) == found

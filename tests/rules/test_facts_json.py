"""Facts from JSON: what the documentation names is read, everything else is refused by name."""

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance import BadInput, Facts, Number, RecordingPolicy
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
from compliance.facts_json import facts_from_dict
from tests.rules.world import GOOD

AT = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)

FULL = Facts(
    number=Number("+12125550123"),
    at=AT,
    call_kind=CallKind.AUTODIALED_LIVE,
    purpose=Purpose.TELEMARKETING,
    party=Party.CONSUMER,
    region="US-NY",
    postal_code="10001",
    seller="acme",
    campaign="spring",
    agent_region="US-TX",
    internal_dnc=False,
    registries={"us.ftc.ndnc": Registry(False, date(2026, 11, 1))},
    consents=(Consent(ConsentKind.EXPRESS_WRITTEN, Purpose.TELEMARKETING, "acme", AT, AT, None, AT),),
    relationship=Relationship(RelationshipKind.PURCHASE, AT),
    attempts=(AT,),
    refusals=(),
    reassigned=Reassigned(ReassignedAnswer.NO, AT, date(2026, 1, 2)),
    caller_id="+12125550100",
    abandonment=Abandonment(100, 2),
    switches={"pause": Switch(on=False), "US-LA": Switch(start=AT, end=AT), "stop": Switch()},
    silent_calls=(),
    topic="solar",
    double_opt_in=False,
    storage_region="US-TX",
    seller_region="US-TX",
    recording_policy=RecordingPolicy.FOLLOW_LAW,
    in_flight=False,
    prompts={"en": True},
    ring_seconds=25,
)


@pytest.mark.parametrize("facts", [FULL, GOOD, Facts()])
def test_facts_survive_their_json(facts: Facts) -> None:
    assert facts_from_dict(json.loads(json.dumps(facts.to_dict())), "line 1") == facts


def test_null_means_unknown() -> None:
    assert facts_from_dict(dict.fromkeys(FULL.to_dict()), "line 1") == Facts()
    consent = {"kind": "express", "seller": None, "expires_at": None}
    assert facts_from_dict({"consents": [consent]}, "line 1").consents == (Consent(ConsentKind.EXPRESS),)


def test_instant_with_an_offset_is_the_same_instant() -> None:
    assert facts_from_dict({"at": "2026-11-18T12:00:00-05:00"}, "line 1").at == AT


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "must be an object"),
        ("x", "must be an object"),
        ({"phone": "+12125550123"}, "unknown key 'phone'"),
        ({"number": 12125550123}, "number: must be printable text"),
        ({"at": "2026-11-18T12:00:00"}, "at: must be a time with offset"),
        ({"at": "2026-11-18"}, "at: must be a time with offset"),
        ({"at": "2026-13-18T12:00:00Z"}, "at: must be a time with offset"),
        ({"at": "1999-01-01T00:00:00Z"}, "years 2000"),
        ({"internal_dnc": "no"}, "internal_dnc: must be true or false"),
        ({"internal_dnc": 0}, "internal_dnc: must be true or false"),
        ({"call_kind": "robot"}, "call_kind: must be one of live, autodialed_live"),
        ({"call_kind": ["live"]}, "call_kind: must be one of"),
        ({"region": "California"}, "region must be an ISO 3166 code"),
        ({"seller": ""}, "seller: must be printable text"),
        ({"seller": "a\nb"}, "seller: must be printable text"),
        ({"ring_seconds": True}, "ring_seconds: must be a whole number"),
        ({"ring_seconds": 25.0}, "ring_seconds: must be a whole number"),
        ({"ring_seconds": 0}, "ring_seconds must be 1 to 60"),
        ({"attempts": "2026-11-18T12:00:00Z"}, "attempts: must be a list"),
        ({"attempts": ["yesterday"]}, "attempts: must be a time"),
        ({"registries": {"us.ftc.ndnc": None}}, "us.ftc.ndnc: must be an object"),
        ({"registries": {"us.ftc.ndnc": {"listed": False, "on": None}}}, "us.ftc.ndnc: unknown key 'on'"),
        ({"registries": {"x": {"listed": False, "version_date": "2026-02-30"}}}, "x.version_date: must be a date"),
        ({"consents": [{"kind": "express", "who": "x"}]}, "consents.[0]: unknown key 'who'"),
        ({"relationship": {"kind": "sale"}}, "relationship.kind: must be one of"),
        ({"abandonment": {"answered": -1, "abandoned": 0}}, "abandonment.answered: must be a whole number"),
        ({"prompts": {"en": "yes"}}, "prompts.en: must be true or false"),
    ],
)
def test_what_is_not_a_fact_is_refused_with_its_place(data: object, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        facts_from_dict(data, "facts.jsonl:17")
    assert str(caught.value).startswith("facts.jsonl:17: ")
    assert says in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(FULL.to_dict())), json_values, max_size=4) | json_values)
def test_any_json_is_read_or_refused(data: object) -> None:
    try:
        facts = facts_from_dict(data, "line 1")
    except BadInput:
        return
    assert facts_from_dict(json.loads(json.dumps(facts.to_dict())), "line 1") == facts

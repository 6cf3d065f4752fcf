"""Each rule by itself: one fact spoiled, one fact missing, and what the verdict then says."""

import pytest

from compliance import (
    BadInput,
    Facts,
    Gate,
    ObligationKind,
    RecordingMode,
    RecordingPolicy,
    Verdict,
    load_packs,
)
from compliance.applicable import UNKNOWN_LAW, Applicable
from compliance.case import Rule
from compliance.rules import AT_THE_DIAL
from compliance.rules.caller_id import CallerIdShown
from compliance.rules.internal_dnc import InternalDnc
from compliance.rules.law_rule import LawRule
from compliance.rules.prohibition import NotProhibited
from compliance.rules.registry import RegistryClear
from tests.rules import whole
from tests.rules.world import GOOD, denied_by, facts, verdict


def test_good_call_is_allowed_with_pack_version_and_ring_obligation() -> None:
    found = verdict()
    assert found.allowed
    assert found.reasons == ()
    assert found.next_allowed_at is None
    assert found.pack == load_packs().version
    assert (ObligationKind.MIN_RING, {"seconds": 15}) in [(item.kind, dict(item.params)) for item in found.obligations]


@pytest.mark.parametrize(
    ("spoiled", "rule", "says"),
    [
        ({"internal_dnc": True}, "dnc.internal", "do-not-call"),
        ({"in_flight": True}, "attempt.in_flight", "under way"),
        ({"prompts": {"en": True, "fr": False}}, "prompts", "language fr"),
        ({"prompts": {}}, "prompts", "prompts is unknown"),
        ({"ring_seconds": 14}, "ring_time", "14 s"),
        ({"number": "+19005550123"}, "number.valid", "premium"),
        ({"number": "+15005550123"}, "number.valid", "not a subscriber"),
        ({"number": "+12125551212"}, "number.valid", "numbering plan"),
        ({"number": "+12129110123"}, "number.valid", "numbering plan"),
        ({"number": "+12120550123"}, "number.valid", "numbering plan"),
        ({"number": "+12121550123"}, "number.valid", "numbering plan"),
        ({"number": "+14565550123"}, "number.valid", "numbering plan"),
        ({"number": "+999123456789"}, "number.valid", "numbering plan"),
    ],
)
def test_one_spoiled_fact_denies_by_its_rule(spoiled: dict[str, object], rule: str, says: str) -> None:
    found = verdict(**spoiled)
    assert not found.allowed
    (reason,) = [reason for reason in found.reasons if reason.rule == rule]
    assert says in reason.detail
    assert reason.citation


@pytest.mark.parametrize(
    ("fact", "rules"),
    [
        ("number", {"number.valid", "hours", "recording.ends", "ring_time"}),
        ("at", {"hours", "ring_time"}),
        ("internal_dnc", {"dnc.internal"}),
        ("agent_region", {"recording.ends"}),
        ("storage_region", {"recording.setup"}),
        ("seller_region", {"recording.setup"}),
        ("recording_policy", {"recording.setup"}),
        ("in_flight", {"attempt.in_flight"}),
        ("prompts", {"prompts"}),
        ("ring_seconds", {"ring_time"}),
    ],
)
def test_missing_fact_denies_and_is_named(fact: str, rules: set[str]) -> None:
    found = verdict(**{fact: None})
    assert denied_by(found) == rules
    assert all("unknown" in reason.detail for reason in found.reasons)
    assert any(fact in reason.detail for reason in found.reasons)
    assert found.next_allowed_at is None


@pytest.mark.parametrize("ring", [15, 16, 60])
def test_ring_of_fifteen_seconds_or_more_is_enough(ring: int) -> None:
    assert verdict(ring_seconds=ring).allowed


@pytest.mark.parametrize("number", ["+17295550123", "+18335550123", "+4915112345678", "+442071838750"])
def test_ordinary_and_toll_free_numbers_are_diallable(number: str) -> None:
    assert "number.valid" not in denied_by(verdict(number=number))


def test_list_is_screened_without_what_only_the_call_system_knows() -> None:
    known = whole.facts(
        storage_region=None, seller_region=None, recording_policy=None, in_flight=None, prompts=None, ring_seconds=None
    )
    assert whole.SCREENING.check(known).allowed
    assert {reason.rule for reason in whole.WHOLE.check(known).reasons} == {rule.id for rule in AT_THE_DIAL}


def test_knowing_nothing_is_denied_by_every_rule_but_the_campaigns_own_demand() -> None:
    found = whole.WHOLE.check(Facts())
    assert {reason.rule for reason in found.reasons} == {rule.id for rule in whole.RULES} - {"consent.double_opt_in"}
    assert found.recording.mode is RecordingMode.EXPLICIT
    assert found.obligations == ()


@pytest.mark.parametrize(
    ("rule", "law", "asked"),
    [
        (RegistryClear(), UNKNOWN_LAW, True),
        (RegistryClear(), Applicable(), False),
        (RegistryClear(), whole.case().law, True),
        (NotProhibited(), whole.case().law, False),
        (NotProhibited(), UNKNOWN_LAW, True),
        (CallerIdShown(), Applicable(), True),
        (InternalDnc(), Applicable(), True),
    ],
)
def test_rule_is_asked_only_where_the_law_gives_it_something_to_say(rule: Rule, law: Applicable, asked: bool) -> None:
    assert rule.concerned(law) is asked


@pytest.mark.parametrize("fact", ["number", "at"])
def test_where_place_or_time_is_unknown_every_rule_about_the_law_denies(fact: str) -> None:
    about_law = {rule.id for rule in whole.RULES if isinstance(rule, LawRule)}
    assert len(about_law) == 9
    assert about_law <= whole.denied_by(**{fact: None})


def test_gate_without_rules_is_refused() -> None:
    with pytest.raises(ValueError, match="without rules"):
        Gate((), load_packs())


def test_every_rule_has_its_own_id_a_citation_and_a_docstring() -> None:
    assert len({rule.id for rule in whole.RULES}) == len(whole.RULES)
    for rule in whole.RULES:
        assert rule.citation
        assert "Source:" in (type(rule).__doc__ or "")


def test_announcement_that_must_be_recorded_becomes_an_obligation() -> None:
    found = verdict(number="+12065550123")
    assert ObligationKind.RECORD_ANNOUNCEMENT in {item.kind for item in found.obligations}
    assert ObligationKind.RECORD_ANNOUNCEMENT not in {item.kind for item in verdict().obligations}


@pytest.mark.parametrize("changes", [{}, {"internal_dnc": True}, {"number": "+12065550123", "at": None}])
def test_verdict_survives_its_json(changes: dict[str, object]) -> None:
    found = verdict(**changes)
    assert Verdict.from_json(found.to_json()) == found
    assert Verdict.from_json(found.to_json()).to_json() == found.to_json()


def test_verdict_json_has_the_documented_keys_and_no_number() -> None:
    found = verdict(internal_dnc=True)
    assert set(found.to_dict()) == {"decision", "reasons", "obligations", "recording", "next_allowed_at", "pack"}
    assert set(found.to_dict()["reasons"][0]) == {"rule", "citation", "detail", "confidence"}
    assert "5550123" not in found.to_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"decision":"allow"}',
        verdict().to_json().replace('"allow"', '"maybe"'),
        verdict().to_json().replace('"decision"', '"extra":1,"decision"'),
        verdict().to_json().replace('"record_announcement":false', '"record_announcement":0'),
        verdict().to_json().replace('"seconds":15', '"seconds":true'),
        verdict().to_json().replace('"next_allowed_at":null', '"next_allowed_at":"9999-12-31T23:59:59-10:00"'),
        "[" * 100_000,
    ],
)
def test_text_that_is_no_verdict_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Verdict.from_json(text)


def test_digest_depends_on_every_fact_and_not_on_the_number_in_clear() -> None:
    base = facts().digest(b"h1")
    assert base == facts(number="+12125550199").digest(b"h1")
    assert base != facts().digest(b"h2")
    assert base != facts(internal_dnc=True).digest(b"h1")
    assert base != facts(recording_policy=RecordingPolicy.NONE).digest(b"h1")
    assert base != facts(prompts={"en": False}).digest(b"h1")
    assert len(base) == 64


@pytest.mark.parametrize(
    "wrong",
    [
        {"ring_seconds": 0},
        {"ring_seconds": 121},
        {"at": GOOD.at.replace(tzinfo=None) if GOOD.at else None},
        {"at": GOOD.at.replace(year=9999) if GOOD.at else None},
        {"region": "us-ca"},
        {"agent_region": "California"},
        {"storage_region": "US-"},
        {"seller_region": ""},
    ],
)
def test_facts_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        facts(**wrong)

"""What a call owes: the strictest of each kind, and the use of a consent on file."""

from types import MappingProxyType

import pytest

from compliance import Gate, Obligation, ObligationKind
from compliance.duties import strictest_of_each
from compliance.facts import ConsentKind
from compliance.jurisdictions.model import ConsentLaw, Law, ObligationLaw, RingTimeLaw
from compliance.rules import SCREENING_RULES
from tests.rules.made_up import call, consent, entry, packs, packs_of, place


def owes(kind: ObligationKind, **params: str | int) -> Obligation:
    return Obligation(kind, MappingProxyType(params))


def law(kind: ObligationKind, **params: str | int) -> ObligationLaw:
    return ObligationLaw(entry=entry(f"no.{kind.value}"), obligation=owes(kind, **params))


def owed(*laws: Law, **changes: object) -> list[tuple[str, dict[str, str | int]]]:
    found = Gate(SCREENING_RULES, packs(*laws)).check(call(**changes)).obligations
    return [(item.kind.value, dict(item.params)) for item in found]


IDENTIFY, CONTENT, RING = ObligationKind.IDENTIFY, ObligationKind.MESSAGE_CONTENT, ObligationKind.MIN_RING


def test_call_owes_what_the_laws_ask_in_one_order() -> None:
    laws = [law(ObligationKind.BEEP, every_seconds=15), law(IDENTIFY, within_seconds=30)]
    assert owed(*laws) == [("identify", {"within_seconds": 30}), ("beep", {"every_seconds": 15})]
    assert owed(*reversed(laws)) == owed(*laws)
    assert owed() == []


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [
        ({"within_seconds": 30}, {"within_seconds": 10}, {"within_seconds": 10}),
        ({"every_seconds": 15}, {"every_seconds": 20}, {"every_seconds": 15}),
        ({"seconds": 15}, {"seconds": 20}, {"seconds": 20}),
        ({"name": "legal name"}, {"name": "trade name"}, {"name": "legal name; trade name"}),
        ({"name": "a; b"}, {"name": "b; c"}, {"name": "a; b; c"}),
        ({"name": "legal name"}, {"phone": "call-back"}, {"name": "legal name", "phone": "call-back"}),
        ({"within_seconds": 2}, {"text": 3}, {"text": 3, "within_seconds": 2}),
        ({"key": 9}, {"key": "star"}, {"key": "9; star"}),
    ],
)
def test_two_of_a_kind_become_the_strictest(one: dict, other: dict, merged: dict) -> None:
    for pair in ((one, other), (other, one), (one, one, other)):
        (found,) = strictest_of_each([owes(IDENTIFY, **params) for params in pair])
        assert dict(found.params) == merged
        assert list(found.params) == sorted(found.params)


def test_ring_time_is_owed_as_long_as_the_longest_law_wants() -> None:
    short = RingTimeLaw(entry=entry("no.short"), min_seconds=15)
    long = RingTimeLaw(entry=entry("no.long"), min_seconds=20)
    assert owed(short, long) == [("min_ring", {"seconds": 20})]


def test_use_of_consent_is_logged_where_the_call_rests_on_one_and_only_there() -> None:
    needs = ConsentLaw(entry=entry("no.consent"), kind=ConsentKind.EXPRESS, renew_months=None)
    log = law(ObligationKind.LOG_CONSENT_USE)
    assert owed(needs, consents=(consent(),)) == [("log_consent_use", {})]
    assert owed(needs, log, consents=(consent(),)) == [("log_consent_use", {})]
    assert owed(needs, log) == []
    assert owed(log, consents=(consent(),)) == []


def test_every_candidate_region_adds_its_own() -> None:
    where = packs_of(
        place("US", law(IDENTIFY, within_seconds=60)),
        place("US-NY"),
        place("US-WA", law(IDENTIFY, within_seconds=30)),
    )
    gate = Gate(SCREENING_RULES, where)

    def seconds(**changes: object) -> object:
        (found,) = gate.check(call(number="+12125550123", **changes)).obligations
        return found.params["within_seconds"]

    assert seconds() == 60
    assert seconds(region="US-WA") == 30

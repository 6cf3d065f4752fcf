"""Switches: somebody has stopped calling, everywhere or in a region, for good or for a while."""

import pytest

from compliance.facts import Switch
from compliance.jurisdictions import load_packs
from compliance.rules.switches import SwitchesOff
from tests.rules.made_up import AT, DAY, HOUR, TICK, allows, ask, detail, packs, packs_of, place

RULE = SwitchesOff()
ON, OFF = Switch(), Switch(False)
AMERICA = packs_of(
    place("US"), place("US-LA"), place("US-NY"), place("GB"), place("EU", members=frozenset({"DE", "FR"})), place("DE")
)
NEW_YORK, LOUISIANA, TOLL_FREE, LONDON, BERLIN = (
    "+12125550123",
    "+15045550123",
    "+18005550123",
    "+442071838750",
    "+493012345678",
)


def test_switches_must_be_known() -> None:
    assert detail(RULE, packs(), switches=None) == "switches is unknown"
    assert allows(RULE, packs(), switches={})
    assert allows(RULE, packs(), switches={"operator": OFF})
    assert detail(RULE, packs(), switches={"operator": ON}) == "switch 'operator' stops calls"


@pytest.mark.parametrize(
    ("switch", "stops"),
    [
        (Switch(True, AT, None), True),
        (Switch(True, AT + TICK, None), False),
        (Switch(True, None, AT), False),
        (Switch(True, None, AT + TICK), True),
        (Switch(True, AT - HOUR, AT + HOUR), True),
        (Switch(True, AT + HOUR, AT - HOUR), True),  # nobody knows what was meant
        (Switch(True, AT + HOUR, AT + HOUR), True),
        (Switch(False, AT + HOUR, AT - HOUR), False),
        (Switch(False, AT - HOUR, AT + HOUR), False),
    ],
)
@pytest.mark.parametrize("name", ["operator", "NO"])
def test_span_begins_inclusively_and_ends_exclusively(name: str, switch: Switch, stops: bool) -> None:
    assert allows(RULE, packs(), switches={name: switch}) is not stops


def test_next_call_is_at_the_end_of_the_span() -> None:
    (denial,) = ask(RULE, packs(), switches={"operator": Switch(end=AT + DAY)})
    assert denial.until == AT + DAY
    assert denial.reason.detail == "switch 'operator' stops calls until 2026-11-19 12:00:00 UTC"
    (denial,) = ask(RULE, packs(), switches={"operator": ON})
    assert denial.until is None


def test_a_span_that_ends_before_it_begins_names_no_end() -> None:
    (denial,) = ask(RULE, packs(), switches={"operator": Switch(True, AT + DAY, AT - DAY)})
    assert (denial.until, denial.reason.detail) == (None, "switch 'operator' stops calls")


def test_each_switch_that_stops_the_call_is_named() -> None:
    found = ask(RULE, packs(), switches={"operator": ON, "NO": Switch(end=AT + DAY), "SE": ON, "spring": OFF})
    assert [denial.reason.detail.split("'")[1] for denial in found] == ["operator", "NO"]


@pytest.mark.parametrize(
    ("name", "number", "stops"),
    [
        ("US-LA", LOUISIANA, True),
        ("us-la", LOUISIANA, True),
        ("US-LA", NEW_YORK, False),
        ("US-LA", TOLL_FREE, True),  # nobody knows the state: it may be this one
        ("US-LA", LONDON, False),
        ("US", LOUISIANA, True),
        ("US", TOLL_FREE, True),
        ("US", LONDON, False),
        ("GB", LONDON, True),
        ("gb-sct", LONDON, True),
        ("gb-sct", BERLIN, False),
        ("CA", LONDON, False),  # a region, though there is no file of it
        ("CA-ON", LONDON, False),
        ("FR", LONDON, False),
        ("EU", BERLIN, True),
        ("EU", LONDON, False),
        ("PR", "+17875550123", True),
        ("US-PR", "+17875550123", True),
        ("US-PR", NEW_YORK, False),
        ("PR", NEW_YORK, False),
        # No region has these codes, so the name is the operator's own and stops everything.
        ("US-XX", LONDON, True),
        ("US-LAX", LONDON, True),
        ("CA-ZZ", LONDON, True),
        ("XX", LONDON, True),
        ("U S", LONDON, True),
        ("US-", LONDON, True),
        ("hurricane", LONDON, True),
        ("", LONDON, True),
    ],
)
def test_region_code_stops_the_calls_that_may_go_there_and_any_other_name_all(
    name: str, number: str, stops: bool
) -> None:
    assert allows(RULE, AMERICA, number=number, switches={name: ON}) is not stops


def test_stated_region_brings_a_call_under_the_switch_of_that_region() -> None:
    assert not allows(RULE, AMERICA, number=NEW_YORK, region="US-LA", switches={"US-LA": ON})
    assert not allows(RULE, AMERICA, number=NEW_YORK, postal_code="70112", switches={"US-LA": ON})
    assert not allows(RULE, AMERICA, number=NEW_YORK, region="DE-BY", switches={"EU": ON})


def test_number_nobody_can_place_may_be_anywhere() -> None:
    assert not allows(RULE, AMERICA, number=None, switches={"US-LA": ON})
    assert not allows(RULE, AMERICA, number=None, switches={"US-LA": Switch(end=AT + DAY)})


def test_switch_of_an_unknown_instant_may_be_on() -> None:
    assert detail(RULE, packs(), at=None, switches={"SE": OFF}) == "at is unknown"
    assert allows(RULE, packs(), at=None, switches={})


@pytest.mark.parametrize("code", sorted(set(load_packs().jurisdictions) - {"default"}))
def test_every_jurisdiction_of_the_data_can_be_switched_off_by_itself(code: str) -> None:
    assert allows(RULE, load_packs(), number="+4721234567", switches={code: ON})

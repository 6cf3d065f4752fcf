"""What a person's acts come to, as tables and as properties; no database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.consent.fold import ANY, Held, Step, fold

DAY0 = datetime(2024, 2, 28, 12, tzinfo=UTC)
LONG_AFTER = DAY0 + timedelta(days=900)


def step(act: str, day: float, n: int = 0, **more: object) -> Step:
    base = Step(f"{act}{n}", act, "express", "telemarketing", "Acme", DAY0 + timedelta(days=day), None, False, None)
    return replace(base, **more)  # type: ignore[arg-type]


def withdraw(day: float, **more: object) -> Step:
    return step("withdraw", day, **{"kind": ANY, "purpose": ANY, "seller": None, **more})  # type: ignore[arg-type]


def standing(*steps: Step, at: datetime = LONG_AFTER) -> list[str]:
    return [held.id for held in fold(steps) if held.stands(at)]


def test_a_grant_stands_until_it_is_withdrawn_and_a_new_one_stands_again() -> None:
    assert standing(step("grant", 0)) == ["grant0"]
    assert standing(step("grant", 0), withdraw(1)) == []
    assert standing(step("grant", 0), withdraw(1), step("grant", 2, 1)) == ["grant1"]


def test_expiry_is_the_first_instant_without_it_also_on_a_leap_day() -> None:
    leap = datetime(2024, 2, 29, 12, tzinfo=UTC)
    grant = step("grant", 0, valid_until=leap)
    assert standing(grant, at=leap - timedelta(microseconds=1)) == ["grant0"]
    assert standing(grant, at=leap) == []


def test_a_pending_grant_counts_once_it_is_confirmed() -> None:
    pending = step("grant", 0, pending=True)
    assert standing(pending) == []
    assert standing(pending, step("confirm", 1)) == []  # a confirmation of nothing in particular
    assert standing(pending, step("confirm", 1, refers_to="grant0")) == ["grant0"]
    assert standing(pending, withdraw(1), step("confirm", 2, refers_to="grant0")) == []


def test_a_withdrawal_holds_though_the_clock_was_set_back_before_it() -> None:
    assert standing(step("grant", 0), withdraw(-300)) == []


def test_an_old_grant_entered_after_a_withdrawal_does_not_undo_it() -> None:
    assert standing(withdraw(10), step("grant", 9)) == []
    assert standing(withdraw(10), step("grant", 10)) == []
    assert standing(withdraw(10), step("grant", 11)) == ["grant0"]


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ({}, []),
        ({"purpose": "telemarketing"}, ["grant1"]),
        ({"purpose": "survey"}, ["grant0", "grant2"]),
        ({"seller": " ACME "}, ["grant2"]),  # and the one that names no seller
        ({"seller": "Other"}, ["grant0"]),
        ({"seller": "Nobody", "purpose": "charity"}, ["grant0", "grant1", "grant2"]),
    ],
)
def test_a_withdrawal_ends_what_is_in_its_scope(scope: dict[str, object], left: list[str]) -> None:
    grants = (
        step("grant", 0),
        step("grant", 0, 1, purpose="survey", seller=None),
        step("grant", 0, 2, seller="Other"),
    )
    assert standing(*grants, withdraw(1, **scope)) == left


def test_a_refusal_ends_what_it_refuses() -> None:
    assert standing(step("grant", 0), step("refuse", 1)) == []


def test_a_consent_to_be_recorded_takes_no_part() -> None:
    recorded = step("grant", 0, kind="recording")
    assert fold([recorded]) == ()
    assert standing(step("grant", 0, 1), step("withdraw", 1, kind="recording", purpose="survey")) == ["grant1"]


def test_a_grant_for_a_purpose_that_no_rule_knows_never_counts() -> None:
    assert fold([step("grant", 0, purpose="anything"), step("grant", 0, kind="oral")]) == ()


acts = st.builds(
    step,
    st.sampled_from(["grant", "confirm", "withdraw", "refuse"]),
    st.integers(0, 20),
    n=st.integers(0, 3),
    purpose=st.sampled_from(["telemarketing", "survey"]),
    seller=st.sampled_from([None, "Acme", "acme", "Other"]),
    pending=st.booleans(),
    refers_to=st.sampled_from([None, "grant0", "grant1"]),
)


def _ids(held: tuple[Held, ...]) -> list[tuple[str, bool]]:
    return [(one.id, one.stands(LONG_AFTER)) for one in held]


@given(st.lists(acts, max_size=8), st.integers(-5, 30))
def test_after_a_withdrawal_of_all_nothing_given_before_stands(history: list[Step], day: int) -> None:
    assert not any(stands for _, stands in _ids(fold([*history, withdraw(day)])))


@given(st.lists(acts, max_size=8), acts, st.integers(0, 8))
def test_one_more_withdrawal_anywhere_never_makes_a_consent_stand(history: list[Step], end: Step, place: int) -> None:
    more = [*history[:place], replace(end, act="withdraw"), *history[place:]]
    before, after = _ids(fold(history)), _ids(fold(more))
    assert all(was or not now for (_, was), (_, now) in zip(before, after, strict=True))

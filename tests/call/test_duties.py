"""What a verdict obliges a call to: kept by the flow, or a reason not to call."""

import math
from types import MappingProxyType

import pytest

from ari_app.duties import Duties, duties_of
from compliance.verdict import Obligation, ObligationKind

K = ObligationKind


def owed(kind: ObligationKind, **params: str | int) -> Obligation:
    return Obligation(kind, MappingProxyType(params))


def of(*obligations: Obligation, greeting: float = 2.5) -> Duties:
    return duties_of(obligations, lambda: greeting)


def test_nothing_owed_is_nothing_done() -> None:
    assert of() == Duties()


@pytest.mark.parametrize("kind", list(K))
def test_every_obligation_there_is_can_be_kept(kind: ObligationKind) -> None:
    assert of(owed(kind)).broken == ""


def test_what_is_owed_reaches_the_flow() -> None:
    duties = of(owed(K.IDENTIFY, within_seconds=30), owed(K.ANNOUNCE_OPT_OUT, within_seconds=2))
    assert (duties.identify, duties.offer_opt_out, duties.beep_seconds) == (True, True, 0)
    assert of(owed(K.BEEP, every_seconds=15)).beep_seconds == 15


@pytest.mark.parametrize(
    ("obligation", "greeting", "says"),
    [
        (owed(K.IDENTIFY, within_seconds=10), 10.0, ""),
        (owed(K.IDENTIFY, within_seconds=10), 10.01, "the greeting takes 10.0 s"),
        (owed(K.IDENTIFY, within_seconds=10), math.inf, "the greeting takes inf s"),
        (owed(K.IDENTIFY, within_seconds="soon"), 1.0, "the law gives 0 s"),
        (owed(K.END_ON_REQUEST, within_seconds=0), 1.0, ""),
        (owed(K.BEEP, every_seconds=1), 1.0, "a beep every 1 s"),
        (owed(K.BEEP, every_seconds=120), 1.0, ""),
        (owed(K.BEEP, every_seconds=121), 1.0, "a beep every 121 s"),
    ],
)
def test_what_cannot_be_kept_is_a_reason_not_to_call(obligation: Obligation, greeting: float, says: str) -> None:
    broken = of(obligation, greeting=greeting).broken
    assert broken.startswith(says) or says in broken
    assert bool(broken) == bool(says)


def test_the_greeting_is_measured_only_where_a_time_is_set() -> None:
    def ask() -> float:
        raise AssertionError("measured for nothing")

    assert duties_of([owed(K.IDENTIFY), owed(K.BEEP, every_seconds=15)], ask).identify

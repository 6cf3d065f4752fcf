"""Which consents a call rests on: those without which a law would forbid it."""

from compliance.case import Case
from compliance.facts import Consent
from compliance.rules.attempts import AttemptsLeft, WaitedLongEnough
from compliance.rules.calling_hours import CallingHours
from compliance.rules.consent import ConsentGiven
from compliance.rules.prohibition import NotProhibited
from compliance.rules.registry import RegistryClear

_ASKED = (RegistryClear(), ConsentGiven(), NotProhibited(), CallingHours(), AttemptsLeft(), WaitedLongEnough())


def relied_on(case: Case) -> tuple[Consent, ...]:
    """In the order of the laws; empty: the call needs none, or has none."""
    if case.relied_on is None:
        case.relied_on = _relied_on(case) if case.facts.consents else ()
    return case.relied_on


def _relied_on(case: Case) -> tuple[Consent, ...]:
    found: tuple[Consent, ...] = ()
    for rule in _ASKED:
        if rule.concerned(case.law):
            found += rule.weigh(case).relied_on
    return found

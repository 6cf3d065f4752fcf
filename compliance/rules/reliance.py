"""Which consents a call rests on: those without which a law would forbid it."""

from compliance.case import Case
from compliance.facts import Consent
from compliance.rules.attempts import AttemptsLeft, WaitedLongEnough
from compliance.rules.consent import ConsentGiven
from compliance.rules.prohibition import NotProhibited
from compliance.rules.registry import RegistryClear

_ASKED = (RegistryClear(), ConsentGiven(), NotProhibited(), AttemptsLeft(), WaitedLongEnough())


def relied_on(case: Case) -> tuple[Consent, ...]:
    """Each once, in the order of the laws; empty: the call needs none, or has none."""
    if not case.facts.consents:
        return ()
    return tuple(dict.fromkeys(consent for rule in _ASKED for consent in rule.weigh(case).relied_on))

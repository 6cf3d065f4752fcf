"""Which of the consents on file stands for this call.

A consent stands at an instant when it was obtained at or before it, is not withdrawn by then, has not expired (the
instant of expiry is the first without it), and was given for this purpose and to this seller. One whose day, purpose
or seller nobody knows does not stand. Where the campaign asks for a double opt-in, one that is not confirmed does not
stand either.

A withdrawal holds at once: the deadlines of the law only limit how late it may. And it ends every consent that this
seller was given until then, whatever for, as 47 CFR 64.1200(a)(10) will have it from 2027: who takes back one of them
is not called on the strength of another.
"""

from collections.abc import Iterable
from datetime import datetime

from compliance.facts import Consent, Facts
from compliance.terms import ConsentKind

_STRENGTH = {kind: strength for strength, kind in enumerate(ConsentKind)}


def at_least(kind: ConsentKind, wanted: ConsentKind) -> bool:
    """none < implied < express < express_written"""
    return _STRENGTH[kind] >= _STRENGTH[wanted]


def standing(facts: Facts, kind: ConsentKind, at: datetime) -> Consent | None:
    """The best consent of at least `kind` that stands at `at`; None: there is none, or the consents are unknown."""
    return next(iter(all_standing(facts, kind, at)), None)


def all_standing(facts: Facts, kind: ConsentKind, at: datetime) -> tuple[Consent, ...]:
    """Every consent of at least `kind` that stands, best first: by kind, then a confirmed one, then the latest."""
    if not facts.consents:
        return ()
    found = [consent for consent in facts.consents if at_least(consent.kind, kind) and stands(consent, facts, at)]
    if len(facts.consents) > 1:
        withdrawn = _last_withdrawal(facts, at)
        if withdrawn is not None:
            found = [consent for consent in found if obtained(consent) > withdrawn]
        found.sort(key=lambda consent: _rank(consent, at), reverse=True)
    return tuple(found)


def stands(consent: Consent, facts: Facts, at: datetime) -> bool:
    """Whatever its kind: it covers this call at `at`, if no other consent was withdrawn since it was given."""
    return (
        consent.obtained_at is not None
        and consent.obtained_at <= at
        and (consent.withdrawn_at is None or consent.withdrawn_at > at)
        and (consent.expires_at is None or consent.expires_at > at)
        and consent.purpose is not None
        and consent.purpose is facts.purpose
        and consent.seller is not None
        and consent.seller == facts.seller
        and (not facts.double_opt_in or confirmed(consent, at))
    )


def confirmed(consent: Consent, at: datetime) -> bool:
    """The double opt-in is complete: the person has confirmed it, at `at` at the latest."""
    return consent.confirmed_at is not None and consent.confirmed_at <= at


def _last_withdrawal(facts: Facts, at: datetime) -> datetime | None:
    """When the person last withdrew a consent of this seller, or of one nobody names; None: never."""
    return max(
        (
            consent.withdrawn_at
            for consent in facts.consents or ()
            if consent.withdrawn_at is not None
            and consent.withdrawn_at <= at
            and (consent.seller is None or consent.seller == facts.seller)
        ),
        default=None,
    )


def latest(standing: Iterable[Consent]) -> Consent:
    """The one obtained last. Raises ValueError when there is none."""
    return max(standing, key=obtained)


def obtained(consent: Consent) -> datetime:
    """When a consent that stands was given."""
    assert consent.obtained_at is not None
    return consent.obtained_at


def _rank(consent: Consent, at: datetime) -> tuple[int, bool, datetime]:
    return _STRENGTH[consent.kind], confirmed(consent, at), obtained(consent)

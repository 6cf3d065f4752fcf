"""What the call owes when it is placed: every law's obligations, merged to the strictest of each kind.

| of one kind | the merged one has |
|---|---|
| a span it must keep within (`within_seconds`, `every_seconds`) | the shortest |
| a span it must last (`seconds`) | the longest |
| words | all of them |
"""

from collections.abc import Iterable
from functools import lru_cache
from types import MappingProxyType

from compliance.applicable import Applicable
from compliance.case import Case
from compliance.jurisdictions.model import ObligationLaw, RingTimeLaw
from compliance.rules.reliance import relied_on
from compliance.verdict import Obligation, ObligationKind

_LONGEST = frozenset({"seconds"})
_ORDER = {kind: place for place, kind in enumerate(ObligationKind)}
_RECORD_ANNOUNCEMENT = Obligation(ObligationKind.RECORD_ANNOUNCEMENT)
_LOG_CONSENT_USE = Obligation(ObligationKind.LOG_CONSENT_USE)


def obligations(case: Case, record_announcement: bool) -> tuple[Obligation, ...]:
    """In the order of `ObligationKind`. The use of a consent is logged wherever the call rests on one."""
    return _merged(case.law, record_announcement, bool(relied_on(case)))


@lru_cache(maxsize=1 << 12)
def _merged(law: Applicable, record_announcement: bool, on_consent: bool) -> tuple[Obligation, ...]:
    owed = [applied.law.obligation for applied in law.of(ObligationLaw)]
    owed += [_ring(applied.law.min_seconds) for applied in law.of(RingTimeLaw)]
    owed = [duty for duty in owed if duty.kind is not ObligationKind.LOG_CONSENT_USE]
    owed += [_RECORD_ANNOUNCEMENT] * record_announcement + [_LOG_CONSENT_USE] * on_consent
    return strictest_of_each(owed)


def _ring(seconds: int) -> Obligation:
    return Obligation(ObligationKind.MIN_RING, MappingProxyType({"seconds": seconds}))


def strictest_of_each(owed: Iterable[Obligation]) -> tuple[Obligation, ...]:
    merged: dict[ObligationKind, dict[str, str | int]] = {}
    for duty in owed:
        params = merged.setdefault(duty.kind, {})
        for name, value in duty.params.items():
            params[name] = _stricter(name, params[name], value) if name in params else value
    return tuple(
        Obligation(kind, MappingProxyType(dict(sorted(merged[kind].items())))) for kind in sorted(merged, key=_place)
    )


def _stricter(name: str, one: str | int, other: str | int) -> str | int:
    if isinstance(one, int) and isinstance(other, int):
        return max(one, other) if name in _LONGEST else min(one, other)
    words = dict.fromkeys(f"{one}; {other}".split("; "))
    return "; ".join(sorted(words))


def _place(kind: ObligationKind) -> int:
    return _ORDER[kind]

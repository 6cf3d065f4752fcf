from collections.abc import Sequence
from types import MappingProxyType

from compliance.case import Case, Denial, Rule
from compliance.verdict import Confidence, Obligation, ObligationKind

MIN_RING_SECONDS = 15


class RingTime(Rule):
    """An unanswered call rings at least 15 seconds (or four rings) before we give up.

    Source: 47 CFR 64.1200(a)(6).
    """

    id = "ring_time"
    citation = "47 CFR 64.1200(a)(6)"
    confidence = Confidence.VERIFIED_SECONDARY

    def check(self, case: Case) -> Sequence[Denial]:
        ring = case.facts.ring_seconds
        if ring is None:
            return self.missing("ring_seconds")
        return self.deny(f"would ring {ring} s; at least {MIN_RING_SECONDS} s") if ring < MIN_RING_SECONDS else ()

    def obligations(self, case: Case) -> Sequence[Obligation]:
        return (_MIN_RING,)


_MIN_RING = Obligation(ObligationKind.MIN_RING, MappingProxyType({"seconds": MIN_RING_SECONDS}))

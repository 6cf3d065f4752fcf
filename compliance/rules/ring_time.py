from collections.abc import Sequence
from datetime import datetime

from compliance.case import Case, Denial
from compliance.jurisdictions.model import RingTimeLaw
from compliance.rules.law_rule import LawRule
from compliance.verdict import Confidence


class RingTime(LawRule[RingTimeLaw]):
    """An unanswered call rings as long as the law wants before we give up; how long it will is known.

    Source: 47 CFR 64.1200(a)(6) (15 seconds or four rings) and its like in the data.
    """

    id = "ring_time"
    citation = "47 CFR 64.1200(a)(6)"
    confidence = Confidence.VERIFIED_SECONDARY
    topic = RingTimeLaw

    def needs(self, case: Case) -> Sequence[Denial]:
        return self.missing("ring_seconds") if case.facts.ring_seconds is None else ()

    def objection(self, case: Case, law: RingTimeLaw, at: datetime) -> tuple[str, datetime | None] | None:
        ring = case.facts.ring_seconds or 0
        return None if ring >= law.min_seconds else (f"would ring {ring} s; at least {law.min_seconds} s", None)

from datetime import datetime

from compliance.case import Case, Weighed
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

    def _weigh(self, case: Case) -> Weighed:
        if case.facts.ring_seconds is None:
            return Weighed(self.missing("ring_seconds"))
        return super()._weigh(case)

    def objection(self, case: Case, law: RingTimeLaw, at: datetime) -> tuple[str, datetime | None] | None:
        ring = case.facts.ring_seconds
        if ring is None:
            return "ring_seconds is unknown", None
        return None if ring >= law.min_seconds else (f"would ring {ring} s; at least {law.min_seconds} s", None)

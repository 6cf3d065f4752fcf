from datetime import datetime

from compliance.case import Case
from compliance.jurisdictions.model import AbandonmentLaw
from compliance.rules.law_rule import LawRule
from compliance.verdict import Confidence


class AbandonmentHeadroom(LawRule[AbandonmentLaw]):
    """No more of the campaign's answered calls have been abandoned than the law lets pass.

    Source: 47 CFR 64.1200(a)(7); 16 CFR 310.4(b)(4)(i) and their like in the data. `abandonment` counts the running
    period of the law that is asked. At the limit a call may still be placed, above it none that might be abandoned;
    calls with the agent on the line first bring the share down again. The first call has nothing to be measured by.
    """

    id = "abandonment"
    citation = "47 CFR 64.1200(a)(7); 16 CFR 310.4(b)(4)(i)"
    confidence = Confidence.VERIFIED_SECONDARY
    topic = AbandonmentLaw

    def objection(self, case: Case, law: AbandonmentLaw, at: datetime) -> tuple[str, datetime | None] | None:
        known = case.facts.abandonment
        if known is None:
            return "abandonment is unknown", None
        if known.abandoned * 1000 <= law.max_per_mille * known.answered:
            return None
        share = f"{known.abandoned} of {known.answered} answered calls abandoned"
        return f"{share}, {law.max_per_mille} in 1000 allowed ({law.period.value})", None

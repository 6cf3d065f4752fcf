from collections.abc import Sequence

from compliance.case import Case, Denial, Rule
from compliance.verdict import Confidence


class InternalDnc(Rule):
    """Who asked us not to call is not called, by any campaign; the entry does not expire by itself.

    Source: 47 CFR 64.1200(d)(3), (d)(6); 16 CFR 310.4(b)(1)(iii)(A). The rules let ten business days pass (five
    years until it lapses); here it holds from the commit on, for good.
    """

    id = "dnc.internal"
    citation = "47 CFR 64.1200(d)(3), (d)(6); 16 CFR 310.4(b)(1)(iii)(A)"
    confidence = Confidence.VERIFIED_PRIMARY

    def check(self, case: Case) -> Sequence[Denial]:
        listed = case.facts.internal_dnc
        if listed is None:
            return self.missing("internal_dnc")
        return self.deny("on the internal do-not-call list") if listed else ()

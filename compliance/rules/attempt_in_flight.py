from collections.abc import Sequence

from compliance.case import Case, Denial, Rule
from compliance.verdict import Confidence


class NoAttemptInFlight(Rule):
    """One call at a time to a number: none is placed while another is being dialled or talked.

    Source: house rule; two calls at once would also defeat every cap on attempts (Fla. Stat. 501.616(6)(b) and
    its like).
    """

    id = "attempt.in_flight"
    citation = "house rule: one call at a time to a number"
    confidence = Confidence.HOUSE

    def check(self, case: Case) -> Sequence[Denial]:
        in_flight = case.facts.in_flight
        if in_flight is None:
            return self.missing("in_flight")
        return self.deny("a call to this number is under way") if in_flight else ()

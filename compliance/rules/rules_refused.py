from collections.abc import Sequence

from compliance.case import Case, Denial, Rule
from compliance.verdict import Confidence


class RulesRefused(Rule):
    """Denies every call: an administrator's rules could not be taken, so nobody knows by what to allow one.

    Source: house rule. It stands alone in the gate of a process that has other work to go on with, such as taking
    opt-outs; `why` is what was wrong with the rules.
    """

    id = "rules.refused"
    citation = "house rule: no calls by rules nobody is sure of"
    confidence = Confidence.HOUSE

    def __init__(self, why: str) -> None:
        self._why = why

    def check(self, case: Case) -> Sequence[Denial]:
        return self.deny(self._why)

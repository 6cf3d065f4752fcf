from datetime import datetime

from compliance.case import Case
from compliance.jurisdictions.model import Prohibition, Unless
from compliance.rules.law_rule import LawRule
from compliance.verdict import Confidence


class NotProhibited(LawRule[Prohibition]):
    """Calls of this kind are not forbidden altogether where the number may lie.

    Source: the prohibitions in the data, such as 201 CMR 12.02(4) on recorded sales messages.
    """

    id = "prohibition"
    citation = "the prohibitions of each jurisdiction in the data"
    confidence = Confidence.HOUSE
    topic = Prohibition

    def objection(self, case: Case, law: Prohibition, at: datetime) -> tuple[str, datetime | None] | None:
        return f"such a call is not placed{_without(law.unless)}", None


def _without(unless: Unless) -> str:
    needs = [] if unless.consent is None else [f"{unless.consent.value} consent"]
    needs += ["an established business relationship"] * unless.relationship
    return f" without {' or '.join(needs)}" if needs else ""

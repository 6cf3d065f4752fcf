from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from compliance.case import Case, Denial
from compliance.consents import obtained
from compliance.facts import Reassigned, ReassignedAnswer
from compliance.jurisdictions.model import ReassignedLaw
from compliance.rules.law_rule import LawRule
from compliance.rules.reliance import relied_on
from compliance.verdict import Confidence


class NotReassigned(LawRule[ReassignedLaw]):
    """The number has not gone to somebody else since the person consented.

    Source: 47 CFR 64.1200(m). "yes" denies every call. A call that rests on consent needs a "no", asked for a day
    not after that of the consent, and answered lately; "no_data" is no safe harbor, and by house rule a denial.
    """

    id = "reassigned"
    citation = "47 CFR 64.1200(m)"
    confidence = Confidence.VERIFIED_PRIMARY
    topic = ReassignedLaw

    def needs(self, case: Case) -> Sequence[Denial]:
        known = case.facts.reassigned
        if known is not None and known.answer is ReassignedAnswer.YES:
            return self.deny("the number has been reassigned")
        return ()

    def objection(self, case: Case, law: ReassignedLaw, at: datetime) -> tuple[str, datetime | None] | None:
        consents = relied_on(case)
        if not consents:
            return None
        known = case.facts.reassigned
        if known is None:
            return "reassigned is unknown, and the call rests on consent", None
        oldest = min(obtained(consent) for consent in consents)
        trouble = _trouble(known, law, at, oldest)
        return None if trouble is None else (trouble, None)


def _trouble(known: Reassigned, law: ReassignedLaw, at: datetime, consented: datetime) -> str | None:
    if known.answer is not ReassignedAnswer.NO:
        return "the database has no data on the number, and the call rests on consent"
    if known.checked_at > at:
        return "checked_at lies in the future"
    if at - known.checked_at > timedelta(days=law.max_age_days):
        return f"checked more than {law.max_age_days} days ago"
    if known.consent_date is None:
        return "consent_date is unknown"
    if known.consent_date > consented.astimezone(UTC).date():
        return f"asked since {known.consent_date}, which is after the consent the call rests on"
    return None

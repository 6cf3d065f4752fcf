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
    not after that of the consent, and answered lately; "no_data" is no safe harbor, and by house rule a denial. Where
    the law wants it of every call (10 M.R.S. 1499-B(6)), one that rests on no consent needs it as well.
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
        if not consents and not law.every_call:
            return None
        known = case.facts.reassigned
        why = "the call rests on consent" if consents else "every number is to be asked about"
        if known is None:
            return f"reassigned is unknown, and {why}", None
        oldest = min((obtained(consent) for consent in consents), default=None)
        trouble = _trouble(known, law, at, oldest, why)
        return None if trouble is None else (trouble, None)


def _trouble(known: Reassigned, law: ReassignedLaw, at: datetime, consented: datetime | None, why: str) -> str | None:
    if known.answer is not ReassignedAnswer.NO:
        return f"the database has no data on the number, and {why}"
    if known.checked_at > at:
        return "checked_at lies in the future"
    if at - known.checked_at > timedelta(days=law.max_age_days):
        return f"checked more than {law.max_age_days} days ago"
    if known.consent_date is None:
        return "consent_date is unknown"
    if consented is not None and known.consent_date > consented.astimezone(UTC).date():
        return f"asked since {known.consent_date}, which is after the consent the call rests on"
    return None

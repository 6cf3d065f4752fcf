from collections.abc import Sequence
from datetime import datetime

from compliance.case import Case, Denial, Rule
from compliance.consents import confirmed, latest, obtained
from compliance.facts import Consent, ConsentKind
from compliance.jurisdictions.model import ConsentLaw
from compliance.relationship import within_months
from compliance.rules.law_rule import LawRule
from compliance.verdict import Confidence


class ConsentGiven(LawRule[ConsentLaw]):
    """There is a consent of the kind that each law asks for, for this purpose and seller, standing at the instant.

    Source: 47 CFR 64.1200(a)(2)-(3), (f)(9); 16 CFR 310.4(b)(1)(v)(A), and the consent laws in the data. What sort
    of call it is decides which consent it needs, so the kind of call, its purpose and whom it is for must be known.
    Where a consent lapses unless it is given anew, the months are counted by the calendar, in every zone, from the
    day it was given or last confirmed.
    """

    id = "consent"
    citation = "47 CFR 64.1200(a)(2)-(3), (f)(9); 16 CFR 310.4(b)(1)(v)(A)"
    confidence = Confidence.VERIFIED_SECONDARY
    topic = ConsentLaw

    def needs(self, case: Case) -> Sequence[Denial]:
        facts = case.facts
        if facts.call_kind is None:
            return self.missing("call_kind")
        if facts.purpose is None:
            return self.missing("purpose")
        return self.missing("party") if facts.party is None else ()

    def objection(self, case: Case, law: ConsentLaw, at: datetime) -> tuple[str, datetime | None] | None:
        if law.kind is ConsentKind.NONE:
            return None
        needed = f"{law.kind.value} consent"
        if case.facts.consents is None:
            return f"consents is unknown, and the call needs {needed}", None
        renewed = f", given or confirmed within {law.renew_months} months" if law.renew_months else ""
        return f"needs {needed} for this purpose and seller{renewed}, and none stands", None

    def consent_for(self, case: Case, law: ConsentLaw, at: datetime) -> Consent | None:
        """The latest of those that are enough: the younger it is, the more it may prove."""
        enough = case.consents(law.kind, at)
        if law.renew_months is not None:
            enough = tuple(consent for consent in enough if _fresh(case, consent, law.renew_months, at))
        return latest(enough) if enough else super().consent_for(case, law, at)


class DoubleOptIn(Rule):
    """Where the campaign asks for a double opt-in, the person has completed it: a consent stands and is confirmed.

    Source: house rule on a campaign's demand (`double_opt_in`); BGH 10.2.2011, I ZR 164/09 on what proves a consent.
    One that is not confirmed stands for nothing in such a campaign, so it does not open a list or an hour either.
    """

    id = "consent.double_opt_in"
    citation = "house rule: a campaign that asks for double opt-in calls nobody who has not completed it"
    confidence = Confidence.HOUSE

    def check(self, case: Case) -> Sequence[Denial]:
        facts = case.facts
        if not facts.double_opt_in:
            return ()
        if facts.at is None:
            return self.missing("at")
        if facts.consents is None:
            return self.missing("consents")
        if case.consents(ConsentKind.IMPLIED, facts.at):
            return ()
        return self.deny("no consent for this purpose and seller is confirmed")


def _fresh(case: Case, consent: Consent, months: int, at: datetime) -> bool:
    given = obtained(consent)
    if confirmed(consent, at):
        assert consent.confirmed_at is not None
        given = max(given, consent.confirmed_at)
    return within_months(given, months, at, case.zones)

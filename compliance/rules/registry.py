from datetime import datetime

from compliance.applicable import Applied
from compliance.case import Case
from compliance.facts import Consent
from compliance.jurisdictions.model import RegistryLaw
from compliance.rules.law_rule import LawRule
from compliance.verdict import Confidence


class RegistryClear(LawRule[RegistryLaw]):
    """The number is not on any do-not-call list that holds where it may lie, by a version young enough.

    Source: 16 CFR 310.4(b)(1)(iii)(B), (b)(3)(iv) and 47 CFR 64.1200(c)(2), and their like in the data, states' own
    lists among them. Age is counted in local days, in the zone where it is latest; a version of tomorrow is none.
    Who may be called in spite of a list need not be looked up in it; but where nothing is said of any list
    (`registries` unknown), nobody has looked, and no exemption helps.
    """

    id = "registry"
    citation = "16 CFR 310.4(b)(1)(iii)(B), (b)(3)(iv); 47 CFR 64.1200(c)(2)"
    confidence = Confidence.VERIFIED_PRIMARY
    topic = RegistryLaw

    def objection(self, case: Case, law: RegistryLaw, at: datetime) -> tuple[str, datetime | None] | None:
        registries = case.facts.registries
        found = None if registries is None else registries.get(law.list)
        if found is None:
            unknown = f"{law.list} is unknown: no version of it that covers the number"
            return (unknown if registries is not None else f"registries is unknown: {law.list}"), None
        version = f"{law.list}, version of {found.version_date}"
        if found.version_date > case.first:
            return f"{version}: that day is still to come", None
        age = (case.last - found.version_date).days
        if age > law.max_age_days:
            return f"{version}: {age} days old, {law.max_age_days} allowed", None
        return (f"on {version}", None) if found.listed else None

    def yields_to_relationship(self, case: Case, applied: Applied[RegistryLaw], at: datetime) -> bool:
        return case.facts.registries is not None and super().yields_to_relationship(case, applied, at)

    def consent_for(self, case: Case, law: RegistryLaw, at: datetime) -> Consent | None:
        return None if case.facts.registries is None else super().consent_for(case, law, at)

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Generic, TypeVar

from compliance.applicable import UNKNOWN_LAW, Applicable, Applied
from compliance.case import Case, Denial, Rule, Weighed
from compliance.consents import latest
from compliance.facts import Consent
from compliance.jurisdictions.model import Law
from compliance.relationship import established
from compliance.verdict import Reason

L = TypeVar("L", bound=Law)

_NO_OBJECTION = Weighed()


class LawRule(Rule, Generic[L]):
    """A rule that asks every law of its topic that speaks of the call: figures and citations are the data's.

    A law that objects is set aside where it yields to an established business relationship, or else to a consent,
    and the person has it. What does not object needs no exemption, so a consent counts as relied on only where the
    call would be denied without it. While place or time are unknown, so is the law, and the rule denies.
    """

    topic: type[L]

    @abstractmethod
    def objection(self, case: Case, law: L, at: datetime) -> tuple[str, datetime | None] | None:
        """What stands against the call by this law, in words, and until when; None: nothing."""

    def needs(self, case: Case) -> Sequence[Denial]:
        """What it denies for whatever the law, such as a fact that every call needs."""
        return ()

    def concerned(self, law: Applicable) -> bool:
        return law is UNKNOWN_LAW or bool(law.of(self.topic)) or type(self).needs is not LawRule.needs

    def check(self, case: Case) -> Sequence[Denial]:
        found = case.weighed.get(self.id)
        return self.weigh(case).denials if found is None else found.denials

    def weigh(self, case: Case) -> Weighed:
        found = case.weighed.get(self.id)
        if found is None:
            found = case.weighed[self.id] = self._weigh(case)
        return found

    def _weigh(self, case: Case) -> Weighed:
        needed = self.needs(case)
        if needed:
            return Weighed(tuple(needed))
        at = case.facts.at
        if at is None:
            return Weighed(self.missing("at"))
        if not case.regions:
            return Weighed(self.missing("the number's region"))
        denials: list[Denial] = []
        relied_on: list[Consent] = []
        for applied in case.law.of(self.topic):
            objection = self.objection(case, applied.law, at)
            if objection is None or self.yields_to_relationship(case, applied, at):
                continue
            consent = self.consent_for(case, applied.law, at)
            if consent is None:
                denials.append(self.by_law(applied, *objection))
            else:
                relied_on.append(consent)
        return Weighed(tuple(denials), tuple(relied_on)) if denials or relied_on else _NO_OBJECTION

    def yields_to_relationship(self, case: Case, applied: Applied[L], at: datetime) -> bool:
        return (
            applied.law.unless.relationship
            and bool(applied.relationships)
            and all(established(case.facts, law, at, case.zones) for law in applied.relationships)
        )

    def consent_for(self, case: Case, law: L, at: datetime) -> Consent | None:
        """The consent that sets the law aside; None: there is none, or the law does not yield to it."""
        kind = law.unless.consent
        found = () if kind is None else case.consents(kind, at)
        return latest(found) if found else None

    def by_law(self, applied: Applied[L], detail: str, until: datetime | None = None) -> Denial:
        """The denial, citing the law, and naming what may have brought the call under it."""
        entry = applied.law.entry
        unknown = f" ({', '.join(applied.wanting)} unknown, so it may apply)" if applied.wanting else ""
        return Denial(Reason(self.id, entry.citation, f"{entry.id}: {detail}{unknown}", entry.confidence), until)

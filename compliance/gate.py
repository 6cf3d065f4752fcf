"""May we call? Every rule is asked; one no is enough, and a needed fact that is missing is a no.

Order of the work: the candidate regions and time zones of the number and the law that applies there are looked up
once, then each rule looks at the case, then the recording duty and the obligations are derived. Where every denial
ends by itself, the rules are asked again for the instant of the last one's end, until they allow a call or say that
waiting does not help. The clock is `facts.at`; nothing here reads another.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from compliance.applicable import Applicable
from compliance.case import Case, Denial, Rule
from compliance.duties import obligations
from compliance.facts import Facts
from compliance.jurisdictions import Packs
from compliance.recording import recording_duty
from compliance.verdict import Decision, Verdict

_LAST_YEAR = 2199  # of what `Facts` can be asked about
_TRIES = 16
_KEPT = 1 << 12


class Gate:
    """`Gate(rules, packs).check(facts)`; immutable, shared by all calls."""

    def __init__(self, rules: Sequence[Rule], packs: Packs) -> None:
        if not rules:
            raise ValueError("a gate without rules would allow everything")
        self._rules = tuple(rules)
        self._packs = packs
        self._concerned: dict[Applicable, tuple[Rule, ...]] = {}

    @property
    def pack(self) -> str:
        return self._packs.version

    def check(self, facts: Facts) -> Verdict:
        case = Case.of(facts, self._packs)
        denials = self._denials(case)
        recording = recording_duty(case)
        return Verdict(
            decision=Decision.DENY if denials else Decision.ALLOW,
            reasons=tuple(dict.fromkeys([denial.reason for denial in denials])) if denials else (),
            obligations=obligations(case, recording.record_announcement),
            recording=recording,
            next_allowed_at=self._next_allowed(facts, denials) if denials else None,
            pack=self._packs.version,
        )

    def _denials(self, case: Case) -> list[Denial]:
        denials: list[Denial] = []
        for rule in self._concerned.get(case.law) or self._rules_under(case.law):
            found = rule.check(case)
            if found:
                denials.extend(found)
        return denials

    def _rules_under(self, law: Applicable) -> tuple[Rule, ...]:
        if len(self._concerned) >= _KEPT:
            self._concerned.clear()
        found = self._concerned[law] = tuple(rule for rule in self._rules if rule.concerned(law))
        return found

    def _next_allowed(self, facts: Facts, denials: Sequence[Denial]) -> datetime | None:
        """Waiting helps if it cures every denial, and brings no new one: a quota may be free again at night."""
        for _ in range(_TRIES):
            until = _all_over(denials)
            if until is None or until.year > _LAST_YEAR:
                return None
            denials = self._denials(Case.of(replace(facts, at=until), self._packs))
            if not denials:
                return until
        return None


def _all_over(denials: Sequence[Denial]) -> datetime | None:
    """When the last of them ends; None: one of them does not."""
    latest: datetime | None = None
    for denial in denials:
        if denial.until is None:
            return None
        if latest is None or denial.until > latest:
            latest = denial.until
    return latest

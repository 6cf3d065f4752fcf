"""May we call? Every rule is asked; one no is enough, and a needed fact that is missing is a no.

Order of the work: the candidate regions and time zones of the number are looked up once, then each rule looks
at the case, then the recording duty is derived. The clock is `facts.at`; nothing here reads another.
"""

from collections.abc import Sequence
from datetime import datetime

from compliance.case import Case, Denial, Rule
from compliance.facts import Facts
from compliance.jurisdictions import Packs
from compliance.recording import recording_duty
from compliance.verdict import Decision, Obligation, ObligationKind, Verdict

_RECORD_ANNOUNCEMENT = Obligation(ObligationKind.RECORD_ANNOUNCEMENT)


class Gate:
    """`Gate(rules, packs).check(facts)`; immutable, shared by all calls."""

    def __init__(self, rules: Sequence[Rule], packs: Packs) -> None:
        if not rules:
            raise ValueError("a gate without rules would allow everything")
        self._rules = tuple(rules)
        self._packs = packs

    @property
    def pack(self) -> str:
        return self._packs.version

    def check(self, facts: Facts) -> Verdict:
        case = Case.of(facts, self._packs)
        denials: list[Denial] = []
        obligations: list[Obligation] = []
        for rule in self._rules:
            denials.extend(rule.check(case))
            obligations.extend(rule.obligations(case))
        recording = recording_duty(case)
        if recording.record_announcement:
            obligations.append(_RECORD_ANNOUNCEMENT)
        return Verdict(
            decision=Decision.DENY if denials else Decision.ALLOW,
            reasons=tuple(denial.reason for denial in denials),
            obligations=tuple(obligations),
            recording=recording,
            next_allowed_at=_next_allowed(denials),
            pack=self._packs.version,
        )


def _next_allowed(denials: Sequence[Denial]) -> datetime | None:
    """Waiting helps only if it cures every denial; then the latest of them counts."""
    latest: datetime | None = None
    for denial in denials:
        if denial.until is None:
            return None
        if latest is None or denial.until > latest:
            latest = denial.until
    return latest

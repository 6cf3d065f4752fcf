from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from compliance.case import Case, Denial
from compliance.jurisdictions.model import CallerIdLaw
from compliance.number import BadNumber, Number, parse_number
from compliance.rules.law_rule import LawRule
from compliance.verdict import Confidence
from compliance.whereabouts import LineKind, line_kind

_DIALLABLE = frozenset({LineKind.ORDINARY, LineKind.TOLL_FREE, LineKind.UNIVERSAL})


class CallerIdShown(LawRule[CallerIdLaw]):
    """The call shows a number of ours that can be called back, from a range that callers may use there.

    Source: 47 CFR 64.1601(e); 16 CFR 310.4(a)(8); PECR reg. 21(A1); the ranges closed to telemarketers stand in the
    data. A premium number, one nobody can dial, or the callee's own is none. Needed everywhere, law or not.
    """

    id = "caller_id"
    citation = "47 CFR 64.1601(e); 16 CFR 310.4(a)(8)"
    confidence = Confidence.GENERAL_KNOWLEDGE
    topic = CallerIdLaw

    def needs(self, case: Case) -> Sequence[Denial]:
        shown = case.facts.caller_id
        if shown is None:
            return self.missing("caller_id")
        e164 = _callable(shown)
        if e164 is None:
            return self.deny("caller_id is no ordinary or toll-free number in international form")
        if isinstance(case.facts.number, Number) and case.facts.number.e164 == e164:
            return self.deny("caller_id is the number to be called")
        return ()

    def objection(self, case: Case, law: CallerIdLaw, at: datetime) -> tuple[str, datetime | None] | None:
        e164 = _callable(case.facts.caller_id or "") or ""
        for prefix in law.forbidden_prefixes:
            if e164.startswith(prefix):
                return f"numbers that begin with {prefix} may not be shown", None
        if law.required_prefixes and not e164.startswith(law.required_prefixes):
            return f"only numbers that begin with {' or '.join(law.required_prefixes)} may be shown", None
        return None


@lru_cache(maxsize=1 << 10)
def _callable(text: str) -> str | None:
    """The number in E.164; None: it is none, or nobody could call it back at an ordinary price."""
    try:
        number = parse_number(text)
    except BadNumber:
        return None
    return number.e164 if line_kind(number.e164) in _DIALLABLE else None

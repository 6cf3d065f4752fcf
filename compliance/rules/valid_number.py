from collections.abc import Sequence

from compliance.case import Case, Denial, Rule
from compliance.facts import Unreadable
from compliance.verdict import Confidence
from compliance.whereabouts import LineKind, line_kind

_WHY = {
    LineKind.PREMIUM: "premium-rate number",
    LineKind.UNIVERSAL: "an organisation's number, not a subscriber's line",
    LineKind.NOT_A_SUBSCRIBER: "not a subscriber's line (shared cost, personal, pager or voicemail)",
    LineKind.UNASSIGNED: "not a number of any numbering plan",
}


class ValidNumber(Rule):
    """The number is assigned to subscribers and its region is known.

    Source: ITU-T E.164 and the national plans as libphonenumber and the area-code table give them; service codes
    (N11) and directory assistance are emergency or service lines that 47 CFR 64.1200(a)(1)(i) protects.
    """

    id = "number.valid"
    citation = "ITU-T E.164; national numbering plans; 47 CFR 64.1200(a)(1)(i)"
    confidence = Confidence.VERIFIED_SECONDARY

    def check(self, case: Case) -> Sequence[Denial]:
        number = case.facts.number
        if number is None:
            return self.missing("number")
        if isinstance(number, Unreadable):
            return self.deny(number.why)
        why = _WHY.get(line_kind(number.e164))
        if why is not None:
            return self.deny(why)
        if not case.regions:
            return self.missing("the number's region")
        return ()

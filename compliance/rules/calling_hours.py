from collections.abc import Sequence

from compliance.case import Case, Denial, Rule, Weighed
from compliance.facts import MAX_RING_SECONDS
from compliance.hours import Closed, closed, next_open, relied_on
from compliance.verdict import Confidence, Reason
from compliance.windows import clock_spans


class CallingHours(Rule):
    """The local time is inside the hours of every candidate region in every candidate zone, ring included.

    Source: 47 CFR 64.1200(c)(1), 16 CFR 310.4(c): not before 8 a.m. or after 9 p.m. at the called party's
    location; 08:00:00 is open, 21:00:00 is closed; and the hours, weekdays and holidays of the other laws in the data.
    A ring time nobody stated counts as the longest we allow.
    """

    id = "hours"
    citation = "47 CFR 64.1200(c)(1); 16 CFR 310.4(c)"
    confidence = Confidence.VERIFIED_SECONDARY

    def check(self, case: Case) -> Sequence[Denial]:
        return self.weigh(case).denials

    def weigh(self, case: Case) -> Weighed:
        found = case.weighed.get(self.id)
        if found is None:
            found = case.weighed[self.id] = self._weigh(case)
        return found

    def _weigh(self, case: Case) -> Weighed:
        at = case.facts.at
        if at is None:
            return Weighed(self.missing("at"))
        if not case.zones:
            return Weighed(self.missing("the time zone of the number or its region"))
        ring = case.facts.ring_seconds or MAX_RING_SECONDS
        shut = closed(case, at, ring)
        if not shut:
            return Weighed((), relied_on(case, at, ring))
        opens = next_open(case, at, ring)
        return Weighed(tuple(Denial(self._reason(case, each, ring), opens) for each in shut))

    def _reason(self, case: Case, shut: Closed, ring: int) -> Reason:
        entry = shut.hours.entry
        return Reason(self.id, entry.citation, _detail(case, shut, ring), entry.confidence)


def _detail(case: Case, shut: Closed, ring: int) -> str:
    facts = case.facts
    day = f" ({shut.bound.holiday})" if shut.bound.holiday else ""
    unknown = shut.hours.when.wanting(facts.call_kind, facts.purpose, facts.party)
    hangs = f"; whether it applies hangs on {' and '.join(unknown)}, unknown" if unknown else ""
    return (
        f"{shut.local:%a %H:%M:%S}{day} in {shut.zone.key} with a ring of {ring} s; {shut.hours.entry.id} is "
        f"{'open ' if shut.bound.windows else ''}{clock_spans(shut.bound.windows)}{hangs}"
    )

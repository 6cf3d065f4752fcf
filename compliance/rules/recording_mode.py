from collections.abc import Sequence

from compliance.case import Case, Denial, Rule
from compliance.verdict import Confidence


class RecordingEndsKnown(Rule):
    """The places of both ends are known, so that the recording mode rests on facts.

    Source: 18 USC 2511(2)(d) and the state and national recording laws in the data; where ends differ, the
    stricter law is met (Kearney v. Salomon Smith Barney, 39 Cal. 4th 95 (2006)).
    """

    id = "recording.ends"
    citation = "18 USC 2511(2)(d); Kearney v. Salomon Smith Barney, 39 Cal. 4th 95 (2006)"
    confidence = Confidence.GENERAL_KNOWLEDGE

    def check(self, case: Case) -> Sequence[Denial]:
        if not case.regions:
            return self.missing("the number's region")
        return self.missing("agent_region") if case.facts.agent_region is None else ()


class RecordingSetupKnown(Rule):
    """Where the audio goes, whose call it is and what the campaign wants are known when it is dialled.

    Source: house rule; the mode is the strictest of both ends, storage and seller, and the campaign's policy.
    """

    id = "recording.setup"
    citation = "house rule: the recording mode is the strictest of everyone who has a say"
    confidence = Confidence.HOUSE

    def check(self, case: Case) -> Sequence[Denial]:
        facts = case.facts
        if facts.storage_region is None:
            return self.missing("storage_region")
        if facts.seller_region is None:
            return self.missing("seller_region")
        return self.missing("recording_policy") if facts.recording_policy is None else ()

from collections.abc import Sequence

from compliance.case import Case, Denial, Rule
from compliance.verdict import Confidence


class PromptsAvailable(Rule):
    """Every prompt the call may have to play is there, in every language it needs, before it is dialled.

    Source: house rule; a notice that cannot be played would leave 47 CFR 64.1200(b), (d)(4) and the recording
    laws unmet in the middle of a call.
    """

    id = "prompts"
    citation = "house rule: no call without its notice, consent and opt-out prompts"
    confidence = Confidence.HOUSE

    def check(self, case: Case) -> Sequence[Denial]:
        prompts = case.facts.prompts
        if not prompts:
            return self.missing("prompts")
        absent = sorted(language for language, present in prompts.items() if not present)
        return self.deny(f"no prompts in language {', '.join(absent)}") if absent else ()

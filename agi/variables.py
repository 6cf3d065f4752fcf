"""Channel variables, as a dialplan may read them. Pure.

A dialplan pastes a variable's text into expressions and arguments: a quote, comma, bracket, `$` or line break in it
would be read as dialplan. So texts are reduced to letters, digits, blanks and `. : / = _ + -`, whatever they came from.
"""

import re
from collections.abc import Mapping

from compliance.verdict import Obligation, Verdict

LONGEST = 200
"""Characters of one variable."""

Variables = Mapping[str, str]

_OTHER = re.compile(r"[^A-Za-z0-9.:/=_+-]+")


def plain(text: str) -> str:
    """At most LONGEST characters that mean nothing to a dialplan."""
    return _OTHER.sub(" ", text).strip()[:LONGEST].rstrip()


def allowed(verdict: Verdict, attempt: str, number: str, caller_id: str, ring_seconds: int) -> Variables:
    """Of a call that may be dialled, the decision last. `__`: channels dialled from this one have it too."""
    return {
        "__HEEDLINE_ATTEMPT": attempt,
        "__HEEDLINE_RECORDING": verdict.recording.mode.value,
        "__HEEDLINE_OBLIGATIONS": obligations(verdict.obligations),
        "HEEDLINE_NUMBER": number,
        "HEEDLINE_CALLERID": caller_id,
        "HEEDLINE_RING": str(ring_seconds),
        "HEEDLINE_NEXT": "",
        "HEEDLINE_REASON": "",
        "HEEDLINE_DECISION": "allow",
    }


def denied(reason: str, next_allowed: str = "") -> Variables:
    return {
        "HEEDLINE_ATTEMPT": "",
        "HEEDLINE_NEXT": plain(next_allowed),
        "HEEDLINE_REASON": plain(reason),
        "HEEDLINE_DECISION": "deny",
    }


def why_not(verdict: Verdict) -> str:
    return " / ".join(f"{reason.rule}: {reason.detail}" for reason in verdict.reasons)


def obligations(owed: tuple[Obligation, ...]) -> str:
    """One word each: `identify:within_seconds=2 beep:every_seconds=15`. Cut between words where it grows too long."""
    words = []
    for each in owed:
        params = (f"{name}={_word(str(value))}" for name, value in sorted(each.params.items()))
        words.append(":".join((each.kind.value, *params)))
    text = ""
    for word in words:
        if len(text) + len(word) + 1 > LONGEST:
            word = word.partition(":")[0]  # its name at least
        text += f" {word}"
    return plain(text)


def _word(text: str) -> str:
    return _OTHER.sub("_", text)

"""A verdict as a person reads it."""

from collections.abc import Iterable

from compliance.verdict import Obligation, Reason, Verdict
from heedline.cli.ledger import print_pairs, print_table, when

DENIED = 3
"""Exit status of a command whose answer is the gate's no."""


def print_verdict(verdict: Verdict) -> None:
    """The decision, then why not, then what the call owes and how it may be recorded."""
    duty = verdict.recording
    announced = ", its announcement too" if duty.record_announcement else ""
    print_pairs(
        (
            ("decision", verdict.decision.value),
            ("next allowed", when(verdict.next_allowed_at) or ("" if verdict.allowed else "waiting does not help")),
            ("recording", f"{duty.mode.value}{announced} ({', '.join(duty.jurisdictions) or 'nowhere known'})"),
            ("rules of", verdict.pack),
        )
    )
    if verdict.reasons:
        print_table(("denied by", "why", "citation", "confidence"), map(_reason, verdict.reasons), "")
    if verdict.obligations:
        print_table(("the call owes", "how"), _obligations(verdict.obligations), "")
    if duty.reasons:
        print_table(("recording by", "why", "citation", "confidence"), map(_reason, duty.reasons), "")


def _reason(reason: Reason) -> tuple[str, ...]:
    return reason.rule, reason.detail, reason.citation, reason.confidence.value


def _obligations(obligations: Iterable[Obligation]) -> Iterable[tuple[str, str]]:
    for owed in obligations:
        yield owed.kind.value, ", ".join(f"{name} {value}" for name, value in sorted(owed.params.items()))

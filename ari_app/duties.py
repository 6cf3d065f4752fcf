"""What a verdict obliges this call to, as the flow keeps it; what the flow can't keep is a no.

| obligation | kept by |
|---|---|
| identify, announce_opt_out | a greeting before all other words, unless it would take longer than the law allows |
| beep | a tone to both sides of the talk while it is recorded |
| record_announcement | the outbound direction is recorded from the first word |
| min_ring | the gate's rule `ring_time` |
| end_on_request | key 9, or *9 by the agent, takes the agent off; the confirmation is the last word, and asks nothing |
| release_line | every hang-up ends the call at once |
| message_content | the prompt `agent_unavailable`: purpose, business, number, a key to opt out |
| transfer_limit | there is no transfer |
| log_consent_use | the attempt's commit |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from compliance.verdict import Obligation, ObligationKind

_KEPT_ELSEWHERE = frozenset(
    {
        ObligationKind.RECORD_ANNOUNCEMENT,
        ObligationKind.MIN_RING,
        ObligationKind.END_ON_REQUEST,
        ObligationKind.RELEASE_LINE,
        ObligationKind.MESSAGE_CONTENT,
        ObligationKind.TRANSFER_LIMIT,
        ObligationKind.LOG_CONSENT_USE,
    }
)
BEEPS = range(2, 121)
"""Seconds between beeps, so that there is talk between them."""


@dataclass(frozen=True)
class Duties:
    """`broken`: why this call can't keep what it would owe; empty: it can."""

    identify: bool = False
    offer_opt_out: bool = False
    beep_seconds: int = 0
    broken: str = ""


def duties_of(obligations: Sequence[Obligation], greeting_seconds: Callable[[], float]) -> Duties:
    """`greeting_seconds`: how long it takes to say who calls; asked only when the law sets a time for it."""
    owed = {obligation.kind: obligation.params for obligation in obligations}
    beep = _seconds(owed, ObligationKind.BEEP, "every_seconds")
    return Duties(
        identify=ObligationKind.IDENTIFY in owed,
        offer_opt_out=ObligationKind.ANNOUNCE_OPT_OUT in owed,
        beep_seconds=beep or 0,
        broken=_broken(owed, greeting_seconds),
    )


def _broken(owed: Mapping[ObligationKind, Mapping[str, str | int]], greeting_seconds: Callable[[], float]) -> str:
    identify = _seconds(owed, ObligationKind.IDENTIFY, "within_seconds")
    if identify is not None and identify < (takes := greeting_seconds()):
        return f"the greeting takes {takes:.1f} s, and the law gives {identify} s to say who calls"
    beep = _seconds(owed, ObligationKind.BEEP, "every_seconds")
    if beep is not None and beep not in BEEPS:
        return f"a beep every {beep} s can't be played"
    kept = _KEPT_ELSEWHERE | {ObligationKind.IDENTIFY, ObligationKind.ANNOUNCE_OPT_OUT, ObligationKind.BEEP}
    unknown = sorted(kind.value for kind in owed if kind not in kept)
    return f"this call can't keep {', '.join(unknown)}" if unknown else ""


def _seconds(owed: Mapping[ObligationKind, Mapping[str, str | int]], kind: ObligationKind, param: str) -> int | None:
    """The duty's figure; None when it is not owed or sets none. A figure that is no number can't be kept: 0."""
    value = owed.get(kind, {}).get(param)
    return value if value is None or isinstance(value, int) else 0

"""A call that may be placed, to be spoiled one fact at a time, and the rules that need no history of the person.

What needs one is before `tests.rules.whole` and `tests.rules.made_up`.
"""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from compliance import Facts, Gate, Number, RecordingPolicy, Verdict, load_packs
from compliance.rules import AT_THE_DIAL
from compliance.rules.calling_hours import CallingHours
from compliance.rules.internal_dnc import InternalDnc
from compliance.rules.recording_mode import RecordingEndsKnown
from compliance.rules.valid_number import ValidNumber

NEW_YORK = "+12125550123"
"""One zone, one-party law."""

GOOD = Facts(
    number=Number(NEW_YORK),
    at=datetime(2026, 11, 18, 17, 0, tzinfo=UTC),  # a Wednesday noon in New York
    internal_dnc=False,
    agent_region="US-TX",
    storage_region="US-TX",
    seller_region="US-TX",
    recording_policy=RecordingPolicy.FOLLOW_LAW,
    in_flight=False,
    prompts={"en": True},
    ring_seconds=25,
)


RULES = (ValidNumber(), InternalDnc(), CallingHours(), RecordingEndsKnown(), *AT_THE_DIAL)


def facts(**changes: object) -> Facts:
    """The good call with these facts changed; a number may be given as text."""
    if isinstance(changes.get("number"), str):
        changes["number"] = Number(str(changes["number"]))
    return replace(GOOD, **changes)


def gate() -> Gate:
    return Gate(RULES, load_packs())


def verdict(**changes: object) -> Verdict:
    return gate().check(facts(**changes))


def denied_by(found: Verdict) -> set[str]:
    return {reason.rule for reason in found.reasons}


def local(text: str, zone: str) -> datetime:
    """ "2026-11-18 08:00:00" on the clock of `zone`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))

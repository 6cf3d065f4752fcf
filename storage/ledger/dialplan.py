"""Calls that an admin's own dialplan makes: which attempts they are, and on which channel of the PBX each runs.

The conductor has no line to them; whoever speaks FastAGI with the dialplan sees to their end.
"""

from collections.abc import Iterable

from storage.ledger.attempts import Attempt
from storage.ledger.events import CallEvent

BY = "dialplan"
IN_DIALPLAN = "InDialplan"
"""Kind of the story's line that names the channel: data `channel`, Asterisk's unique id."""


def is_dialplans(attempt: Attempt) -> bool:
    """Whether a dialplan dials it; every call of the conductor has an agent."""
    return attempt.planned_by == BY and attempt.agent is None


def channels_of(story: Iterable[CallEvent]) -> frozenset[str]:
    """The channels the call was seen on."""
    return frozenset(str(line.data.get("channel", "")) for line in story if line.kind == IN_DIALPLAN) - {""}

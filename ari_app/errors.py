"""Errors of call control.

HeedlineError
├── NoSuchCall        no live call by that id
├── AgentBusy         the agent is on another call
├── OptOutNotDone     an opt-out asked for on a call is not in the ledger
└── ConductorDown     the conductor is not running, or did not answer
BadInput
└── NoSuchAgent       no phone of that name is set up as an agent's
"""

from compliance.errors import BadInput, HeedlineError


class NoSuchCall(HeedlineError):
    """No live call has that id."""


class AgentBusy(HeedlineError):
    """The agent is on another call."""


class OptOutNotDone(HeedlineError):
    """An opt-out that was asked for on a call is not in the ledger; it must be asked for again."""


class ConductorDown(HeedlineError):
    """The conductor can't be reached, or it can't place calls now."""


class NoSuchAgent(BadInput):
    """No phone of that name is set up as an agent's."""

"""The errors of FastAGI.

AgiError
├── AgiHangup      the caller, or Asterisk, has gone: there is no one left to command
├── AgiTimeout     no answer to a command in time
├── BadAgi         (BadInput) what came over the wire is no AGI, or too much of it
└── BadCommand     (BadInput) a command that may not be sent: nothing was sent
"""

from compliance.errors import BadInput, HeedlineError


class AgiError(HeedlineError):
    """A conversation with Asterisk over FastAGI failed."""


class AgiHangup(AgiError):
    """The other end has gone."""


class AgiTimeout(AgiError):
    """No answer in time."""


class BadAgi(AgiError, BadInput):
    """Malformed or oversized input."""


class BadCommand(AgiError, BadInput):
    """A command with a line break or another control character."""

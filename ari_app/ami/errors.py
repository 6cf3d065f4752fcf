"""The errors of the Asterisk Manager Interface.

    AmiError
    ├── AmiDown        no connection (never made, or lost): the action was not sent, or its outcome is unknown
    ├── AmiTimeout     no answer in time; the outcome is unknown
    ├── AmiRefused     the password is wrong (trying again can't help), or Asterisk refused the action
    └── UnsafeValue    (BadInput) a value that must not go on this wire: nothing was sent

Asterisk's own words are left out where they could repeat a channel name, which may hold a phone number.
"""

from compliance.errors import BadInput, HeedlineError


class AmiError(HeedlineError):
    """Something between us and AMI failed."""


class AmiDown(AmiError):
    """There is no connection."""


class AmiTimeout(AmiError):
    """No answer in time."""


class AmiRefused(AmiError):
    """Asterisk said no."""


class UnsafeValue(AmiError, BadInput):
    """A value with a line break, a separator or another character that has no place in it."""

"""The error tree of Heedline.

    HeedlineError            something failed; the message says what, where, and what to do next (exit status 1)
    └── BadInput             what came from outside is malformed; nothing was changed (exit status 2)

Every room hangs its own errors under these two. A message is one line a person can act on and holds no
phone number, secret or audio.
"""


class HeedlineError(Exception):
    """Base of all errors a person is meant to read."""

    exit_status = 1


class BadInput(HeedlineError):
    """A number, name, file, setting or event from outside could not be accepted."""

    exit_status = 2

"""The errors of the Asterisk REST Interface.

    AriError                 base; carries the operation, never what was sent with it
    ├── AriUnavailable       Asterisk did not take the request: try again later
    │   ├── AriDown          no connection, or it broke
    │   └── AriTimeout       no answer in time; for anything that acts, the outcome is UNKNOWN
    ├── AriRefused           Asterisk answered with an error status (``.status``)
    │   ├── BadRequest       400, and every other 4xx without a name of its own
    │   ├── Unauthorized     401 or 403: the password is wrong; trying again can't help
    │   ├── NotFound         404: no such channel, bridge, playback ... (often: it has just ended)
    │   ├── Conflict         409: it exists already, or is in the wrong state
    │   ├── Unprocessable    412, 422: well-formed, and still not possible
    │   └── ServerFault      5xx
    ├── BadReply             the answer is not what Asterisk's own documents promise
    ├── QueueOverflow        events came faster than they were taken: none is dropped, the session ends
    └── ApplicationTaken     another program opened our application: two conductors must not share calls

Asterisk's own error text is left out on purpose: it repeats dial strings, which hold phone numbers.
"""

from compliance.errors import BadInput, HeedlineError


class AriError(HeedlineError):
    """Something between us and ARI failed."""

    def __init__(self, message: str, operation: str = "") -> None:
        super().__init__(message)
        self.operation = operation


class AriUnavailable(AriError):
    """Asterisk did not take the request."""


class AriDown(AriUnavailable):
    """There is no connection to Asterisk."""


class AriTimeout(AriUnavailable):
    """No answer in time; whether Asterisk acted is unknown."""


class AriRefused(AriError):
    """Asterisk answered with an error status."""

    def __init__(self, message: str, operation: str, status: int) -> None:
        super().__init__(message, operation)
        self.status = status


class BadRequest(AriRefused):
    """400 and its unnamed kin."""


class Unauthorized(AriRefused):
    """401 or 403."""


class NotFound(AriRefused):
    """404."""


class Conflict(AriRefused):
    """409."""


class Unprocessable(AriRefused):
    """412 or 422."""


class ServerFault(AriRefused):
    """5xx."""


class BadReply(AriError):
    """An answer that is not of the documented form."""


class QueueOverflow(AriError):
    """The event queue is full."""


class ApplicationTaken(AriError):
    """Another client registered our Stasis application."""


class BadArgument(AriError, BadInput):
    """A value that can't be sent: empty, too long, or with a character that has no place in it."""


_BY_STATUS: dict[int, tuple[type[AriRefused], str]] = {
    400: (BadRequest, "bad request: check the arguments"),
    401: (Unauthorized, "user name or password refused: check ari.conf and the password file"),
    403: (Unauthorized, "this ARI user may not do that: check read_only in ari.conf"),
    404: (NotFound, "no such thing: it may have ended"),
    409: (Conflict, "in conflict with its state, or it exists already"),
    412: (Unprocessable, "not possible in its present state"),
    422: (Unprocessable, "not possible with these arguments"),
    503: (ServerFault, "Asterisk is not ready yet"),
}


def refusal(operation: str, status: int) -> AriRefused:
    """The error for an answer with an HTTP error status."""
    default = (ServerFault, "failure in Asterisk: see its log") if status >= 500 else (BadRequest, "refused")
    kind, words = _BY_STATUS.get(status, default)
    return kind(f"ARI {operation}: {status}, {words}", operation, status)

"""FastAGI for the admin's own dialplan: the guarded server. What it offers comes with its handlers."""

from agi.errors import AgiError, AgiHangup, AgiTimeout, BadAgi, BadCommand
from agi.server import AgiRequest, AgiServer, Handler
from agi.wire import AgiResult

__all__ = [
    "AgiError",
    "AgiHangup",
    "AgiRequest",
    "AgiResult",
    "AgiServer",
    "AgiTimeout",
    "BadAgi",
    "BadCommand",
    "Handler",
]

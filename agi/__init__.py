"""FastAGI for the admin's own dialplan: the guarded server, and the door with what it offers (`agi.door`)."""

from agi.desk import Desk
from agi.door import Door
from agi.ending import look_after
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
    "Desk",
    "Door",
    "Handler",
    "look_after",
]

"""ari-py's synchronous face, for scripts written against it.

    from ari_app.ari import compat as ari
    client = ari.connect("http://localhost:8088", "user", "password")
    client.on_channel_event("StasisStart", lambda objects, event: objects["channel"].answer())
    client.run(apps="hello")

Different from ari-py: arguments are checked against Asterisk's documents, errors are
:class:`ari_app.ari.errors.AriError`, and the password never stands in an URL. Heedline itself uses the
asynchronous client.
"""

from ari_app.ari.compat.client import Client
from ari_app.ari.compat.objects import RemoteObject, Repository


def connect(base_url: str, username: str, password: str) -> Client:
    """A client of the PBX at ``base_url``. Nothing is sent before the first operation."""
    return Client(base_url, username, password)


__all__ = ["Client", "RemoteObject", "Repository", "connect"]

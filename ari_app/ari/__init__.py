"""ARI client: generated operations, transport, session.

async with AriClient("http://127.0.0.1:8088", user, password) as client:
    await client.channels.create(endpoint=..., app=..., channelId=...)
    async with AriSession(client, "heedline") as session:
        async for item in session: ...
"""

from ari_app.ari.backoff import Backoff
from ari_app.ari.client import AriClient
from ari_app.ari.session import AriSession, LinkDown, LinkUp, SessionItem

__all__ = ["AriClient", "AriSession", "Backoff", "LinkDown", "LinkUp", "SessionItem"]

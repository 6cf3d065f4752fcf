"""The ARI client: every operation by resource, ``await client.channels.answer(channelId=...)``."""

from types import TracebackType

from ari_app.ari.operations import Resources
from ari_app.ari.transport import Transport


class AriClient(Resources):
    """One PBX's REST interface. An async context manager; safe to share between tasks of one loop.

    Arguments are keywords, named as in Asterisk's documents. Errors: :mod:`ari_app.ari.errors`.
    """

    def __init__(self, base_url: str, username: str, password: str, *, timeout: float = 5.0, pool: int = 8) -> None:
        """:param base_url: ``http://127.0.0.1:8088``, without credentials
        :param timeout: seconds one operation may take
        :param pool: requests under way at once; see :class:`ari_app.ari.transport.Transport`
        """
        self.transport = Transport(base_url, username, password, timeout=timeout, pool=pool)
        super().__init__(self.transport)

    async def __aenter__(self) -> "AriClient":
        await self.transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.transport.close()

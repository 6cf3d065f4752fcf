"""HTTP and WebSocket to Asterisk's REST interface.

Credentials go into the Authorization header, never into an URL. So do values: what a POST or PUT carries
travels as JSON in its body (ARI takes every query parameter there too), because dial strings and caller ids
hold phone numbers and URLs end up in logs.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TypeAlias
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from yarl import URL

from ari_app.ari import errors
from ari_app.ari.replies import Reply
from ari_app.ari.swagger import Kind, Operation, Param

Value: TypeAlias = "str | int | bool | Sequence[str] | Mapping[str, object] | None"
EventSocket: TypeAlias = "aiohttp.ClientWebSocketResponse[bool]"

MAX_VALUE = 8_192
"""Characters in one value. Asterisk itself takes larger ones; no call of ours needs them."""
MAX_REPLY = 16 * 1024 * 1024
"""Bytes of one answer: room for a list of thousands of channels or a stored recording."""
MAX_MESSAGE = 256 * 1024
"""Bytes of one WebSocket message. The largest real event seen is under 4 KiB."""

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Transport:
    """One pool of connections to one PBX."""

    def __init__(
        self,
        base_url: str,
        username: str,
        password: str,
        *,
        timeout: float = 5.0,
        pool: int = 8,
    ) -> None:
        """:param base_url: ``http://127.0.0.1:8088``; ``/ari`` is added
        :param timeout: seconds for one request, from asking for a connection to the last byte
        :param pool: requests under way at once; more wait their turn. Asterisk's HTTP server listens with a
            backlog of 10: a burst of more new connections loses some of them for a second (measured), and
            more at once are no faster. WebSockets do not count: in one shared pool, open media sockets
            would leave no connection for the requests that end them
        """
        self._base = _checked_base(base_url)
        self._headers = {"Authorization": aiohttp.encode_basic_auth(username, password)}
        self._timeout = timeout
        self._pool = pool
        self._requests: aiohttp.ClientSession | None = None
        self._sockets: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pools. No connection is opened yet."""
        if self._requests is None:
            # Asterisk closes an idle connection after session_keep_alive (15 s by default). Ours must give up
            # first: a POST sent on a connection that is just closing can't be repeated safely.
            self._requests = self._pool_of(aiohttp.TCPConnector(limit=self._pool, keepalive_timeout=10))
            self._sockets = self._pool_of(aiohttp.TCPConnector(limit=0))

    def _pool_of(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        requests, sockets = self._requests, self._sockets
        self._requests = self._sockets = None
        for session in (requests, sockets):
            if session is not None:
                await session.close()

    async def __aenter__(self) -> "Transport":
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, operation: Operation, values: Mapping[str, Value]) -> Reply:
        """Carry out one operation.

        :raises AriError: see :mod:`ari_app.ari.errors`
        """
        url, body = self._address(operation, values)
        session = _ready(self._requests, operation)
        data = None if body is None else json.dumps(body).encode()
        headers = None if data is None else {"Content-Type": "application/json"}
        try:
            async with session.request(
                operation.method, url, data=data, headers=headers, allow_redirects=False
            ) as answer:
                content = await _bounded(answer, operation)
                status = answer.status
        except TimeoutError:
            name = operation.full_name
            raise errors.AriTimeout(f"ARI {name}: no answer within {self._timeout:g} s", name) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _down(operation, error) from None
        if status >= 300:
            raise errors.refusal(operation.full_name, status)
        return Reply(operation.full_name, _decoded(content, operation))

    async def websocket(
        self, operation: Operation, values: Mapping[str, Value], *, heartbeat: float = 5.0
    ) -> EventSocket:
        """Open a WebSocket whose messages come as bytes.

        :param heartbeat: seconds between pings; half of it later without a pong, the connection is dead
        """
        url, _ = self._address(operation, values)
        session = _ready(self._sockets, operation)
        name = operation.full_name
        try:
            async with asyncio.timeout(self._timeout):
                return await session.ws_connect(url, heartbeat=heartbeat, max_msg_size=MAX_MESSAGE, decode_text=False)
        except TimeoutError:
            raise errors.AriTimeout(f"ARI {name}: no answer within {self._timeout:g} s", name) from None
        except aiohttp.WSServerHandshakeError as error:
            raise errors.refusal(name, error.status) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _down(operation, error) from None

    def _address(self, operation: Operation, values: Mapping[str, Value]) -> tuple[URL, dict[str, object] | None]:
        path = operation.path
        query: dict[str, str] = {}
        body: dict[str, object] = {}
        in_body = operation.method in ("POST", "PUT")
        for param in operation.params:
            value = values.get(param.name)
            if value is None:
                continue
            if param.kind is Kind.PATH:
                path = path.replace("{" + param.name + "}", _segment(operation, param, value))
            elif param.kind is Kind.BODY and param.type == "object":
                body.update(_mapping(operation, param, value))
            elif param.kind is Kind.BODY:
                body[param.name] = _mapping(operation, param, value)
            elif in_body:
                body[param.name] = _json(operation, param, value)
            else:
                query[param.name] = _query(operation, param, value)
        url = self._base + path + ("?" + urlencode(query, quote_via=quote, safe="") if query else "")
        return URL(url, encoded=True), (body or None)


def _ready(session: aiohttp.ClientSession | None, operation: Operation) -> aiohttp.ClientSession:
    if session is None or session.closed:
        name = operation.full_name
        raise errors.AriDown(f"ARI {name}: the client is not open: use 'async with'", name)
    return session


def _checked_base(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise errors.BadArgument("ARI base URL: expected http://host:port or https://host:port")
    if parts.username is not None or parts.password is not None:
        raise errors.BadArgument("ARI base URL: user name and password do not belong into an URL")
    base = base_url.rstrip("/")
    return base if base.endswith("/ari") else base + "/ari"


def _segment(operation: Operation, param: Param, value: Value) -> str:
    text = _text(operation, param, value)
    if text in (".", ".."):
        raise _bad(operation, param, "is no name")
    return quote(text, safe="")


def _query(operation: Operation, param: Param, value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if param.multiple and not isinstance(value, str):
        items = _items(operation, param, value)
        if any("," in item for item in items):
            # Asterisk splits a query value at its commas; there is no way to escape one.
            raise _bad(operation, param, "holds a comma")
        return ",".join(items)
    return _text(operation, param, value)


def _json(operation: Operation, param: Param, value: Value) -> object:
    if isinstance(value, bool | int):
        return value
    if param.multiple:
        return [_text(operation, param, value)] if isinstance(value, str) else _items(operation, param, value)
    return _text(operation, param, value)


def _items(operation: Operation, param: Param, value: Value) -> list[str]:
    if isinstance(value, bool | int | Mapping) or value is None or len(value) > 1000:
        raise _bad(operation, param, "is no list of texts")
    return [_text(operation, param, item) for item in value]


def _mapping(operation: Operation, param: Param, value: Value) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise _bad(operation, param, "is no mapping")
    return value


def _text(operation: Operation, param: Param, value: object) -> str:
    if not isinstance(value, str):
        raise _bad(operation, param, "is no text")
    if not value and param.required:
        raise _bad(operation, param, "is empty")
    if len(value) > MAX_VALUE:
        raise _bad(operation, param, "is too long")
    if _UNSENDABLE.search(value):
        raise _bad(operation, param, "holds a control character")
    return value


def _bad(operation: Operation, param: Param, words: str) -> errors.BadArgument:
    return errors.BadArgument(f"ARI {operation.full_name}: {param.name} {words}", operation.full_name)


async def _bounded(answer: aiohttp.ClientResponse, operation: Operation) -> bytes:
    content = bytearray()
    async for part in answer.content.iter_any():
        content += part
        if len(content) > MAX_REPLY:
            answer.close()
            raise errors.BadReply(f"ARI {operation.full_name}: the answer is too long", operation.full_name)
    return bytes(content)


def _decoded(content: bytes, operation: Operation) -> object:
    if operation.reply == "binary":
        return content
    if operation.reply == "void" or not content:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise errors.BadReply(f"ARI {operation.full_name}: the answer is not JSON", operation.full_name) from None


def _down(operation: Operation, error: Exception) -> errors.AriDown:
    # The class alone: the text of aiohttp's errors may repeat the address asked for.
    name = operation.full_name
    return errors.AriDown(f"ARI {name}: no connection to Asterisk ({type(error).__name__})", name)

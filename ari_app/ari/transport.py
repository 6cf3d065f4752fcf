"""HTTP and WebSocket to Asterisk's REST interface.

Credentials go into the Authorization header, never into an URL. So do values: what a POST or PUT carries
travels as JSON in its body (ARI takes every query parameter there too), because dial strings and caller ids
hold phone numbers and URLs end up in logs.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TypeAlias
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import aiohttp
from yarl import URL

from ari_app.ari import errors
from ari_app.ari.exchange import Exchange, NotHttp
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

_ADDRESS = re.compile(r"[\x21-\x7e]+")
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
        parts = urlsplit(self._base)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._path = parts.path
        authorization = aiohttp.encode_basic_auth(username, password)
        self._headers = {"Authorization": authorization}
        self._head = f" HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: {authorization}\r\n"
        self._timeout = timeout
        self._pool = pool
        self._requests: Exchange | None = None
        self._sockets: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pools. No connection is opened yet."""
        if self._requests is None:
            self._requests = Exchange(self._host, self._port, self._tls, self._pool)
            self._sockets = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )

    async def close(self) -> None:
        """Close every connection."""
        requests, sockets = self._requests, self._sockets
        self._requests = self._sockets = None
        if requests is not None:
            requests.close()
        if sockets is not None:
            await sockets.close()

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
        target, body = self._address(operation, values)
        name = operation.full_name
        if self._requests is None:
            raise _not_open(name)
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{operation.method} {self._path}{target}{self._head}"
        if content:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        else:
            head += "Content-Length: 0\r\n\r\n" if operation.method in ("POST", "PUT") else "\r\n"
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._requests.ask(operation.method, head.encode("ascii") + content, MAX_REPLY)
        except TimeoutError:
            raise errors.AriTimeout(f"ARI {name}: no answer within {self._timeout:g} s", name) from None
        except NotHttp as error:
            raise errors.BadReply(f"ARI {name}: the answer can't be read: {error}", name) from None
        except OSError as error:
            raise _down(operation, error) from None
        if answer.status >= 300:
            raise errors.refusal(name, answer.status)
        return Reply(name, _decoded(answer.body, operation))

    async def websocket(
        self, operation: Operation, values: Mapping[str, Value], *, heartbeat: float = 5.0
    ) -> EventSocket:
        """Open a WebSocket whose messages come as bytes.

        :param heartbeat: seconds between pings; half of it later without a pong, the connection is dead
        """
        target, _ = self._address(operation, values)
        name = operation.full_name
        session = self._sockets
        if session is None or session.closed:
            raise _not_open(name)
        url = URL(self._base + target, encoded=True)
        try:
            async with asyncio.timeout(self._timeout):
                return await session.ws_connect(url, heartbeat=heartbeat, max_msg_size=MAX_MESSAGE, decode_text=False)
        except TimeoutError:
            raise errors.AriTimeout(f"ARI {name}: no answer within {self._timeout:g} s", name) from None
        except aiohttp.WSServerHandshakeError as error:
            raise errors.refusal(name, error.status) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _down(operation, error) from None

    def _address(self, operation: Operation, values: Mapping[str, Value]) -> tuple[str, dict[str, object] | None]:
        """Path and query after the base, and the body."""
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
        return path + ("?" + urlencode(query, quote_via=quote, safe="") if query else ""), (body or None)


def _not_open(name: str) -> errors.AriDown:
    return errors.AriDown(f"ARI {name}: the client is not open: use 'async with'", name)


def _checked_base(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise errors.BadArgument("ARI base URL: expected http://host:port or https://host:port")
    if parts.username is not None or parts.password is not None:
        raise errors.BadArgument("ARI base URL: user name and password do not belong into an URL")
    if not _ADDRESS.fullmatch(base_url) or not _has_port(parts):
        raise errors.BadArgument("ARI base URL: a character or a port that no address has")
    base = base_url.rstrip("/")
    return base if base.endswith("/ari") else base + "/ari"


def _has_port(parts: SplitResult) -> bool:
    """None is one too: the scheme's."""
    try:
        return parts.port != 0
    except ValueError:
        return False


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

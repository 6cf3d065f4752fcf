"""One manager connection: panoramisk 1.4 behind guards.

| what panoramisk 1.4 does                                     | guard here                                  |
|--------------------------------------------------------------|---------------------------------------------|
| resends unanswered actions, Originate too, after a reconnect | a connection is used once and never revived |
| writes CR and LF of a value as they are                      | :mod:`ari_app.ami.values`, checked again    |
| an exception in a callback or of a bad message ends the link | caught for each message and each callback   |
| decodes packet by packet: a split character is lost          | only whole messages are decoded             |
| keeps a message without end in memory                        | bounded                                     |
| tries a wrong password again, for ever                       | one login, one answer: AmiRefused           |
| ``send_action`` before connect: AttributeError               | AmiDown                                     |
| no time limit on anything                                    | each wait is bounded, late answers dropped  |

``tests/peer/test_ami_guards.py`` shows each defect on the bare library and its absence here.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from ari_app.ami.errors import AmiDown, AmiRefused, AmiTimeout, UnsafeValue

log = logging.getLogger(__name__)

MAX_MESSAGE = 64 * 1024
"""Bytes of one message from Asterisk."""
_END = b"\r\n\r\n"

ALLOWED = frozenset(
    {
        "Login",
        "Ping",
        "MixMonitor",
        "MixMonitorMute",
        "StopMixMonitor",
        "PJSIPShowRegistrationInboundContactStatuses",
    }
)
"""Actions that may be sent. Originate is not among them: calls are made through ARI, with ids of our own."""


class _GuardedProtocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """Hands panoramisk whole messages, one at a time, and survives each."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._pending = bytearray()

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while (end := self._pending.find(_END)) >= 0:
            message = bytes(self._pending[: end + len(_END)])
            del self._pending[: end + len(_END)]
            self._one(message)
        if len(self._pending) > MAX_MESSAGE:
            log.error("AMI: a message of more than %d bytes; connection given up", MAX_MESSAGE)
            self._pending.clear()
            self.transport.abort()

    def _one(self, message: bytes) -> None:
        try:
            super().data_received(message)
        except Exception as error:
            # asyncio would close the connection, and the recording commands with it.
            log.error("AMI: one message could not be taken (%s); connection kept", type(error).__name__)


class _GuardedManager(Manager):  # type: ignore[misc]  # panoramisk has no types
    """Never reconnects, never resends, never pings by itself."""

    def __init__(self, lost: Callable[[], None], **config: object) -> None:
        super().__init__(protocol_factory=_GuardedProtocol, **config)
        self._lost = lost

    def connection_made(self, f: "asyncio.Future[object]") -> None:
        if f.cancelled() or f.exception() is not None:
            return
        super().connection_made(f)
        if self.pinger is not None:
            self.pinger.cancel()

    def login(self, future: "asyncio.Future[Message]") -> None:
        """Only note the answer: panoramisk would start its unsupervised ping here."""

    def ping(self) -> None:
        """Ours is :meth:`Wire.ping`, which notices when there is no answer."""

    def connection_lost(self, exc: object) -> None:
        self.awaiting_actions.clear()
        self._lost()

    def dispatch(self, event: Message) -> None:
        event.manager = self
        for pattern, regexp in list(self.patterns):
            if regexp.match(str(event.event)) is None:
                continue
            for callback in list(self.callbacks[pattern]):
                try:
                    result = callback(self, event)
                except Exception:
                    log.exception("AMI: a callback failed; connection kept")
                    continue
                if isinstance(result, Coroutine):
                    _watched(result)


_running: set["asyncio.Task[object]"] = set()


def _watched(coroutine: Coroutine[object, object, object]) -> None:
    # asyncio keeps only weak references to tasks, and reports a lost exception at some later time or never.
    task = asyncio.ensure_future(coroutine)
    _running.add(task)
    task.add_done_callback(_reap)


def _reap(task: "asyncio.Task[object]") -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("AMI: a callback failed; connection kept", exc_info=error)


class Wire:
    """One connection, from login to loss. Not reusable."""

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        secret: str,
        *,
        timeout: float,
        on_event: Callable[[Message], object],
    ) -> None:
        self._where = f"AMI at {host}:{port}"
        self._timeout = timeout
        self.lost = asyncio.Event()
        """Set when the connection is gone."""
        self._open = False
        self._manager = _GuardedManager(
            self._on_lost,
            host=host,
            port=port,
            username=username,
            secret=secret,
            # The class of FullyBooted and ContactStatus. All events would cost Asterisk and us
            # dozens of messages a call.
            events="system",
            loop=asyncio.get_running_loop(),
            log=_Quiet(),
        )
        self._manager.register_event("*", lambda _manager, event: on_event(event))

    async def open(self) -> None:
        """Connect and log in.

        :raises AmiDown: nothing listens there, or it hung up
        :raises AmiRefused: user name or secret refused
        :raises AmiTimeout: connected, but no answer
        """
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    await self._manager.connect()
                except OSError as error:
                    raise AmiDown(f"{self._where}: no connection ({type(error).__name__})") from None
                # Set by connection_made, a callback of the task just awaited that was added before us.
                answer = await self._answer_or_loss(self._manager.authenticated_future)
        except TimeoutError:
            self.close()
            raise AmiTimeout(f"{self._where}: no answer to the login within {self._timeout:g} s") from None
        except BaseException:
            self.close()
            raise
        if not answer.success:
            self.close()
            raise AmiRefused(f"{self._where}: user name or secret refused: check manager.conf and the secret file")
        self._open = True

    async def act(self, action: str, fields: Mapping[str, str]) -> list[Message]:
        """Send one action and wait for its answer, a list action's items included.

        :raises AmiDown, AmiTimeout, AmiRefused, UnsafeValue: see :mod:`ari_app.ami.errors`
        """
        if action not in ALLOWED:
            raise UnsafeValue(f"AMI: {action} is not among the actions Heedline sends")
        for key, value in fields.items():
            if not value.isprintable() or not key.isalnum():
                raise UnsafeValue(f"AMI {action}: {key} holds a character that may not be sent")
        if not self._open or self.lost.is_set():
            raise AmiDown(f"{self._where}: {action} not sent, there is no connection")
        future = self._manager.send_action({"Action": action, **fields})
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._answer_or_loss(future)
        except TimeoutError:
            raise AmiTimeout(f"{self._where}: no answer to {action} within {self._timeout:g} s") from None
        finally:
            self._forget(future)
        messages: list[Message] = answer if isinstance(answer, list) else [answer]
        if not messages[0].success:
            raise AmiRefused(f"{self._where}: {action} refused")
        return messages

    def close(self) -> None:
        """Drop the connection."""
        self._open = False
        self._manager.close()
        self.lost.set()

    def _on_lost(self) -> None:
        self._open = False
        self.lost.set()

    async def _answer_or_loss(self, future: "asyncio.Future[Message]") -> Message:
        lost = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({future, lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost.cancel()
        if not future.done():
            raise AmiDown(f"{self._where}: the connection broke before the answer came")
        return future.result()

    def _forget(self, future: "asyncio.Future[Message]") -> None:
        # panoramisk keeps an unanswered action for ever.
        responses = self._manager.protocol.responses
        for key in [key for key, action in responses.items() if action.future is future]:
            del responses[key]


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """panoramisk logs whole messages, with channel names in them: only the fact of an error passes."""

    def __init__(self) -> None:
        super().__init__(log)

    def log(self, level: int, msg: object, *args: object, **kwargs: object) -> None:
        log.debug("panoramisk reported something at level %d", level)

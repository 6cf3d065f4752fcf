"""The conductor's side of the recorder's socket.

Connects by itself and again after a loss. Every operation may be asked for twice, so a request whose answer was
lost is simply sent again, within its time.
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage.instant import to_us
from storage.vault.errors import BadRequest, RecorderDown, RecorderError
from storage.vault.fields import Json
from storage.vault.wire import LONGEST_LINE, Op, line_of, parse_message

log = logging.getLogger("heedline.recorder")

OPEN_SECONDS = 5.0
CLOSE_SECONDS = 15.0  # the ledger may be locked for ten
_BACK_OFF = 0.1
_LONGEST_BACK_OFF = 1.0


@dataclass(frozen=True)
class RecorderStatus:
    open: int
    failed: int
    spool_free: int  # bytes


@dataclass(frozen=True)
class RecorderEvent:
    """`event` is "failed" (recording can't go on; with `error` "spool_full": is about to lose audio) or "sealed"."""

    event: str
    recording: str
    error: str = ""  # one of GapKind's values
    seconds: float = 0.0  # of audio, when sealed


class RecorderClient:
    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Json]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reader_task: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()
        self._watching = False

    @property
    def connected(self) -> bool:
        """Whether the recorder is there, as far as is known now; kept true by `watch`."""
        return self._watching or self._writer is not None

    async def connect(self, within: float = OPEN_SECONDS) -> None:
        """Wait until the recorder answers. Raises RecorderDown."""
        await self._ask({"op": Op.PING.value}, within)

    async def close(self) -> None:
        """Close the connection; recordings go on."""
        self._drop()
        if self._reader_task is not None:
            self._reader_task.cancel()
            await asyncio.wait({self._reader_task})

    async def open(
        self, *, recording: str, attempt: str, spool: str, rate: int, at: datetime, barred: bool = False
    ) -> None:
        """Begin a recording: when this returns, its empty spool file is there for MixMonitor.

        barred: the callee's side is sealed as silence until `admit`, whatever MixMonitor writes.

        Raises RecorderDown; RecorderError: no_kek, spool_full, disk_full, disk_error, exists, too_many, database.
        """
        message: dict[str, Json] = {"op": Op.OPEN.value, "recording": recording, "attempt": attempt}
        await self._ask({**message, "spool": spool, "rate": rate, "at": to_us(at), "barred": barred}, OPEN_SECONDS)

    async def pause(self, *, recording: str, at: datetime) -> None:
        """Note that recording is paused, durably. Raises RecorderDown, RecorderError (unknown, database)."""
        await self._ask({"op": Op.PAUSE.value, "recording": recording, "at": to_us(at)}, OPEN_SECONDS)

    async def resume(self, *, recording: str, at: datetime) -> None:
        """Note that recording goes on, durably. Raises as `pause`."""
        await self._ask({"op": Op.RESUME.value, "recording": recording, "at": to_us(at)}, OPEN_SECONDS)

    async def admit(self, *, recording: str, at: datetime) -> None:
        """The callee's side may be sealed from now on. Raises RecorderDown, RecorderError (unknown)."""
        await self._ask({"op": Op.ADMIT.value, "recording": recording, "at": to_us(at)}, OPEN_SECONDS)

    async def close_recording(
        self,
        *,
        recording: str,
        at: datetime,
        crashed: bool = False,
        cut: bool = False,
        reason: str = "",
        within: float = CLOSE_SECONDS,
    ) -> float:
        """Seal a recording to its last byte; returns the seconds of audio. A busy ledger is waited for.

        cut: what is in the spool and not sealed yet is thrown away.

        Raises RecorderDown; RecorderError: unknown; database, when it was busy for all of `within` seconds (the
        recorder goes on trying by itself).
        """
        message: dict[str, Json] = {"op": Op.CLOSE.value, "recording": recording, "at": to_us(at)}
        message |= {"crashed": crashed, "cut": cut, "reason": reason[:200]}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            try:
                reply = await self._ask(message, max(0.01, deadline - loop.time()))
            except RecorderError as error:
                if error.code != "database" or loop.time() + _LONGEST_BACK_OFF > deadline:
                    raise
                await asyncio.sleep(_LONGEST_BACK_OFF)
                continue
            return _milliseconds(reply) / 1000

    async def ping(self) -> RecorderStatus:
        """Raises RecorderDown."""
        reply = await self._ask({"op": Op.PING.value}, OPEN_SECONDS)
        figures = [reply.get(key) for key in ("open", "failed", "spool_free")]
        first, second, third = (figure if isinstance(figure, int) else 0 for figure in figures)
        return RecorderStatus(first, second, third)

    async def watch(self) -> AsyncGenerator[RecorderEvent, None]:
        """Failures and sealings as they happen, until cancelled.

        After a loss it connects again by itself, and the recorder repeats what has failed and is still open.
        """
        delay = _BACK_OFF
        while True:
            try:
                async with contextlib.aclosing(self._watch()) as messages:
                    async for message in messages:
                        delay = _BACK_OFF
                        event = _event_of(message)
                        if event is not None:
                            yield event
            except (OSError, ValueError, BadRequest) as error:
                log.debug("the recorder's events are lost: %s", type(error).__name__)
            finally:
                self._watching = False
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_BACK_OFF)

    async def _watch(self) -> AsyncGenerator[dict[str, Json], None]:
        reader, writer = await asyncio.open_unix_connection(self._socket, limit=LONGEST_LINE)
        try:
            writer.write(line_of({"id": 0, "op": Op.WATCH.value}))
            await writer.drain()
            while line := await reader.readline():
                self._watching = True
                yield parse_message(line)
        finally:
            writer.close()

    async def _ask(self, message: dict[str, Json], within: float) -> dict[str, Json]:
        """Send until answered, over as many connections as it takes, for `within` seconds."""
        delay = _BACK_OFF
        try:
            async with asyncio.timeout(within):
                while True:
                    try:
                        reply = await self._ask_once(message)
                        break
                    except OSError:
                        await asyncio.sleep(delay)
                        delay = min(delay * 2, _LONGEST_BACK_OFF)
        except TimeoutError:
            raise RecorderDown(f"no answer on {self._socket} within {within:.0f} s; is the recorder running?") from None
        if reply.get("ok") is not True:
            raise RecorderError(str(reply.get("error", "?")), str(reply.get("detail", "")))
        return reply

    async def _ask_once(self, message: dict[str, Json]) -> dict[str, Json]:
        """Raises OSError: not connected, or the connection was lost before the answer."""
        async with self._connecting:
            if self._writer is None:
                reader, self._writer = await asyncio.open_unix_connection(self._socket, limit=LONGEST_LINE)
                self._reader_task = asyncio.create_task(self._read(reader, self._writer))
            writer = self._writer
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Json]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            writer.write(line_of({"id": number, **message}))
            await writer.drain()
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                message = parse_message(line)
                number = message.get("id")
                answer = self._waiting.get(number) if isinstance(number, int) else None
                if answer is not None and not answer.done():
                    answer.set_result(message)
        except (OSError, ValueError, BadRequest) as error:
            log.info("the recorder's connection is lost: %s", type(error).__name__)
        finally:
            if self._writer is writer:
                self._drop()
            writer.close()

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("the recorder went away"))


def _milliseconds(message: dict[str, Json]) -> int:
    value = message.get("milliseconds")
    return value if isinstance(value, int) else 0


def _event_of(message: dict[str, Json]) -> RecorderEvent | None:
    kind, recording, error = message.get("event"), message.get("recording"), message.get("error", "")
    if not isinstance(kind, str) or not isinstance(recording, str) or not isinstance(error, str):
        return None
    return RecorderEvent(kind, recording, error, _milliseconds(message) / 1000)

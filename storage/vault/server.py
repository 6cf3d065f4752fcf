"""The recorder's unix socket: requests in, replies and events out. See `wire` for the messages."""

import asyncio
import contextlib
import logging
import os
from pathlib import Path

from storage.vault.errors import BadRequest, RecorderError
from storage.vault.fields import Json
from storage.vault.recorder import Recorder
from storage.vault.watchers import Watcher
from storage.vault.wire import LONGEST_LINE, Op, Request, line_of, parse_request

log = logging.getLogger("heedline.recorder")

_MOST_CONNECTIONS = 64
_MOST_AT_ONCE = 256  # requests under way on one connection
_WRITE_SECONDS = 10.0


class RecorderServer:
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._requests: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()

    def open_up(self) -> None:
        """Answer from now on: what was open before has been taken up. Requests wait until then."""
        self._ready.set()

    async def start(self, socket: Path) -> None:
        """Listen on `socket` (0600); an old socket nobody listens on is replaced.

        Raises RecorderError `running`: another recorder answers there.
        """
        try:
            _, writer = await asyncio.open_unix_connection(socket)
        except OSError:
            await asyncio.to_thread(_make_room, socket)
        else:
            writer.close()
            raise RecorderError("running", f"another recorder listens on {socket}; stop it first")
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._connected, socket, limit=LONGEST_LINE)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Take no more; requests under way are answered."""
        if self._server is not None:
            self._server.close()
        if self._requests:
            await asyncio.wait(self._requests, timeout=5)
        for task in list(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=5)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, TimeoutError):
            log.info("a client of the recorder went away")
        except asyncio.CancelledError:
            log.debug("the recorder closes a connection")
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        places = asyncio.Semaphore(_MOST_AT_ONCE)
        await self._ready.wait()
        while True:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                await _send(writer, _refusal(0, "bad_request", f"a line over {LONGEST_LINE} bytes"))
                return
            try:
                request = parse_request(line)
            except BadRequest as error:
                # Whoever sends this is no client of ours, or of another version: nothing it says is safe to act on.
                await _send(writer, _refusal(0, "bad_request", str(error)))
                return
            if request.op is Op.WATCH:
                await self._watched(request, reader, writer)
                return
            await places.acquire()
            task = asyncio.create_task(self._answer(request, writer))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)
            task.add_done_callback(lambda _: places.release())

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        # Not cancelled when the client goes away: what was begun is done to its end.
        reply: dict[str, Json]
        try:
            reply = {"id": request.id, "ok": True, **await self._do(request)}
        except RecorderError as error:
            reply = _refusal(request.id, error.code, error.detail)
        except Exception:
            log.critical("the recorder has a defect", exc_info=True)
            reply = _refusal(request.id, "defect", "see the recorder's log")
        with contextlib.suppress(ConnectionError, TimeoutError):
            await _send(writer, reply)

    async def _do(self, request: Request) -> dict[str, Json]:
        recorder = self._recorder
        if request.op is Op.OPEN:
            await recorder.open(request)
        elif request.op is Op.CLOSE:
            manifest = await recorder.close(request)
            return {
                "failed": manifest.failed,
                "milliseconds": int(manifest.seconds * 1000),
                "sealed": True,
            }
        elif request.op is Op.PING:
            return recorder.status()
        elif request.op is Op.ADMIT:
            await recorder.admit(request)
        else:
            await recorder.pause(request, lasting=request.op is Op.PAUSE)
        return {}

    async def _watched(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watcher = self._recorder.watch()
        try:
            await _send(writer, {"id": request.id, "ok": True})
            gone = asyncio.create_task(reader.read(1))
            try:
                while not watcher.lagging.is_set():
                    message = await _next_unless(gone, watcher)
                    if message is None:
                        return
                    await _send(writer, message)
            finally:
                gone.cancel()
        finally:
            self._recorder.unwatch(watcher)


def _make_room(socket: Path) -> None:
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if socket.is_socket():
        socket.unlink()


async def _next_unless(gone: "asyncio.Task[bytes]", watcher: Watcher) -> dict[str, Json] | None:
    """The next message, or None when the other side has hung up (or said something, which it must not)."""
    coming = asyncio.create_task(watcher.queue.get())
    done, _ = await asyncio.wait({gone, coming}, return_when=asyncio.FIRST_COMPLETED)
    if coming in done:
        return coming.result()
    coming.cancel()
    return None


def _refusal(number: int, code: str, detail: str) -> dict[str, Json]:
    return {"id": number, "ok": False, "error": code, "detail": detail[:1024]}


async def _send(writer: asyncio.StreamWriter, message: dict[str, Json]) -> None:
    writer.write(line_of(message))
    await asyncio.wait_for(writer.drain(), _WRITE_SECONDS)

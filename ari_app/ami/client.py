"""The manager client: what ARI can't do, on a connection that is kept alive."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from panoramisk.message import Message

from ari_app.ami import values
from ari_app.ami.errors import AmiDown, AmiError, AmiRefused, UnsafeValue
from ari_app.ami.wire import Wire
from ari_app.ari.backoff import Backoff

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Registration:
    """A phone that has registered. ``status``: Reachable, Unreachable, NonQualified, Unknown ..."""

    endpoint: str
    aor: str
    status: str
    uri: str = field(repr=False)


class AmiClient:
    """One PBX's manager interface.

    ``connect`` once, ``close`` at the end; in between a lost connection is made anew, with back-off. An action
    is sent at most once: after a loss it fails with :class:`AmiDown` and its caller decides.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        secret: str,
        *,
        timeout: float = 3.0,
        ping_interval: float = 5.0,
        backoff: Backoff | None = None,
        on_up: Callable[[], None] | None = None,
        on_down: Callable[[], None] | None = None,
    ) -> None:
        """:param timeout: seconds one action may take
        :param ping_interval: seconds between signs of life
        :param on_up: called after each login; :param on_down: after each loss
        """
        self._host, self._port = values.plain(host, "host"), port
        self._username, self._secret = values.plain(username, "user name"), values.secret(secret)
        self._timeout = timeout
        self._ping_interval = ping_interval
        self._backoff = backoff or Backoff()
        self.on_up = on_up
        self.on_down = on_down
        self.fully_booted = asyncio.Event()
        """Set while connected to an Asterisk that has finished booting."""
        self.failure: AmiRefused | None = None
        """Why supervision ended for good, if it did."""
        self._booted_at_login = False
        self._wire: Wire | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """True between login and loss."""
        return self._wire is not None

    async def connect(self, patience: float = 0.0) -> None:
        """Log in, and keep the connection from then on.

        :param patience: seconds to keep trying while nothing answers; a refused password is final at once
        :raises AmiDown, AmiTimeout, AmiRefused:
        """
        if self._supervisor is not None and not self._supervisor.done():
            return
        self.failure = None
        deadline = asyncio.get_running_loop().time() + patience
        delays = self._backoff.delays(random.random)
        while True:
            try:
                wire = await self._log_in()
                break
            except AmiRefused:
                raise
            except AmiError:
                delay = next(delays)
                if asyncio.get_running_loop().time() + delay > deadline:
                    raise
                await asyncio.sleep(delay)
        self._up(wire)
        self._supervisor = asyncio.create_task(self._supervise(wire), name="ami")

    async def close(self) -> None:
        """Hang up; no callback is called."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)
        wire, self._wire = self._wire, None
        self.fully_booted.clear()
        if wire is not None:
            wire.close()

    async def mix_monitor(self, channel_name: str, path: str, options: str) -> None:
        """Record a channel into ``path`` with MixMonitor's ``options`` ("D": stereo, .raw only)."""
        await self._act(
            "MixMonitor",
            {
                "Channel": values.channel_name(channel_name),
                "File": values.spool_path(path),
                "options": values.monitor_options(options),
            },
        )

    async def mute_mix_monitor(self, channel_name: str, direction: str, on: bool) -> None:
        """Write silence instead of ``direction`` ("read", "write" or "both"), or sound again."""
        if direction not in ("read", "write", "both"):
            raise UnsafeValue("AMI: the direction is read, write or both")
        await self._act(
            "MixMonitorMute",
            {
                "Channel": values.channel_name(channel_name),
                "Direction": direction,
                "State": "1" if on else "0",
            },
        )

    async def stop_mix_monitor(self, channel_name: str) -> None:
        """End every MixMonitor of a channel. Asterisk closes the file a moment after it has answered."""
        await self._act("StopMixMonitor", {"Channel": values.channel_name(channel_name)})

    async def registrations(self) -> tuple[Registration, ...]:
        """Phones registered now (PJSIP contacts)."""
        messages = await self._act("PJSIPShowRegistrationInboundContactStatuses", {})
        return tuple(
            Registration(endpoint=str(m.endpointname), aor=str(m.aor), status=str(m.status), uri=str(m.uri))
            for m in messages[1:]
            if m.event == "ContactStatusDetail"
        )

    async def _act(self, action: str, fields: dict[str, str]) -> list[Message]:
        if self._wire is None:
            raise self.failure or AmiDown(f"AMI: {action} not sent, there is no connection")
        return await self._wire.act(action, fields)

    async def _log_in(self) -> Wire:
        self._booted_at_login = False
        wire = Wire(
            self._host,
            self._port,
            self._username,
            self._secret,
            timeout=self._timeout,
            on_event=self._event,
        )
        await wire.open()
        return wire

    def _event(self, message: Message) -> None:
        if message.event != "FullyBooted":
            return
        if self._wire is None:
            # It came in one packet with the answer to the login: not before there is a connection to use.
            self._booted_at_login = True
        else:
            self.fully_booted.set()

    def _up(self, wire: Wire) -> None:
        self._wire = wire
        _call(self.on_up)
        if self._booted_at_login:
            self.fully_booted.set()

    def _down(self) -> None:
        self._wire = None
        self.fully_booted.clear()
        log.warning("AMI: connection lost")
        _call(self.on_down)

    async def _supervise(self, wire: Wire) -> None:
        while True:
            await self._until_lost(wire)
            wire.close()
            self._down()
            for delay in self._backoff.delays(random.random):
                await asyncio.sleep(delay)
                try:
                    wire = await self._log_in()
                    break
                except AmiRefused as error:
                    log.critical("%s", error)
                    self.failure = error
                    return
                except AmiError as error:
                    log.warning("%s", error)
            self._up(wire)

    async def _until_lost(self, wire: Wire) -> None:
        while not wire.lost.is_set():
            try:
                async with asyncio.timeout(self._ping_interval):
                    await wire.lost.wait()
            except TimeoutError:
                try:
                    await wire.act("Ping", {})
                except AmiError as error:
                    log.warning("%s", error)
                    return


def _call(callback: Callable[[], None] | None) -> None:
    if callback is None:
        return
    try:
        callback()
    except Exception:
        log.exception("AMI: the callback of a connection change failed; connection kept")

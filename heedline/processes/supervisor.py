"""`heedline serve`: PBX, recorder, conductor and AGI door on one machine, each started again when it ends by itself.

A child that ends soon after its start several times in a row, or with EX_CONFIG, is not started again: then
everything is stopped and its last words are shown. So a wrong password or a full disk is an error, not a loop.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from compliance.errors import HeedlineError
from heedline.conductor_client import ConductorClient
from heedline.custody import keep_published
from heedline.home import Home
from heedline.pbx import Instance
from heedline.processes.lifetime import EX_CONFIG, SUPERVISED, only_one
from heedline.settings import Settings

log = logging.getLogger(__name__)

SOON_S = 5.0
MOST_IN_A_ROW = 5
BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 4.0)
AGAIN_S = 60.0  # until what is not vital is tried anew
STOP_S = 10.0
DRAIN_S = 15.0
LAST_WORDS_BYTES = 8 * 1024


class ChildFailed(HeedlineError):
    """A process can't be kept running."""


@dataclass(frozen=True)
class Child:
    """One of our processes: `heedline <name> run`."""

    name: str
    home: Home
    vital: bool = True  # without it no call can be placed, and everything is stopped

    @property
    def log(self) -> Path:
        return self.home.log / f"{self.name}.log"

    async def start(self) -> asyncio.subprocess.Process:
        out = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "heedline",
                self.name,
                "run",
                "--home",
                str(self.home.path),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, SUPERVISED: "1"},
                start_new_session=True,  # Ctrl-C is for the supervisor: it stops the others in order
            )
        finally:
            os.close(out)

    def last_words(self) -> str:
        try:
            with self.log.open("rb") as log_file:  # its end only: it may have grown for months
                log_file.seek(max(0, self.log.stat().st_size - LAST_WORDS_BYTES))
                lines = log_file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""


class Supervisor:
    """Runs until cancelled. `say` is told what a person should know."""

    def __init__(self, home: Home, settings: Settings, say: Callable[[str], None]) -> None:
        self.home = home
        self._settings = settings
        self.instance = Instance(home, settings)
        agi = (Child("agi", home, vital=False),) if settings.agi.port else ()
        self.children = (Child("recorder", home), Child("conductor", home), *agi)
        self._say = say
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def run(self) -> None:
        """Raises ChildFailed, PbxUnhealthy, AlreadyRunning."""
        self.home.log.mkdir(mode=0o700, parents=True, exist_ok=True)
        with only_one(self.home, "supervisor"):
            try:
                self._say("starting the PBX")
                await self.instance.up()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._keep_pbx())
                    group.create_task(keep_published(self.home, self._settings))
                    for child in self.children:
                        group.create_task(self._keep(child))
                    group.create_task(self._say_ready())
            finally:
                await self._stop()

    async def _say_ready(self) -> None:
        client = ConductorClient(self.home.conductor_socket)
        await client.wait_ready()
        self._say("ready for calls")

    async def _keep(self, child: Child) -> None:
        in_a_row = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            process = self._running[child.name] = await child.start()
            status = await process.wait()
            in_a_row = in_a_row + 1 if loop.time() - began < SOON_S else 1
            if status == EX_CONFIG or in_a_row >= MOST_IN_A_ROW:
                failed = f"the {child.name} can't run: {child.last_words()} (log: {child.log})"
                if child.vital:
                    raise ChildFailed(failed)
                self._say(f"{failed}; the rest goes on without it")
                await asyncio.sleep(AGAIN_S)
                in_a_row = 0
                continue
            self._say(f"the {child.name} ended (status {status}); starting it again")
            await asyncio.sleep(BACKOFF_S[in_a_row - 1])

    async def _keep_pbx(self) -> None:
        in_a_row = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            while not await self.instance.ended(3600.0):
                continue
            in_a_row = in_a_row + 1 if loop.time() - began < SOON_S else 1
            if in_a_row >= MOST_IN_A_ROW:
                raise ChildFailed("the PBX ends again and again; see `heedline pbx logs`")
            self._say("the PBX ended; starting it again")
            await asyncio.sleep(BACKOFF_S[in_a_row - 1])
            await self.instance.up()

    async def _stop(self) -> None:
        """Calls first, in good order; then who controls them, then who records them, then the PBX."""
        conductor = self._running.get("conductor")
        if conductor is not None and conductor.returncode is None:
            self._say("ending the calls")
            with contextlib.suppress(HeedlineError, TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    await ConductorClient(self.home.conductor_socket).drain("supervisor", closing=True)
        for name in ("agi", "conductor", "recorder"):
            process = self._running.get(name)
            if process is not None and process.returncode is None:
                await _end(process)
        await self.instance.down()
        self._say("stopped")


async def _end(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

"""The Asterisk process: started, found again, stopped. A pid alone is never trusted: it may have been given anew.

`run/instance.json` says who runs: pid, start time in clock ticks since boot, boot id, digest of the configuration.
"""

import asyncio
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from heedline.pbx.asterisk import Asterisk
from heedline.pbx.layout import Layout
from heedline.secrets import write_private

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_children: dict[int, subprocess.Popen[bytes]] = {}  # ours to reap, or a killed one would stay as a zombie


@dataclass(frozen=True)
class Running:
    """A process as it was started, so that it can be told from a later one of the same pid."""

    pid: int
    start_ticks: int
    boot_id: str
    digest: str
    version: str

    def alive(self) -> bool:
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            del _children[self.pid]
        return self.boot_id == _BOOT_ID.read_text().strip() and _start_ticks(self.pid) == self.start_ticks

    def uptime(self) -> float:
        """Seconds since it started."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_ticks / os.sysconf("SC_CLK_TCK"))


def start(asterisk: Asterisk, layout: Layout, digest: str) -> Running:
    """Start Asterisk in a session of its own: a Ctrl-C at the terminal is ours to handle, not its."""
    command = [*asterisk.command, "-f", "-n", "-C", str(layout.etc / "asterisk.conf")]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(layout.run), "LANG": "C.UTF-8"}
    with layout.console.open("ab") as console:
        layout.console.chmod(0o600)
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            cwd=layout.run,
            env=environment,
            start_new_session=True,
            umask=0o077,
        )
    _children[child.pid] = child
    running = Running(
        child.pid, _start_ticks(child.pid) or 0, _BOOT_ID.read_text().strip(), digest, asterisk.version_text
    )
    write_private(layout.state, json.dumps(asdict(running)).encode(), replace=True)
    return running


def find(layout: Layout) -> Running | None:
    """The process that was started here and still lives, or None; a stale file is no process."""
    try:
        running = Running(**json.loads(layout.state.read_bytes()))
        return running if running.alive() else None
    except (FileNotFoundError, ValueError, TypeError):
        return None  # never started, or a torn file of a crashed machine: the same thing to us


def forget(layout: Layout) -> None:
    """Remove what a stopped process left behind."""
    for file in (layout.state, layout.run / "asterisk.pid", layout.run / "asterisk.ctl"):
        file.unlink(missing_ok=True)


async def stop(running: Running, grace: float) -> bool:
    """TERM, then KILL after `grace` seconds. True when TERM was enough."""
    if not send(running, signal.SIGTERM) or await ended(running, grace):
        return True
    send(running, signal.SIGKILL)
    await ended(running, 10.0)
    return False


def send(running: Running, number: signal.Signals) -> bool:
    """Signal exactly this process (by pidfd: a pid taken over in between is not hit); False when it is gone."""
    try:
        descriptor = os.pidfd_open(running.pid)
    except ProcessLookupError:
        return False
    try:
        if not running.alive():
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


async def ended(running: Running, seconds: float) -> bool:
    """Wait for its end, at most that long."""
    try:
        async with asyncio.timeout(seconds):
            await _gone(running)
    except TimeoutError:
        pass
    return not running.alive()


async def _gone(running: Running) -> None:
    try:
        descriptor = os.pidfd_open(running.pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    try:
        loop.add_reader(descriptor, event.set)  # a pidfd becomes readable when the process ends
        await event.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _start_ticks(pid: int) -> int | None:
    """Field 22 of /proc/<pid>/stat (proc_pid_stat(5)); None for none and for a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])

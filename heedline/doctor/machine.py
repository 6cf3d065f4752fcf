"""The machine: Python, clock, its own name, disk, memory for the spool."""

import asyncio
import ctypes
import datetime
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from heedline.doctor.finding import Finding, fail, ok, warn
from heedline.home import Home
from heedline.pbx.spool import is_ram, mount_of, spool_folder, swap_in_use
from heedline.settings import Settings

PYTHON_FLOOR = (3, 11)
DISK_FAIL = 512 * 2**20  # bytes: about four hours of stereo audio at 8 kHz, sealed
DISK_WARN = 5 * 2**30
RELEASED = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)  # a clock before this is certainly wrong
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 208  # sizeof(struct timex) on 64-bit Linux; modes = 0 in it means: only read


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_FLOOR:
        return fail("python", version, "install Python 3.11 or newer, then `make setup`")
    return ok("python", version)


def clock(now: datetime.datetime) -> Finding:
    """Calling hours and evidence hang on the clock."""
    if now < RELEASED:
        return fail(
            "clock", f"{now:%Y-%m-%d %H:%M} UTC, before this release was made", "set the clock; run an NTP client"
        )
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    if state == _TIME_ERROR:
        return warn("clock", "no time source keeps it", "run an NTP client, as systemd-timesyncd or chrony")
    if state < 0:
        return warn("clock", "the kernel does not say whether it is kept", "make sure that the host keeps time")
    return ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, kept by a time source")


async def own_name() -> Finding:
    """Asterisk asks for its own host name at every call: without a quick answer, a call a second is all there is."""
    name = socket.gethostname()
    remedy = f"put `127.0.0.1 {name}` into /etc/hosts"
    try:
        async with asyncio.timeout(1.0):
            await asyncio.get_running_loop().getaddrinfo(name, None, family=socket.AF_INET)
    except TimeoutError:
        return fail("host name", f"{name!r} takes more than a second to look up", remedy)
    except OSError:
        return warn("host name", f"{name!r} cannot be looked up", remedy)
    return ok("host name", f"{name!r} is looked up at once")


def disk(home: Home) -> Finding:
    free = shutil.disk_usage(home.path).free
    found = f"{free / 2**30:.1f} GiB free at {home.path}"
    if free < DISK_FAIL:
        return fail("disk", found, "make room: a full disk stops recording, and with it calls that must be recorded")
    return warn("disk", found, "make room soon") if free < DISK_WARN else ok("disk", found)


def spool(home: Home, settings: Settings) -> Iterator[Finding]:
    """Plaintext audio may lie in RAM only."""
    folder = spool_folder(home, settings)
    if not folder.exists():
        yield warn("spool", f"{folder} is not there: the PBX is down", "heedline pbx up")
        return
    if not is_ram(folder):
        yield fail(
            "spool", f"{folder} lies on {mount_of(folder).kind}", "`heedline pbx down`, then `up`, mounts a tmpfs"
        )
        return
    mount = mount_of(folder)
    free = shutil.disk_usage(folder).free
    yield ok("spool", f"{folder} is RAM, {free / 2**20:.0f} MiB free")
    if free < 32 * 2**20:
        yield warn(
            "spool room", f"{free / 2**20:.0f} MiB free", "is the recorder running? raise recording.spool_megabytes"
        )
    if "noswap" not in mount.options and swap_in_use():
        remedy = "run the PBX as root once (a tmpfs with noswap, Linux 6.4), encrypt the swap, or `swapoff -a`"
        yield warn("spool swap", "the kernel may write it to swap", remedy)
    if Path(folder).stat().st_mode & 0o007:  # a group may be shared with an Asterisk of another user
        yield fail("spool mode", f"{folder} is open to others", f"chmod o= {folder}")

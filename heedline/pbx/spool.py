"""The RAM spool: the only place plaintext audio may lie, for about a second.

As root: a tmpfs of its own, mounted at `recording.spool` or at home/pbx/<instance>/ramspool, limited in size, 0700,
`noswap` where the kernel has it (Linux 6.4). Unprivileged: a folder under /dev/shm (tmpfs, may be swapped out; the
doctor says so), reached by a link at the same place. Nothing else counts as RAM.
"""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from heedline.home import Home
from heedline.pbx.errors import SpoolNotRam
from heedline.pbx.layout import Layout
from heedline.settings import Settings

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  the one tmpfs an unprivileged user always has


@dataclass(frozen=True)
class Mount:
    """The mount a path lies on, from /proc/self/mountinfo."""

    point: Path
    kind: str
    options: frozenset[str]


def spool_folder(home: Home, settings: Settings) -> Path:
    """Where MixMonitor writes and the recorder reads."""
    if settings.recording.spool:
        return Path(settings.recording.spool)
    return Layout(home.pbx(settings.pbx.instance)).ramspool


def ensure_ram_spool(home: Home, settings: Settings) -> Path:
    """Make the spool and prove that it is RAM. Raises SpoolNotRam."""
    folder = spool_folder(home, settings)
    if is_ram(folder):
        return folder
    if os.geteuid() == 0:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SpoolNotRam(f"{folder}: holds files on a disk; move them away, then try again")
        if not _mount(folder, settings.recording.spool_megabytes):
            _link_to_shared_memory(folder, home, settings)
    elif settings.recording.spool:
        raise SpoolNotRam(f"{folder}: no tmpfs; have root mount one there, or leave recording.spool empty")
    else:
        _link_to_shared_memory(folder, home, settings)
    if not is_ram(folder):
        raise SpoolNotRam(f"{folder}: could not be put into RAM; mount a tmpfs there (mode 0700)")
    return folder


def release_ram_spool(home: Home, settings: Settings) -> bool:
    """Unmount what `ensure_ram_spool` mounted; False when files are still in it, which are then kept."""
    folder = spool_folder(home, settings)
    if not is_ram(folder) or any(folder.iterdir()):
        return not is_ram(folder)
    if folder.is_symlink():
        folder.resolve().rmdir()
        folder.unlink()
        return True
    if os.geteuid() != 0 or mount_of(folder).point != folder.resolve() or settings.recording.spool:
        return True  # somebody else's mount, as a systemd unit's: theirs to take away
    if subprocess.run(["umount", "--", str(folder)], capture_output=True, check=False).returncode:
        return False
    folder.rmdir()
    return True


def is_ram(folder: Path) -> bool:
    """Whether the folder is there and its file system is tmpfs."""
    return folder.is_dir() and mount_of(folder).kind == "tmpfs"


def mount_of(folder: Path) -> Mount:
    """The mount that holds the folder, links followed."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        fields, tail = left.split(), right.split()
        if fields[2] == wanted:
            # \040 and its like are octal escapes of blanks in the mount point
            point = fields[4].encode().decode("unicode_escape")
            found.append(Mount(Path(point), tail[0], frozenset((fields[5] + "," + tail[-1]).split(","))))
    real = folder.resolve()
    holding = [mount for mount in found if real.is_relative_to(mount.point)]
    return max(holding or found or [Mount(Path("/"), "unknown", frozenset())], key=lambda m: len(m.point.parts))


def swap_in_use() -> bool:
    """Whether this machine could swap a tmpfs without `noswap` out to a disk."""
    return len(Path("/proc/swaps").read_text().splitlines()) > 1


def _mount(folder: Path, megabytes: int) -> bool:
    base = f"size={megabytes}m,mode=0700,nosuid,nodev,noexec"
    for options in (f"{base},noswap", base):  # noswap: Linux 6.4; older kernels refuse the mount
        command = ["mount", "-t", "tmpfs", "-o", options, "heedline-spool", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return True
    return False  # a container without CAP_SYS_ADMIN: /dev/shm is left


def _link_to_shared_memory(folder: Path, home: Home, settings: Settings) -> None:
    if not SHARED_MEMORY.is_dir() or mount_of(SHARED_MEMORY).kind != "tmpfs":
        raise SpoolNotRam(f"{SHARED_MEMORY}: no tmpfs; have root mount one at {folder} (mode 0700)")
    place = hashlib.sha256(bytes(home.path)).hexdigest()[:12]
    target = SHARED_MEMORY / f"heedline-{os.geteuid()}-{place}-{settings.pbx.instance}"
    target.mkdir(mode=0o700, exist_ok=True)
    status = target.lstat()
    if target.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise SpoolNotRam(f"{target}: belongs to somebody else; have it removed")
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.is_dir():
        shutil.rmtree(folder) if not any(folder.iterdir()) else None
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(target)

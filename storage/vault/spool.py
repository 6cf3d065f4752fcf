"""The RAM spool: where Asterisk leaves plaintext for about a second.

Asterisk's MixMonitor appends to `<recording>.raw`; the recorder reads, seals, and takes back what it has sealed:
overwritten with zeros, then punched out. The file keeps its size, so offsets in it are offsets in the recording.
"""

import errno
import fcntl
import os
import re
import signal
import stat
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from storage.vault.errors import SpoolUnfit
from storage.vault.format import is_recording_id
from storage.vault.kernel import RAMFS_MAGIC, TMPFS_MAGIC, file_system_magic, punch_hole

_SUFFIX = ".raw"
_ZEROS = bytes(64 * 1024)
_SWAP_IN_RAM = re.compile(r"/dev/zram\d+")


def spool_name(recording: str) -> str:
    return recording + _SUFFIX


@dataclass(frozen=True)
class Room:
    """Bytes of the spool's file system."""

    total: int
    free: int


class Bar(Enum):
    """Whether the callee may be recorded, as a bit of the spool file's mode that means nothing for a plain file.

    So it comes and goes with the file, and a recorder that was killed finds it again.
    """

    UP = stat.S_ISVTX  # not yet
    LIFTING = stat.S_IXUSR  # from now on, but what was said before may not all be sealed yet
    DOWN = 0


class SpoolFolder:
    """The folder, checked once: in RAM, and steered by nobody else."""

    def __init__(self, path: Path) -> None:
        """Raises SpoolUnfit: not a folder, not tmpfs or ramfs, or writable by everybody."""
        self.path = path
        try:
            status = os.lstat(path)
            magic = file_system_magic(path)
        except OSError as error:
            raise SpoolUnfit(f"{path}: {error.strerror}; mount a tmpfs there") from None
        if not stat.S_ISDIR(status.st_mode):
            raise SpoolUnfit(f"{path}: not a folder (symbolic links are not followed)")
        if magic not in (TMPFS_MAGIC, RAMFS_MAGIC):
            raise SpoolUnfit(f"{path}: not in RAM; mount a tmpfs there, or plaintext audio would reach a disk")
        if status.st_mode & 0o002:
            raise SpoolUnfit(f"{path}: writable by everybody; chmod o-w it")
        if status.st_uid not in (os.geteuid(), 0):
            raise SpoolUnfit(f"{path}: belongs to user {status.st_uid}; chown it to the user Heedline runs as")
        # A folder shared with Asterisk's group is group-writable, and so are the files in it.
        self._mode = 0o660 if status.st_mode & 0o020 else 0o600

    def swap_exposed(self) -> bool:
        """Whether the kernel could swap the spool out to a disk: swap is on, and the mount lacks `noswap`."""
        try:
            swaps = Path("/proc/swaps").read_text().splitlines()[1:]
            mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        except OSError:
            return True
        if all(_SWAP_IN_RAM.match(line) for line in swaps):
            return False
        device = os.stat(self.path).st_dev
        wanted = f"{os.major(device)}:{os.minor(device)}"
        return not any(line.split()[2] == wanted and "noswap" in line.split()[-1] for line in mounts)

    def room(self) -> Room:
        found = os.statvfs(self.path)
        return Room(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)

    def create(self, recording: str, *, barred: bool = False) -> "SpoolFile":
        """A new empty file for a recording, its `Bar` up or down. Raises FileExistsError, OSError."""
        path = self.path / spool_name(recording)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        mode = self._mode | (Bar.UP if barred else Bar.DOWN).value  # from the first: a kill leaves no file without it
        descriptor = os.open(path, flags, mode)
        os.fchmod(descriptor, mode)  # whatever the umask
        return SpoolFile(path, descriptor)

    def open(self, recording: str) -> "SpoolFile | None":
        """The file of a recording that was begun before; None when it is gone. Raises OSError."""
        path = self.path / spool_name(recording)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        return SpoolFile(path, descriptor)

    def recordings(self) -> list[str]:
        """The recordings that have a file here. Other files are none of ours."""
        stems = [name.removesuffix(_SUFFIX) for name in os.listdir(self.path) if name.endswith(_SUFFIX)]
        return sorted(stem for stem in stems if is_recording_id(stem))


class SpoolFile:
    """One recording's plaintext, as far as it is not sealed yet."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._taken = 0

    def size(self) -> int:
        """Bytes written to it so far, those taken back included."""
        return os.fstat(self._descriptor).st_size

    def lost(self) -> bool:
        """Whether somebody unlinked it: Asterisk would write on into nowhere."""
        return os.fstat(self._descriptor).st_nlink == 0

    def bar(self) -> Bar:
        mode = os.fstat(self._descriptor).st_mode
        return next(bar for bar in Bar if mode & bar.value == bar.value)

    def set_bar(self, bar: Bar) -> None:
        mode = stat.S_IMODE(os.fstat(self._descriptor).st_mode)
        os.fchmod(self._descriptor, mode & ~(Bar.UP.value | Bar.LIFTING.value) | bar.value)

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def take_back(self, end: int) -> None:
        """Wipe everything before `end` and give the memory back."""
        if end <= self._taken:
            return
        start = self._taken
        # A punched page goes back to the kernel as it is: overwrite it first.
        for offset in range(start, end, len(_ZEROS)):
            os.pwrite(self._descriptor, _ZEROS[: end - offset], offset)
        punch_hole(self._descriptor, start, end - start)
        self._taken = end

    def skip_to(self, end: int) -> None:
        """After a restart: what lies before `end` was sealed before; make sure that it is gone."""
        try:
            self._taken = os.lseek(self._descriptor, 0, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # ENXIO: the file is one hole
                raise
            self._taken = end
        self.take_back(end)

    def being_written(self) -> bool:
        """Whether another process has the file open for writing.

        The kernel grants a read lease (fcntl(2), F_SETLEASE) exactly when nobody has. It is given back at once;
        SIGURG, ignored by default, is what would tell of its breach in between.
        """
        self._reopen(os.O_RDONLY)
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(self._descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(self._descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except BlockingIOError:
            return True
        finally:
            self._reopen(os.O_RDWR)
        return False

    def _reopen(self, mode: int) -> None:
        # Through the descriptor, not the name: it must be the same file, also when it was unlinked.
        old = self._descriptor
        self._descriptor = os.open(f"/proc/self/fd/{old}", mode | os.O_CLOEXEC)
        os.close(old)

    def discard(self) -> None:
        """Throw away what has been written: the recording failed and nothing of it will be sealed."""
        self.take_back(self.size())

    def destroy(self) -> None:
        """Overwrite what is left, unlink, close."""
        self.discard()
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)

"""Builds the private Asterisk: Debian unstable's packages, unpacked into a folder by mmdebstrap.

Unpacked only, no maintainer script runs: Asterisk is started through the folder's own loader, so nothing in it needs
to be configured, and neither root nor a user namespace is needed. Every package is checked against Debian's signed
index. The folder is built beside its place and moved there whole: a Ctrl-C leaves nothing half-built.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from heedline.pbx.apt import Apt, apt_settings
from heedline.pbx.asterisk import FLOOR, Asterisk, floor_text, of_root
from heedline.pbx.errors import BuildFailed

SUITE = "sid"  # neither Debian 12 nor 13 carries Asterisk
PACKAGES = "asterisk"
UNUSED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/perl/*", "/usr/include/*")

Say = Callable[[str], None]


def build(root: Path, say: Say, *, apt: Apt | None = None) -> Asterisk:
    """Build the private root at `root` unless a good one is there; `say` gets a line whenever there is news.

    Two builders never collide: the second waits, and finds the first one's work. Raises BuildFailed.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    with _lock(root, say):
        held = of_root(root)
        if held and held.version >= FLOOR:
            say(f"Asterisk {held.version_text} is in {root}")
            return held
        for left in root.parent.glob(f".{root.name}.building-*"):
            _remove(left)  # a builder that was killed outright; the lock proves that none is at work
        scratch = Path(tempfile.mkdtemp(prefix=f".{root.name}.building-", dir=root.parent))
        try:
            scratch.chmod(0o755)  # other users may run it
            _debootstrap(scratch, apt or apt_settings(), say)
            built = of_root(scratch)
            if built is None:
                raise BuildFailed("the packages are unpacked, but Asterisk does not run; see `heedline pbx install`")
            if built.version < FLOOR:
                raise BuildFailed(
                    f"the mirror carries Asterisk {built.version_text}, older than {floor_text()}; "
                    "name a current Debian mirror in the machine's apt sources"
                )
            _swap(scratch, root)
        finally:
            _remove(scratch)
        done = of_root(root)
        if done is None:
            raise BuildFailed(f"{root}: was moved there whole, but does not run; is it mounted noexec?")
        say(f"Asterisk {done.version_text} is in {root}")
        return done


def _debootstrap(scratch: Path, apt: Apt, say: Say) -> None:
    tool = shutil.which("mmdebstrap")
    if tool is None:
        raise BuildFailed("mmdebstrap is not installed; `make setup` installs it, or `apt install mmdebstrap`")
    command = [
        tool,
        "--variant=extract",
        "--mode=chrootless",
        "--format=directory",
        f"--include={PACKAGES}",
        *(f"--dpkgopt=path-exclude={path}" for path in UNUSED),
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--aptopt={option}" for option in apt.options),
    ]
    target = [SUITE, str(scratch), apt.mirror]
    say("downloading and unpacking Asterisk from this machine's own Debian mirror (about 50 MB)")
    status, said = _run([*command, *target], say)
    if status and any("Release file" in line and "expired" in line for line in said):
        say("the mirror lags: its Release file has expired. Trying again without that date check;")
        say(f"signatures are still checked, and an Asterisk older than {floor_text()} is still refused")
        _empty(scratch)
        status, said = _run([*command, '--aptopt=Acquire::Check-Valid-Until "false"', *target], say)
    if status:
        reason = next((line for line in said if line.startswith("E:")), said[-1] if said else "no message")
        raise BuildFailed(f"mmdebstrap ended with status {status}: {reason}")


def _run(command: list[str], say: Say) -> tuple[int, list[str]]:
    """Run it in a group of its own, so that an interrupt takes all of it along; status and last lines."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TMPDIR": tempfile.gettempdir()}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    ) as child:
        said: list[str] = []
        try:
            for line in child.stdout or ():
                text = line.strip()
                said = [*said, text][-200:]
                if text.startswith("I: ") and "signal" not in text and "emulation" not in text:
                    say(text.removeprefix("I: "))
            return child.wait(), said
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
            raise


def _swap(scratch: Path, root: Path) -> None:
    old = scratch.with_name(scratch.name + "-old")
    if root.exists():
        root.rename(old)  # too old or broken; an Asterisk running from it keeps the files it has open
    scratch.rename(root)
    _remove(old)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir(mode=0o755)


@contextlib.contextmanager
def _lock(root: Path, say: Say) -> Iterator[None]:
    descriptor = os.open(root.with_name(f".{root.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is at work; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

"""What every process of ours does at its start and end: one at a time, a log, an orderly end on SIGTERM."""

import asyncio
import contextlib
import ctypes
import fcntl
import gc
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Iterator

from ari_app.ami import AmiRefused
from ari_app.ari.errors import ApplicationTaken, Unauthorized
from compliance.errors import BadInput, HeedlineError
from heedline.home import Home
from heedline.pbx import AsteriskMissing
from heedline.secrets import SecretExposed, SecretMissing

log = logging.getLogger(__name__)

SUPERVISED = "HEEDLINE_SUPERVISED"
EX_CONFIG = 78
"""Exit status of an error that starting again can't cure (sysexits.h): the supervisor does not try."""
FOR_GOOD = (AmiRefused, ApplicationTaken, AsteriskMissing, BadInput, SecretExposed, SecretMissing, Unauthorized)
_PR_SET_PDEATHSIG = 1


class AlreadyRunning(HeedlineError):
    """Another process of this kind serves this home."""


@contextlib.contextmanager
def only_one(home: Home, name: str) -> Iterator[None]:
    """Hold the lock of this kind of process; the kernel lets go of it however we die. Raises AlreadyRunning."""
    home.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home.run / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"the {name} of {home.path} is running already") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def log_to_stderr(level: int = logging.INFO) -> None:
    """One line a message; whoever started us keeps it (the supervisor in log/, systemd in its journal)."""
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for name in ("alembic", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def run_process(home: Home, name: str, main: Coroutine[None, None, None]) -> None:
    """Run to the end or to SIGTERM/SIGINT; then leave with 0, 1 or EX_CONFIG."""
    log_to_stderr()
    if os.environ.get(SUPERVISED):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    gc.collect()
    gc.freeze()  # a hundred thousand objects of modules and tables: nothing for each full collection to walk again
    try:
        with only_one(home, name):
            asyncio.run(_until_told(main))
    except HeedlineError as error:
        log.critical("%s", error)
        sys.exit(EX_CONFIG if isinstance(error, FOR_GOOD) else 1)
    finally:
        main.close()


async def _until_told(main: Coroutine[None, None, None]) -> None:
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.done():
            raise
    except BaseExceptionGroup as group:
        raise first_of(group) from group


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of the errors of a task group the first one of ours: what there is to say."""
    for error in group.exceptions:
        inner = first_of(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(inner, HeedlineError):
            return inner
    return group

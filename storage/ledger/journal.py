"""Opt-outs the ledger could not take yet: a small file beside it, fsynced line by line.

A key press is answered only when the ledger holds it. Until then, with the ledger locked or its disk full, it would
be lost with the process; here it is kept, and told to the ledger when a conductor next starts. Telling it twice
does no harm. A line names the attempt, never the number.
"""

import asyncio
import json
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from compliance.errors import HeedlineError
from storage.errors import DatabaseBusy, DatabaseFailed, NoSuchAttempt
from storage.ids import is_id

log = logging.getLogger(__name__)

LONGEST_LINE = 512  # bytes
MOST_LINES = 100_000


@dataclass(frozen=True)
class KeptOptOut:
    """`source` and `who` as `opt_out` takes them."""

    attempt: str
    source: str
    who: str


class OptOutJournal:
    """One file, written by one conductor at a time. Its methods block: call them in a thread, any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def keep(self, opt_out: KeptOptOut) -> None:
        """Durable when it returns. Raises OSError: it could not be kept (the same disk is full, say)."""
        with self._lock:
            _append(self._file, _line(opt_out))
            _sync_folder(self._file)

    def kept(self) -> list[KeptOptOut]:
        """What is in it. A line that can't be read (torn by a crash, before it counted as kept) is logged and left."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return []
        found = []
        for number, line in enumerate(content.splitlines()[:MOST_LINES], 1):
            try:
                found.append(_parse(line))
            except ValueError:
                log.error("%s: line %d can't be read and is passed over", self._file.name, number)
        return found

    def forget(self, attempt: str) -> None:
        """Once the ledger holds that attempt's. A line that can't be read stays, for somebody to look at."""
        with self._lock:
            try:
                lines = self._file.read_bytes().splitlines()
            except FileNotFoundError:
                return
            rest = [line for line in lines if not _is_of(line, attempt)]
            if rest:
                scratch = self._file.with_name(f".{self._file.name}.new")
                scratch.unlink(missing_ok=True)
                _append(scratch, b"".join(line + b"\n" for line in rest))
                scratch.replace(self._file)
            else:
                self._file.unlink()
            _sync_folder(self._file)


async def tell_kept(
    journal: OptOutJournal, tell: Callable[[KeptOptOut], Awaitable[object]]
) -> tuple[HeedlineError, ...]:
    """Have all that is kept told to the ledger, and forget what it has taken.

    Returns its refusals: those lines stay, for somebody to look at, and hold up no other; what is of another ledger
    stays too and is none. Raises DatabaseBusy, DatabaseFailed: it takes none now; OSError: the journal can't be read
    or rewritten.
    """
    refused: list[HeedlineError] = []
    for kept in await asyncio.to_thread(journal.kept):
        try:
            await tell(kept)
        except (DatabaseBusy, DatabaseFailed):
            raise
        except NoSuchAttempt:
            log.critical("%s: in the journal of opt-outs, not in this ledger; look at both", kept.attempt)
            continue
        except HeedlineError as error:
            log.critical("%s: an opt-out in the journal, refused by the ledger: %s", kept.attempt, error)
            refused.append(error)
            continue
        log.warning("%s: an opt-out kept in the journal is in the do-not-call list now", kept.attempt)
        await asyncio.to_thread(journal.forget, kept.attempt)
    return tuple(refused)


def _append(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "ab") as stream:
        size = os.fstat(descriptor).st_size
        torn = size and os.pread(descriptor, 1, size - 1) != b"\n"  # by a crash or a full disk
        stream.write(b"\n" + content if torn else content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(file: Path) -> None:
    descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(opt_out: KeptOptOut) -> bytes:
    return json.dumps(asdict(opt_out), sort_keys=True).encode() + b"\n"


def _is_of(line: bytes, attempt: str) -> bool:
    try:
        return _parse(line).attempt == attempt
    except ValueError:
        return False


def _parse(line: bytes) -> KeptOptOut:
    if len(line) > LONGEST_LINE:
        raise ValueError("too long")
    data = json.loads(line)
    if not isinstance(data, dict) or set(data) != {"attempt", "source", "who"}:
        raise ValueError("other fields")
    if not all(isinstance(value, str) for value in data.values()) or not is_id(data["attempt"]):
        raise ValueError("other types")
    return KeptOptOut(**data)

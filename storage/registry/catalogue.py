"""The registry's folder: which version of each list stands, and how that changes in one step.

    current         list id → file of its version; replaced by rename, so readers see the old or the new, never half
    <version>.idx   the indexes; each is written once and never changed
    .<version>.part what an import is writing; left by one that was killed, removed by the next
    changes         how often `current` was replaced, eight bytes that readers have in memory
    lock            held by an import or a drop

An index is durable before `current` names it, and stays until `current` names another.
"""

import fcntl
import mmap
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from compliance.errors import BadInput
from storage.canonical import canonical, parse_object
from storage.registry.errors import RegistryBusy, RegistryDamaged

CURRENT = "current"
_CHANGES, _LOCK = "changes", "lock"
_ENTRY = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}\.idx")
_LEFT_OVER = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}\.idx|\.[0-9A-HJKMNP-TV-Z]{26}\.part|\.current\.new")
_LARGEST = 1 << 20


def index_file(folder: Path, version: str) -> Path:
    return folder / f"{version}.idx"


def part_file(folder: Path, version: str) -> Path:
    return folder / f".{version}.part"


def read_catalogue(folder: Path) -> dict[str, str]:
    """List id → version; empty when nothing was ever imported. Raises RegistryDamaged."""
    file = folder / CURRENT
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST)
    except FileNotFoundError:
        return {}
    try:
        named = parse_object(content.decode())
    except (BadInput, UnicodeDecodeError):
        named = {"": ""}
    if not all(isinstance(entry, str) and _ENTRY.fullmatch(entry) for entry in named.values()):
        raise RegistryDamaged(f"{file}: damaged; remove it and import every list again")
    return {name: str(entry).removesuffix(".idx") for name, entry in named.items()}


def write_catalogue(folder: Path, named: Mapping[str, str]) -> None:
    """Put other versions in place, all at once and durably; then remove what no longer stands. Hold the lock."""
    scratch = folder / ".current.new"
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as stream:
        stream.write(canonical({name: f"{version}.idx" for name, version in named.items()}).encode())
        stream.flush()
        os.fsync(stream.fileno())
    scratch.rename(folder / CURRENT)
    sync(folder)
    _announce(folder)
    tidy(folder)


def _announce(folder: Path) -> None:
    descriptor = os.open(folder / _CHANGES, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        count = int.from_bytes(os.pread(descriptor, 8, 0), sys.byteorder)
        os.pwrite(descriptor, ((count + 1) % 2**64).to_bytes(8, sys.byteorder), 0)
    finally:
        os.close(descriptor)


def changes(folder: Path) -> "memoryview[int]":
    """How often the catalogue was replaced: item 0, which changes under the reader's eyes. Empty: never."""
    try:
        with (folder / _CHANGES).open("rb") as stream:
            return memoryview(mmap.mmap(stream.fileno(), 8, prot=mmap.PROT_READ)).cast("Q")
    except (FileNotFoundError, ValueError):
        return memoryview(b"").cast("Q")


def tidy(folder: Path) -> None:
    """Remove what a killed import left and what was replaced. Processes that have it open keep it. Hold the lock."""
    standing = {index_file(folder, version).name for version in read_catalogue(folder).values()}
    for name in os.listdir(folder):
        if _LEFT_OVER.fullmatch(name) and name not in standing:
            (folder / name).unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Make the names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The right to change the folder, which is made when it is not there. Raises RegistryBusy."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RegistryBusy(f"{folder}: another import or drop is under way; try again when it is done") from None
        yield
    finally:
        os.close(descriptor)

"""Where sealed segments and manifests lie: the port, and the folder.

A blob is named `<recording>/<file>`: the recording's ULID, and `000000.seg` … or `manifest.json`. No other name
is ever turned into a path. Blobs are written once and never overwritten.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from storage.vault.errors import BlobExists, BlobMissing

MANIFEST = "manifest.json"
_NAME = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}/([0-9]{6}\.seg|manifest\.json)")


def segment_name(recording: str, number: int) -> str:
    return f"{recording}/{number:06d}.seg"


def manifest_name(recording: str) -> str:
    return f"{recording}/{MANIFEST}"


class Blob(Protocol):
    """An open blob."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Those bytes, fewer at its end. Raises OSError."""

    def close(self) -> None:
        """Give the handle back."""


class Blobs(Protocol):
    """Objects by name. Every name is checked; BlobMissing is raised for one that could lead elsewhere."""

    def open(self, name: str) -> Blob:
        """Raises BlobMissing."""

    def put(self, name: str, data: bytes) -> None:
        """Whole or not at all, durable on return; the same bytes may be put again. Raises BlobExists, OSError."""

    def delete(self, name: str) -> bool:
        """False when it was not there."""

    def names(self, recording: str) -> list[str]:
        """The blobs of a recording."""


class FolderBlob:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def close(self) -> None:
        os.close(self._descriptor)


class FolderBlobs:
    """Blobs as files (0600) in a folder of their recording (0700). Symbolic links are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise BlobMissing(f"{name[:64]!r} is not the name of anything in the vault")
        return self._root / name

    def create(self, name: str) -> int:
        """A descriptor of a new, empty blob for appending; its name is durable. Raises BlobExists, OSError."""
        path = self._path(name)
        if not path.parent.is_dir():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._root)
        try:
            descriptor = os.open(path, _CREATE, 0o600)
        except FileExistsError:
            raise BlobExists(f"{name}: is in the vault already and is never overwritten") from None
        try:
            os.fsync(descriptor)
            sync_folder(path.parent)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def repair(self, name: str, length: int) -> None:
        """Cut a torn blob to its durable length. Raises OSError."""
        descriptor = os.open(self._path(name), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, length)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def open(self, name: str) -> FolderBlob:
        try:
            return FolderBlob(os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise BlobMissing(f"{name}: is not in the vault") from None
            raise

    def put(self, name: str, data: bytes) -> None:
        path = self._path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = path.parent / f".{path.name}.{os.getpid()}"
        scratch.unlink(missing_ok=True)
        try:
            with open(os.open(scratch, _CREATE, 0o600), "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            try:
                path.hardlink_to(scratch)  # refuses an existing name
            except FileExistsError:
                if path.read_bytes() != data:
                    raise BlobExists(f"{name}: other bytes are in the vault under that name") from None
        finally:
            scratch.unlink(missing_ok=True)
        sync_folder(path.parent)

    def delete(self, name: str) -> bool:
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        sync_folder(path.parent)
        return True

    def names(self, recording: str) -> list[str]:
        folder = self._path(manifest_name(recording)).parent
        try:
            found = sorted(f"{recording}/{entry}" for entry in os.listdir(folder))
        except FileNotFoundError:
            return []
        return [name for name in found if _NAME.fullmatch(name)]

    def recordings(self) -> frozenset[str]:
        """The recordings that have a folder here."""
        try:
            entries = os.listdir(self._root)
        except FileNotFoundError:
            return frozenset()
        return frozenset(entry for entry in entries if _NAME.fullmatch(manifest_name(entry)))


_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def opened(blobs: Blobs, name: str) -> Iterator[Blob]:
    blob = blobs.open(name)
    try:
        yield blob
    finally:
        blob.close()

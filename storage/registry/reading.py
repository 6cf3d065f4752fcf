"""The file as it comes: bare or in a zip, bounded, hashed, and the same from the first byte to the last.

A zip is streamed, never unpacked to disk. Bounds: 2,000 files, 16 GiB of text, and a hundred times its own size
(number lists shrink five- to twentyfold), so that a bomb ends early. Every file in it must be readable as a list.
"""

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from storage.registry.errors import BadList

CHUNK = 1 << 20  # larger is no faster, and takes more memory
MOST_MEMBERS = 2000
MOST_BYTES = 16 << 30
MOST_RATIO = 100
_FREE = 64 << 20  # below this the ratio is nobody's harm
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Text:
    """A text of lines or elements: its name for messages, and its bytes without byte-order mark."""

    name: str
    chunks: Iterator[bytes]


@dataclass
class Reader:
    """One given file. `progress` is told the bytes of it that were read since the last time."""

    path: Path
    progress: Progress = lambda _: None
    sha256: str = ""
    _status: tuple[int, int, int] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.path.name

    def texts(self) -> Iterator[Text]:
        """Its texts, one after the other; read each to its end before the next.

        `sha256` is known when all have been read. Raises BadList: a damaged zip, out of bounds, or the file changed
        meanwhile.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadList(f"{self.name}: not a plain file")
        with open(descriptor, "rb", buffering=0) as raw:
            before = _seen(raw)
            head = raw.read(4)
            raw.seek(0)
            if head in (_ZIP, _EMPTY_ZIP):
                self.sha256 = _digest(raw)
                yield from self._members(raw)
            else:
                digest = hashlib.sha256()
                yield Text(self.name, _without_bom(self.name, self._chunks(raw, digest.update)))
                self.sha256 = digest.hexdigest()
            if _seen(raw) != before or self._status not in (None, before):
                raise BadList(f"{self.name}: changed while it was read; nothing was imported")
            self._status = before

    def _chunks(self, raw: IO[bytes], seen: Callable[[bytes], None]) -> Iterator[bytes]:
        while chunk := raw.read(CHUNK):
            seen(chunk)
            self.progress(len(chunk))
            yield chunk

    def _members(self, raw: BinaryIO | IO[bytes]) -> Iterator[Text]:
        size = os.fstat(raw.fileno()).st_size
        unpacked = 0

        def chunks(name: str, info: zipfile.ZipInfo) -> Iterator[bytes]:
            nonlocal unpacked
            told = 0
            with _unpacking(self.name), archive.open(info) as member:
                while chunk := member.read(CHUNK):
                    unpacked += len(chunk)
                    if unpacked > MOST_BYTES or unpacked > max(_FREE, size * MOST_RATIO):
                        raise BadList(f"{name}: unpacks to more than any list; nothing was imported")
                    done = info.compress_size * min(1.0, (told + len(chunk)) / max(1, info.file_size))
                    before = info.compress_size * min(1.0, told / max(1, info.file_size))
                    self.progress(int(done) - int(before))
                    told += len(chunk)
                    yield chunk

        with _unpacking(self.name):
            archive = zipfile.ZipFile(raw)
        with archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if len(infos) > MOST_MEMBERS:
                raise BadList(f"{self.name}: more than {MOST_MEMBERS} files in it; nothing was imported")
            for info in sorted(infos, key=lambda info: info.filename):
                name = f"{self.name}: {_printable(info.filename)}"
                yield Text(name, _without_bom(name, chunks(name, info)))


@contextmanager
def _unpacking(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError):
        raise BadList(f"{name}: the zip is damaged, encrypted, or of a kind not read here") from None


def _seen(raw: IO[bytes]) -> tuple[int, int, int]:
    found = os.fstat(raw.fileno())
    return found.st_ino, found.st_mtime_ns, found.st_size


def _digest(raw: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := raw.read(CHUNK):
        digest.update(chunk)
    raw.seek(0)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """As `Reader.sha256`, of a file that is not to be read otherwise. Empty: it is no plain file."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _printable(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[-80:]


def _without_bom(name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = True
    for chunk in chunks:
        if first and chunk[:2] in _WIDE:
            raise BadList(f"{name}: is UTF-16; save it as UTF-8 or ASCII")
        if first and chunk[:4] == _ZIP:
            raise BadList(f"{name}: a zip within the zip; unpack it first")
        yield chunk.removeprefix(_BOM) if first else chunk
        first = False

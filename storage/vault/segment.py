"""Writing one segment, and taking stock of one that a crash left behind. Synchronous: runs in a thread.

A chunk counts only when it is durable (write, fdatasync). Whatever goes wrong, the file is cut back to the last
chunk that counted.
"""

import hashlib
import os
from dataclasses import dataclass

from cryptography.cobblestone import Cobblestone256Encryptor

from storage import merkle
from storage.vault import format as layout
from storage.vault.blobs import Blob, FolderBlobs, opened, segment_name
from storage.vault.errors import BadSegment
from storage.vault.manifest import SegmentEntry


class SegmentWriter:
    """One open segment. `durable` counts plaintext bytes that no crash can take any more."""

    def __init__(self, blobs: FolderBlobs, header: layout.SegmentHeader, dek: bytes) -> None:
        """Create the file, durable with its header. Raises BlobExists, OSError."""
        self.number, self.started_us = header.segment, header.started_us
        context = header.encode()
        self._encryptor = Cobblestone256Encryptor(dek, context)
        self._descriptor = blobs.create(segment_name(header.recording, header.segment))
        self._tree, self._sha256 = merkle.Tree(), hashlib.sha256()
        self._size, self.durable = 0, 0
        self._ended = False
        try:
            self._append(context + self._encryptor.update(b""))
        except OSError:
            os.close(self._descriptor)
            raise

    def seal(self, plaintext: bytes) -> None:
        """Seal whole chunks; durable on return.

        Raises OSError: only those that found room count (`durable`), and the segment takes no more.
        """
        if len(plaintext) % layout.CHUNK or self._ended:
            raise ValueError("a segment takes whole chunks until it has ended")
        sealed = self._encryptor.update(plaintext)
        before = self._size
        try:
            self._append(sealed, layout.SEALED_CHUNK)
        except OSError:
            # The encryptor has counted all these chunks: going on would leave a hole in the numbering.
            self._ended = True
            raise
        finally:
            for offset in range(0, self._size - before, layout.SEALED_CHUNK):
                self._tree.append(sealed[offset : offset + layout.SEALED_CHUNK])
                self.durable += layout.CHUNK

    def finish(self, tail: bytes) -> SegmentEntry:
        """Seal the last short chunk (0 to 16,383 bytes). Raises OSError: the segment stays without one."""
        if len(tail) >= layout.CHUNK or self._ended:
            raise ValueError("a segment ends once, with less than a chunk")
        sealed = self._encryptor.update(tail) + self._encryptor.finalize()
        self._ended = True
        self._append(sealed)
        self._tree.append(sealed)
        self.durable += len(tail)
        return self._entry(complete=True)

    def abandon(self) -> SegmentEntry:
        """The segment as far as it is durable, without a last short chunk."""
        self._ended = True
        return self._entry(complete=False)

    def close(self) -> None:
        os.close(self._descriptor)

    def _entry(self, *, complete: bool) -> SegmentEntry:
        return SegmentEntry(
            number=self.number,
            started_us=self.started_us,
            size=self._size,
            chunks=self._tree.size,
            plaintext=self.durable,
            complete=complete,
            sha256=self._sha256.digest(),
            merkle_root=self._tree.root(),
        )

    def _append(self, data: bytes, unit: int | None = None) -> None:
        """Write durably: all, or on an error as many whole units as could be written (none when it is None)."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fdatasync(self._descriptor)
        except OSError:
            written = len(data) - len(rest)
            self._keep(data[: written // unit * unit if unit and rest else 0])
            raise
        self._count(data)

    def _keep(self, data: bytes) -> None:
        """Cut the file back to what counts so far and `data`, which has been written after it."""
        try:
            os.ftruncate(self._descriptor, self._size + len(data))
            os.fdatasync(self._descriptor)
        except OSError:
            # A disk that can't even shorten a file: whoever takes stock later cuts it (`take_stock`).
            return
        self._count(data)

    def _count(self, data: bytes) -> None:
        self._sha256.update(data)
        self._size += len(data)


@dataclass(frozen=True)
class Stock:
    """A segment found on disk: its entry, and its length before what did not count was cut off."""

    entry: SegmentEntry
    found_size: int


def take_stock(blobs: FolderBlobs, recording: str, number: int, *, torn: bool) -> Stock | None:
    """Measure a segment file, cutting what never counted. None: it held no chunk yet; it was removed.

    `torn`: the recorder died while it wrote here, so there is no last short chunk, only part of a chunk.
    Without the data key nothing can be opened here: lengths and zeroed blocks are what there is to go by.

    Raises BadSegment: the file is not that segment. BlobMissing. OSError.
    """
    name = segment_name(recording, number)
    with opened(blobs, name) as blob:
        size = blob.size
        if torn and size < layout.SEALED_CHUNK:
            blobs.delete(name)
            return None
        header, message = layout.read_header(blob.read_at(0, layout.LONGEST_INTRODUCTION), name)
        if (header.recording, header.segment) != (recording, number):
            raise BadSegment(f"{name}: is segment {header.segment} of recording {header.recording}")
        shape = layout.shape_of(size - message, name, torn=torn)
        if torn:
            shape = _without_lost_chunks(blob, message, shape)
        if torn and not shape.full_chunks:
            blobs.delete(name)
            return None
    length = message + layout.message_bytes(shape)
    if length != size:
        blobs.repair(name, length)
    with opened(blobs, name) as blob:
        found = digests(blob, message, shape)
    entry = SegmentEntry(
        number=number,
        started_us=header.started_us,
        size=length,
        chunks=shape.chunks,
        plaintext=shape.plaintext,
        complete=shape.complete,
        sha256=found.sha256,
        merkle_root=found.merkle_root,
    )
    return Stock(entry, size)


def _without_lost_chunks(blob: Blob, message: int, shape: layout.Shape) -> layout.Shape:
    full = shape.full_chunks
    while full:
        sealed = blob.read_at(message + layout.PREFIX + (full - 1) * layout.SEALED_CHUNK, layout.SEALED_CHUNK)
        if not layout.looks_unwritten(sealed):
            break
        full -= 1
    return layout.Shape(full, None, 0)


@dataclass(frozen=True)
class Digests:
    sha256: bytes  # over the whole file
    merkle_root: bytes  # over its sealed chunks


def digests(blob: Blob, message: int, shape: layout.Shape) -> Digests:
    """Hash a segment whose message begins at `message` and has that shape, in bounded memory. Raises OSError."""
    whole, tree = hashlib.sha256(blob.read_at(0, message + layout.PREFIX)), merkle.Tree()
    for number in range(shape.chunks):
        offset, length = layout.chunk_span(number, shape)
        sealed = blob.read_at(message + offset, length)
        whole.update(sealed)
        tree.append(sealed)
    return Digests(whole.digest(), tree.root())

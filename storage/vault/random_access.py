"""Opening any chunk of a segment, and the whole prefix of a torn one.

The library's decryptor is sequential and refuses a stream without its last short chunk, as the specification
wants of a stream. Recordings are sought in, and a torn one must give up all it has: this reader derives the
message's key once (HKDF-Expand, SHA-512), compares the commitment, and opens chunks by number.
"""

import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from storage.vault import format as layout
from storage.vault.errors import BadSegment

ReadAt = Callable[[int, int], bytes]
"""(offset in the file, bytes) -> those bytes, fewer at its end."""

_KEY, _NONCE = 32, 12
_LABEL = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"


class ChunkReader:
    """One open segment: `header`, `shape`, and `chunk(n)`."""

    def __init__(self, dek: bytes, read_at: ReadAt, size: int, where: str, *, torn: bool = False) -> None:
        """`size` is the file's length. `torn`: the manifest says that there is no last short chunk.

        Raises BadSegment: malformed, or the key is not the one it was sealed with.
        """
        start = read_at(0, layout.LONGEST_INTRODUCTION)
        self.header, self._message = layout.read_header(start, where)
        self.shape = layout.shape_of(size - self._message, where, torn=torn)
        self._read_at, self._where = read_at, where
        prefix = read_at(self._message, layout.PREFIX)
        info = _LABEL + prefix[: layout.SALT] + start[: self._message]
        derived = HKDFExpand(SHA512(), _KEY + _NONCE + layout.COMMITMENT, info).derive(dek)
        if not hmac.compare_digest(derived[_KEY + _NONCE :], prefix[layout.SALT :]):
            raise BadSegment(f"{where}: the key is not this segment's, or its header was changed")
        self._aead, self._base = AESGCM(derived[:_KEY]), derived[_KEY : _KEY + _NONCE]

    def chunk(self, number: int) -> bytes:
        """The plaintext of a chunk. Raises BadSegment: it was changed, cut or swapped; IndexError."""
        offset, length = layout.chunk_span(number, self.shape)
        sealed = self._read_at(self._message + offset, length)
        try:
            return self._aead.decrypt(layout.nonce(self._base, number), sealed, None)
        except (InvalidTag, ValueError):
            raise BadSegment(f"{self._where}: chunk {number} does not open; it was changed") from None

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes of plaintext from `offset`; only the chunks they lie in are opened."""
        end = min(offset + length, self.shape.plaintext)
        parts = []
        while offset < end:
            number, skip = divmod(offset, layout.CHUNK)
            part = self.chunk(number)[skip : skip + end - offset]
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

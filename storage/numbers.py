"""Phone numbers at rest: a keyed hash to find them by, and a sealed copy that only the seal key opens.

The hash is HMAC-SHA256: without the look-up key the small space of phone numbers can't be searched. The copy
is AES-256-GCM-SIV (RFC 8452) under a random nonce, bound to the row it belongs to, so that a sealed number
moved to another row does not open.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from compliance.number import Number
from storage.errors import SealBroken

KEY_BYTES = 32
_NONCE_BYTES = 12
_HASH_DOMAIN = b"heedline number look-up v1\x00"
_SEAL_DOMAIN = b"heedline number seal v1\x00"


class NumberKeys:
    """The two keys of the numbers: one to look up, one to open. 32 bytes each."""

    def __init__(self, lookup_key: bytes, seal_key: bytes) -> None:
        if len(lookup_key) != KEY_BYTES or len(seal_key) != KEY_BYTES:
            raise ValueError(f"number keys are {KEY_BYTES} bytes each")
        if hmac.compare_digest(lookup_key, seal_key):
            raise ValueError("the look-up key and the seal key must differ")
        self._lookup_key = lookup_key
        self._aead = AESGCMSIV(seal_key)

    def __repr__(self) -> str:
        return "NumberKeys(…)"

    def lookup_hash(self, number: Number) -> bytes:
        """The 32-byte keyed hash under which the number is found."""
        return hmac.digest(self._lookup_key, _HASH_DOMAIN + number.e164.encode(), hashlib.sha256)

    def seal(self, number: Number, row: str) -> bytes:
        """The number, sealed for one row (`party:<id>`, `dnc:<id>`): nonce, ciphertext, tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, number.e164.encode(), _SEAL_DOMAIN + row.encode())

    def open(self, sealed: bytes, row: str) -> Number:
        """The number sealed for that row.

        Raises SealBroken: another key, changed bytes, or bytes of another row.
        """
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            plain = self._aead.decrypt(nonce, ciphertext, _SEAL_DOMAIN + row.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(f"{row}: the sealed number does not open; check secrets/number-seal.key") from None
        return Number(plain.decode())

"""The default provider: one 32-byte key from a file of mode 0600 (`secrets/kek-seal.key`).

AES-256-GCM-SIV (RFC 8452): a nonce that came twice would show that two sealed texts are the same, nothing more.
The KEK's id is bound in, so a sealed key put beside another KEK does not open.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from storage.vault.errors import BadWrap

KEY_BYTES = 32
_NONCE = 12
_DOMAIN = b"heedline kek seal v1\x00"


class KeyfileProvider:
    name = "keyfile"

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key that seals KEKs is {KEY_BYTES} bytes")
        self._aead = AESGCMSIV(key)

    def __repr__(self) -> str:
        return "KeyfileProvider(…)"

    def seal(self, kek_id: str, private: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, private, _DOMAIN + kek_id.encode())

    def open(self, kek_id: str, sealed: bytes) -> bytes:
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], _DOMAIN + kek_id.encode())
        except (InvalidTag, ValueError):
            raise BadWrap(
                f"KEK {kek_id}: its private half does not open; put back the kek-seal.key it was sealed with"
            ) from None

"""The token of a link and the short code that confirm a consent, and the sealing of where they are sent.

    token = base64url(0x01 || consent id || expiry in µs, 8 bytes || HMAC-SHA256 over all before)
    code  = 8 digits out of HMAC-SHA256(consent id || expiry)

Both follow from the home's consent key, so that a message can be sent again without the ledger holding what it says;
the ledger holds their hashes. Codes are few, so their hash is keyed.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from compliance.errors import BadInput
from storage.errors import SealBroken
from storage.ids import is_id

KEY_BYTES = 32
CODE_DIGITS = 8
_VERSION = b"\x01"
_ID, _EXPIRY, _MAC, _NONCE = 26, 8, 32, 12
_BYTES = 1 + _ID + _EXPIRY + _MAC
_TOKEN = re.compile(r"[A-Za-z0-9_-]{90}", re.ASCII)


class BadToken(BadInput):
    """The text is no token that this home has made."""


class OptInKeys:
    """What follows from the home's consent key (32 bytes)."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"the consent key is {KEY_BYTES} bytes")
        token, code, stored, seal = (
            hmac.digest(secret, b"heedline consent v1 " + name, hashlib.sha256)
            for name in (b"token", b"code", b"code hash", b"address")
        )
        self._token, self._code, self._stored = token, code, stored
        self._aead = AESGCMSIV(seal)

    def __repr__(self) -> str:
        return "OptInKeys(…)"

    def token(self, consent_id: str, expires_us: int) -> str:
        """The token for a link: 90 characters that need no escaping in a URL."""
        body = _VERSION + consent_id.encode() + expires_us.to_bytes(_EXPIRY, "big")
        return base64.urlsafe_b64encode(body + hmac.digest(self._token, body, hashlib.sha256)).decode().rstrip("=")

    def read(self, token: str) -> tuple[str, int]:
        """The consent id and the expiry of a token. Raises BadToken: malformed, or not signed by this home."""
        try:
            raw = base64.urlsafe_b64decode(token + "==") if _TOKEN.fullmatch(token) else b""
        except (binascii.Error, ValueError):
            raw = b""
        body, mac = raw[:-_MAC], raw[-_MAC:]
        if len(raw) != _BYTES or not hmac.compare_digest(mac, hmac.digest(self._token, body, hashlib.sha256)):
            raise BadToken("token: not one of this Heedline, or not whole; copy it again")
        consent_id = body[1 : 1 + _ID].decode("ascii", "replace")
        expires_us = int.from_bytes(body[1 + _ID :], "big")
        if body[:1] != _VERSION or not is_id(consent_id) or self.token(consent_id, expires_us) != token:
            raise BadToken("token: not one of this Heedline, or not whole; copy it again")  # one token has one text
        return consent_id, expires_us

    def code(self, consent_id: str, expires_us: int) -> str:
        """The short code, as a person types it or reads it out."""
        value = hmac.digest(self._code, f"{consent_id} {expires_us}".encode(), hashlib.sha256)
        return f"{int.from_bytes(value[:16], 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}}"

    def token_hash(self, token: str) -> bytes:
        return hashlib.sha256(token.encode()).digest()

    def code_hash(self, consent_id: str, code: str) -> bytes:
        return hmac.digest(self._stored, f"{consent_id} {code}".encode(), hashlib.sha256)

    def seal(self, address: str, message_id: str) -> bytes:
        """An address, sealed for one message of the outbox."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, address.encode(), message_id.encode())

    def open(self, sealed: bytes, message_id: str) -> str:
        """Raises SealBroken: another key, changed bytes, or those of another message."""
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], message_id.encode()).decode()
        except (InvalidTag, ValueError):
            raise SealBroken(f"message {message_id}: its address does not open; check secrets/consent.key") from None

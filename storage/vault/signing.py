"""Ed25519 signatures of nodes (manifests, wraps) and of the custodian (re-wrapped keys).

A key id is the first 8 bytes of SHA-256 over the raw public key, in hexadecimal. Whoever verifies holds a
`Trusted` set of public keys; a signature by any other key counts for nothing.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from compliance.errors import BadInput

SIGNATURE_BYTES = 64
KEY_BYTES = 32
_LINE = re.compile(r"heedline-node ([a-z][a-z0-9_-]{0,30}) ([0-9a-f]{64})\n")


def key_id(public: bytes) -> str:
    """16 hexadecimal digits that name a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


class Signer:
    """A signing key in memory. `name` says whose it is: a node, or "custodian"."""

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise ValueError(f"an Ed25519 seed is {KEY_BYTES} bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.name = name
        self.public = self._key.public_key().public_bytes_raw()
        self.key_id = key_id(self.public)

    def __repr__(self) -> str:
        return f"Signer({self.name}, {self.key_id})"

    def sign(self, domain: bytes, message: bytes) -> bytes:
        """64 bytes over domain and message; a signature of one domain is none of another."""
        return self._key.sign(domain + b"\x00" + message)

    def public_line(self) -> str:
        """What others keep to verify with: one line of text."""
        return f"heedline-node {self.name} {self.public.hex()}\n"


class Trusted:
    """The public keys that count."""

    def __init__(self, publics: Iterable[bytes]) -> None:
        self._keys = {key_id(public): Ed25519PublicKey.from_public_bytes(public) for public in publics}

    def knows(self, key: str) -> bool:
        return key in self._keys

    def holds(self, key: str, domain: bytes, message: bytes, signature: bytes) -> bool:
        """Whether `signature` over domain and message is by the trusted key of that id."""
        public = self._keys.get(key)
        if public is None or len(signature) != SIGNATURE_BYTES:
            return False
        try:
            public.verify(signature, domain + b"\x00" + message)
        except InvalidSignature:
            return False
        return True

    def signer_of(self, domain: bytes, message: bytes, signature: bytes) -> str | None:
        """The id of the trusted key that made the signature, None when none did."""
        return next((key for key in self._keys if self.holds(key, domain, message, signature)), None)


def read_public(path: Path) -> bytes:
    """The raw public key in a file written from `Signer.public_line`.

    Raises BadInput: not there, or anything but that one line.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(256).decode("ascii", "replace")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; give the node's public key file") from None
    match = _LINE.fullmatch(text)
    if match is None:
        raise BadInput(f"{path}: not a node's public key (one line `heedline-node <name> <64 hex digits>`)")
    return bytes.fromhex(match[2])

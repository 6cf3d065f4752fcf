"""Checkpoints as C2SP signed notes (https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint).

    heedline/main/audit          origin
    1280                         size: entries covered
    8gqJ…=                       Merkle root, base64

    — heedline/main/audit Az3grl…=        base64(key id || Ed25519 signature of all lines above the blank one)

The key id is SHA-256(name || 0x0A || 0x01 || public key), first four bytes. A verifier key is written
`name+hex(key id)+base64(0x01 || public key)`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from compliance.errors import BadInput
from storage.merkle import HASH_BYTES

_ED25519 = b"\x01"
_NAME = re.compile(r"[!-*,-~]{1,128}")  # printable, neither blank nor plus
_LONGEST = 4096
_DASH = "— "


class BadCheckpoint(BadInput):
    """The text is no checkpoint, or no key that is trusted here has signed it."""


@dataclass(frozen=True)
class Checkpoint:
    """What a note says: the first `size` entries of the log `origin` have this Merkle root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(tenant: str) -> str:
    """The name of a tenant's audit log, and of the keys that sign for it."""
    return f"heedline/{tenant}/audit"


@dataclass(frozen=True)
class VerifierKey:
    """A public key that may sign for the log `name`."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Raises BadCheckpoint: not a verifier key for Ed25519, or its id does not fit its key."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if not _NAME.fullmatch(name) or len(raw) != 33 or raw[:1] != _ED25519:
            raise BadCheckpoint("verifier key: expected NAME+ID+BASE64 of an Ed25519 key")
        key = cls(name, raw[1:])
        if not hmac.compare_digest(key.key_id.hex().encode(), key_id.lower().encode("ascii", "replace")):
            raise BadCheckpoint("verifier key: the id does not fit the key; copy it again")
        return key


class CheckpointSigner:
    """Signs checkpoints with a node's Ed25519 key (its 32-byte seed)."""

    def __init__(self, origin: str, seed: bytes) -> None:
        self.origin = origin
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = VerifierKey(origin, self._private.public_key().public_bytes_raw())

    def sign(self, size: int, root: bytes) -> str:
        """The signed note for a tree of `size` entries."""
        text = Checkpoint(self.origin, size, root).text()
        signature = base64.b64encode(self.key.key_id + self._private.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.key.name} {signature}\n"


def read_note(note: str, keys: tuple[VerifierKey, ...]) -> Checkpoint:
    """The checkpoint a note holds, once one of the keys is seen to have signed it.

    Raises BadCheckpoint: malformed, or signed by none of them.
    """
    if len(note) > _LONGEST:
        raise BadCheckpoint("checkpoint: too long")
    text, blank, signatures = note.partition("\n\n")
    text += "\n"
    if not blank or not signatures.endswith("\n"):
        raise BadCheckpoint("checkpoint: no signature; a note ends with signature lines")
    checkpoint = _parse(text)
    for line in signatures.removesuffix("\n").split("\n"):
        if _signed(line, text, checkpoint.origin, keys):
            return checkpoint
    raise BadCheckpoint("checkpoint: no trusted key has signed it")


def _parse(text: str) -> Checkpoint:
    lines = text.split("\n")
    try:
        origin, size, encoded, _end = lines
        root = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise BadCheckpoint("checkpoint: expected the lines origin, size, root") from None
    if not _NAME.fullmatch(origin) or not re.fullmatch(r"0|[1-9][0-9]{0,15}", size) or len(root) != HASH_BYTES:
        raise BadCheckpoint("checkpoint: expected the lines origin, size, root")
    return Checkpoint(origin, int(size), root)


def _signed(line: str, text: str, origin: str, keys: tuple[VerifierKey, ...]) -> bool:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    if base64.b64encode(raw).decode() != encoded:
        return False  # spare bits set: one signature has one text
    for key in keys:
        if line.startswith(_DASH) and key.name == name == origin and key.key_id == raw[:4]:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], text.encode())
            except InvalidSignature:
                continue
            return True
    return False

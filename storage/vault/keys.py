"""Data keys and how they are wrapped.

Each segment has a random 32-byte data key (DEK), wrapped by HPKE (RFC 9180) to the public KEK of (tenant,
retention class, expiry month). Whoever records needs no private key. The default KEM is X-Wing
(`MLKEM768_X25519`): recordings outlive today's key exchange.

A wrapped key as stored:

    version     1 byte   0x01
    signer      8 bytes  id of the key that signed: the node that recorded, or the custodian that re-wrapped
    signature  64 bytes  Ed25519 over recording, segment, KEK, algorithm and the sealed key
    sealed               HPKE: encapsulated key, then the DEK under AES-256-GCM

The signature makes a changed or moved wrap visible without any private key. The algorithm stands beside each
wrap, so that old ones stay readable when the default changes.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from storage.vault.errors import BadWrap
from storage.vault.fields import encode
from storage.vault.signing import SIGNATURE_BYTES, Signer, Trusted

DEK_BYTES = 32
_VERSION = b"\x01"
_SIGNER_BYTES = 8
_DOMAIN = b"heedline wrapped key v1"
_MLKEM_SEED, _MLKEM_PUBLIC, _X25519 = 64, 1184, 32


class Algorithm(Enum):
    """How a DEK is wrapped: KEM, KDF and AEAD of HPKE."""

    X_WING = "hpke-mlkem768x25519-hkdfsha256-aes256gcm"
    X25519 = "hpke-x25519-hkdfsha256-aes256gcm"


DEFAULT = Algorithm.X_WING
_SUITES = {
    Algorithm.X_WING: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    Algorithm.X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}


def algorithm_named(name: str) -> Algorithm:
    """Raises BadWrap: not one that this Heedline knows."""
    try:
        return Algorithm(name)
    except ValueError:
        raise BadWrap(f"algorithm {name[:48]!r} is not known to this Heedline") from None


def new_dek() -> bytes:
    return os.urandom(DEK_BYTES)


def generate(algorithm: Algorithm) -> tuple[bytes, bytes]:
    """A key pair as bytes: private, public. X-Wing: ML-KEM seed (64) and X25519 (32); 1184 and 32."""
    curve = X25519PrivateKey.generate()
    private, public = curve.private_bytes_raw(), curve.public_key().public_bytes_raw()
    if algorithm is Algorithm.X25519:
        return private, public
    lattice = MLKEM768PrivateKey.generate()
    return lattice.private_bytes_raw() + private, lattice.public_key().public_bytes_raw() + public


@dataclass(frozen=True)
class Place:
    """Where a wrapped key belongs; bound into it (HPKE `info`) and into its signature."""

    recording: str
    segment: int
    kek_id: str

    def info(self) -> bytes:
        return encode(
            {"kek": self.kek_id, "purpose": "heedline dek v1", "recording": self.recording, "segment": self.segment}
        )

    def __str__(self) -> str:
        return f"recording {self.recording}, segment {self.segment}, KEK {self.kek_id}"


def wrap(dek: bytes, public: bytes, algorithm: Algorithm, place: Place, signer: Signer) -> bytes:
    """The DEK, wrapped to a public KEK and signed. Raises BadWrap: the public key is malformed."""
    suite, info = _SUITES[algorithm], place.info()
    try:
        if algorithm is Algorithm.X25519:
            sealed = suite.encrypt(dek, X25519PublicKey.from_public_bytes(public), info)
        else:
            lattice = MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC])
            curve = X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:])
            sealed = suite.encrypt(dek, MLKEM768X25519PublicKey(lattice, curve), info)
    except ValueError:
        raise BadWrap(f"KEK {place.kek_id}: its public key is malformed; publish a new one") from None
    signature = signer.sign(_DOMAIN, _signed(algorithm, place, sealed))
    return _VERSION + bytes.fromhex(signer.key_id) + signature + sealed


def unwrap(wrapped: bytes, private: bytes, algorithm: Algorithm, place: Place) -> bytes:
    """The DEK. Raises BadWrap: malformed, changed, moved, or wrapped to another key."""
    sealed = _parts(wrapped, place)[2]
    suite, info = _SUITES[algorithm], place.info()
    try:
        if algorithm is Algorithm.X25519:
            dek = suite.decrypt(sealed, X25519PrivateKey.from_private_bytes(private), info)
        else:
            lattice = MLKEM768PrivateKey.from_seed_bytes(private[:_MLKEM_SEED])
            curve = X25519PrivateKey.from_private_bytes(private[_MLKEM_SEED:])
            dek = suite.decrypt(sealed, MLKEM768X25519PrivateKey(lattice, curve), info)
    except (InvalidTag, ValueError):
        raise BadWrap(f"{place}: the wrapped key does not open; it was changed or moved") from None
    if len(dek) != DEK_BYTES:
        raise BadWrap(f"{place}: the wrapped key is {len(dek)} bytes long")
    return dek


def check(wrapped: bytes, algorithm: Algorithm, place: Place, trusted: Trusted) -> None:
    """Raises BadWrap unless a trusted key signed this wrap for this place. Needs no private key."""
    signer, signature, sealed = _parts(wrapped, place)
    if not trusted.knows(signer):
        raise BadWrap(f"{place}: wrapped key signed by {signer}, a key that is not trusted here, or changed")
    if not trusted.holds(signer, _DOMAIN, _signed(algorithm, place, sealed), signature):
        raise BadWrap(f"{place}: the wrapped key was changed or moved (its signature does not hold)")


def _signed(algorithm: Algorithm, place: Place, sealed: bytes) -> bytes:
    return encode({"algorithm": algorithm.value, "sealed": hashlib.sha256(sealed).hexdigest()}) + place.info()


def _parts(wrapped: bytes, place: Place) -> tuple[str, bytes, bytes]:
    start = len(_VERSION) + _SIGNER_BYTES
    if len(wrapped) <= start + SIGNATURE_BYTES or wrapped[:1] != _VERSION:
        raise BadWrap(f"{place}: the wrapped key is malformed")
    end = start + SIGNATURE_BYTES
    return wrapped[1:start].hex(), wrapped[start:end], wrapped[end:]


def expiry_month(started: datetime, retention_days: int) -> str:
    """The month ("2031-11", UTC) in which a recording begun at `started` may be destroyed."""
    return (started.astimezone(UTC) + timedelta(days=retention_days)).strftime("%Y-%m")


def months_from(month: str, count: int) -> list[str]:
    """`count` months, the given one first."""
    first = int(month[:4]) * 12 + int(month[5:]) - 1
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(first, first + count)]

"""A KEK as it is published: its public half, with the signature of whoever made it.

The recorder seals to what it finds in the ledger. Without a signature, whoever can write there could put a key of
their own beside ours, and every recording from then on would be sealed to them. As stored:

    public     the KEM's public key
    signer      8 bytes  id of the key that signed (the custodian's)
    signature  64 bytes  Ed25519 over KEK id, tenant, retention class, month, algorithm and public key
"""

import hashlib
import logging
from collections.abc import Iterable

from storage.ledger.recordings import Kek
from storage.vault.errors import BadWrap
from storage.vault.fields import encode
from storage.vault.signing import SIGNATURE_BYTES, Signer, Trusted

log = logging.getLogger("heedline.keys")

_DOMAIN = b"heedline published KEK v1"
_SIGNER_BYTES = 8
_TRAILER = _SIGNER_BYTES + SIGNATURE_BYTES


def sealed_by(kek: Kek, signer: Signer) -> bytes:
    """What stands in the ledger for a KEK whose `public` is the bare key."""
    return kek.public + bytes.fromhex(signer.key_id) + signer.sign(_DOMAIN, _signed(kek, kek.public))


def public_half(kek: Kek, trusted: Trusted) -> bytes:
    """The KEK's public key. Raises BadWrap: no key that is trusted here published it."""
    public, rest = kek.public[:-_TRAILER], kek.public[-_TRAILER:]
    signer, signature = rest[:_SIGNER_BYTES].hex(), rest[_SIGNER_BYTES:]
    if not public or not trusted.holds(signer, _DOMAIN, _signed(kek, public), signature):
        raise BadWrap(f"KEK {kek.id}: not published by anybody trusted here, or changed; see `heedline keys list`")
    return public


def is_genuine(kek: Kek, trusted: Trusted) -> bool:
    try:
        public_half(kek, trusted)
    except BadWrap:
        return False
    return True


def newest_genuine(keks: Iterable[Kek], trusted: Trusted) -> Kek | None:
    """The first that a trusted key has published; each before it is logged."""
    for kek in keks:
        if is_genuine(kek, trusted):
            return kek
        log.error("KEK %s: not published by anybody trusted here; nothing is sealed to it", kek.id)
    return None


def _signed(kek: Kek, public: bytes) -> bytes:
    return encode(
        {
            "algorithm": kek.algorithm,
            "kek": kek.id,
            "month": kek.month,
            "public": hashlib.sha256(public).hexdigest(),
            "retention_class": kek.retention_class,
            "tenant": kek.tenant,
        }
    )

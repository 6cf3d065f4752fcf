"""A document and the signed note over it (https://c2sp.org/signed-note).

    heedline/main/consent-proof       origin
    n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=      SHA-256 of the canonical JSON of the document, base64

    — heedline/main/consent-proof Az3grl…=

The node's key signs, the one that signs the audit log's checkpoints: whoever has that verifier key can verify both.
"""

import base64
import binascii
import hashlib
from dataclasses import replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from compliance.errors import BadInput
from storage.audit.note import VerifierKey
from storage.canonical import canonical

_DASH = "— "
_LONGEST = 1024


class BadProof(BadInput):
    """The file is no proof of consent, or the key given did not sign it."""


class ProofSigner:
    """Signs proofs of a tenant's consents with a node's Ed25519 key (its 32-byte seed)."""

    def __init__(self, tenant: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.tenant = tenant
        self.key = VerifierKey(origin_of_proofs(tenant), self._private.public_key().public_bytes_raw())

    def sign(self, document: dict[str, object]) -> str:
        text = _text(self.key.name, document)
        signature = base64.b64encode(self.key.key_id + self._private.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.key.name} {signature}\n"


def origin_of_proofs(tenant: str) -> str:
    return f"heedline/{tenant}/consent-proof"


def check_signature(document: dict[str, object], note: str, key: VerifierKey, tenant: str) -> None:
    """`key`: of the node, as `heedline audit key` prints it. Raises BadProof: it did not sign this document."""
    named = replace(key, name=origin_of_proofs(tenant))
    text, blank, line = note.partition("\n\n")
    name, _, encoded = line.removeprefix(_DASH).removesuffix("\n").partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    well_formed = blank and line.startswith(_DASH) and name == named.name and len(note) <= _LONGEST
    if not well_formed or base64.b64encode(raw).decode() != encoded or raw[:4] != named.key_id:
        raise BadProof("the proof is not signed by this key; ask its maker for theirs (`heedline audit key`)")
    if f"{text}\n" != _text(named.name, document):
        raise BadProof("the proof was changed after it was signed")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], f"{text}\n".encode())
    except InvalidSignature:
        raise BadProof("the proof was changed after it was signed") from None


def _text(name: str, document: dict[str, object]) -> str:
    digest = hashlib.sha256(canonical_document(document).encode()).digest()
    return f"{name}\n{base64.b64encode(digest).decode()}\n"


def canonical_document(document: dict[str, object]) -> str:
    """The one text of a document. Raises BadProof: it holds what has no canonical form."""
    try:
        return canonical(document)
    except BadInput as error:
        raise BadProof(f"proof: {error}") from None

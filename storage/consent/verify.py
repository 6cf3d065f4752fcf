"""Check a proof of consent with the node's public key and nothing else; no network, no ledger, no secret.

In this order: the file is canonical JSON of the known format · the note is the key's signature over it · the
checkpoint is the key's too · every audit entry hashes to a leaf under that checkpoint · every act, with all its
fields, and every use is named by an entry, and every entry of an act has its act · the words have the hash that the
acts name · the acts stand in the order of the log · what the document says about standing follows from its acts.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from compliance.errors import BadInput
from storage.audit.entry import entry_hash
from storage.audit.note import Checkpoint, VerifierKey, origin_of, read_note
from storage.audit.tags import AuditTag
from storage.canonical import canonical
from storage.consent.act import fields_digest
from storage.consent.fold import Step, fold
from storage.consent.proof import FORMAT, held_fields
from storage.consent.signed import BadProof, canonical_document, check_signature
from storage.consent.wording import Wording
from storage.merkle import verify_inclusion

LARGEST = 64 * 1024 * 1024
_OF_ACTS = frozenset(
    tag.value
    for tag in (
        AuditTag.CONSENT_GRANTED,
        AuditTag.CONSENT_REQUESTED,
        AuditTag.CONSENT_CONFIRMED,
        AuditTag.CONSENT_REFUSED,
        AuditTag.CONSENT_WITHDRAWN,
    )
)
_BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Checked:
    """A proof whose signature holds. `findings`: what in it does not; empty: all of it does."""

    document: dict[str, Any]
    checkpoint: Checkpoint
    findings: tuple[str, ...]


def verify(content: bytes, key: VerifierKey) -> Checked:
    """`content`: the JSON file. `key`: the node's, as `heedline audit key` prints it; its name says the tenant.

    Raises BadProof: no proof, another key's, or changed since it was signed; then nothing in it may be believed.
    """
    try:
        signed = json.loads(content) if len(content) <= LARGEST else None
    except (ValueError, RecursionError):
        signed = None
    if not isinstance(signed, dict) or signed.keys() != {"note", "proof"} or not isinstance(signed["proof"], dict):
        raise BadProof("not a proof of consent: expected the JSON that `heedline consent proof` writes")
    document: dict[str, Any] = signed["proof"]
    if document.get("format") != FORMAT:
        raise BadProof(f"not a proof of the format {FORMAT}")
    if (canonical_document(signed) + "\n").encode() != content:
        raise BadProof("the proof is not in its canonical form; it was changed, or written by something else")
    tenant = str(document.get("tenant"))
    if key.name != origin_of(tenant):
        raise BadProof("the key is of another audit log than this proof's")
    check_signature(document, str(signed["note"]), key, tenant)
    try:
        checkpoint = read_note(document["audit"]["checkpoint"], (key,))
        return Checked(document, checkpoint, tuple(_findings(document, checkpoint)))
    except BadInput as error:
        raise BadProof(f"proof: {error}") from None
    except _BROKEN as error:
        raise BadProof(f"proof: not of the form that its format has ({type(error).__name__})") from None


def _findings(document: dict[str, Any], checkpoint: Checkpoint) -> Iterator[str]:
    entries = document["audit"]["entries"]
    for entry in entries:
        leaf = entry_hash(entry["seq"], entry["at_us"], entry["tag"], entry["data"], bytes.fromhex(entry["previous"]))
        path = [bytes.fromhex(node) for node in entry["path"]]
        if not verify_inclusion(leaf, entry["seq"], checkpoint.size, path, checkpoint.root):
            yield f"audit entry {entry['seq']} is not in the log that was signed"
    said = [(entry["seq"], entry["tag"], json.loads(entry["data"])) for entry in entries]
    yield from _acts(document, said)
    yield from _uses(document, said)
    yield from _texts(document)
    yield from _standing(document)


def _acts(document: dict[str, Any], said: list[tuple[int, str, dict[str, Any]]]) -> Iterator[str]:
    last = -1
    for place, act in enumerate(document["acts"]):
        fields = {name: value for name, value in act.items() if name != "position"}
        digest = fields_digest(fields)
        evidence = hashlib.sha256(canonical(act["evidence"]).encode()).hexdigest()
        seqs = [
            seq
            for seq, tag, data in said
            if data.get("consent") == act["id"]
            and (data.get("digest") == digest or (tag == AuditTag.CONSENT_WRITTEN.value and _by_call(data, evidence)))
        ]
        if not seqs:
            yield f"act {act['id']} is not named, as it stands here, by any audit entry"
        elif seqs[0] < last:
            yield f"act {act['id']} came to the log before the act in front of it"
        if act["position"] != place or act["party"] != document["party"]:
            yield f"act {act['id']} is not at its place"
        last = max([last, *seqs[:1]])
    shown = {act["id"] for act in document["acts"]}
    for seq, tag, data in said:
        if tag in _OF_ACTS and data.get("consent") not in shown:
            yield f"audit entry {seq} is of an act that is not shown: {data.get('consent')}"


def _by_call(data: dict[str, Any], evidence: str) -> bool:
    """Consents to be recorded are logged by the call with the digest of their evidence."""
    return bool(data.get("evidence") == evidence)


def _uses(document: dict[str, Any], said: list[tuple[int, str, dict[str, Any]]]) -> Iterator[str]:
    tag_of_use = AuditTag.CONSENT_USED.value
    logged = {(data.get("consent"), data.get("attempt")) for _, tag, data in said if tag == tag_of_use}
    shown = {(use["consent"], use["attempt"]) for use in document["uses"]}
    yield from (f"the use of {consent} by call {call} is not in the log" for consent, call in sorted(shown - logged))
    yield from (f"the log has a use of {consent} by call {call} more" for consent, call in logged - shown)


def _texts(document: dict[str, Any]) -> Iterator[str]:
    kept = set()
    for text in document["texts"]:
        if Wording(text["language"], text["version"], text["text"]).hash.hex() != text["hash"]:
            yield f"the words {text['hash'][:16]} are not those that were agreed to"
        kept.add(text["hash"])
    named = {act["text"] for act in document["acts"]} - {None}
    yield from (f"the words {missing[:16]} are missing" for missing in sorted(named - kept))


def _standing(document: dict[str, Any]) -> Iterator[str]:
    made_at = datetime.fromisoformat(document["made_at"])
    held = [held_fields(one, made_at) for one in fold(_step(act) for act in document["acts"])]
    if held != document["held"]:
        yield "what is said to stand does not follow from the acts"


def _step(act: dict[str, Any]) -> Step:
    until = act["valid_until"]
    return Step(
        act["id"],
        act["act"],
        act["kind"],
        act["purpose"],
        act["seller"],
        datetime.fromisoformat(act["at"]),
        None if until is None else datetime.fromisoformat(until),
        act["pending"],
        act["refers_to"],
    )

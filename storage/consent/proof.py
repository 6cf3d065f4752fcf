"""A person's consents as one signed document that needs nothing else: acts, words, evidence, uses, and their place in
the audit log.

    {"note": "<signed note>", "proof": {…}}         canonical JSON, one line

`storage.consent.verify` checks it with the node's public key alone.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from compliance.errors import BadInput
from compliance.number import Number
from compliance.verdict import instant_text
from storage.audit.entry import AuditValue, Entry, without_numbers
from storage.audit.note import CheckpointSigner, read_note
from storage.audit.tags import AuditTag
from storage.canonical import parse_object
from storage.consent.act import ConsentAct, act_fields
from storage.consent.fold import Held, fold
from storage.consent.inclusion import Levels
from storage.consent.signed import ProofSigner, canonical_document
from storage.consent.tokens import OptInKeys
from storage.database import Database
from storage.errors import NoSuchParty
from storage.instant import from_us
from storage.schema import consent_deliveries, consent_messages, consent_tries, consents
from storage.unit import Transaction

FORMAT = "heedline-consent-proof/1"
CONSENT_TAGS = frozenset(tag.value for tag in AuditTag if ":consent:" in tag.value)

_MESSAGES = (
    select(consent_messages)
    .join(consents, consents.c.id == consent_messages.c.consent_id)
    .where(consents.c.party_id == bindparam("of"))
    .order_by(consent_messages.c.id)
)
_DELIVERIES = (
    select(consent_deliveries)
    .where(consent_deliveries.c.message_id == bindparam("of"))
    .order_by(consent_deliveries.c.n)
)
_TRIES = (
    select(consent_tries)
    .join(consents, consents.c.id == consent_tries.c.consent_id)
    .where(consents.c.party_id == bindparam("of"))
    .order_by(consent_tries.c.consent_id, consent_tries.c.n)
)


class NothingOnFile(NoSuchParty):
    """No consent was ever given, asked for or withdrawn by that number."""


async def prove(
    db: Database,
    number: Number,
    *,
    keys: OptInKeys,
    signer: CheckpointSigner,
    proofs: ProofSigner,
    by: str,
    now: datetime,
) -> dict[str, object]:
    """The document of one number, signed; the export stands in the audit log before anything is handed out.

    Reads the audit log once from its beginning. Raises NothingOnFile; AuditBroken: the log does not hold.
    """
    async with db.begin() as tx:
        party_id = await tx.parties.find(number)
        acts = () if party_id is None else await tx.consents.of(party_id)
        if party_id is None or not acts:
            raise NothingOnFile("consents: nothing is on file for this number; see `heedline consent show`")
        number_hash = tx.keys.lookup_hash(number).hex()
        data: dict[str, AuditValue] = {"number_hash": number_hash, "acts": len(acts), "by": without_numbers(by)}
        await tx.audit.append(AuditTag.CONSENT_PROVED, now, data)
        checkpoint = await tx.audit.checkpoint(signer, now)
        document: dict[str, object] = {
            "format": FORMAT,
            "tenant": proofs.tenant,
            "made_at": instant_text(now),
            "made_by": by,
            "number": number.e164,
            "number_hash": number_hash,
            "party": party_id,
            "acts": [{**act_fields(act), "position": act.position} for act in acts],
            "texts": await _texts(tx, acts),
            "uses": [
                {"consent": use.consent_id, "attempt": use.attempt_id, "at": instant_text(use.at)}
                for use in await tx.consents.uses_of(party_id)
            ],
            "messages": [await _message(tx, keys, row) for row in await tx.all(_MESSAGES, {"of": party_id})],
            "wrong_codes": [
                {"consent": row.consent_id, "n": row.n, "at": instant_text(from_us(row.at_us))}
                for row in await tx.all(_TRIES, {"of": party_id})
            ],
            "held": [held_fields(held, now) for held in fold(act.step() for act in acts)],
        }
    size = read_note(checkpoint, (signer.key,)).size
    async with db.read() as tx:
        entries = await _entries(tx, size, {act.id for act in acts}, number_hash)
    document["audit"] = {"checkpoint": checkpoint, "entries": entries}
    return {"note": proofs.sign(document), "proof": document}


def written(signed: dict[str, object]) -> bytes:
    """The signed document as its file holds it."""
    return (canonical_document(signed) + "\n").encode()


def held_fields(held: Held, at: datetime) -> dict[str, object]:
    """What a grant comes to at `at`."""
    consent = held.consent
    times = (consent.obtained_at, consent.confirmed_at, consent.withdrawn_at, consent.expires_at)
    obtained, confirmed, withdrawn, expires = (None if moment is None else instant_text(moment) for moment in times)
    return {
        "consent": held.id,
        "kind": consent.kind.value,
        "purpose": None if consent.purpose is None else consent.purpose.value,
        "seller": consent.seller,
        "obtained_at": obtained,
        "confirmed_at": confirmed,
        "withdrawn_at": withdrawn,
        "expires_at": expires,
        "pending": held.pending,
        "stands": held.stands(at),
    }


async def _texts(tx: Transaction, acts: tuple[ConsentAct, ...]) -> list[object]:
    found: list[object] = []
    for text_hash in sorted({act.text_hash for act in acts if act.text_hash is not None}):
        wording = await tx.consents.text(text_hash)
        fields = {"language": wording.language, "version": wording.version, "text": wording.text}
        found.append({"hash": text_hash.hex(), **fields})
    return found


async def _message(tx: Transaction, keys: OptInKeys, row: Any) -> dict[str, object]:
    deliveries = await tx.all(_DELIVERIES, {"of": row.id})
    return {
        "id": row.id,
        "consent": row.consent_id,
        "transport": row.transport,
        "address": None if row.address_sealed is None else keys.open(row.address_sealed, row.id),
        "created_at": instant_text(from_us(row.created_us)),
        "deliveries": [
            {"n": one.n, "at": instant_text(from_us(one.at_us)), "outcome": one.outcome, "detail": one.detail}
            for one in deliveries
        ],
    }


async def _entries(tx: Transaction, size: int, ids: set[str], number_hash: str) -> list[object]:
    """The log's entries on these consents, each with its path to the root over `size` entries."""
    leaves: list[bytes] = []
    wanted: list[Entry] = []
    async for entry in tx.audit.entries(limit=size):
        leaves.append(entry.hash)
        if entry.tag in CONSENT_TAGS:
            data = parse_object(entry.data)
            if data.get("consent") in ids or data.get("number_hash") == number_hash:
                wanted.append(entry)
    if len(leaves) != size:
        raise BadInput("audit log: shorter than its checkpoint; run `heedline audit verify`")
    levels = Levels(leaves)
    return [
        {
            "seq": entry.seq,
            "at_us": entry.at_us,
            "tag": entry.tag,
            "data": entry.data,
            "previous": entry.previous.hex(),
            "path": [node.hex() for node in levels.path(entry.seq)],
        }
        for entry in wanted
    ]

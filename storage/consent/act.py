"""One act of consent, and its two other forms: a row of the ledger, and the fields that its audit entry binds."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from compliance.errors import BadInput
from compliance.verdict import instant_text
from storage.canonical import canonical, parse_object
from storage.consent.fold import Step
from storage.instant import from_us, to_us

Act = Literal["grant", "confirm", "withdraw", "refuse"]

LARGEST_EVIDENCE = 16_384
"""Bytes of an act's evidence as canonical JSON."""


@dataclass(frozen=True)
class ConsentAct:
    """One act. `evidence`: what proves it: prompt and answer, form hash, IP, recording id, key press.

    `position`: its place among the person's acts. `pending`: a grant that counts only once confirmed. `refers_to`:
    the grant a confirmation is of. `honoured_by`: the law's deadline for a withdrawal, which here holds at once.
    """

    id: str
    party_id: str
    kind: str
    purpose: str
    act: Act
    evidence: dict[str, object]
    attempt_id: str | None
    at: datetime
    by: str
    position: int = 0
    seller: str | None = None
    channel: str | None = None
    jurisdiction: str | None = None
    text_hash: bytes | None = None
    collected_by: str | None = None
    valid_until: datetime | None = None
    pending: bool = False
    refers_to: str | None = None
    honoured_by: datetime | None = None

    def step(self) -> Step:
        """What the fold needs of it."""
        return Step(
            self.id,
            self.act,
            self.kind,
            self.purpose,
            self.seller,
            self.at,
            self.valid_until,
            self.pending,
            self.refers_to,
        )


@dataclass(frozen=True)
class Use:
    """A call that rested on a consent."""

    consent_id: str
    attempt_id: str
    at: datetime


def act_fields(act: ConsentAct) -> dict[str, object]:
    """An act as canonical JSON takes it, without its position, which the audit log's order gives."""
    return {
        "id": act.id,
        "party": act.party_id,
        "kind": act.kind,
        "purpose": act.purpose,
        "act": act.act,
        "evidence": act.evidence,
        "attempt": act.attempt_id,
        "at": instant_text(act.at),
        "by": act.by,
        "seller": act.seller,
        "channel": act.channel,
        "jurisdiction": act.jurisdiction,
        "text": None if act.text_hash is None else act.text_hash.hex(),
        "collected_by": act.collected_by,
        "valid_until": None if act.valid_until is None else instant_text(act.valid_until),
        "pending": act.pending,
        "refers_to": act.refers_to,
        "honoured_by": None if act.honoured_by is None else instant_text(act.honoured_by),
    }


def fields_digest(fields: dict[str, object]) -> str:
    """SHA-256 (hex) of an act's fields: what its audit entry names."""
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


def row_of(act: ConsentAct) -> dict[str, object]:
    """The values of an act's row. Raises BadInput: evidence beyond LARGEST_EVIDENCE, or no JSON."""
    evidence = canonical(act.evidence)
    canonical([[[[act.evidence]]]])  # at most four deep: a proof holds it within its own nesting
    if len(evidence.encode()) > LARGEST_EVIDENCE:
        raise BadInput(f"consent evidence: more than {LARGEST_EVIDENCE} bytes as JSON")
    return {
        "id": act.id,
        "party_id": act.party_id,
        "of": act.party_id,
        "kind": act.kind,
        "purpose": act.purpose,
        "act": act.act,
        "evidence": evidence,
        "attempt_id": act.attempt_id,
        "at_us": to_us(act.at),
        "by": act.by,
        "seller": act.seller,
        "channel": act.channel,
        "jurisdiction": act.jurisdiction,
        "text_hash": act.text_hash,
        "collected_by": act.collected_by,
        "valid_until_us": None if act.valid_until is None else to_us(act.valid_until),
        "pending": act.pending,
        "refers_to": act.refers_to,
        "honoured_by_us": None if act.honoured_by is None else to_us(act.honoured_by),
    }


def act_of(row: Row[Any]) -> ConsentAct:
    return ConsentAct(
        row.id,
        row.party_id,
        row.kind,
        row.purpose,
        row.act,
        parse_object(row.evidence),
        row.attempt_id,
        from_us(row.at_us),
        row.by,
        row.position,
        row.seller,
        row.channel,
        row.jurisdiction,
        row.text_hash,
        row.collected_by,
        None if row.valid_until_us is None else from_us(row.valid_until_us),
        row.pending,
        row.refers_to,
        None if row.honoured_by_us is None else from_us(row.honoured_by_us),
    )

"""Consents: what a person agreed to, confirmed, refused or withdrew, with the evidence. Append-only.

What counts now is derived from a person's acts (`storage.consent.fold`). Who writes goes through
`storage.consent`, which audits every act in the same commit.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, insert, select

from compliance.facts import Consent
from compliance.terms import Purpose
from storage.audit.tags import AuditTag
from storage.consent.act import Act as Act
from storage.consent.act import ConsentAct as ConsentAct
from storage.consent.act import Use, act_of, row_of
from storage.consent.fold import RECORDING, Held, Step, fold, same_name
from storage.consent.wording import Wording
from storage.errors import LedgerConflict
from storage.ids import new_id
from storage.instant import from_us, to_us
from storage.schema import consent_texts, consent_uses, consents
from storage.unit import Transaction

_JUST_NOW = timedelta(minutes=5)
_NO = frozenset({"refuse", "withdraw"})

_NEXT = (
    select(func.coalesce(func.max(consents.c.position) + 1, 0))
    .where(consents.c.party_id == bindparam("of"))
    .scalar_subquery()
)
_ADD = insert(consents).values(position=_NEXT)
_OF = select(consents).where(consents.c.party_id == bindparam("of")).order_by(consents.c.position)
_STEPS = (
    select(
        consents.c.id,
        consents.c.act,
        consents.c.kind,
        consents.c.purpose,
        consents.c.seller,
        consents.c.at_us,
        consents.c.valid_until_us,
        consents.c.pending,
        consents.c.refers_to,
    )
    .where(consents.c.party_id == bindparam("of"), consents.c.kind != RECORDING)
    .order_by(consents.c.position)
)
_ONE = select(consents).where(consents.c.id == bindparam("of"))
_KNOWN_TEXT = select(consent_texts.c.hash).where(consent_texts.c.hash == bindparam("of"))
_TEXT = select(consent_texts).where(consent_texts.c.hash == bindparam("of"))
_ADD_TEXT = insert(consent_texts)
_USE = insert(consent_uses).from_select(
    ["consent_id", "attempt_id", "at_us"],
    select(
        bindparam("consent", type_=consent_uses.c.consent_id.type),
        bindparam("attempt", type_=consent_uses.c.attempt_id.type),
        bindparam("at", type_=consent_uses.c.at_us.type),
    ).where(
        ~exists().where(
            consent_uses.c.consent_id == bindparam("consent"), consent_uses.c.attempt_id == bindparam("attempt")
        )
    ),
)
_USES_OF = (
    select(consent_uses)
    .join(consents, consents.c.id == consent_uses.c.consent_id)
    .where(consents.c.party_id == bindparam("of"))
    .order_by(consent_uses.c.at_us, consent_uses.c.consent_id)
)


class Consents:
    """The consents of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(
        self,
        party_id: str,
        kind: str,
        purpose: str,
        act: Act,
        evidence: dict[str, object],
        attempt_id: str | None,
        at: datetime,
        by: str,
        *,
        seller: str | None = None,
        channel: str | None = None,
        jurisdiction: str | None = None,
        wording: Wording | None = None,
        collected_by: str | None = None,
        valid_until: datetime | None = None,
        pending: bool = False,
        refers_to: str | None = None,
        honoured_by: datetime | None = None,
    ) -> str:
        """Write an act; returns its id.

        Raises LedgerConflict: no such party, attempt or grant, no such act, or the grant is confirmed already.
        BadInput: evidence beyond LARGEST_EVIDENCE.
        """
        text_hash = None if wording is None else await self.keep_text(wording)
        written = ConsentAct(
            new_id(at),
            party_id,
            kind,
            purpose,
            act,
            evidence,
            attempt_id,
            at,
            by,
            0,
            seller,
            channel,
            jurisdiction,
            text_hash,
            collected_by,
            valid_until,
            pending,
            refers_to,
            honoured_by,
        )
        await self._tx.run(_ADD, row_of(written))
        return written.id

    async def add_each(self, acts: Sequence[ConsentAct]) -> None:
        """Write many acts at once; their words must be there already (`keep_text`). Raises as `add`."""
        if acts:
            await self._tx.run_each(_ADD, [row_of(act) for act in acts])

    async def keep_text(self, wording: Wording) -> bytes:
        """Keep the words, once; returns their hash."""
        if await self._tx.scalar(_KNOWN_TEXT, {"of": wording.hash}) is None:
            row = {"hash": wording.hash, "language": wording.language, "version": wording.version}
            await self._tx.run(_ADD_TEXT, {**row, "text": wording.text})
        return wording.hash

    async def text(self, text_hash: bytes) -> Wording:
        """The words of that hash. Raises LedgerConflict: they are not there."""
        row = await self._tx.first(_TEXT, {"of": text_hash})
        if row is None:
            raise LedgerConflict("the words of a consent are not in the ledger; run `heedline audit verify`")
        return Wording(row.language, row.version, row.text)

    async def of(self, party_id: str) -> tuple[ConsentAct, ...]:
        """All acts of the party, in the order in which they came."""
        return tuple(act_of(row) for row in await self._tx.all(_OF, {"of": party_id}))

    async def get(self, consent_id: str) -> ConsentAct | None:
        row = await self._tx.first(_ONE, {"of": consent_id})
        return None if row is None else act_of(row)

    async def held(self, party_id: str) -> tuple[Held, ...]:
        """Every marketing grant of the party and what has become of it, in order."""
        return fold(_step(row) for row in await self._tx.all(_STEPS, {"of": party_id}))

    async def standing(self, party_id: str, at: datetime | None = None) -> tuple[Consent, ...]:
        """The party's marketing consents for the gate, withdrawn and expired ones with their times.

        A withdrawal holds from the instant it is in the ledger, also for a gate whose clock was read a moment before
        or has been set back: one that is not clearly past at `at` (left out: the present) makes its consent one that
        never stood.
        """
        past = datetime.now(UTC) - _JUST_NOW if at is None else at
        return tuple(_for_the_gate(held.consent, past) for held in await self.held(party_id) if not held.pending)

    async def for_the_gate(self, party_id: str, seller: str) -> tuple[tuple[Consent, ...], tuple[datetime, ...]]:
        """The consents as `standing` gives them, and when the person refused or took back one to that seller.

        A grant to whoever asks stands for this seller too: the rules take none that names no seller.
        """
        steps = [_step(row) for row in await self._tx.all(_STEPS, {"of": party_id})]
        granted = (held.consent for held in fold(steps) if not held.pending)
        known = tuple(replace(consent, seller=consent.seller or seller) for consent in granted)
        known = _ended_together(known, seller, datetime.now(UTC) - _JUST_NOW)
        refusals = (step for step in steps if step.act in _NO)
        return known, tuple(no.at for no in refusals if no.seller is None or same_name(no.seller, seller))

    async def use(
        self, party_id: str, attempt_id: str, at: datetime, purpose: Purpose | None = None, seller: str | None = None
    ) -> int:
        """Log that a call rests on each consent that stands at `at`; returns how many there are. Harmless to repeat.

        With purpose or seller, only those given for them. The audit entry is part of the same commit.
        Raises LedgerConflict: no such attempt.
        """
        used = 0
        for held in await self.held(party_id):
            if not held.stands(at) or not _covers(held.consent, purpose, seller):
                continue
            used += 1
            if await self._tx.run(_USE, {"consent": held.id, "attempt": attempt_id, "at": to_us(at)}):
                await self._tx.audit.append(AuditTag.CONSENT_USED, at, {"attempt": attempt_id, "consent": held.id})
        return used

    async def uses_of(self, party_id: str) -> tuple[Use, ...]:
        """Every use of a consent of the party, in order."""
        rows = await self._tx.all(_USES_OF, {"of": party_id})
        return tuple(Use(row.consent_id, row.attempt_id, from_us(row.at_us)) for row in rows)


def _step(row: Row[Any]) -> Step:
    return Step(
        row.id,
        row.act,
        row.kind,
        row.purpose,
        row.seller,
        from_us(row.at_us),
        None if row.valid_until_us is None else from_us(row.valid_until_us),
        row.pending,
        row.refers_to,
    )


def _for_the_gate(consent: Consent, past: datetime) -> Consent:
    if consent.withdrawn_at is None or consent.withdrawn_at <= past:
        return consent
    return replace(consent, withdrawn_at=consent.obtained_at)


def _ended_together(consents: tuple[Consent, ...], seller: str, past: datetime) -> tuple[Consent, ...]:
    """A withdrawal that is not clearly past takes along all that the seller had by then, as the rules will have it of
    one that is: they can't tell it from consents whose withdrawal hides its time."""
    ends = [each.withdrawn_at for each in consents if each.withdrawn_at is not None and each.seller == seller]
    last = max((end for end in ends if end > past), default=None)
    return tuple(
        replace(each, withdrawn_at=each.obtained_at)
        if last is not None and each.seller == seller and each.obtained_at is not None and each.obtained_at <= last
        else _for_the_gate(each, past)
        for each in consents
    )


def _covers(consent: Consent, purpose: Purpose | None, seller: str | None) -> bool:
    by_purpose = purpose is None or consent.purpose is purpose
    return by_purpose and (seller is None or consent.seller is None or consent.seller == seller)

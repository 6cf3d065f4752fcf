"""Write an act of consent with its audit entry, in one transaction.

The audit entry names the act by its digest over every field: changed in the ledger later, it is no longer what was
written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, insert, select

from compliance.errors import BadInput
from compliance.jurisdictions import Packs
from compliance.number import Number, regions
from storage.audit.entry import AuditValue, without_numbers
from storage.audit.tags import AuditTag
from storage.consent.act import ConsentAct, act_fields, fields_digest
from storage.consent.deadline import honoured_by
from storage.consent.fold import ANY, fold
from storage.consent.terms import Grant, Withdrawal, check_against
from storage.ids import new_id
from storage.instant import to_us
from storage.schema import parties
from storage.unit import Transaction

MOST_AT_ONCE = 10_000
"""Grants of one transaction: measured, a second, for which every call that is to be dialled waits."""

_CHUNK = 500
_PARTIES_OF = select(parties.c.id, parties.c.lookup_hash).where(
    parties.c.lookup_hash.in_(bindparam("hashes", expanding=True))
)
_ADD_PARTY = insert(parties)


@dataclass(frozen=True)
class Withdrawn:
    """`created` is False when the same withdrawal stood already. `ended`: how many standing consents it ended."""

    act: ConsentAct
    created: bool
    ended: int


async def record(tx: Transaction, number: Number, grant: Grant, *, by: str, now: datetime) -> ConsentAct:
    """Write a consent that was given. Raises BadInput (see `check_against`, `LARGEST_EVIDENCE`)."""
    return (await record_each(tx, [(number, grant)], by=by, now=now))[0]


async def record_each(
    tx: Transaction, grants: Sequence[tuple[Number, Grant]], *, by: str, now: datetime
) -> list[ConsentAct]:
    """Write many consents, all or none. Raises as `record`; BadInput: more than MOST_AT_ONCE."""
    if len(grants) > MOST_AT_ONCE:
        raise BadInput(f"consents: at most {MOST_AT_ONCE} at once; cut the file into parts")
    for number, grant in grants:
        check_against(number, grant, now)
    for wording in {grant.wording for _, grant in grants if grant.wording is not None}:
        await tx.consents.keep_text(wording)
    hashes = {number: tx.keys.lookup_hash(number) for number, _ in grants}
    ids = await _parties(tx, hashes, now)
    acts = [granted(ids[hashes[number]], grant, by) for number, grant in grants]
    await tx.consents.add_each(acts)
    datas = [audit_data(act, hashes[number]) for act, (number, _) in zip(acts, grants, strict=True)]
    await tx.audit.append_each(AuditTag.CONSENT_GRANTED, now, datas)
    return acts


async def withdraw(
    tx: Transaction, number: Number, withdrawal: Withdrawal, *, packs: Packs, by: str, now: datetime
) -> Withdrawn:
    """Write a withdrawal; it ends every consent in its scope, and every open confirmation, with this commit.

    What was never given can be withdrawn too. The same withdrawal told again, with nothing given in between, changes
    nothing; one of a later time is written, for a grant of the time between may still come.
    It cancels no attempt and lists no number: that is `opt_out`. Raises as `record`.
    """
    check_against(number, withdrawal, now)
    party_id = await tx.parties.ensure(number)
    purpose = ANY if withdrawal.purpose is None else withdrawal.purpose.value
    acts = await tx.consents.of(party_id)
    for act in reversed(acts):
        if act.act == "grant" and act.kind != "recording":
            break
        same = (act.act, act.kind, act.purpose, act.seller) == ("withdraw", ANY, purpose, withdrawal.seller)
        if same and withdrawal.at <= act.at:
            return Withdrawn(act, created=False, ended=0)
    at = withdrawal.at
    where = frozenset({withdrawal.jurisdiction}) if withdrawal.jurisdiction else regions(number)
    act = ConsentAct(
        new_id(now),
        party_id,
        ANY,
        purpose,
        "withdraw",
        withdrawal.evidence,
        None,
        at,
        by,
        len(acts),
        seller=withdrawal.seller,
        channel=withdrawal.channel,
        jurisdiction=withdrawal.jurisdiction,
        collected_by=withdrawal.collected_by,
        honoured_by=honoured_by(packs, where, at),
    )
    before = fold(each.step() for each in acts)
    after = fold(each.step() for each in (*acts, act))
    ended = sum(one.stands(now) and not two.stands(now) for one, two in zip(before, after, strict=True))
    await tx.consents.add_each([act])
    await tx.audit.append(AuditTag.CONSENT_WITHDRAWN, now, audit_data(act, tx.keys.lookup_hash(number)))
    return Withdrawn(act, created=True, ended=ended)


def granted(party_id: str, grant: Grant, by: str) -> ConsentAct:
    """The act of a grant. Its position is the ledger's to give."""
    return ConsentAct(
        new_id(),
        party_id,
        grant.kind.value,
        grant.purpose.value,
        "grant",
        grant.evidence,
        None,
        grant.at,
        by,
        seller=grant.seller,
        channel=grant.channel,
        jurisdiction=grant.jurisdiction,
        text_hash=None if grant.wording is None else grant.wording.hash,
        collected_by=grant.collected_by,
        valid_until=grant.valid_until,
    )


def confirmed(
    grant: ConsentAct, channel: str, evidence: dict[str, object], at: datetime, by: str, attempt_id: str | None = None
) -> ConsentAct:
    """The confirmation of a grant: same party, kind, purpose, seller and words."""
    return replace(
        grant,
        id=new_id(at),
        act="confirm",
        channel=channel,
        evidence=evidence,
        at=at,
        by=by,
        attempt_id=attempt_id,
        collected_by=None,
        valid_until=None,
        pending=False,
        refers_to=grant.id,
    )


def audit_data(act: ConsentAct, number_hash: bytes) -> dict[str, AuditValue]:
    return {
        "consent": act.id,
        "number_hash": number_hash.hex(),
        "digest": fields_digest(act_fields(act)),
        "channel": without_numbers(act.channel or ""),
        "attempt": act.attempt_id,
        "by": without_numbers(act.by),
    }


async def _parties(tx: Transaction, hashes: dict[Number, bytes], now: datetime) -> dict[bytes, str]:
    """The party of each hash, made where it is new; a few statements however many there are."""
    wanted = list(hashes.values())
    ids: dict[bytes, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = await tx.all(_PARTIES_OF, {"hashes": wanted[start : start + _CHUNK]})
        ids.update((row.lookup_hash, row.id) for row in rows)
    new: list[dict[str, object]] = []
    for number, value in hashes.items():
        if value not in ids:
            ids[value] = party_id = new_id(now)
            sealed = tx.keys.seal(number, f"party:{party_id}")
            new.append({"id": party_id, "lookup_hash": value, "number_sealed": sealed, "created_us": to_us(now)})
    if new:
        await tx.run_each(_ADD_PARTY, new)
    return ids

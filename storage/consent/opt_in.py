"""Double opt-in: a pending consent, what confirms it, and every reason for which it does not.

Checked in this order, the first that holds decides: not a token of ours · another number or seller · confirmed
already · withdrawn since · expired. Of codes: locked after five wrong ones, and each wrong one makes the next wait
longer. All within one transaction behind the ledger's one write lock, and the database itself refuses a second
confirmation of one grant.

A clock that was set back revives nothing: the time is never before any of the last thousand entries of the audit log.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from hmac import compare_digest

from sqlalchemy import Row, bindparam, func, insert, select

from compliance.errors import BadInput
from compliance.number import Number
from compliance.terms import Purpose
from storage.audit.tags import AuditTag
from storage.consent.act import ConsentAct
from storage.consent.fold import Held, same_name
from storage.consent.terms import Grant, check_against, without_number
from storage.consent.tokens import BadToken, OptInKeys
from storage.consent.write import audit_data, confirmed, granted
from storage.errors import NoSuchParty
from storage.instant import from_us, to_us
from storage.schema import audit, consent_tokens, consent_tries, consents, parties
from storage.unit import Transaction

MOST_TRIES = 5
MOST_OPEN = 5
LONGEST_LIFE = timedelta(days=30)

_recent = select(audit.c.at_us).order_by(audit.c.seq.desc()).limit(1000).subquery()
_LAST_SEEN = select(func.max(_recent.c.at_us))
_HASH_OF = select(parties.c.lookup_hash).where(parties.c.id == bindparam("of"))
_ADD_TOKEN = insert(consent_tokens)
_TOKEN = select(consent_tokens).where(consent_tokens.c.consent_id == bindparam("of"))
_OPEN = (
    select(consent_tokens, func.count(consent_tries.c.n).label("tries"), func.max(consent_tries.c.at_us).label("last"))
    .join(consents, consents.c.id == consent_tokens.c.consent_id)
    .outerjoin(consent_tries, consent_tries.c.consent_id == consent_tokens.c.consent_id)
    .where(consents.c.party_id == bindparam("of"), consent_tokens.c.expires_us > bindparam("now"))
    .group_by(*consent_tokens.c)
    .order_by(consent_tokens.c.consent_id)
)
_ADD_TRY = insert(consent_tries)


class Why(Enum):
    """Why a confirmation is refused; the value is for a person."""

    NOT_OURS = "the token is not one of this Heedline, or not whole; copy it again"
    OTHER_NUMBER = "the token belongs to another number"
    OTHER_SELLER = "the token belongs to another seller"
    USED = "this consent is confirmed already; a token is good for one use"
    WITHDRAWN = "the consent has been withdrawn since it was asked for; ask for a new one"
    EXPIRED = "the token has expired; ask for a new one"
    NOTHING_OPEN = "no confirmation is open for this number; ask for one with `heedline consent request`"
    WRONG_CODE = "the code is wrong"
    TOO_SOON = "the last wrong code was a moment ago; wait, then try again"
    LOCKED = "five wrong codes: this confirmation is locked; ask for a new one"


@dataclass(frozen=True)
class Requested:
    """A pending consent with what confirms it. Token and code are secrets of the person they are sent to."""

    act: ConsentAct
    token: str
    code: str
    expires: datetime


@dataclass(frozen=True)
class Confirmed:
    act: ConsentAct
    grant: ConsentAct


@dataclass(frozen=True)
class Refused:
    """A value, not an exception: a wrong code must be committed to count."""

    why: Why


async def request(
    tx: Transaction, keys: OptInKeys, number: Number, grant: Grant, *, life: timedelta, by: str, now: datetime
) -> Requested:
    """Write a pending consent and the hashes of what confirms it.

    Raises BadInput: as `record`; a life of nothing or above LONGEST_LIFE; MOST_OPEN requests are open already.
    """
    if not timedelta() < life <= LONGEST_LIFE:
        raise BadInput(f"consent request: valid for more than nothing and at most {LONGEST_LIFE.days} days")
    check_against(number, grant, now)
    at = await _present(tx, now)
    party_id = await tx.parties.ensure(number)
    if len(await _open(tx, party_id, at)) >= MOST_OPEN:
        raise BadInput(f"consent request: {MOST_OPEN} are open for this number; let one be confirmed or expire")
    if grant.wording is not None:
        await tx.consents.keep_text(grant.wording)
    act = replace(granted(party_id, grant, by), pending=True)
    await tx.consents.add_each([act])
    expires_us = to_us(at + life)
    token, code = keys.token(act.id, expires_us), keys.code(act.id, expires_us)
    row = {
        "consent_id": act.id,
        "token_hash": keys.token_hash(token),
        "code_hash": keys.code_hash(act.id, code),
        "issued_us": to_us(at),
        "expires_us": expires_us,
    }
    await tx.run(_ADD_TOKEN, row)
    await tx.audit.append(AuditTag.CONSENT_REQUESTED, now, audit_data(act, tx.keys.lookup_hash(number)))
    return Requested(act, token, code, from_us(expires_us))


async def confirm_by_token(
    tx: Transaction,
    keys: OptInKeys,
    token: str,
    *,
    number: Number | None = None,
    seller: str | None = None,
    evidence: dict[str, object] | None = None,
    by: str,
    now: datetime,
) -> Confirmed | Refused:
    """Confirm what the token is for; with number or seller, only if it is theirs."""
    at = await _present(tx, now)
    try:
        consent_id, expires_us = keys.read(token.strip())
    except BadToken:
        return Refused(Why.NOT_OURS)
    row = await tx.first(_TOKEN, {"of": consent_id})
    grant = await tx.consents.get(consent_id)
    if row is None or grant is None or not compare_digest(row.token_hash, keys.token_hash(token.strip())):
        return Refused(Why.NOT_OURS)
    if number is not None and await tx.parties.find(number) != grant.party_id:
        return Refused(Why.OTHER_NUMBER)
    if seller is not None and not same_name(seller, grant.seller or ""):
        return Refused(Why.OTHER_SELLER)
    held = {one.id: one for one in await tx.consents.held(grant.party_id)}[grant.id]
    if held.consent.confirmed_at is not None:
        return Refused(Why.USED)
    if held.consent.withdrawn_at is not None:
        return Refused(Why.WITHDRAWN)
    if at >= from_us(min(row.expires_us, expires_us)):
        return Refused(Why.EXPIRED)
    return await _confirm(tx, grant, "link", {**(evidence or {}), "method": "token"}, at, now, by)


async def confirm_by_code(
    tx: Transaction,
    keys: OptInKeys,
    code: str,
    number: Number,
    *,
    seller: str | None = None,
    evidence: dict[str, object] | None = None,
    by: str,
    now: datetime,
) -> Confirmed | Refused:
    """Confirm the open request of this number that the code is for. A wrong code counts against all that are open."""
    at = await _present(tx, now)
    party_id = await tx.parties.find(number)
    rows = [] if party_id is None else await _open(tx, party_id, at, seller)
    if not rows:
        return Refused(Why.NOTHING_OPEN)
    tried = [row for row in rows if row.tries < MOST_TRIES]
    if not tried:
        return Refused(Why.LOCKED)
    if any(row.tries and at < from_us(row.last) + timedelta(seconds=2**row.tries) for row in tried):
        return Refused(Why.TOO_SOON)
    typed = "".join(char for char in code if char not in " -").strip()
    found = [row for row in tried if compare_digest(row.code_hash, keys.code_hash(row.consent_id, typed))]
    grant = await tx.consents.get(found[0].consent_id) if found else None
    if grant is not None:
        return await _confirm(tx, grant, "code", {**(evidence or {}), "method": "code"}, at, now, by)
    for row in tried:
        await tx.run(_ADD_TRY, {"consent_id": row.consent_id, "n": row.tries + 1, "at_us": to_us(at)})
        await tx.audit.append(AuditTag.CONSENT_TRIED, now, {"consent": row.consent_id, "n": row.tries + 1})
    return Refused(Why.LOCKED if all(row.tries + 1 >= MOST_TRIES for row in tried) else Why.WRONG_CODE)


async def confirm_on_call(
    tx: Transaction,
    attempt_id: str,
    *,
    key: str,
    said: dict[str, object],
    purpose: Purpose,
    seller: str,
    recording_id: str | None = None,
    by: str = "callee",
    now: datetime,
) -> Confirmed | Refused:
    """Confirm, by a key pressed on a call, the latest unconfirmed consent for this purpose and seller.

    `said`: the prompt as it sounded (id, language, version, text hash). Raises NoSuchAttempt.
    """
    at = await _present(tx, now)
    party_id = (await tx.attempts.get(attempt_id)).party_id
    for held in reversed(await tx.consents.held(party_id)):
        consent = held.consent
        fits = consent.purpose is purpose and same_name(consent.seller or "", seller)
        if fits and _unconfirmed(held) and (grant := await tx.consents.get(held.id)) is not None:
            evidence: dict[str, object] = {"method": "key", "key": key, "prompt": said, "recording": recording_id}
            return await _confirm(tx, grant, "call", evidence, at, now, by, attempt_id)
    return Refused(Why.NOTHING_OPEN)


async def _confirm(
    tx: Transaction,
    grant: ConsentAct,
    channel: str,
    evidence: dict[str, object],
    at: datetime,
    now: datetime,
    by: str,
    attempt_id: str | None = None,
) -> Confirmed:
    with suppress(NoSuchParty):  # erased: nobody knows the number any more
        without_number(evidence, await tx.parties.number(grant.party_id))
    act = confirmed(grant, channel, evidence, at, by, attempt_id)
    await tx.consents.add_each([act])
    number_hash = await tx.scalar(_HASH_OF, {"of": grant.party_id})
    await tx.audit.append(AuditTag.CONSENT_CONFIRMED, now, audit_data(act, number_hash))
    return Confirmed(act, grant)


def _unconfirmed(held: Held) -> bool:
    return held.consent.confirmed_at is None and held.consent.withdrawn_at is None


async def _open(tx: Transaction, party_id: str, at: datetime, seller: str | None = None) -> list[Row[object]]:
    """The party's tokens that could still be used, with the tries of each."""
    held = {one.id: one for one in await tx.consents.held(party_id) if _unconfirmed(one)}
    rows = await tx.all(_OPEN, {"of": party_id, "now": to_us(at)})
    return [
        row
        for row in rows
        if row.consent_id in held and (seller is None or same_name(seller, held[row.consent_id].consent.seller or ""))
    ]


async def _present(tx: Transaction, now: datetime) -> datetime:
    last = await tx.scalar(_LAST_SEEN)
    return now if last is None else max(now, from_us(last))

"""Double opt-in: what confirms a consent, and every way in which it is tried to be fooled."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from compliance.errors import BadInput
from compliance.number import Number
from compliance.terms import Purpose
from storage.consent.opt_in import (
    MOST_OPEN,
    Confirmed,
    Refused,
    Requested,
    Why,
    confirm_by_code,
    confirm_by_token,
    confirm_on_call,
    request,
)
from storage.consent.tokens import BadToken, OptInKeys
from storage.consent.write import confirmed as confirmation
from storage.database import Database
from storage.errors import LedgerConflict
from tests.storage.builders import CALLEE, OTHER, planned
from tests.storage.test_consent_ledger import grant, recorded, standing, withdrawn

KEYS = OptInKeys(b"c" * 32)
LIFE = timedelta(hours=48)


async def asked(db: Database, now: datetime, number: Number = CALLEE, **changes: object) -> Requested:
    async with db.begin() as tx:
        return await request(tx, KEYS, number, grant(now, **changes), life=LIFE, by="cli:ann", now=now)


async def shown(db: Database, token: str, now: datetime, **more: object) -> Why | None:
    """Why the token was refused, None when it was taken."""
    async with db.begin() as tx:
        said = await confirm_by_token(tx, KEYS, token, by="callee", now=now, **more)  # type: ignore[arg-type]
    return said.why if isinstance(said, Refused) else None


async def typed(db: Database, code: str, now: datetime, number: Number = CALLEE, seller: str = "Acme") -> Why | None:
    async with db.begin() as tx:
        said = await confirm_by_code(tx, KEYS, code, number, seller=seller, by="callee", now=now)
    return said.why if isinstance(said, Refused) else None


async def test_nothing_stands_until_the_token_comes_back(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    assert await standing(db, made.act.party_id) == ()
    assert await shown(db, made.token, now + timedelta(hours=1), number=CALLEE, seller="acme") is None
    (consent,) = await standing(db, made.act.party_id)
    assert (consent.obtained_at, consent.confirmed_at) == (now, now + timedelta(hours=1))


async def test_a_token_is_good_for_one_use(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    assert await shown(db, made.token, now) is None
    assert await shown(db, made.token, now) is Why.USED
    assert await typed(db, made.code, now) is Why.NOTHING_OPEN


async def test_of_two_at_once_exactly_one_confirms(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    said = await asyncio.gather(*(shown(db, made.token, now) for _ in range(5)))
    assert sorted(str(why) for why in said) == sorted(["None", *[str(Why.USED)] * 4])


async def test_the_database_itself_refuses_a_second_confirmation(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    assert await shown(db, made.token, now) is None
    with pytest.raises(LedgerConflict):
        async with db.begin() as tx:
            await tx.consents.add_each([confirmation(made.act, "link", {}, now, "x")])


async def test_a_token_ends_at_its_instant_and_a_clock_set_back_does_not_revive_it(db: Database, now: datetime) -> None:
    late, early = await asked(db, now), await asked(db, now, OTHER)
    assert await shown(db, early.token, now + LIFE - timedelta(microseconds=1)) is None
    assert await shown(db, late.token, now + LIFE) is Why.EXPIRED
    await recorded(db, now + LIFE)  # the log has seen that time
    assert await shown(db, late.token, now) is Why.EXPIRED
    assert await typed(db, late.code, now) is Why.NOTHING_OPEN


async def test_a_token_of_another_number_or_seller_confirms_nothing(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    await recorded(db, now, OTHER)
    assert await shown(db, made.token, now, number=OTHER) is Why.OTHER_NUMBER
    assert await shown(db, made.token, now, number=Number("+12125550199")) is Why.OTHER_NUMBER
    assert await shown(db, made.token, now, seller="Other") is Why.OTHER_SELLER
    assert await typed(db, made.code, now, OTHER) is Why.NOTHING_OPEN
    assert await typed(db, made.code, now, seller="Other") is Why.NOTHING_OPEN
    assert await standing(db, made.act.party_id) == ()


async def test_a_clock_that_was_set_back_revives_no_token(db: Database, now: datetime) -> None:
    """Not even when the log has gone on under the clock that is behind."""
    made = await asked(db, now)
    await recorded(db, now + LIFE, OTHER)
    await recorded(db, now, OTHER)
    assert await shown(db, made.token, now) is Why.EXPIRED
    assert await typed(db, made.code, now) is Why.NOTHING_OPEN


async def test_a_withdrawal_kills_what_was_asked_before_it(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    await withdrawn(db, now - timedelta(hours=1))  # the clock was set back
    assert await shown(db, made.token, now) is Why.WITHDRAWN
    assert await typed(db, made.code, now) is Why.NOTHING_OPEN
    again = await asked(db, now + timedelta(seconds=1))
    assert await shown(db, again.token, now + timedelta(seconds=1)) is None


async def test_five_wrong_codes_lock_and_each_makes_the_next_wait(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    wrong = f"{(int(made.code) + 1) % 10**8:08}"
    at = now
    for n in range(1, 5):
        assert await typed(db, wrong, at) is Why.WRONG_CODE
        assert await typed(db, made.code, at + timedelta(seconds=2**n - 1)) is Why.TOO_SOON
        at += timedelta(seconds=2**n)
    assert await typed(db, wrong, at) is Why.LOCKED
    assert await typed(db, made.code, at + timedelta(hours=1)) is Why.LOCKED
    assert await shown(db, made.token, at) is None  # the link is another way


async def test_a_code_may_be_typed_with_blanks_and_after_a_mistake(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    assert await typed(db, "x" * 1000, now) is Why.WRONG_CODE
    assert await typed(db, f"{made.code[:4]} {made.code[4:]}", now + timedelta(seconds=2)) is None


async def test_a_key_pressed_on_a_call_confirms_what_waits(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    attempt = await planned(db, now)

    async def pressed(purpose: Purpose) -> Confirmed | Refused:
        async with db.begin() as tx:
            said: dict[str, object] = {"prompt": "confirm", "language": "en", "version": 2, "text_hash": "ab" * 32}
            return await confirm_on_call(
                tx, attempt, key="1", said=said, purpose=purpose, seller="Acme", recording_id="r", now=now
            )

    assert await pressed(Purpose.SURVEY) == Refused(Why.NOTHING_OPEN)
    done = await pressed(Purpose.TELEMARKETING)
    assert isinstance(done, Confirmed)
    assert (done.act.attempt_id, done.act.evidence["key"], done.act.evidence["recording"]) == (attempt, "1", "r")
    assert [consent.confirmed_at for consent in await standing(db, made.act.party_id)] == [done.act.at]
    assert await pressed(Purpose.TELEMARKETING) == Refused(Why.NOTHING_OPEN)
    assert await shown(db, made.token, now) is Why.USED


async def test_evidence_of_a_confirmation_may_not_hold_the_number(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    with pytest.raises(BadInput, match="number itself"):
        await shown(db, made.token, now, evidence={"page": "https://acme.example/?phone=%2B1-212-555-0123"})
    assert await shown(db, made.token, now, evidence={"ip": "203.0.113.9", "method": "magic"}) is None
    async with db.read() as tx:
        act = (await tx.consents.of(made.act.party_id))[-1]
    assert act.evidence == {"ip": "203.0.113.9", "method": "token"}


async def test_a_number_has_only_so_many_open_requests(db: Database, now: datetime) -> None:
    for _ in range(MOST_OPEN):
        await asked(db, now)
    with pytest.raises(BadInput, match="are open"):
        await asked(db, now)
    await asked(db, now + LIFE)


@pytest.mark.parametrize("life", [timedelta(), timedelta(days=31)])
async def test_a_life_beyond_its_bounds_is_refused(db: Database, now: datetime, life: timedelta) -> None:
    with pytest.raises(BadInput):
        async with db.begin() as tx:
            await request(tx, KEYS, CALLEE, grant(now), life=life, by="cli:ann", now=now)


async def test_the_ledger_and_its_log_hold_neither_token_nor_code(db: Database, now: datetime) -> None:
    made = await asked(db, now)
    dumped = b""
    async with db.read() as tx:
        for table in ("consent_tokens", "consents", "audit"):
            for row in await tx.all(text(f"SELECT * FROM {table}")):
                dumped += repr(tuple(row)).encode()
    assert made.token.encode() not in dumped
    assert made.code.encode() not in dumped


ID, EXPIRY = "01M7ZBN2604RA6Y5NZ9D4NS7PN", 1_800_000_000_000_000
TOKEN = KEYS.token(ID, EXPIRY)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        TOKEN[:-1],
        TOKEN + "=",
        TOKEN + "A",
        " " + TOKEN,
        TOKEN[:89] + chr(ord(TOKEN[89]) + 1),  # spare bits of the last character
        TOKEN.replace(TOKEN[40], "-", 1),
        OptInKeys(b"d" * 32).token(ID, EXPIRY),
        "é" * 90,
    ],
)
def test_a_token_that_was_touched_is_none_of_ours(token: str) -> None:
    assert KEYS.read(TOKEN) == (ID, EXPIRY)
    with pytest.raises(BadToken):
        KEYS.read(token)

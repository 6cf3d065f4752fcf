"""`optout` and `consent`: what the person on the line wants, on file before the dialplan says so."""

import asyncio
import logging
from typing import Literal

from agi.arguments import attempt_id, channel_of, exactly, key, words_id
from agi.desk import Answer, Desk, now, tell_story
from agi.errors import BadAgi
from agi.server import AgiRequest
from agi.variables import Variables, plain
from compliance.errors import BadInput, HeedlineError
from compliance.number import Number, parse_number
from compliance.terms import ConsentKind, Purpose
from storage.consent.opt_in import Refused, confirm_on_call
from storage.consent.recording import write_answer
from storage.consent.terms import Grant, Withdrawal
from storage.consent.write import record, withdraw
from storage.errors import LedgerConflict, NoSuchAttempt
from storage.ledger.dialplan import BY
from storage.ledger.journal import KeptOptOut
from storage.ledger.optout import OptOutDone, opt_out
from storage.unit import Transaction

log = logging.getLogger(__name__)

CHANNEL = "telephone"
JOURNAL_AFTER_S = 0.25  # a ledger in health takes an opt-out in a few milliseconds
FOR_GOOD = (LedgerConflict, BadInput)
"""What the ledger would say again however often it is told."""


async def optout(desk: Desk, request: AgiRequest) -> Answer:
    """number, and the attempt if it is in a call the gate allowed → listed, in one commit with all it cancels.

    With an attempt the number may be empty. A ledger that can't take it, or takes its time, leaves it in the journal,
    to be told later.
    """
    if request.arguments[:1] == ("",):
        text, attempt = "", exactly(request.arguments[1:], "attempt")[0]
    else:
        text, attempt = exactly(request.arguments, "number", "attempt", optional=1)
    if attempt:
        attempt_id(attempt)
    number = parse_number(text, desk.default_region) if text else None
    telling, kept = asyncio.ensure_future(tell(desk, number, attempt)), False
    try:
        await asyncio.wait({telling}, timeout=JOURNAL_AFTER_S)
        kept = await _lose_nothing(desk, number, attempt, telling)
        await telling
        if kept:
            await asyncio.to_thread(desk.journal.forget, attempt)
    except asyncio.CancelledError:  # the process is told to end
        if not kept:
            await _lose_nothing(desk, number, attempt, telling)
        raise
    finally:
        telling.cancel()
    return Answer({"HEEDLINE_OPTOUT": "done"})


async def _lose_nothing(desk: Desk, number: Number | None, attempt: str, telling: "asyncio.Future[OptOutDone]") -> bool:
    """Put into the journal what may not come into the ledger now, whatever becomes of us; whether it is there."""
    if not attempt or (telling.done() and (telling.exception() is None or isinstance(telling.exception(), FOR_GOOD))):
        return False
    if not await _is_the_callees(desk, number, attempt):
        return False
    try:
        await asyncio.to_thread(desk.journal.keep, KeptOptOut(attempt, "callee", "callee"))
    except OSError as error:
        log.critical("%s: the opt-out can't be kept in the journal either: %s", attempt, error.strerror)
        return False
    return True


async def _is_the_callees(desk: Desk, number: Number | None, attempt: str) -> bool:
    """The journal names the attempt only, so it holds nobody's wish but the callee's.

    A reader waits for nobody. One that can't read can't say no, where no other number was named.
    """
    try:
        async with desk.database.read() as tx:
            return number in (None, await _callee(tx, attempt))
    except NoSuchAttempt:
        return False
    except HeedlineError as error:
        log.warning("%s: not known whether there is such an attempt: %s", attempt, error)
    return number is None


async def _callee(tx: Transaction, attempt: str) -> Number:
    return await tx.parties.number((await tx.attempts.get(attempt)).party_id)


async def tell(desk: Desk, number: Number | None, attempt: str) -> OptOutDone:
    """Write it; harmless to repeat. Raises HeedlineError: it is not in the ledger."""
    async with desk.database.begin() as tx:
        callee = await _callee(tx, attempt) if attempt else None
        whom = number or callee
        if whom is None:
            raise BadAgi("AGI: whose number? neither it nor an attempt was given")
        done = await opt_out(
            tx,
            whom,
            source="callee",
            channel=CHANNEL,
            reason="asked on the call",
            who="callee",
            at=now(),
            proof={"attempt": attempt} if attempt else None,
            attempt_id=attempt if whom == callee else None,  # of one call, one entry: the callee's
        )
        if attempt:
            said: dict[str, object] = {"created": done.created, "cancelled": done.cancelled}
            await tell_story(tx, attempt, now(), ("OptOutWritten", said))
    return done


def optout_failed(reason: str) -> Variables:
    return {"HEEDLINE_REASON": plain(reason), "HEEDLINE_OPTOUT": "failed"}


async def consent(desk: Desk, request: AgiRequest) -> Answer:
    """grant,number,campaign,kind,words,key · confirm,attempt,words,key · withdraw,number,campaign ·
    refuse,attempt,words,key (a recording)."""
    act, rest = request.arguments[:1], request.arguments[1:]
    channel = channel_of(request.headers)
    async with desk.database.begin() as tx:
        match act:
            case ("grant",):
                await _grant(tx, desk, channel, rest)
            case ("withdraw",):
                await _withdraw(tx, desk, channel, rest)
            case ("confirm",):
                await _confirm(tx, rest)
            case ("refuse",):
                attempt, words, pressed = exactly(rest, "attempt", "words", "key", optional=1)
                await recording_act(tx, attempt, "refuse", "refused", words, pressed)
            case _:
                raise BadAgi("AGI: consent's first argument is grant, confirm, withdraw or refuse")
    return Answer({"HEEDLINE_CONSENT": "done"})


def consent_failed(reason: str) -> Variables:
    return {"HEEDLINE_REASON": plain(reason), "HEEDLINE_CONSENT": "failed"}


async def _grant(tx: Transaction, desk: Desk, channel: str, rest: tuple[str, ...]) -> None:
    text, name, kind, words, pressed = exactly(rest, "number", "campaign", "kind", "words", "key")
    campaign = await tx.campaigns.get(name)
    wanted = {each.value: each for each in ConsentKind if each is not ConsentKind.NONE}
    if kind not in wanted:
        raise BadAgi(f"AGI: the kind of a consent is one of {', '.join(wanted)}")
    grant = Grant(
        kind=wanted[kind],
        purpose=Purpose(campaign.purpose),
        seller=campaign.seller,
        channel=CHANNEL,
        at=now(),
        evidence={"words": words_id(words), "key": key(pressed), "channel": channel, "told_by": BY},
        collected_by=BY,
    )
    await record(tx, parse_number(text, desk.default_region), grant, by=BY, now=now())


async def _confirm(tx: Transaction, rest: tuple[str, ...]) -> None:
    """Double opt-in by a key press: what waits for the purpose and seller of the call's campaign."""
    attempt, words, pressed = exactly(rest, "attempt", "words", "key")
    found = await tx.attempts.get(attempt_id(attempt))
    campaign = await tx.campaigns.get(found.campaign, found.campaign_version)
    said: dict[str, object] = {"words": words_id(words), "told_by": BY}
    purpose = Purpose(campaign.purpose)
    done = await confirm_on_call(
        tx, attempt, key=key(pressed), said=said, purpose=purpose, seller=campaign.seller, now=now()
    )
    if isinstance(done, Refused):
        raise BadAgi(f"AGI: not confirmed: {done.why.value}")


async def _withdraw(tx: Transaction, desk: Desk, channel: str, rest: tuple[str, ...]) -> None:
    text, name = exactly(rest, "number", "campaign", optional=1)
    seller = (await tx.campaigns.get(name)).seller if name else None
    evidence: dict[str, object] = {"channel": channel, "told_by": BY}
    withdrawal = Withdrawal(channel=CHANNEL, at=now(), seller=seller, evidence=evidence, collected_by=BY)
    await withdraw(tx, parse_number(text, desk.default_region), withdrawal, packs=desk.packs, by=BY, now=now())


async def recording_act(
    tx: Transaction, attempt: str, act: Literal["grant", "refuse"], answer: str, words: str, pressed: str
) -> None:
    """An answer to being recorded, with the law it rests on. Raises BadAgi, HeedlineError."""
    found = await tx.attempts.get(attempt_id(attempt))
    if found.verdict is None:
        raise BadAgi("AGI: the gate has not allowed that attempt")
    await write_answer(
        tx,
        act,
        answer,
        party=found.party_id,
        attempt=attempt,
        purpose=(await tx.campaigns.get(found.campaign, found.campaign_version)).purpose,
        duty=found.verdict.recording,
        pack=found.verdict.pack,
        evidence={"prompt": words_id(words), "key": key(pressed) if pressed else "", "told_by": BY},
        at=now(),
    )
    await tell_story(tx, attempt, now(), ("ConsentWritten", {"answer": answer}))

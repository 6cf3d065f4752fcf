"""`gate` and `dnc_check`: may this number be called?"""

from agi.arguments import channel_of, exactly
from agi.desk import Answer, Desk, now, on_channel, tell_story
from agi.server import AgiRequest
from agi.variables import Variables, allowed, denied, plain, why_not
from compliance.number import parse_number
from compliance.terms import Purpose
from compliance.verdict import ObligationKind, RecordingMode, Verdict, instant_text
from storage.audit import AuditTag
from storage.ledger.campaigns import Campaign
from storage.ledger.dialplan import BY
from storage.unit import Transaction

NOT_RECORDED = "the call went away before it was told; nothing was dialled"


async def gate(desk: Desk, request: AgiRequest) -> Answer:
    """number, campaign → the decision. On allow the attempt is durable before the dialplan hears of it.

    Facts, verdict and attempt are of one transaction: nothing can come between the question and the answer.
    """
    text, name = exactly(request.arguments, "number", "campaign")
    channel = channel_of(request.headers)
    number = parse_number(text, desk.default_region)
    async with desk.database.begin() as tx:
        campaign, at = await tx.campaigns.get(name), now()
        party = await tx.parties.ensure(number)
        attempt = await tx.attempts.plan(party, campaign.name, None, at, BY)
        facts, digest = await desk.dossier.facts(
            number, campaign, at, attempt=attempt, ring_seconds=campaign.ring_seconds, outcomes_told=False, tx=tx
        )
        verdict = desk.gate.check(facts)
        refusal = why_not(verdict) or _unrecordable(campaign, verdict, recorder=desk.recorder.connected)
        if not verdict.allowed:
            await tx.attempts.deny(attempt, verdict, digest, at)
        elif refusal:
            await tx.attempts.end(attempt, "denied", refusal, at)
        else:
            await tx.attempts.commit(attempt, verdict, digest, at)
            if any(owed.kind is ObligationKind.LOG_CONSENT_USE for owed in verdict.obligations):
                await tx.consents.use(party, attempt, at, Purpose(campaign.purpose), campaign.seller)
            said: dict[str, object] = {"mode": verdict.recording.mode.value}
            await tell_story(tx, attempt, at, on_channel(channel), ("GateAllowed", said), ("AttemptCommitted", {}))
        await _audit(tx, attempt, verdict, digest, denied=bool(refusal))
    if refusal:
        later = verdict.next_allowed_at
        return Answer(denied(refusal, "" if later is None else instant_text(later)))

    async def untold() -> None:
        async with desk.database.begin() as tx:
            await tx.attempts.end(attempt, "not_dialled", NOT_RECORDED, now())

    return Answer(allowed(verdict, attempt, number.e164, campaign.caller_id, campaign.ring_seconds), untold)


async def _audit(tx: Transaction, attempt: str, verdict: Verdict, digest: str, *, denied: bool) -> None:
    if denied:
        await tx.audit.append(AuditTag.ATTEMPT_DENIED, now(), {"attempt": attempt})
    else:
        data: dict[str, str | int | bool | None] = {"attempt": attempt, "pack": verdict.pack, "facts": digest}
        await tx.audit.append(AuditTag.ATTEMPT_COMMITTED, now(), data)


def _unrecordable(campaign: Campaign, verdict: Verdict, *, recorder: bool) -> str:
    """Why a call that must be recorded can't be; empty: it can, or need not."""
    if not campaign.recording_required:
        return ""
    if verdict.recording.mode is RecordingMode.NONE:
        return "heedline.recording: the campaign must be recorded, and this call may not be"
    return "" if recorder else "heedline.recording: the recorder is not running"


async def dnc_check(desk: Desk, request: AgiRequest) -> Answer:
    """number, and a campaign if one is meant → listed or clear. Who only asks this must not dial on it: see `gate`."""
    text, name = exactly(request.arguments, "number", "campaign", optional=1)
    number = parse_number(text, desk.default_region)
    async with desk.database.read() as tx:
        campaign = await tx.campaigns.get(name) if name else None
        if campaign is None:
            entry = await tx.dnc.check(number)
        else:
            entry = await tx.dnc.check(number, campaign.seller, campaign.topic)
    lists = desk.lists.check(number)
    on = " ".join(sorted(name for name, answer in lists.items() if answer.listed))
    return Answer({"HEEDLINE_REGISTRIES": plain(on), "HEEDLINE_DNC": "clear" if entry is None else "listed"})


def unknown(reason: str) -> Variables:
    return {"HEEDLINE_REASON": plain(reason), "HEEDLINE_REGISTRIES": "", "HEEDLINE_DNC": "unknown"}

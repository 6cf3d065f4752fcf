"""One call's books: the facts for the gate, and all it writes that must last before the next step."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from ari_app.call.events import (
    Answer,
    AttemptCommitted,
    AttemptRefused,
    ConsentNotWritten,
    ConsentWritten,
    Event,
    GateAllowed,
    GateDenied,
    OptOutNotWritten,
    OptOutWritten,
)
from ari_app.duties import Duties, duties_of
from ari_app.order import Order
from ari_app.prompts import PromptAudio, Prompts
from compliance.errors import HeedlineError
from compliance.facts import Purpose
from compliance.gate import Gate
from compliance.number import Number
from compliance.verdict import Decision, ObligationKind, RecordingMode, Verdict
from storage.audit import AuditTag
from storage.consent.recording import write_answer
from storage.database import Database
from storage.dossier import Dossier, Gathered
from storage.ledger.consents import Act
from storage.ledger.journal import KeptOptOut, OptOutJournal
from storage.ledger.optout import OptOutDone, opt_out
from storage.unit import Transaction

log = logging.getLogger(__name__)


JOURNAL_AFTER_S = 0.25  # a ledger in health takes an opt-out in a few milliseconds
ASK_AGAIN = timedelta(seconds=1)  # a verdict that has waited so long for the ledger is asked for anew
TOO_OLD = timedelta(seconds=5)  # and after so long nobody is dialled on it: the disk or the machine stood still


def evidence_of(audio: PromptAudio, at: datetime) -> dict[str, object]:
    """A prompt as it sounded, for the consent on file."""
    return {
        "prompt": audio.id,
        "language": audio.language,
        "version": audio.version,
        "text_hash": audio.text_hash,
        "audio_hash": audio.audio_hash,
        "played_at": at.isoformat(),
    }


async def tell_opt_out(database: Database, number: Number, kept: KeptOptOut) -> OptOutDone:
    """One commit; harmless to repeat. Raises HeedlineError: the ledger did not take it."""
    async with database.begin() as tx:
        return await opt_out(
            tx,
            number,
            source=kept.source,
            channel="call",
            reason="asked on the call",
            proof={"attempt": kept.attempt},
            who=kept.who,
            at=_now(),
            attempt_id=kept.attempt,
        )


class Books:
    def __init__(
        self,
        database: Database,
        gate: Gate,
        prompts: Prompts,
        order: Order,
        dossier: Dossier,
        recording_trouble: Callable[[], str],
        agent_trouble: Callable[[], Awaitable[str]],
        journal: OptOutJournal,
        post: Callable[[Event], None],
    ) -> None:
        self._database = database
        self._gate = gate
        self._prompts = prompts
        self._order = order
        self._dossier = dossier
        self._recording_trouble = recording_trouble
        self._agent_trouble = agent_trouble
        self._journal = journal
        self._kept = False
        self._post = post
        self._verdict: Verdict | None = None
        self._gathered: Gathered | None = None

    def take_over(self, verdict: Verdict | None) -> None:
        """After a restart: the verdict the attempt was committed with."""
        self._verdict = verdict

    async def check_gate(self) -> None:
        """Ask the gate on the facts of this instant. A ledger that can't be read, or rules that fail, are a no."""
        try:
            self._gathered = await self._gather()
            self._verdict = verdict = self._gate.check(self._gathered.facts)
        except HeedlineError as error:
            self._post(GateDenied(f"facts missing: {error}"))
            return
        except Exception:
            log.exception("%s: the gate failed", self._order.attempt)
            self._post(GateDenied("the gate failed; see the log"))
            return
        language = self._order.campaign.language
        duties = duties_of(verdict.obligations, lambda: self._prompts.greeting_seconds(language))
        denial = self._denial(verdict, duties) or await self._agent_trouble()
        if denial:
            self._post(GateDenied(denial))
            return
        recording = verdict.recording
        self._post(
            GateAllowed(
                recording.mode,
                recording.record_announcement,
                duties.identify,
                duties.offer_opt_out,
                duties.beep_seconds,
            )
        )

    async def _gather(self, tx: Transaction | None = None) -> Gathered:
        order, campaign = self._order, self._order.campaign
        available = self._prompts.available(campaign.language)  # a look at each file's date: a thread would cost more
        return await self._dossier.gather(
            order.number,
            campaign,
            _now(),
            attempt=order.attempt,
            ring_seconds=campaign.ring_seconds,
            prompts={campaign.language: bool(available) and all(available.values())},
            tx=tx,
        )

    def _denial(self, verdict: Verdict, duties: Duties) -> str:
        if verdict.decision is not Decision.ALLOW:
            return _why_not(verdict)
        if duties.broken:
            return f"heedline.duties: {duties.broken}"
        if not self._order.campaign.recording_required:
            return ""
        if verdict.recording.mode is RecordingMode.NONE:
            return "heedline.recording: the campaign must be recorded, and this call may not be"
        return self._recording_trouble()

    def may_dial(self) -> bool:
        """The verdict is of this instant, as good as: asked before the callee's phone is made to ring."""
        return self._age() < TOO_OLD

    def _age(self) -> timedelta:
        """Of the facts the call rests on. A clock that was set back tells nothing: then they are old."""
        at = None if self._gathered is None else self._gathered.facts.at
        age = timedelta.max if at is None else _now() - at
        return timedelta.max if age < -ASK_AGAIN else age

    async def commit_attempt(self) -> None:
        """Durable before dialling. What was put on file since the gate was asked is looked at in the same commit."""
        try:
            async with self._database.begin() as tx:
                refusal = await self._changed(tx)
                if not refusal and self._verdict is not None and self._gathered is not None:
                    await self._commit(tx, self._verdict, self._gathered.digest)
        except HeedlineError as error:
            refusal = str(error)
        self._post(AttemptRefused(refusal) if refusal else AttemptCommitted())

    async def _changed(self, tx: Transaction) -> str:
        """Why the call may not be dialled after all; empty: it may, for the reasons that are kept with it."""
        if self._verdict is None or self._gathered is None:
            return "no verdict"
        campaign = self._order.campaign
        if (await tx.campaigns.get(campaign.name)).version != campaign.version:
            return f"campaign {campaign.name} was changed a moment ago; ask for the call again"
        if self._age() < ASK_AGAIN and await self._dossier.holds(tx, self._order.number, self._gathered):
            return ""
        self._gathered = await self._gather(tx)
        before, self._verdict = self._verdict, self._gate.check(self._gathered.facts)
        if not self._verdict.allowed:
            return f"since a moment ago: {_why_not(self._verdict)}"
        owed = (before.recording, before.obligations) != (self._verdict.recording, self._verdict.obligations)
        return "what the call owes has changed a moment ago; ask for it again" if owed else ""

    async def _commit(self, tx: Transaction, verdict: Verdict, digest: str) -> None:
        order, now = self._order, _now()
        await tx.attempts.commit(order.attempt, verdict, digest, now)
        data = {"attempt": order.attempt, "pack": verdict.pack, "facts": digest}
        await tx.audit.append(AuditTag.ATTEMPT_COMMITTED, now, data)
        if any(obligation.kind is ObligationKind.LOG_CONSENT_USE for obligation in verdict.obligations):
            purpose = Purpose(order.campaign.purpose)
            await tx.consents.use(order.party, order.attempt, now, purpose, order.campaign.seller)

    async def write_consent(self, answer: Answer, said: dict[str, object], key: str) -> None:
        try:
            await self._add_consent("grant" if answer is Answer.GRANTED else "refuse", answer.value, said, key)
        except HeedlineError as error:
            self._post(ConsentNotWritten(str(error)))
            return
        self._post(ConsentWritten(answer))

    async def write_notice(self, said: dict[str, object]) -> None:
        """On file: the notice was heard to its end and the callee stayed on the line.

        Raises HeedlineError: it is not on file, and then nothing may be recorded.
        """
        await self._add_consent("grant", "stayed_after_notice", said, "")

    async def _add_consent(self, act: Act, answer: str, said: dict[str, object], key: str) -> None:
        verdict, order = self._verdict, self._order
        async with self._database.begin() as tx:
            await write_answer(
                tx,
                act,
                answer,
                party=order.party,
                attempt=order.attempt,
                purpose=order.campaign.purpose,
                duty=verdict.recording if verdict else None,
                pack=verdict.pack if verdict else "",
                evidence={**said, "key": key},
                at=_now(),
            )

    async def write_opt_out(self, source: str) -> None:
        """In the do-not-call list, every pending attempt to the number cancelled, audited: one commit.

        A ledger that takes its time, or can't, does not lose it: then it is in the journal too.
        """
        who = self._order.agent if source.startswith("agent") else "callee"
        kept = KeptOptOut(self._order.attempt, source, who)
        writing = asyncio.ensure_future(tell_opt_out(self._database, self._order.number, kept))
        try:
            await asyncio.wait({writing}, timeout=JOURNAL_AFTER_S)
            if not writing.done() or writing.exception() is not None:
                await self._keep(kept)
            done = await writing
            if self._kept:
                await asyncio.to_thread(self._journal.forget, kept.attempt)
        except Exception as error:  # whatever it is, the opt-out is tried again
            log.error("%s: opt-out not written yet: %s", self._order.attempt, error)
            self._post(OptOutNotWritten(type(error).__name__))
            return
        finally:
            writing.cancel()
        self._post(OptOutWritten(done.created, done.cancelled))

    async def _keep(self, kept: KeptOptOut) -> None:
        if self._kept:
            return
        try:
            await asyncio.to_thread(self._journal.keep, kept)
            self._kept = True
        except OSError as error:
            log.critical("%s: the opt-out can't be kept in the journal either: %s", kept.attempt, error.strerror)

    async def end_attempt(self, disposition: str, detail: str) -> None:
        """Raises HeedlineError: not written; the attempt stays open and is ended when the conductor next starts."""
        async with self._database.begin() as tx:
            if disposition == "denied" and self._verdict is not None and self._gathered is not None:
                if self._verdict.allowed:  # the rules allowed it; it is denied for what `detail` says
                    await tx.attempts.end(self._order.attempt, disposition, detail[:256], _now())
                else:
                    await tx.attempts.deny(self._order.attempt, self._verdict, self._gathered.digest, _now())
                await tx.audit.append(AuditTag.ATTEMPT_DENIED, _now(), {"attempt": self._order.attempt})
            else:
                await tx.attempts.end(self._order.attempt, disposition, detail[:256], _now())
                await tx.outcomes.record(self._order.attempt, self._dossier.patience, _now())


def _why_not(verdict: Verdict) -> str:
    return "; ".join(f"{reason.rule}: {reason.detail}" for reason in verdict.reasons)


def _now() -> datetime:
    return datetime.now(UTC)

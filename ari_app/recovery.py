"""At the start of a conductor: what the last one left.

* An attempt in `dialling` was live when it died: its state is folded from its story and it becomes a live call
  again, which is then told how its legs stand. It is never dialled again.
* An opt-out that is in the list and not in the story is confirmed.
* A recording left open by an attempt that is not live is sealed.
* A pending attempt stays pending: the schedule takes it up, and the gate is asked again.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ari_app.books import tell_opt_out
from ari_app.call import Call, Phase, fold
from ari_app.call.events import Event, OptOutRequested
from ari_app.live import SAID
from ari_app.order import KIND, Order, plan_from_json, plan_of
from compliance.errors import HeedlineError
from storage.audit import AuditTag
from storage.ledger.attempts import Attempt
from storage.ledger.dialplan import is_dialplans
from storage.ledger.events import CallEvent
from storage.ledger.journal import KeptOptOut, tell_kept

if TYPE_CHECKING:
    from ari_app.conductor import Conductor

log = logging.getLogger(__name__)

NOT_EVENTS = frozenset({KIND, SAID})
OPTED_OUT = (Phase.OPTING_OUT, Phase.CONFIRMING, Phase.ENDING)


async def recover(conductor: "Conductor") -> None:
    """Raises HeedlineError: the ledger can't be read or written, and then nothing may be dialled either."""
    await _tell_journal(conductor)
    async with conductor.database.read() as tx:
        found = await tx.attempts.open()
        attempts = [attempt for attempt in found if not is_dialplans(attempt)]
        stories = {attempt.id: await tx.events.of(attempt.id) for attempt in attempts}
        listed = {attempt.id for attempt in attempts if await tx.dnc.of_attempt(attempt.id)}
        elsewhere = {attempt.id for attempt in found if is_dialplans(attempt)}  # the AGI door sees to them
        open_recordings = [one for one in await tx.recordings.open_ones() if one.attempt_id not in elsewhere]
    live = 0
    for attempt in attempts:
        left = Left(attempt, stories[attempt.id], attempt.id in listed, {r.attempt_id: r.id for r in open_recordings})
        live += await _take_up(conductor, left)
    for recording in open_recordings:
        if recording.attempt_id not in conductor.board.calls:
            await _seal(conductor, recording.id)
    if attempts:
        log.warning("recovered %d calls that were going on, ended %d", live, len(attempts) - live)


async def _tell_journal(conductor: "Conductor") -> None:
    """Opt-outs the last conductor could only keep in its journal, before anything is dialled.

    Raises HeedlineError: one that the ledger refuses; who asked for it might be called.
    """

    async def tell(kept: KeptOptOut) -> None:
        async with conductor.database.read() as tx:
            number = await tx.parties.number((await tx.attempts.get(kept.attempt)).party_id)
        await tell_opt_out(conductor.database, number, kept)

    refused = await tell_kept(conductor.journal, tell)
    if refused:
        raise refused[0]


@dataclass(frozen=True)
class Left:
    """What the ledger holds of a call that was going on. `recordings`: the open ones, by attempt."""

    attempt: Attempt
    story: tuple[CallEvent, ...]
    opted_out: bool  # its do-not-call entry is there
    recordings: dict[str, str]


async def _take_up(conductor: "Conductor", left: Left) -> bool:
    attempt, story = left.attempt, left.story
    try:
        order, call, seq = await _order_and_state(conductor, attempt, story)
    except (HeedlineError, ValueError, KeyError, TypeError) as error:
        log.error("%s: its story can't be read (%s); the attempt is ended", attempt.id, type(error).__name__)
        await _end(conductor, attempt.id, "interrupted", "its story could not be read")
        return False
    if call.phase is Phase.ENDED:
        await _end(conductor, attempt.id, call.disposition or "interrupted", call.detail)
        return False
    learnt = None
    if left.opted_out and call.phase not in OPTED_OUT:
        # The entry was committed, and the key press did not reach the story: it is confirmed, not asked for again.
        learnt = OptOutRequested("the_ledger")
        call = fold(call, [(learnt, datetime.now(UTC))])
    live = conductor.equip(order, seq, call, plays=sum(line.kind == SAID for line in story))
    live.tools.tape.take_over(left.recordings.get(attempt.id))
    live.remember(next((line.data for line in reversed(story) if line.kind == SAID), {}), attempt.verdict)
    live.resume(learnt)
    return True


async def _order_and_state(
    conductor: "Conductor", attempt: Attempt, story: tuple[CallEvent, ...]
) -> tuple[Order, Call, int]:
    async with conductor.database.read() as tx:
        campaign = await tx.campaigns.get(attempt.campaign, attempt.campaign_version)
        number = await tx.parties.number(attempt.party_id)
    ordered = next((line for line in story if line.kind == KIND), None)
    if ordered is None:
        plan, channel = plan_of(campaign, conductor.setup.agent_ring_seconds, agent_called_us=False), ""
    else:
        plan, channel = plan_from_json(ordered.data), str(ordered.data["agent_channel"])
    order = Order(attempt.id, attempt.party_id, number, campaign, attempt.agent or "", plan, channel)
    events = [(Event.from_json(line.kind, line.data), line.at) for line in story if line.kind not in NOT_EVENTS]
    return order, fold(Call.planned(plan), events), max((line.seq for line in story), default=0) + 1


async def _end(conductor: "Conductor", attempt: str, disposition: str, detail: str) -> None:
    now = datetime.now(UTC)
    async with conductor.database.begin() as tx:
        await tx.attempts.end(attempt, disposition, detail, now)
        await tx.outcomes.record(attempt, conductor.dossier.patience, now)
        await tx.audit.append(AuditTag.ATTEMPT_RECONCILED, now, {"attempt": attempt, "disposition": disposition})


async def _seal(conductor: "Conductor", recording: str) -> None:
    try:
        await conductor.recorder.close_recording(
            recording=recording, at=datetime.now(UTC), crashed=True, reason="the conductor had died"
        )
    except HeedlineError as error:
        log.error("recording %s is not sealed yet: %s", recording, error)

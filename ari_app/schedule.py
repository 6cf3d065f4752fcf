"""Planned calls: started when their time has come and their agent is free; the gate is asked then, not before."""

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ari_app.manual import PHONE
from ari_app.order import Order, plan_of
from compliance.errors import HeedlineError
from storage.errors import DatabaseBusy, DatabaseFailed
from storage.ledger.attempts import Attempt, AttemptState

if TYPE_CHECKING:
    from ari_app.conductor import Conductor

log = logging.getLogger(__name__)

STALE = timedelta(minutes=15)


async def start_due(conductor: "Conductor") -> None:
    """One round. Raises DatabaseBusy, DatabaseFailed: the ledger is away; the next round tries again.

    One attempt that can't be started (its party was erased, say) does not hold up the others.
    """
    now = datetime.now(UTC)
    async with conductor.database.read() as tx:
        due = await tx.attempts.due(now)
    for attempt in due:
        try:
            await _take(conductor, attempt, now)
        except (DatabaseBusy, DatabaseFailed):
            raise
        except HeedlineError as error:
            log.warning("%s: planned, and not started: %s", attempt.id, error)


async def _take(conductor: "Conductor", attempt: Attempt, now: datetime) -> None:
    agent = attempt.agent or ""
    if attempt.id in conductor.board.calls:
        return
    if attempt.not_before < now - STALE:  # also when its agent is none any more: or it would wait for ever
        await _end(conductor, attempt.id, "expired", "its time passed while no call could be placed", now)
    elif attempt.planned_by.startswith(PHONE) and conductor.is_free(agent):
        # Its conductor died: the phone was cut off, and does not expect that we dial what was dialled by hand.
        await _end(
            conductor, attempt.id, "interrupted", "dialled on a phone that was cut off before it was placed", now
        )
    elif agent in conductor.setup.agents and conductor.is_free(agent) and not conductor.trouble:
        await _start(conductor, attempt, agent)


async def _start(conductor: "Conductor", attempt: Attempt, agent: str) -> None:
    with conductor.reservation(agent):
        async with conductor.database.read() as tx:
            settings = await tx.campaigns.get(attempt.campaign)
            number = await tx.parties.number(attempt.party_id)
            seq = await tx.events.next_seq(attempt.id)
        await conductor.voice(settings)
        async with conductor.database.read() as tx:
            still = await tx.attempts.get(attempt.id)
        if still.state is AttemptState.PENDING and attempt.id not in conductor.board.calls:
            plan = plan_of(settings, conductor.setup.agent_ring_seconds, agent_called_us=False)
            conductor.start(Order(attempt.id, attempt.party_id, number, settings, agent, plan), seq)


async def _end(conductor: "Conductor", attempt: str, disposition: str, detail: str, now: datetime) -> None:
    """Not placed, and never taken up again: nobody is surprised by a call that was asked for long ago."""
    async with conductor.database.begin() as tx:
        await tx.attempts.end(attempt, disposition, detail, now)

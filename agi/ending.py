"""`ended`, and who looks after the calls a dialplan says nothing more of.

An attempt whose channel is gone is ended here: a dialplan may forget, the PBX may die, Heedline may have been away
when the call was over. While the PBX can't be asked nothing is concluded, nor of a PBX on another machine.
"""

import asyncio
import logging

from agi import recording, wishes
from agi.arguments import attempt_id, exactly
from agi.desk import Answer, Desk, now
from agi.errors import BadAgi
from agi.server import AgiRequest
from agi.variables import Variables, plain
from compliance.errors import HeedlineError
from storage.audit import AuditTag
from storage.ledger.attempts import Attempt
from storage.ledger.dialplan import channels_of, is_dialplans
from storage.ledger.journal import tell_kept

log = logging.getLogger(__name__)

LOOK_S = 2.0
DISPOSITIONS = {  # Dial's DIALSTATUS
    "ANSWER": "completed",
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CANCEL": "cancelled",
    "CONGESTION": "congestion",
    "CHANUNAVAIL": "unreachable",
    "": "not_dialled",
}


async def ended(desk: Desk, request: AgiRequest) -> Answer:
    """attempt, and Dial's DIALSTATUS: empty, the dialplan did not dial."""
    attempt, status = exactly(request.arguments, "attempt", "status", optional=1)
    async with desk.database.read() as tx:
        if not is_dialplans(await tx.attempts.get(attempt_id(attempt))):
            raise BadAgi("AGI: that attempt is not a dialplan's")
    await recording.close_all(desk, attempt, "ended")
    disposition = DISPOSITIONS.get(status, "interrupted")
    async with desk.database.begin() as tx:
        if await tx.dnc.of_attempt(attempt) is not None:
            disposition = "opted_out"
        await tx.attempts.end(attempt, disposition, f"dialplan: {plain(status) or 'nothing was dialled'}", now())
    return Answer({"HEEDLINE_ENDED": disposition})


def end_failed(reason: str) -> Variables:
    return {"HEEDLINE_REASON": plain(reason), "HEEDLINE_ENDED": ""}


async def look_after(desk: Desk, every: float = LOOK_S) -> None:
    """Until cancelled. What can't be done now is done later, and holds up nothing else."""
    while True:
        for work in (tell_journal, sweep):
            try:
                await work(desk)
            except (HeedlineError, OSError) as error:
                log.warning("calls of the dialplan are looked at again later: %s", error)
        await asyncio.sleep(every)


async def tell_journal(desk: Desk) -> None:
    """Opt-outs the ledger could not take when they were asked for."""
    await tell_kept(desk.journal, lambda kept: wishes.tell(desk, None, kept.attempt))


async def sweep(desk: Desk) -> int:
    """End the calls whose channels are gone; returns how many. Raises HeedlineError: not all could be looked at."""
    async with desk.database.read() as tx:
        attempts = [one for one in await tx.attempts.open() if is_dialplans(one)]
        where = {one.id: channels_of(await tx.events.of(one.id)) for one in attempts}
    if not attempts or desk.channels is None:
        return 0
    there = await desk.channels()
    gone = [one for one in attempts if where[one.id].isdisjoint(there)]
    for attempt in gone:
        await _bury(desk, attempt)
    return len(gone)


async def _bury(desk: Desk, attempt: Attempt) -> None:
    await recording.close_all(desk, attempt.id, "the channel is gone", crashed=True)
    at = now()
    async with desk.database.begin() as tx:
        opted_out = await tx.dnc.of_attempt(attempt.id) is not None
        disposition = "opted_out" if opted_out else "interrupted"
        if await tx.attempts.end(attempt.id, disposition, "its channel was gone, and the dialplan had said no end", at):
            data: dict[str, str | int | bool | None] = {"attempt": attempt.id, "disposition": disposition}
            await tx.audit.append(AuditTag.ATTEMPT_RECONCILED, at, data)

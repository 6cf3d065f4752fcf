"""What `agi://host/` offers a dialplan, each with its time and with what is said when it can't be done.

    gate          number, campaign                              HEEDLINE_DECISION   allow · deny
    dnc_check     number [, campaign]                           HEEDLINE_DNC        clear · listed · unknown
    optout        number [, attempt]                            HEEDLINE_OPTOUT     done · failed
    consent       grant, … · withdraw, … · refuse, …            HEEDLINE_CONSENT    done · failed
    record_start  attempt, announcement|notice|key, words, key  HEEDLINE_RECORD     started · failed
    record_stop   attempt                                       HEEDLINE_RECORD     sealed · none · failed
    ended         attempt [, DIALSTATUS]                        HEEDLINE_ENDED      the disposition

The variable that decides is set last. What fails, whatever it is, says no.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agi import asking, ending, recording, wishes
from agi.desk import Answer, Desk, Offer
from agi.errors import AgiError
from agi.server import AgiRequest, AgiServer
from agi.variables import Variables, denied
from compliance.errors import HeedlineError
from storage.audit import without_numbers

log = logging.getLogger(__name__)

OFFERS = {
    "gate": Offer(asking.gate, 2.0, denied),  # the dialplan waits 3 s
    "dnc_check": Offer(asking.dnc_check, 2.0, asking.unknown),
    "optout": Offer(wishes.optout, 8.0, wishes.optout_failed),
    "consent": Offer(wishes.consent, 8.0, wishes.consent_failed),
    "record_start": Offer(recording.start, 8.0, recording.start_failed),
    "record_stop": Offer(recording.stop, 20.0, recording.stop_failed),
    "ended": Offer(ending.ended, 20.0, ending.end_failed),
}


class TooLate(AgiError):
    """The work was not done in its time; it was called off."""


class Door:
    """Adds the offers to a server. One a process."""

    def __init__(self, desk: Desk, offers: dict[str, Offer] | None = None) -> None:
        self._desk = desk
        self._offers = OFFERS if offers is None else offers
        self._late: set[asyncio.Task[Answer]] = set()

    def open(self, server: AgiServer) -> None:
        for path, offer in self._offers.items():
            server.add_route(path, self._handler(path, offer))

    def _handler(self, path: str, offer: Offer) -> Callable[[AgiRequest], Awaitable[None]]:
        async def serve(request: AgiRequest) -> None:
            answer = await self._answer(path, offer, request)
            try:
                await _set(request, answer.variables)
            except AgiError:
                if answer.untold is not None:
                    await answer.untold()
                raise

        return serve

    async def _answer(self, path: str, offer: Offer, request: AgiRequest) -> Answer:
        try:
            return await self._in_time(offer, request)
        except (HeedlineError, OSError) as error:
            # What a dialplan hands over may be a number in the wrong place, and an error may repeat it.
            said = without_numbers(str(error)) if isinstance(error, HeedlineError) else type(error).__name__
            log.warning("AGI %s: %s", path, said.removeprefix("AGI: "))
        except Exception:
            log.exception("AGI %s failed", path)
            said = "an error in Heedline itself"
        return Answer(offer.failed(said))

    async def _in_time(self, offer: Offer, request: AgiRequest) -> Answer:
        """Late work is called off, and not waited for: a ledger that is busy lets go of it when it can."""
        task = asyncio.ensure_future(offer.work(self._desk, request))
        try:
            await asyncio.wait({task}, timeout=offer.seconds)
            if task.done():
                return task.result()
            raise TooLate(f"not done within {offer.seconds:g} s")
        finally:
            if not task.done():
                self._late.add(task)
                task.add_done_callback(self._settled)
                task.cancel()

    def _settled(self, task: asyncio.Task[Answer]) -> None:
        self._late.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("AGI: late work failed: %s", type(error).__name__)


async def _set(request: AgiRequest, variables: Variables) -> None:
    for name, value in variables.items():
        await request.command("SET VARIABLE", name, value)

"""The story of each call: its events, written behind the calls in one commit for many.

Nothing waits for the story: what must be durable before the next step has a transaction of its own (attempt,
consent, opt-out). A crash loses at most what the last commit did not hold yet, hundredths of a second, and the
conductor then asks the PBX for the truth. While the ledger is locked the rows wait here, in order.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from compliance.errors import HeedlineError
from storage.database import Database
from storage.errors import LedgerConflict
from storage.ledger.events import CallEvent

log = logging.getLogger(__name__)

GATHER_S = 0.03  # events of this long go into one commit: an fsync for each would be most of a call's cost
RETRY_S = 0.5
CATCH_UP_S = 5.0
MOST_WAITING = 100_000
MOST_A_COMMIT = 500


@dataclass(frozen=True, slots=True)
class Line:
    attempt: str
    seq: int
    at: datetime
    kind: str
    data: dict[str, object]


class Story:
    """One a process. `tell` from any task; `close` writes what is left."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines: deque[Line] = deque()
        self._told = asyncio.Event()
        self._wrote = asyncio.Condition()
        self._count_told = self._count_written = 0
        self._closing = False
        self._writer = asyncio.create_task(self._write(), name="story")

    @property
    def full(self) -> bool:
        """The ledger has been away for long: place no more calls."""
        return len(self._lines) >= MOST_WAITING

    def tell(self, line: Line) -> None:
        self._lines.append(line)
        self._count_told += 1
        self._told.set()

    async def caught_up(self, seconds: float = CATCH_UP_S) -> bool:
        """Wait until all that was told by now is durable; False when the ledger did not take it in time."""
        mark = self._count_told
        try:
            async with asyncio.timeout(seconds), self._wrote:
                await self._wrote.wait_for(lambda: self._count_written >= mark)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        self._closing = True
        self._told.set()
        await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        while self._lines or not self._closing:
            await self._told.wait()
            if not self._closing:
                await asyncio.sleep(GATHER_S)
            self._told.clear()
            while self._lines:
                batch = [self._lines[i] for i in range(min(len(self._lines), MOST_A_COMMIT))]
                try:
                    async with self._database.begin() as tx:
                        await tx.events.append_all([_event(line) for line in batch])
                except LedgerConflict:
                    await self._one_by_one(batch)
                except HeedlineError as error:
                    log.warning("call events not written yet: %s", error)
                    if self._closing:
                        return
                    await asyncio.sleep(RETRY_S)
                    continue
                for _ in batch:
                    self._lines.popleft()
                self._count_written += len(batch)
                async with self._wrote:
                    self._wrote.notify_all()

    async def _one_by_one(self, batch: list[Line]) -> None:
        """One line the ledger refuses for good must not hold up the others."""
        for line in batch:
            try:
                async with self._database.begin() as tx:
                    await tx.events.append_all([_event(line)])
            except HeedlineError as error:
                log.error("%s: call event %d (%s) is lost: %s", line.attempt, line.seq, line.kind, error)


def _event(line: Line) -> CallEvent:
    return CallEvent(line.attempt, line.seq, line.at, line.kind, line.data)

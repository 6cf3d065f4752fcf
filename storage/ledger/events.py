"""Call events: every change of state of a call, in order, append-only. Read together they are its story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from storage.canonical import canonical, parse_object
from storage.instant import from_us, to_us
from storage.schema import call_events
from storage.unit import Transaction


@dataclass(frozen=True)
class CallEvent:
    """One line of a call's story. `data` is JSON without floats and without phone numbers."""

    attempt_id: str
    seq: int
    at: datetime
    kind: str
    data: dict[str, object]


_APPEND = insert(call_events)


class CallEvents:
    """The call events of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def append(self, attempt_id: str, seq: int, at: datetime, kind: str, data: dict[str, object]) -> None:
        """Append the event with that seq (from 0). Raises as `append_all`."""
        await self.append_all([CallEvent(attempt_id, seq, at, kind, data)])

    async def append_all(self, events: Sequence[CallEvent]) -> None:
        """Append events of one or many attempts.

        Raises LedgerConflict: an attempt has an event of that seq, or there is no such attempt.
        BadInput: the data have no canonical JSON (a float, say).
        """
        rows = [
            {
                "attempt_id": event.attempt_id,
                "seq": event.seq,
                "at_us": to_us(event.at),
                "kind": event.kind,
                "data": canonical(event.data),
            }
            for event in events
        ]
        if rows:
            await self._tx.run_each(_APPEND, rows)

    async def of(self, attempt_id: str) -> tuple[CallEvent, ...]:
        """The attempt's events in order."""
        rows = await self._tx.all(
            select(call_events).where(call_events.c.attempt_id == attempt_id).order_by(call_events.c.seq)
        )
        return tuple(
            CallEvent(row.attempt_id, row.seq, from_us(row.at_us), row.kind, parse_object(row.data)) for row in rows
        )

    async def next_seq(self, attempt_id: str) -> int:
        """The seq the attempt's next event must have."""
        last = await self._tx.scalar(select(func.max(call_events.c.seq)).where(call_events.c.attempt_id == attempt_id))
        return 0 if last is None else int(last) + 1

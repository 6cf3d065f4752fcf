"""What the offers of the AGI door work with, and the shape of an offer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from agi.server import AgiRequest
from agi.variables import Variables
from compliance.gate import Gate
from compliance.jurisdictions import Packs
from storage.database import Database
from storage.dossier import Dossier, Lists
from storage.ledger.dialplan import IN_DIALPLAN
from storage.ledger.journal import OptOutJournal
from storage.unit import Transaction
from storage.vault.client import RecorderClient


@dataclass(frozen=True)
class Desk:
    """`channels`: the unique ids of all channels of the PBX now; raises HeedlineError when it can't be asked.

    None: calls come from a PBX that is not asked.
    """

    database: Database
    dossier: Dossier
    lists: Lists
    gate: Gate
    packs: Packs
    recorder: RecorderClient
    journal: OptOutJournal
    spool: Path
    channels: Callable[[], Awaitable[frozenset[str]]] | None
    default_region: str


@dataclass(frozen=True)
class Answer:
    """Variables to set, in order. `untold`: what is done when they could not be set, the channel being gone."""

    variables: Variables
    untold: Callable[[], Awaitable[None]] | None = None


Work: TypeAlias = Callable[[Desk, AgiRequest], Awaitable[Answer]]


@dataclass(frozen=True)
class Offer:
    """One path of the door. `seconds`: how long its work may take; `failed`: what is said when it fails or is late."""

    work: Work
    seconds: float
    failed: Callable[[str], Variables]


def now() -> datetime:
    return datetime.now(UTC)


async def tell_story(tx: Transaction, attempt: str, at: datetime, *lines: tuple[str, dict[str, object]]) -> None:
    """Append to the story of a call. Raises LedgerConflict: there is no such attempt."""
    seq = await tx.events.next_seq(attempt)
    for offset, (kind, data) in enumerate(lines):
        await tx.events.append(attempt, seq + offset, at, kind, data)


def on_channel(channel: str) -> tuple[str, dict[str, object]]:
    """The story's line that says where the call runs."""
    return IN_DIALPLAN, {"channel": channel}

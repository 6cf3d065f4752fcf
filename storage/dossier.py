"""The dossier: everything on file about a number at one instant, as facts for the gate.

Read in one transaction, so that no two facts are of different moments. What can't be read is an error, never a
fact left out: the caller then denies.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from compliance.facts import CallKind, Facts, Party, Purpose, Reassigned, RecordingPolicy, Registry
from compliance.jurisdictions import Packs
from compliance.number import Number
from storage.database import Database
from storage.ledger.campaigns import Campaign
from storage.unit import Transaction

HORIZON = timedelta(days=62)


@dataclass(frozen=True)
class Places:
    """Where our own ends lie, for the recording rules; ISO 3166 regions."""

    agent: str
    storage: str
    seller: str


class Lists(Protocol):
    """The do-not-call registries (`storage.registry.Registries`)."""

    def check(self, number: Number) -> Mapping[str, Registry]: ...

    def reassigned(self, number: Number) -> Reassigned | None: ...


class Dossier:
    """One a process."""

    def __init__(self, database: Database, lists: Lists, places: Places, packs: Packs) -> None:
        self._database = database
        self._lists = lists
        self._places = places
        self._packs = packs

    async def facts(
        self,
        number: Number,
        campaign: Campaign,
        at: datetime,
        *,
        attempt: str | None = None,
        ring_seconds: int | None = None,
        prompts: Mapping[str, bool] | None = None,
        region: str | None = None,
        postal_code: str | None = None,
        tx: Transaction | None = None,
    ) -> tuple[Facts, str]:
        """What is known at `at` of a call to the number under the campaign, and its digest.

        `attempt`: the one that asks; it does not count as another call. `ring_seconds`, `prompts`: what only who
        dials knows; None: not asked. `region`, `postal_code`: stated by the caller, in place of those on file.
        `tx`: read in this unit of work instead of one of its own.
        Raises HeedlineError: the ledger or a list can't be read.
        """
        async with self._reading(tx) as reading:
            party = await reading.parties.find(number)
            listed = await reading.dnc.check(number) is not None
            flying = [] if party is None else await reading.attempts.in_flight(party)
            recent = [] if party is None else await reading.attempts.recent(party, at - HORIZON)
            number_hash = reading.parties.lookup_hash(number)
        facts = Facts(
            number=number,
            at=at,
            call_kind=CallKind.LIVE,
            purpose=Purpose(campaign.purpose),
            party=Party.CONSUMER,
            region=region,
            postal_code=postal_code,
            seller=campaign.seller,
            campaign=campaign.name,
            agent_region=self._places.agent,
            storage_region=self._places.storage,
            seller_region=self._places.seller,
            internal_dnc=listed,
            registries=self._lists.check(number),
            reassigned=self._lists.reassigned(number),
            attempts=tuple(a.committed_at for a in recent if a.committed_at is not None and a.id != attempt),
            caller_id=campaign.caller_id,
            recording_policy=RecordingPolicy(campaign.recording),
            in_flight=any(a.id != attempt for a in flying),
            prompts=prompts,
            ring_seconds=ring_seconds,
        )
        return facts, facts.digest(number_hash)

    @asynccontextmanager
    async def _reading(self, tx: Transaction | None) -> AsyncIterator[Transaction]:
        if tx is not None:
            yield tx
            return
        async with self._database.read() as reading:
            yield reading

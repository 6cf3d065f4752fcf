"""The dossier: everything on file about a number at one instant, as facts for the gate.

Read in one transaction, so that no two facts are of different moments. What can't be read is an error, never a
fact left out: the caller then denies. Nothing on file is known to be nothing: a person never called has no attempts.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from compliance.abandonment import period_starts, worst
from compliance.case import Case
from compliance.facts import (
    Abandonment,
    CallKind,
    Consent,
    Facts,
    Party,
    Purpose,
    Reassigned,
    RecordingPolicy,
    Registry,
    Relationship,
    RelationshipKind,
    Switch,
)
from compliance.jurisdictions import Packs
from compliance.jurisdictions.model import (
    AbandonmentLaw,
    AttemptCap,
    RelationshipLaw,
    WaitAfter,
    WaitingTime,
)
from compliance.number import Number
from storage.consent.fold import same_name
from storage.database import Database
from storage.ledger.attempts import PastCall
from storage.ledger.campaigns import Campaign
from storage.ledger.dnc import DncEntry, standing
from storage.ledger.mark import Mark, mark_of
from storage.ledger.party_facts import NOTHING_KNOWN, PartyFacts
from storage.ledger.relationships import Dealing
from storage.ledger.switches import SwitchAct, stopping
from storage.registry import ListVersion
from storage.unit import Transaction

MARGIN = timedelta(days=2)  # local days are longer than 24 hours, and begin earlier somewhere
_MONTH = timedelta(days=30)


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

    def lists(self) -> tuple[ListVersion, ...]: ...


@dataclass(frozen=True)
class Gathered:
    """Facts with their digest. `mark`: equal as long as nothing was put on file that they depend on."""

    facts: Facts
    digest: str
    mark: tuple[object, ...]


@dataclass(frozen=True)
class _Person:
    """What the ledger holds of one person, as far as a call of this campaign is concerned."""

    opt_outs: tuple[DncEntry, ...] = ()
    known: PartyFacts = NOTHING_KNOWN
    calls: tuple[PastCall, ...] = ()
    consents: tuple[Consent, ...] = ()
    refused: tuple[datetime, ...] = ()
    dealings: tuple[Dealing, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """See `Dossier.facts`."""

    number: Number
    campaign: Campaign
    at: datetime
    attempt: str | None = None
    ring_seconds: int | None = None
    prompts: Mapping[str, bool] | None = None
    region: str | None = None
    postal_code: str | None = None
    outcomes_told: bool = True


class Dossier:
    """One a process. `patience`: how long a person may wait for an agent, from the answer on."""

    def __init__(self, database: Database, lists: Lists, places: Places, packs: Packs) -> None:
        self._database = database
        self._lists = lists
        self._places = places
        self._packs = packs
        self.patience = connect_within(packs)
        self._reach = _reach(packs)
        self._first_calls: dict[str, datetime] = {}  # a campaign has its first call once
        self._switches: tuple[int, tuple[SwitchAct, ...]] | None = None  # as they stood after that word

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
        outcomes_told: bool = True,
        tx: Transaction | None = None,
    ) -> tuple[Facts, str]:
        """What is known at `at` of a call to the number under the campaign, and its digest.

        `attempt`: the one that asks; it does not count as another call. `ring_seconds`, `prompts`: what only who
        dials knows; None: not asked. `region`, `postal_code`: stated by the caller, in place of those on file.
        `outcomes_told`: who dials says afterwards whether somebody answered and found an agent; where nobody does,
        the share of abandoned calls is not known, and is not taken for none.
        `tx`: read in this unit of work instead of one of its own.
        Raises HeedlineError: the ledger or a list can't be read.
        """
        asked = _Asked(number, campaign, at, attempt, ring_seconds, prompts, region, postal_code, outcomes_told)
        async with self._reading(tx) as reading:
            gathered = await self._gather(reading, asked)
        return gathered.facts, gathered.digest

    async def gather(
        self,
        number: Number,
        campaign: Campaign,
        at: datetime,
        *,
        attempt: str,
        ring_seconds: int,
        prompts: Mapping[str, bool],
        tx: Transaction | None = None,
    ) -> Gathered:
        """The same for who is about to dial, and will ask before it does whether the facts still hold."""
        asked = _Asked(number, campaign, at, attempt, ring_seconds, prompts)
        async with self._reading(tx) as reading:
            return await self._gather(reading, asked)

    async def holds(self, tx: Transaction, number: Number, gathered: Gathered) -> bool:
        """Nothing was put on file since: no opt-out, switch, list, call, consent, nor anything else of the person."""
        mark = await mark_of(tx, tx.parties.lookup_hash(number))
        return (self._versions(), mark) == gathered.mark

    async def _gather(self, reading: Transaction, asked: _Asked) -> Gathered:
        number, campaign, at = asked.number, asked.campaign, asked.at
        number_hash = reading.parties.lookup_hash(number)
        versions, mark = self._versions(), await mark_of(reading, number_hash)
        person = await self._person(reading, number, mark, campaign, at)
        calls = [call for call in person.calls if call.attempt != asked.attempt]
        ours = [call for call in calls if same_name(call.seller, campaign.seller)]
        counting = [call for call in ours if call.in_flight or call.at >= at - self._reach]
        listed = standing(person.opt_outs)
        facts = Facts(
            number=number,
            at=at,
            call_kind=CallKind(campaign.call_kind),
            purpose=Purpose(campaign.purpose),
            party=person.known.party or Party(campaign.party),
            region=asked.region or person.known.region,
            postal_code=asked.postal_code or person.known.postal_code,
            seller=campaign.seller,
            campaign=campaign.name,
            agent_region=self._places.agent,
            storage_region=self._places.storage,
            seller_region=self._places.seller,
            internal_dnc=any(entry.scope.stops(campaign.seller, campaign.topic) for entry in listed),
            registries=self._lists.check(number),
            consents=person.consents,
            attempts=tuple(call.at for call in counting),
            refusals=_refusals(person, ours, campaign),
            silent_calls=tuple(call.at for call in counting if call.silent),
            topic=campaign.topic,
            double_opt_in=campaign.double_opt_in,
            reassigned=self._lists.reassigned(number),
            caller_id=campaign.caller_id,
            switches=await self._stopping(reading, mark, campaign, at),
            recording_policy=RecordingPolicy(campaign.recording),
            in_flight=any(call.in_flight for call in calls),
            prompts=asked.prompts,
            ring_seconds=asked.ring_seconds,
        )
        case = Case.of(facts, self._packs)
        facts = replace(
            facts,
            relationship=_relationship(case, person.dealings),
            abandonment=await self._abandonment(reading, case, campaign, at) if asked.outcomes_told else None,
        )
        return Gathered(facts, facts.digest(number_hash), (versions, mark))

    def _versions(self) -> tuple[tuple[str, str], ...]:
        return tuple((version.list, version.version) for version in self._lists.lists())

    async def _person(
        self, reading: Transaction, number: Number, mark: Mark, campaign: Campaign, at: datetime
    ) -> _Person:
        """Only what the mark says is there is asked for."""
        opt_outs = await reading.dnc.history(number) if mark.opt_outs else ()
        if mark.party is None:
            return _Person(opt_outs=opt_outs)
        party, seller = mark.party, campaign.seller
        consents, refused = await reading.consents.for_the_gate(party, seller) if mark.consents else ((), ())
        return _Person(
            opt_outs=opt_outs,
            known=await reading.known.of(party) if mark.facts else NOTHING_KNOWN,
            calls=await reading.attempts.calls(party) if mark.calls else (),
            consents=consents,
            refused=refused,
            dealings=await reading.relationships.counting(party, seller, at) if mark.relationships else (),
        )

    async def _stopping(self, reading: Transaction, mark: Mark, campaign: Campaign, at: datetime) -> dict[str, Switch]:
        """Kept only as a commit left them: a word that is rolled back leaves its position to another."""
        known = self._switches
        if known is None or known[0] != mark.switch:
            known = (mark.switch, await reading.switches.standing())
            self._switches = known if reading.committed else self._switches
        found = stopping(known[1], campaign.name, at)
        if campaign.start is not None and at < campaign.start:
            found[f"{campaign.name}: not before its start"] = Switch(True, None, campaign.start)
        return found

    async def _abandonment(
        self, reading: Transaction, case: Case, campaign: Campaign, at: datetime
    ) -> Abandonment | None:
        """Of the running period; where laws count by several, of the one that stands worst; None: no law asks."""
        periods = {applied.law.period for applied in case.law.of(AbandonmentLaw)}
        if not periods:
            return None
        first = await self._first_call(reading, campaign.name)
        starts = {start for period in periods for start in period_starts(period, at, first, case.zones)}
        return worst([await reading.outcomes.counts(campaign.name, start) for start in sorted(starts)])

    async def _first_call(self, reading: Transaction, campaign: str) -> datetime | None:
        known = self._first_calls.get(campaign)
        if known is None:
            known = await reading.attempts.first_call(campaign)
            if known is not None and reading.committed:
                self._first_calls[campaign] = known
        return known

    @asynccontextmanager
    async def _reading(self, tx: Transaction | None) -> AsyncIterator[Transaction]:
        if tx is not None:
            yield tx
            return
        async with self._database.read() as reading:
            yield reading


def _refusals(person: _Person, calls: Sequence[PastCall], campaign: Campaign) -> tuple[datetime, ...]:
    """When the person said no to such calls, in order, whatever has become of it since.

    An opt-out in whose scope they lie, also one that was revoked later; a consent refused or taken back (being recorded
    is another question); a call of the seller whose disposition says so.
    """
    scoped = (entry for entry in person.opt_outs if entry.scope.stops(campaign.seller, campaign.topic))
    by_list = [entry.at for entry in scoped if entry.act == "add"]
    in_calls = [call.refused_at for call in calls if call.refused_at is not None]
    return tuple(sorted((*by_list, *in_calls, *person.refused)))


def _relationship(case: Case, dealings: Sequence[Dealing]) -> Relationship | None:
    """The one that lasts longest by the law of where the person may be; the gate says whether it is too old."""
    laws = [applied.law for applied in case.law.of(RelationshipLaw)]
    months = {
        "purchase": min((law.purchase_months for law in laws), default=0),
        "inquiry": min((law.inquiry_months for law in laws), default=0),
    }
    if not dealings:
        return None
    best = max(dealings, key=lambda dealing: (dealing.at + months[dealing.kind] * _MONTH, dealing.kind == "purchase"))
    return Relationship(RelationshipKind(best.kind), best.at)


def connect_within(packs: Packs) -> timedelta:
    """How long a person may wait for an agent by the strictest of the laws; zero where none says."""
    laws = (law for jurisdiction in packs.jurisdictions.values() for law in jurisdiction.of(AbandonmentLaw))
    return timedelta(seconds=min((law.connect_within_seconds for law in laws), default=0))


def _reach(packs: Packs) -> timedelta:
    """How far back a call may still count by any law, and a margin."""
    hours = [0]
    for jurisdiction in packs.jurisdictions.values():
        for cap in jurisdiction.of(AttemptCap):
            hours += [cap.hours or 0, 24 * (cap.calendar_days or 0)]
        hours += [wait.hours for wait in jurisdiction.of(WaitingTime) if wait.after is WaitAfter.SILENT_CALL]
    return timedelta(hours=max(hours)) + MARGIN

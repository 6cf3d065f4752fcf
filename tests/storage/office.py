"""An office: a ledger with campaigns of two sellers, registries that say what they are told, and the dossier of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from compliance.facts import Facts, Reassigned, ReassignedAnswer, Registry
from compliance.jurisdictions import load_packs
from compliance.jurisdictions.model import (
    AbandonmentLaw,
    AbandonmentPeriod,
    AttemptCap,
    Entry,
    Law,
    Packs,
    RelationshipLaw,
    Scope,
)
from compliance.number import Number
from compliance.verdict import Confidence
from storage.database import Database
from storage.dossier import Dossier, Places
from storage.ids import new_id
from storage.ledger.campaigns import Campaign
from storage.registry import Coverage, ListVersion, RegistryDamaged
from tests.storage.builders import CALLEE, campaign, verdict

ENTRY = Entry("test", "test", "test", Confidence.HOUSE, date(2026, 1, 1), None, None, Scope.EVERYWHERE)
PLACES = Places("US-NY", "US-NJ", "US-CT")
NOON = datetime(2026, 11, 18, 17, tzinfo=UTC)
DAY = timedelta(days=1)
WITHIN = timedelta(seconds=2)


def packs_of(**laws: Law) -> Packs:
    """The places of the real data with these laws and no others, by jurisdiction."""
    real = load_packs()
    bare = {code: replace(jurisdiction, laws=()) for code, jurisdiction in real.jurisdictions.items()}
    for code, law in laws.items():
        bare[code[:2]] = replace(bare[code[:2]], laws=(*bare[code[:2]].laws, law))
    return replace(real, jurisdictions=bare)


PACKS = packs_of(
    US=RelationshipLaw(entry=ENTRY, purchase_months=18, inquiry_months=3),
    US2=AbandonmentLaw(
        entry=ENTRY, max_per_mille=30, period=AbandonmentPeriod.CAMPAIGN_30_DAYS, connect_within_seconds=2
    ),
    US3=AttemptCap(entry=ENTRY, max=5, hours=None, calendar_days=30),
    CA=AbandonmentLaw(entry=ENTRY, max_per_mille=50, period=AbandonmentPeriod.CALENDAR_MONTH, connect_within_seconds=2),
)


@dataclass
class Lists:
    """Registries with two lists and one answer."""

    damaged: bool = False
    versions: tuple[ListVersion, ...] = ()
    found: dict[str, Registry] = field(default_factory=lambda: {"us.ftc.ndnc": Registry(False, date(2026, 11, 1))})
    answer: Reassigned | None = field(default_factory=lambda: Reassigned(ReassignedAnswer.NO, NOON, date(2026, 1, 1)))

    def check(self, number: Number) -> Mapping[str, Registry]:
        if self.damaged:
            raise RegistryDamaged("registry: damaged")
        return self.found

    def reassigned(self, number: Number) -> Reassigned | None:
        return self.answer

    def lists(self) -> tuple[ListVersion, ...]:
        return self.versions


@dataclass
class Office:
    """A ledger with campaigns of two sellers, and the dossier of it."""

    db: Database
    lists: Lists = field(default_factory=Lists)
    campaigns: dict[str, Campaign] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dossier = Dossier(self.db, self.lists, PLACES, PACKS)

    async def open(self, *others: Campaign) -> "Office":
        async with self.db.begin() as tx:
            for made in (campaign("spring"), campaign("autumn"), campaign("rival", seller="Rival"), *others):
                self.campaigns[made.name] = await tx.campaigns.add(made)
        return self

    async def facts(self, name: str = "spring", at: datetime = NOON, number: Number = CALLEE, **more: Any) -> Facts:
        return (await self.dossier.facts(number, self.campaigns[name], at, **more))[0]

    async def call(self, at: datetime, name: str = "spring", disposition: str = "completed", **story: float) -> str:
        """A call that was dialled at `at`; `callee`, `agent`, `gone`: seconds after it at which they answered, left."""
        async with self.db.begin() as tx:
            party = await tx.parties.ensure(CALLEE)
            attempt = await tx.attempts.plan(party, name, "alice", at, "test")
            await tx.attempts.commit(attempt, verdict(), "d" * 64, at)
            told = sorted((seconds, who) for who, seconds in story.items())
            for seq, (seconds, who) in enumerate(told):
                kind, leg = ("LegGone", "callee") if who == "gone" else ("LegAnswered", who)
                await tx.events.append(attempt, seq, at + timedelta(seconds=seconds), kind, {"leg": leg})
            if disposition:
                await tx.attempts.end(attempt, disposition, "", at + timedelta(minutes=1))
                await tx.outcomes.record(attempt, WITHIN, at + timedelta(minutes=1))
        return attempt


def imported(list_id: str = "us.ftc.ndnc") -> ListVersion:
    """A version that has just been imported."""
    coverage = Coverage(frozenset({"1"}))
    return ListVersion(list_id, new_id(NOON), NOON.date(), coverage, 1, "flat", (), NOON, "test")

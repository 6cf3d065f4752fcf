"""Whom of a list we may call: the gate's rules that speak of the person, not of the moment.

A list is dialled later, so what passes by itself blocks nobody here: calling hours, a cap on attempts, a switch that
ends, anything a rule says will be over at a known time. The gate asks all of it again at the instant of dialling.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from compliance.case import Case, Rule
from compliance.facts import Facts
from compliance.jurisdictions import Packs
from compliance.number import Number
from compliance.rules import SCREENING_RULES
from compliance.rules.abandonment import AbandonmentHeadroom
from compliance.rules.caller_id import CallerIdShown
from compliance.rules.calling_hours import CallingHours
from compliance.rules.internal_dnc import InternalDnc
from compliance.rules.jurisdiction_covered import JurisdictionCovered, PackAge
from compliance.rules.recording_mode import RecordingEndsKnown
from compliance.rules.registry import RegistryClear
from compliance.rules.switches import SwitchesOff
from compliance.rules.valid_number import ValidNumber
from compliance.verdict import Reason
from storage.database import Database
from storage.dossier import Dossier
from storage.ledger.campaigns import Campaign
from storage.ledger.dnc_sweep import listed_among
from storage.registry import Registries

OF_THE_NUMBER: tuple[Rule, ...] = (
    ValidNumber(),
    JurisdictionCovered(),
    PackAge(),
    InternalDnc(),
    RegistryClear(),
)
"""What can be said without a campaign. With neither purpose nor party known, every list counts that may."""

OF_THE_MOMENT = (CallingHours, SwitchesOff, AbandonmentHeadroom, CallerIdShown, RecordingEndsKnown)
"""Rules that are not asked of a list: they speak of the hour, of the centre, or of the campaign as a whole."""


class Screen(Protocol):
    """Why each number may not be called; nothing: it may."""

    async def __call__(self, numbers: Sequence[Number]) -> list[tuple[Reason, ...]]: ...


class NumberScreen:
    """Without a campaign: a valid number, our own list, the nations' and states' lists."""

    def __init__(self, database: Database, registries: Registries, packs: Packs, at: datetime) -> None:
        self._database, self._registries, self._packs, self._at = database, registries, packs, at

    async def __call__(self, numbers: Sequence[Number]) -> list[tuple[Reason, ...]]:
        async with self._database.read() as tx:
            listed = await listed_among(tx, numbers)
        return [
            _reasons(
                OF_THE_NUMBER,
                Facts(
                    number=number,
                    at=self._at,
                    internal_dnc=number in listed,
                    registries=self._registries.check(number),
                ),
                self._packs,
            )
            for number in numbers
        ]


class CampaignScreen:
    """For a campaign: all that is on file about the person and the campaign, and every rule but those of the moment."""

    def __init__(self, dossier: Dossier, database: Database, campaign: Campaign, packs: Packs, at: datetime) -> None:
        self._dossier, self._database, self._campaign = dossier, database, campaign
        self._packs, self._at = packs, at
        self._rules = tuple(rule for rule in SCREENING_RULES if not isinstance(rule, OF_THE_MOMENT))

    async def __call__(self, numbers: Sequence[Number]) -> list[tuple[Reason, ...]]:
        found: list[tuple[Reason, ...]] = []
        async with self._database.read() as tx:
            for number in numbers:
                facts, _ = await self._dossier.facts(number, self._campaign, self._at, tx=tx)
                found.append(_reasons(self._rules, facts, self._packs))
        return found


def _reasons(rules: Sequence[Rule], facts: Facts, packs: Packs) -> tuple[Reason, ...]:
    case = Case.of(facts, packs)
    return tuple(denial.reason for rule in rules for denial in rule.check(case) if denial.until is None)

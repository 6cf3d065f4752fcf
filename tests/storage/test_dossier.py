"""Everything on file about a number, as facts: what counts, whose it is, and what is known to be nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from compliance.facts import Abandonment, CallKind, Party, Relationship, RelationshipKind, Switch
from compliance.jurisdictions.model import AbandonmentLaw, AbandonmentPeriod
from compliance.number import Number
from storage.consent.terms import Withdrawal
from storage.consent.write import withdraw
from storage.database import Database
from storage.dossier import Dossier, connect_within
from storage.ledger.dnc import Scope as Unwanted
from storage.ledger.party_facts import PartyFacts
from storage.ledger.switches import SwitchAct
from storage.registry import RegistryDamaged
from storage.unit import Transaction
from tests.storage.builders import CALLEE, OTHER, campaign
from tests.storage.office import DAY, ENTRY, NOON, PACKS, PLACES, Office, packs_of


@pytest.fixture
async def office(db: Database) -> Office:
    return await Office(db).open()


async def test_of_a_stranger_it_is_known_that_there_is_nothing(office: Office) -> None:
    facts = await office.facts()
    assert (facts.attempts, facts.refusals, facts.silent_calls, facts.consents) == ((), (), (), ())
    assert (facts.internal_dnc, facts.in_flight, facts.switches) == (False, False, {})
    assert (facts.relationship, facts.region, facts.postal_code) == (None, None, None)
    assert facts.abandonment == Abandonment(0, 0)
    assert (facts.prompts, facts.ring_seconds) == (None, None), "not asked is not known"


async def test_the_campaign_and_our_places_speak_for_themselves(office: Office) -> None:
    asked = campaign("robots", call_kind="ai_voice", party="business", topic="roofs", double_opt_in=True)
    facts, _ = await office.dossier.facts(CALLEE, asked, NOON, ring_seconds=20, prompts={"en": True})
    assert (facts.call_kind, facts.party, facts.topic, facts.double_opt_in) == (
        CallKind.AI_VOICE,
        Party.BUSINESS,
        "roofs",
        True,
    )
    assert (facts.seller, facts.campaign, facts.caller_id) == ("Acme", "robots", "+12125550100")
    assert (facts.agent_region, facts.storage_region, facts.seller_region) == ("US-NY", "US-NJ", "US-CT")
    assert (facts.ring_seconds, facts.prompts) == (20, {"en": True})


async def test_calls_count_over_all_campaigns_of_the_seller_and_of_no_other(office: Office) -> None:
    await office.call(NOON - 2 * DAY, "spring")
    await office.call(NOON - DAY, "autumn")
    await office.call(NOON - DAY / 2, "rival")
    facts = await office.facts()
    assert facts.attempts == (NOON - 2 * DAY, NOON - DAY)
    assert (await office.facts("rival")).attempts == (NOON - DAY / 2,)
    assert (await office.facts(number=OTHER)).attempts == ()


async def test_a_call_that_is_going_on_counts_and_bars_another_seller_too(office: Office) -> None:
    going = await office.call(NOON - timedelta(minutes=3), disposition="")
    facts = await office.facts()
    assert (facts.attempts, facts.in_flight) == ((NOON - timedelta(minutes=3),), True)
    assert (await office.facts("rival")).in_flight
    itself = await office.facts(attempt=going)
    assert (itself.attempts, itself.in_flight) == ((), False), "the one that asks is no other"


async def test_a_silent_call_is_one_that_was_answered_and_no_agent_came(office: Office) -> None:
    await office.call(NOON - 4 * DAY, callee=0, agent=1, gone=60)
    await office.call(NOON - 3 * DAY, disposition="opted_out", callee=0, gone=20)
    await office.call(NOON - 2 * DAY, disposition="no_answer")
    await office.call(NOON - DAY, callee=0, gone=1.5)
    facts = await office.facts()
    assert facts.silent_calls == (NOON - 3 * DAY,)
    assert facts.abandonment == Abandonment(answered=3, abandoned=1)


async def test_who_waited_too_long_was_abandoned_though_the_agent_came(office: Office) -> None:
    await office.call(NOON - DAY, callee=0, agent=2.0)
    await office.call(NOON - DAY / 2, callee=0, agent=2.1)
    facts = await office.facts()
    assert facts.abandonment == Abandonment(answered=2, abandoned=1)
    assert facts.silent_calls == ()


async def test_where_nobody_tells_how_calls_went_the_share_is_not_known(office: Office) -> None:
    await office.call(NOON - DAY, callee=0, agent=1.0)
    assert (await office.facts()).abandonment == Abandonment(answered=1, abandoned=0)
    assert (await office.facts(outcomes_told=False)).abandonment is None


async def test_what_no_law_asks_for_is_not_counted(db: Database) -> None:
    office = Office(db)
    office.dossier = Dossier(db, office.lists, PLACES, packs_of())
    await office.open()
    assert (await office.facts()).abandonment is None


async def test_thirty_days_after_the_first_call_the_counts_begin_anew(office: Office) -> None:
    first = NOON - 30 * DAY
    await office.call(first, callee=0)
    assert (await office.facts(at=NOON - timedelta(microseconds=1))).abandonment == Abandonment(1, 1)
    assert (await office.facts(at=NOON)).abandonment == Abandonment(0, 0)
    await office.call(NOON, callee=0, agent=0)
    assert (await office.facts(at=NOON + DAY)).abandonment == Abandonment(1, 0)
    assert (await office.facts("autumn", at=NOON + DAY)).abandonment == Abandonment(0, 0)


async def test_the_strictest_law_says_how_long_anybody_waits() -> None:
    slow = AbandonmentLaw(
        entry=ENTRY, max_per_mille=30, period=AbandonmentPeriod.CAMPAIGN_30_DAYS, connect_within_seconds=4
    )
    assert connect_within(packs_of(US=slow)) == timedelta(seconds=4)
    assert connect_within(packs_of(US=slow, CA=replace(slow, connect_within_seconds=1))) == timedelta(seconds=1)
    assert connect_within(packs_of()) == timedelta(0)


async def test_a_call_counts_for_as_long_as_any_law_looks_back(office: Office) -> None:
    await office.call(NOON - 31 * DAY)
    await office.call(NOON - 33 * DAY)
    assert (await office.facts()).attempts == (NOON - 31 * DAY,)


async def test_canada_counts_by_the_month_of_where_the_callee_lives(office: Office) -> None:
    toronto = Number("+14165550123")
    await office.call(datetime(2026, 11, 1, 3, 58, tzinfo=UTC), callee=0)  # 31 October, 23:58, in Toronto
    await office.call(datetime(2026, 11, 1, 4, 0, tzinfo=UTC), callee=0, agent=0)
    assert (await office.facts(number=toronto)).abandonment == Abandonment(1, 0)


async def test_no_means_no_whatever_became_of_it(office: Office) -> None:
    async with office.db.begin() as tx:
        party = await tx.parties.ensure(CALLEE)
        await tx.dnc.add(CALLEE, "callee", "dtmf", "9", None, "callee", NOON - 5 * DAY)
        await tx.dnc.revoke(CALLEE, "asked", "ann", NOON - 4 * DAY)
        for days, act, kind, seller in (
            (3, "withdraw", "express", None),
            (2, "refuse", "express", "Acme"),
            (1, "refuse", "recording", None),
            (1, "withdraw", "express", "Rival"),
        ):
            at = NOON - days * DAY
            await tx.consents.add(party, kind, "survey", act, {}, None, at, "callee", seller=seller)  # type: ignore[arg-type]
    await office.call(NOON - DAY / 2, disposition="refused")
    facts = await office.facts()
    assert not facts.internal_dnc
    assert facts.refusals == (NOON - 5 * DAY, NOON - 3 * DAY, NOON - 2 * DAY, NOON - DAY / 2 + timedelta(minutes=1))
    assert (await office.facts("rival")).refusals == (NOON - 5 * DAY, NOON - 3 * DAY, NOON - DAY)


@pytest.mark.parametrize(
    ("scope", "spring", "roofs", "rival"),
    [
        (Unwanted(), True, True, True),
        (Unwanted(seller="Acme"), True, True, False),
        (Unwanted(seller="Rival"), False, False, True),
        (Unwanted(topic="roofs"), True, True, True),  # what spring and rival call about is not known
        (Unwanted(topic="cars"), True, False, True),
        (Unwanted(seller="Acme", topic="cars"), True, False, False),
    ],
)
async def test_an_opt_out_stops_those_in_its_scope(
    office: Office, scope: Unwanted, spring: bool, roofs: bool, rival: bool
) -> None:
    about_roofs = campaign("roofs", topic="roofs")
    async with office.db.begin() as tx:
        office.campaigns["roofs"] = await tx.campaigns.add(about_roofs)
        await tx.dnc.add(CALLEE, "office", "letter", "asked", None, "ann", NOON, scope=scope)
    for name, stopped in (("spring", spring), ("roofs", roofs), ("rival", rival)):
        facts = await office.facts(name)
        assert facts.internal_dnc is stopped, name
        assert facts.refusals == ((NOON,) if stopped else ()), name


async def test_switches_of_all_and_of_this_campaign_and_none_that_is_over(office: Office) -> None:
    async with office.db.begin() as tx:
        for name, only, act, end in (
            ("US-LA", None, "on", None),
            ("flood", None, "on", NOON),
            ("strike", "rival", "on", None),
            ("stock", "spring", "on", NOON + DAY),
            ("fire", None, "on", None),
            ("fire", None, "off", None),
        ):
            await tx.switches.write(SwitchAct(name, only, act, None, end, "test", NOON - DAY, "ann"))  # type: ignore[arg-type]
    assert (await office.facts()).switches == {
        "US-LA": Switch(),
        "spring: stock": Switch(True, None, NOON + DAY),
    }
    assert set((await office.facts("rival")).switches or ()) == {"US-LA", "rival: strike"}


async def test_nobody_is_called_before_the_campaign_starts(office: Office) -> None:
    later = campaign("later", start=NOON + DAY)
    facts, _ = await office.dossier.facts(CALLEE, later, NOON)
    assert facts.switches == {"later: not before its start": Switch(True, None, NOON + DAY)}
    facts, _ = await office.dossier.facts(CALLEE, later, NOON + DAY)
    assert facts.switches == {}


async def test_what_is_known_of_the_person_goes_before_what_the_campaign_takes_for_granted(office: Office) -> None:
    async with office.db.begin() as tx:
        change = PartyFacts("US-FL", "33101", Party.BUSINESS)
        await tx.known.set(CALLEE, "ann", NOON, change=change)
        await tx.known.set(CALLEE, "ann", NOON, change=PartyFacts(region="US-GA"), forget=frozenset({"postal_code"}))
    facts = await office.facts()
    assert (facts.region, facts.postal_code, facts.party) == ("US-GA", None, Party.BUSINESS)
    stated = await office.facts(region="US-TX", postal_code="75001")
    assert (stated.region, stated.postal_code) == ("US-TX", "75001")


async def test_the_relationship_that_lasts_longest_is_the_one(office: Office) -> None:
    async with office.db.begin() as tx:
        for kind, seller, days in (("inquiry", "Acme", 10), ("purchase", "Acme", 400), ("purchase", "Rival", 1)):
            await tx.relationships.record(CALLEE, kind, seller, NOON - days * DAY, "ann", NOON)  # type: ignore[arg-type]
    assert (await office.facts()).relationship == Relationship(RelationshipKind.PURCHASE, NOON - 400 * DAY)
    async with office.db.begin() as tx:
        await tx.relationships.record(CALLEE, "ended", "Acme", NOON - 5 * DAY, "ann", NOON)
    assert (await office.facts()).relationship is None
    async with office.db.begin() as tx:
        await tx.relationships.record(CALLEE, "inquiry", "Acme", NOON - DAY, "ann", NOON)
    assert (await office.facts()).relationship == Relationship(RelationshipKind.INQUIRY, NOON - DAY)


async def test_lists_are_asked_and_a_damaged_one_is_an_error(office: Office) -> None:
    facts = await office.facts()
    assert facts.registries == office.lists.found
    assert facts.reassigned == office.lists.answer
    office.lists.damaged = True
    with pytest.raises(RegistryDamaged):
        await office.facts()


async def test_the_digest_changes_with_a_fact_and_hides_the_number(office: Office) -> None:
    spring = office.campaigns["spring"]
    facts, before = await office.dossier.facts(CALLEE, spring, NOON)
    assert (await office.dossier.facts(CALLEE, spring, NOON))[1] == before
    await office.call(NOON - DAY)
    assert (await office.dossier.facts(CALLEE, spring, NOON))[1] != before
    assert facts.digest(b"\0" * 32) != before


async def test_it_reads_in_the_unit_of_work_it_is_given(office: Office) -> None:
    async with office.db.begin() as tx:
        await tx.dnc.add(CALLEE, "office", "letter", "asked", None, "ann", NOON)
        inside, _ = await office.dossier.facts(CALLEE, office.campaigns["spring"], NOON, tx=tx)
        outside, _ = await office.dossier.facts(CALLEE, office.campaigns["spring"], NOON)
    assert (inside.internal_dnc, outside.internal_dnc) == (True, False)


async def test_a_seller_written_otherwise_is_the_same_for_whatever_forbids(office: Office) -> None:
    async with office.db.begin() as tx:
        shouting = await tx.campaigns.add(campaign("shouting", seller="ACME"))
    office.campaigns["shouting"] = shouting
    async with office.db.begin() as tx:
        await tx.relationships.record(CALLEE, "purchase", "Acme", NOON - 9 * DAY, "ann", NOON)
        await tx.relationships.record(CALLEE, "ended", " acme", NOON - 8 * DAY, "ann", NOON)
        terms = Withdrawal(channel="phone", at=NOON - 3 * DAY, seller="acme")
        await withdraw(tx, CALLEE, terms, packs=PACKS, by="ann", now=NOON)
        await tx.dnc.add(OTHER, "office", "cli", "asked", None, "ann", NOON, scope=Unwanted(seller="acme "))
    await office.call(NOON - 2 * DAY, "shouting")
    facts = await office.facts()
    assert facts.refusals == (NOON - 3 * DAY,)
    assert facts.attempts == (NOON - 2 * DAY,)
    assert facts.relationship is None
    assert (await office.facts(number=OTHER)).internal_dnc
    assert not (await office.facts("rival", number=OTHER)).internal_dnc
    assert Unwanted("Cafe\u0301 Nord", "Roofs").stops("CAF\u00c9  nord", "roofs")
    assert not Unwanted("Acme", "Roofs").stops("Acme", "roof")
    assert (await office.facts("rival")).attempts == ()


async def test_a_switch_that_was_rolled_back_was_never_thrown(office: Office) -> None:
    """Its place in the ledger goes to the next word, which is another."""

    async def throw(act: Literal["on", "off"], tx: Transaction) -> None:
        await tx.switches.write(SwitchAct("all", None, act, None, None, "storm", NOON, "ann"))

    async def throw_and_fail() -> None:
        async with office.db.begin() as tx:
            await throw("off", tx)
            assert (await office.facts(tx=tx)).switches == {}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await throw_and_fail()
    async with office.db.begin() as tx:
        await throw("on", tx)
    assert (await office.facts()).switches == {"all": Switch(True)}

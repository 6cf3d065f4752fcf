"""What a call writes about itself is what happened: why it was denied, and what was answered, with its trace."""

import asyncio
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from ari_app.books import ASK_AGAIN, TOO_OLD, Books
from ari_app.call.events import (
    Answer,
    AttemptCommitted,
    AttemptRefused,
    Event,
    GateAllowed,
    GateDenied,
    OptOutWritten,
)
from ari_app.order import Order, plan_of
from ari_app.prompts import Prompts
from ari_app.recovery import recover
from compliance.facts import Abandonment, Facts
from compliance.verdict import Decision, Obligation, ObligationKind, RecordingMode, Verdict
from storage.canonical import canonical
from storage.database import Database
from storage.errors import LedgerConflict
from storage.ledger.attempts import Attempt, AttemptState
from storage.ledger.journal import KeptOptOut, OptOutJournal
from storage.ledger.party_facts import PartyFacts
from tests.storage.builders import CALLEE, planned, verdict
from tests.storage.office import DAY, NOON, Office, imported

if TYPE_CHECKING:
    from ari_app.conductor import Conductor
    from compliance import Gate


@dataclass
class Rules:
    """A gate that listens to the opt-out list alone, and asks what it is told to."""

    owed: tuple[Obligation, ...] = ()
    closes: datetime | None = None

    def check(self, facts: Facts) -> Verdict:
        shut = self.closes is not None and facts.at is not None and facts.at >= self.closes
        found = verdict(Decision.DENY if facts.internal_dnc or shut else Decision.ALLOW)
        places = tuple(region for region in (facts.region,) if region is not None)
        return replace(found, obligations=self.owed, recording=replace(found.recording, jurisdictions=places))


@dataclass
class Call:
    """The books of a call to CALLEE, and what they have posted."""

    office: Office
    books: Books
    attempt: str
    posted: list[Event]
    away: str = ""

    async def ended(self, disposition: str, detail: str = "") -> Attempt:
        await self.books.end_attempt(disposition, detail)
        return await self.now()

    async def now(self) -> Attempt:
        async with self.office.db.read() as tx:
            return await tx.attempts.get(self.attempt)


async def call_of(db: Database, folder: Path, rules: Rules | None = None) -> Call:
    office = await Office(db).open()
    attempt = await planned(db, datetime.now(UTC))
    async with db.read() as tx:
        found = await tx.attempts.get(attempt)
    campaign = office.campaigns["spring"]
    order = Order(attempt, found.party_id, CALLEE, campaign, "alice", plan_of(campaign, 20, agent_called_us=False))
    posted: list[Event] = []

    async def agent_trouble() -> str:
        return call.away

    gate = cast("Gate", rules or Rules())
    journal = OptOutJournal(folder / "journal")
    books = Books(db, gate, Prompts(folder), order, office.dossier, lambda: "", agent_trouble, journal, posted.append)
    return (call := Call(office, books, attempt, posted))


async def books_of(db: Database, folder: Path) -> Call:
    """A call that the gate has allowed."""
    call = await call_of(db, folder)
    call.books.take_over(verdict())
    return call


async def test_nothing_came_in_between_and_the_verdict_stands_with_its_facts(db: Database, tmp_path: Path) -> None:
    call = await call_of(db, tmp_path)
    await call.books.check_gate()
    await call.books.commit_attempt()
    assert call.posted == [GateAllowed(RecordingMode.NOTICE, False), AttemptCommitted()]
    committed = await call.now()
    assert committed.state is AttemptState.DIALLING
    assert committed.verdict is not None
    assert (committed.verdict.allowed, committed.verdict.pack) == (True, "test-1")
    assert committed.facts_digest is not None


async def test_who_opts_out_between_the_gate_and_the_commit_is_not_dialled(db: Database, tmp_path: Path) -> None:
    call = await call_of(db, tmp_path)
    await call.books.check_gate()
    async with db.begin() as tx:
        await tx.dnc.add(CALLEE, "office", "letter", "asked", None, "ann", NOON)
    await call.books.commit_attempt()
    refused = call.posted[-1]
    assert isinstance(refused, AttemptRefused)
    assert "on our own list" in refused.reason
    assert (await call.now()).state is AttemptState.PENDING


async def test_facts_that_change_without_a_no_are_those_the_call_is_committed_with(
    db: Database, tmp_path: Path
) -> None:
    call = await call_of(db, tmp_path)
    await call.books.check_gate()
    call.office.lists.versions = (imported(),)
    call.office.lists.found = {}
    await call.books.commit_attempt()
    assert call.posted[-1] == AttemptCommitted()
    before = (await call.now()).facts_digest
    facts, digest = await call.office.dossier.facts(CALLEE, call.office.campaigns["spring"], NOON)
    assert facts.registries == {}
    assert before != digest, "another instant"


async def test_a_call_that_would_owe_something_else_now_is_asked_for_anew(db: Database, tmp_path: Path) -> None:
    call = await call_of(db, tmp_path)
    await call.books.check_gate()
    async with db.begin() as tx:
        await tx.known.set(CALLEE, "ann", NOON, change=PartyFacts(region="DE"))
    await call.books.commit_attempt()
    assert call.posted[-1] == AttemptRefused("what the call owes has changed a moment ago; ask for it again")


async def test_a_campaign_that_changes_between_the_gate_and_the_commit_is_asked_about_anew(
    db: Database, tmp_path: Path
) -> None:
    """The verdict was on the campaign as it was; it must not stand beside the version that nobody asked about."""
    call = await call_of(db, tmp_path)
    await call.books.check_gate()
    async with db.begin() as tx:
        await tx.campaigns.change(replace(call.office.campaigns["spring"], double_opt_in=True), "ann")
    await call.books.commit_attempt()
    assert isinstance(call.posted[-1], AttemptRefused)
    assert "campaign" in call.posted[-1].reason
    assert (await call.now()).state is AttemptState.PENDING


async def test_a_verdict_that_waited_for_the_ledger_is_asked_for_anew(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing came in between but time: the calling hours may be over."""
    rules = Rules()
    call = await call_of(db, tmp_path, rules)
    await call.books.check_gate()
    assert call.books.may_dial()
    rules.closes = then = datetime.now(UTC) + ASK_AGAIN
    monkeypatch.setattr("ari_app.books._now", lambda: then)
    await call.books.commit_attempt()
    assert isinstance(call.posted[-1], AttemptRefused)
    assert (await call.now()).state is AttemptState.PENDING


@pytest.mark.parametrize("later", [TOO_OLD, timedelta(hours=-1)])
async def test_nobody_may_be_dialled_on_a_verdict_of_another_time(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: timedelta
) -> None:
    call = await call_of(db, tmp_path)
    assert not call.books.may_dial(), "the gate was not asked"
    await call.books.check_gate()
    await call.books.commit_attempt()
    assert call.books.may_dial()
    then = datetime.now(UTC) + later
    monkeypatch.setattr("ari_app.books._now", lambda: then)
    assert not call.books.may_dial()


async def test_without_the_gates_answer_nothing_is_committed(db: Database, tmp_path: Path) -> None:
    call = await call_of(db, tmp_path)
    await call.books.commit_attempt()
    assert call.posted == [AttemptRefused("no verdict")]


async def test_an_agent_whose_phone_is_away_is_no_agent(db: Database, tmp_path: Path) -> None:
    call = await call_of(db, tmp_path)
    call.away = "heedline.agent: the phone of alice is not registered"
    await call.books.check_gate()
    assert call.posted == [GateDenied("heedline.agent: the phone of alice is not registered")]


async def test_a_consent_the_call_rests_on_is_on_file_as_used(db: Database, tmp_path: Path) -> None:
    call = await call_of(db, tmp_path, Rules((Obligation(ObligationKind.LOG_CONSENT_USE),)))
    async with db.begin() as tx:
        party = await tx.parties.ensure(CALLEE)
        await tx.consents.add(party, "express", "survey", "grant", {}, None, NOON - DAY, "callee", seller="Acme")
        await tx.consents.add(party, "express", "survey", "grant", {}, None, NOON - DAY, "callee", seller="Rival")
    await call.books.check_gate()
    await call.books.commit_attempt()
    async with db.read() as tx:
        (use,) = await tx.consents.uses_of(party)
    assert use.attempt_id == call.attempt


async def test_what_came_of_a_call_is_counted_when_it_ends(db: Database, tmp_path: Path) -> None:
    call = await call_of(db, tmp_path)
    await call.books.check_gate()
    await call.books.commit_attempt()
    async with db.begin() as tx:
        await tx.events.append(call.attempt, 0, NOON, "LegAnswered", {"leg": "callee"})
        await tx.events.append(call.attempt, 1, NOON + DAY, "Digit", {"leg": "callee", "digit": "9"})
    await call.ended("opted_out")
    facts = await call.office.facts(at=datetime.now(UTC))
    assert facts.abandonment == Abandonment(answered=1, abandoned=1)
    assert len(facts.silent_calls or ()) == 1


async def test_denied_for_want_of_a_recorder_says_so_and_not_that_the_rules_denied_it(
    db: Database, tmp_path: Path
) -> None:
    call = await call_of(db, tmp_path)
    await call.books.check_gate()
    ended = await call.ended("denied", "heedline.recording: the recorder is not running")
    assert (ended.disposition, ended.detail) == ("denied", "heedline.recording: the recorder is not running")


async def test_a_consent_leaves_its_digest_in_the_audit_log(db: Database, tmp_path: Path) -> None:
    call = await books_of(db, tmp_path)
    attempt = call.attempt
    await call.books.write_consent(Answer.GRANTED, {"prompt": "consent_ask"}, "1")
    async with db.read() as tx:
        party = (await tx.attempts.get(attempt)).party_id
        (consent,) = await tx.consents.of(party)
        logged = [json.loads(entry.data) async for entry in tx.audit.entries() if "consent" in entry.tag]
    digest = hashlib.sha256(canonical(consent.evidence).encode()).hexdigest()
    assert logged == [{"attempt": attempt, "consent": consent.id, "act": "grant", "evidence": digest}]
    assert consent.evidence["key"] == "1"


async def test_no_conductor_dials_while_an_opt_out_in_its_journal_is_refused(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await books_of(db, tmp_path)
    journal = OptOutJournal(tmp_path / "journal")
    journal.keep(KeptOptOut(call.attempt, "callee_key_9", "callee"))

    async def refuse(*_: object) -> None:
        raise LedgerConflict("for another number")

    monkeypatch.setattr("ari_app.recovery.tell_opt_out", refuse)
    with pytest.raises(LedgerConflict):
        await recover(cast("Conductor", SimpleNamespace(database=db, journal=journal)))
    assert [kept.attempt for kept in journal.kept()] == [call.attempt]


async def test_an_opt_out_that_waits_for_the_ledger_is_in_the_journal_meanwhile(db: Database, tmp_path: Path) -> None:
    call = await books_of(db, tmp_path)
    journal = OptOutJournal(tmp_path / "journal")
    async with db.begin():
        telling = asyncio.create_task(call.books.write_opt_out("callee_key_9"))
        async with asyncio.timeout(5):
            while not (kept := journal.kept()):
                await asyncio.sleep(0.01)
        mode = (tmp_path / "journal").stat().st_mode & 0o777
        assert call.posted == []
    await telling
    assert call.posted == [OptOutWritten(created=True, cancelled=1)]
    assert kept == [KeptOptOut(call.attempt, "callee_key_9", "callee")]
    assert mode == 0o600
    assert not (tmp_path / "journal").exists(), "the ledger has it"


async def test_an_opt_out_the_ledger_takes_at_once_leaves_no_journal(db: Database, tmp_path: Path) -> None:
    call = await books_of(db, tmp_path)
    await call.books.write_opt_out("agent_star_9")
    assert not (tmp_path / "journal").exists()


@pytest.mark.parametrize(
    "torn", [b'{"attempt": "01M7', b"\xff\xfe", b"[]", b'{"attempt":"x","source":"a","who":"b"}', b"x" * 600]
)
def test_a_torn_line_of_the_journal_hides_no_other(tmp_path: Path, torn: bytes) -> None:
    journal = OptOutJournal(tmp_path / "journal")
    whole = KeptOptOut("01M7ZVFSAMGH5PJ44AYQJW7RTK", "callee_key_9", "callee")
    journal.keep(whole)
    with (tmp_path / "journal").open("ab") as file:
        file.write(torn + b"\n")
    journal.keep(whole)
    assert journal.kept() == [whole, whole]
    journal.forget(whole.attempt)
    assert journal.kept() == []
    assert (tmp_path / "journal").read_bytes() == torn.replace(b"\n", b"") + b"\n"

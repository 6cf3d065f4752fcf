"""What a call writes about itself is what happened: why it was denied, and what was answered, with its trace."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ari_app.books import Books, Places
from ari_app.call.events import Answer, Event, OptOutWritten
from ari_app.order import Order, plan_of
from ari_app.prompts import Prompts
from compliance import DIALLING_RULES, Gate, load_packs
from storage.canonical import canonical
from storage.database import Database
from storage.ledger.journal import KeptOptOut, OptOutJournal
from tests.storage.builders import CALLEE, planned, verdict


async def books_of(db: Database, folder: Path, posted: list[Event]) -> tuple[Books, str]:
    attempt = await planned(db, datetime.now(UTC))
    async with db.read() as tx:
        campaign, found = await tx.campaigns.get("spring"), await tx.attempts.get(attempt)
    order = Order(attempt, found.party_id, CALLEE, campaign, "alice", plan_of(campaign, 20, agent_called_us=False))
    gate, places = Gate(DIALLING_RULES, load_packs()), Places("US-NY", "US-NY", "US-NY")
    books = Books(
        db, gate, Prompts(folder), order, places, lambda: "", OptOutJournal(folder / "journal"), posted.append
    )
    books.take_over(verdict())
    return books, attempt


async def test_denied_for_want_of_a_recorder_says_so_and_not_that_the_rules_denied_it(
    db: Database, tmp_path: Path
) -> None:
    books, attempt = await books_of(db, tmp_path, [])
    await books.check_gate()
    books.take_over(verdict())  # at an hour at which the rules say yes
    await books.end_attempt("denied", "heedline.recording: the recorder is not running")
    async with db.read() as tx:
        ended = await tx.attempts.get(attempt)
    assert (ended.disposition, ended.detail) == ("denied", "heedline.recording: the recorder is not running")


async def test_a_consent_leaves_its_digest_in_the_audit_log(db: Database, tmp_path: Path) -> None:
    books, attempt = await books_of(db, tmp_path, [])
    await books.write_consent(Answer.GRANTED, {"prompt": "consent_ask"}, "1")
    async with db.read() as tx:
        party = (await tx.attempts.get(attempt)).party_id
        (consent,) = await tx.consents.of(party)
        logged = [json.loads(entry.data) async for entry in tx.audit.entries() if "consent" in entry.tag]
    digest = hashlib.sha256(canonical(consent.evidence).encode()).hexdigest()
    assert logged == [{"attempt": attempt, "consent": consent.id, "act": "grant", "evidence": digest}]
    assert consent.evidence["key"] == "1"


async def test_an_opt_out_that_waits_for_the_ledger_is_in_the_journal_meanwhile(db: Database, tmp_path: Path) -> None:
    posted: list[Event] = []
    books, attempt = await books_of(db, tmp_path, posted)
    journal = OptOutJournal(tmp_path / "journal")
    async with db.begin():
        telling = asyncio.create_task(books.write_opt_out("callee_key_9"))
        async with asyncio.timeout(5):
            while not (kept := journal.kept()):
                await asyncio.sleep(0.01)
        mode = (tmp_path / "journal").stat().st_mode & 0o777
        assert posted == []
    await telling
    assert posted == [OptOutWritten(created=True, cancelled=1)]
    assert kept == [KeptOptOut(attempt, "callee_key_9", "callee")]
    assert mode == 0o600
    assert not (tmp_path / "journal").exists(), "the ledger has it"


async def test_an_opt_out_the_ledger_takes_at_once_leaves_no_journal(db: Database, tmp_path: Path) -> None:
    books, _ = await books_of(db, tmp_path, [])
    await books.write_opt_out("agent_star_9")
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

"""What a call writes about itself is what happened: why it was denied, and what was answered, with its trace."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from ari_app.books import Books, Places
from ari_app.call.events import Answer, Event
from ari_app.order import Order, plan_of
from ari_app.prompts import Prompts
from compliance import DIALLING_RULES, Gate, load_packs
from storage.canonical import canonical
from storage.database import Database
from tests.storage.builders import CALLEE, planned, verdict


async def books_of(db: Database, folder: Path, posted: list[Event]) -> tuple[Books, str]:
    attempt = await planned(db, datetime.now(UTC))
    async with db.read() as tx:
        campaign, found = await tx.campaigns.get("spring"), await tx.attempts.get(attempt)
    order = Order(attempt, found.party_id, CALLEE, campaign, "alice", plan_of(campaign, 20, agent_called_us=False))
    gate, places = Gate(DIALLING_RULES, load_packs()), Places("US-NY", "US-NY", "US-NY")
    books = Books(db, gate, Prompts(folder), order, places, lambda: "", posted.append)
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

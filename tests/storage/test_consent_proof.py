"""A proof says what was agreed to, and any change to it shows, with nothing but the public key."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.audit import AuditTag, CheckpointSigner, VerifierKey
from storage.canonical import canonical
from storage.consent.inclusion import Levels
from storage.consent.opt_in import confirm_by_token, request
from storage.consent.outbox import enqueue
from storage.consent.proof import NothingOnFile, prove, written
from storage.consent.signed import BadProof, ProofSigner
from storage.consent.tokens import OptInKeys
from storage.consent.verify import verify
from storage.database import Database
from storage.merkle import inclusion_proof, leaf_hash
from tests.storage.builders import CALLEE, OTHER, planned
from tests.storage.test_consent_ledger import grant, recorded, withdrawn

KEYS = OptInKeys(b"c" * 32)
PROOFS = ProofSigner("main", b"n" * 32)


async def lived(db: Database, now: datetime) -> None:
    """A person's history: asked, confirmed, called, withdrawn, given anew; and somebody else's in between."""
    async with db.begin() as tx:
        made = await request(tx, KEYS, CALLEE, grant(now), life=timedelta(hours=1), by="cli:ann", now=now)
        await enqueue(tx, KEYS, made.act.id, "smtp", "ann@example.org", now)
    await recorded(db, now, OTHER)
    async with db.begin() as tx:
        await confirm_by_token(tx, KEYS, made.token, by="callee", now=now)
    attempt = await planned(db, now)
    async with db.begin() as tx:
        assert await tx.consents.use(made.act.party_id, attempt, now + timedelta(days=1)) == 1
    await withdrawn(db, now + timedelta(days=2))
    await recorded(db, now + timedelta(days=3))


async def proved(db: Database, signer: CheckpointSigner, now: datetime) -> dict[str, Any]:
    await lived(db, now)
    at = now + timedelta(days=4)
    return await prove(db, CALLEE, keys=KEYS, signer=signer, proofs=PROOFS, by="cli:ann", now=at)


async def test_a_proof_holds_with_the_public_key_alone(db: Database, signer: CheckpointSigner, now: datetime) -> None:
    content = written(await proved(db, signer, now))
    checked = verify(content, VerifierKey.parse(str(signer.key)))
    assert checked.findings == ()
    document = checked.document
    assert document["number"] == CALLEE.e164
    assert [act["act"] for act in document["acts"]] == ["grant", "confirm", "withdraw", "grant"]
    assert [held["stands"] for held in document["held"]] == [False, True]
    assert document["texts"][0]["text"].startswith("Acme may call me")
    assert document["messages"][0]["address"] == "ann@example.org"
    assert [use["consent"] for use in document["uses"]] == [document["acts"][0]["id"]]
    tags = [entry["tag"] for entry in document["audit"]["entries"]]
    assert tags == [
        f"{who}:consent:{did}"
        for who, did in (
            ("ledger", "request"),
            ("ledger", "confirm"),
            ("conductor", "use"),
            ("ledger", "withdraw"),
            ("ledger", "grant"),
            ("ledger", "prove"),
        )
    ]
    assert OTHER.e164 not in content.decode()


async def test_consents_to_be_recorded_are_part_of_it(db: Database, signer: CheckpointSigner, now: datetime) -> None:
    evidence: dict[str, object] = {"prompt": "record", "answer": "granted"}
    async with db.begin() as tx:
        party = await tx.parties.ensure(CALLEE)
        consent = await tx.consents.add(party, "recording", "survey", "grant", evidence, None, now, "callee")
        digest = hashlib.sha256(canonical(evidence).encode()).hexdigest()
        await tx.audit.append(AuditTag.CONSENT_WRITTEN, now, {"consent": consent, "evidence": digest})
        bare = await tx.consents.add(party, "recording", "survey", "refuse", {}, None, now, "callee")
    signed = await prove(db, CALLEE, keys=KEYS, signer=signer, proofs=PROOFS, by="a", now=now)
    findings = verify(written(signed), signer.key).findings
    assert findings == (f"act {bare} is not named, as it stands here, by any audit entry",)


def _break(path: tuple[Any, ...], value: object) -> Callable[[dict[str, Any]], None]:
    def change(signed: dict[str, Any]) -> None:
        at: Any = signed
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return change


CHANGES = [
    _break(("proof", "number"), OTHER.e164),
    _break(("proof", "acts", 2, "act"), "grant"),
    _break(("proof", "acts", 0, "evidence", "ip"), "203.0.113.10"),
    _break(("proof", "texts", 0, "text"), "Acme may never call me."),
    _break(("proof", "uses"), []),
    _break(("proof", "audit", "entries", 0, "path"), []),
    _break(("proof", "held", 0, "stands"), True),
    lambda signed: signed["proof"]["acts"].pop(2),
    lambda signed: signed["proof"]["audit"]["entries"].pop(3),
    lambda signed: signed["proof"]["acts"].reverse(),
]


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_changed_shows_and_so_does_a_maker_who_lies(
    db: Database, signer: CheckpointSigner, now: datetime, change: Callable[[dict[str, Any]], None]
) -> None:
    signed = json.loads(written(await proved(db, signer, now)))
    change(signed)
    with pytest.raises(BadProof, match="changed after it was signed"):
        verify(written(signed), signer.key)
    if change is CHANGES[0]:
        return  # the number is the maker's word: the log knows it by a keyed hash only
    signed["note"] = PROOFS.sign(signed["proof"])
    assert verify(written(signed), signer.key).findings


async def test_a_withdrawal_that_was_taken_out_of_the_ledger_shows_in_the_proof(
    db: Database, ledger_file: Path, signer: CheckpointSigner, now: datetime
) -> None:
    await recorded(db, now)
    await withdrawn(db, now + timedelta(days=1))
    with closing(sqlite3.connect(ledger_file)) as forger:
        forger.execute("DROP TRIGGER consents_no_delete")
        forger.execute("DELETE FROM consents WHERE act = 'withdraw'")
        forger.commit()
    at = now + timedelta(days=2)
    signed = await prove(db, CALLEE, keys=KEYS, signer=signer, proofs=PROOFS, by="a", now=at)
    (finding,) = verify(written(signed), signer.key).findings
    assert "an act that is not shown" in finding


async def test_another_key_or_log_or_spelling_is_refused(db: Database, signer: CheckpointSigner, now: datetime) -> None:
    signed = await proved(db, signer, now)
    content = written(signed)
    with pytest.raises(BadProof, match="not signed by this key"):
        verify(content, CheckpointSigner(signer.origin, b"x" * 32).key)
    with pytest.raises(BadProof, match="another audit log"):
        verify(content, replace(signer.key, name="heedline/other/audit"))
    for other in (json.dumps(signed, indent=1).encode(), content + b" ", b"{}", b"", b"\xff", b"[" * 100_000):
        with pytest.raises(BadProof):
            verify(other, signer.key)
    for note in ("", signed["note"].replace("— ", "- "), signed["note"] + signed["note"]):
        with pytest.raises(BadProof):
            verify(written({**signed, "note": note}), signer.key)


@pytest.mark.parametrize("path", [("acts",), ("audit",), ("acts", 0, "at"), ("made_at",), ("audit", "checkpoint")])
async def test_a_signed_document_without_its_form_is_refused_and_not_crashed_on(
    db: Database, signer: CheckpointSigner, now: datetime, path: tuple[Any, ...]
) -> None:
    signed = json.loads(written(await proved(db, signer, now)))
    _break(("proof", *path), 7)(signed)
    signed["note"] = PROOFS.sign(signed["proof"])
    with pytest.raises(BadProof):
        verify(written(signed), signer.key)


async def test_a_number_without_consents_has_no_proof_and_leaves_no_entry(
    db: Database, signer: CheckpointSigner, now: datetime
) -> None:
    with pytest.raises(NothingOnFile):
        await prove(db, CALLEE, keys=KEYS, signer=signer, proofs=PROOFS, by="a", now=now)
    async with db.read() as tx:
        assert await tx.audit.size() == 0


@given(st.integers(1, 70), st.data())
def test_paths_are_those_of_rfc_6962(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    assert Levels(leaves).path(index) == inclusion_proof(leaves, index)

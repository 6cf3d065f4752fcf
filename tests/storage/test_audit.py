"""Whatever is done to the log behind our back is found, and named by its seq."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.audit import (
    AuditTag,
    BadCheckpoint,
    CheckpointSigner,
    Report,
    Trouble,
    VerifierKey,
    origin_of,
    read_note,
    verify,
    without_numbers,
)
from storage.audit.entry import entry_hash
from storage.database import Database, sqlite_url
from storage.errors import AuditBroken, BadAuditData
from storage.merkle import root
from storage.numbers import NumberKeys

ENTRIES = 90  # a checkpoint signs itself at 64, another is asked for at 80; ten are not covered
COVERED = 80
NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
Rows = list[list[object]]
SEQ, AT, TAG, DATA, PREVIOUS, HASH = range(6)


@pytest.fixture(scope="module")
def template(
    empty_ledger: Path, keys: NumberKeys, signer: CheckpointSigner, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    file = Path(shutil.copy(empty_ledger, tmp_path_factory.mktemp("audit") / "ledger.sqlite3"))

    async def fill() -> None:
        db = await Database.open(sqlite_url(file), keys, signer)
        for n in range(ENTRIES):
            async with db.begin() as tx:
                await tx.audit.append(AuditTag.DNC_ADDED, NOW + timedelta(seconds=n), {"n": n, "who": "ann"})
                if n == COVERED - 1:
                    await tx.audit.checkpoint(signer, NOW)
        await db.close()

    asyncio.run(fill())
    return file


@pytest.fixture(scope="module")
def after(template: Path, keys: NumberKeys, signer: CheckpointSigner) -> Callable[..., Report]:
    """The report on a copy of the log whose rows somebody has been at."""

    def run(change: Callable[[Rows], Rows], witnessed: tuple[str, ...] = (), also: str = "") -> Report:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(shutil.copy(template, folder))
            tamper(file, change, also)
            return asyncio.run(report_on(file, keys, signer.key, witnessed))

    return run


def tamper(file: Path, change: Callable[[Rows], Rows], also: str = "") -> None:
    with closing(sqlite3.connect(file)) as db:
        for verb in ("update", "delete"):
            db.execute(f"DROP TRIGGER audit_no_{verb}")
            db.execute(f"DROP TRIGGER audit_checkpoints_no_{verb}")
        rows = [list(row) for row in db.execute("SELECT * FROM audit ORDER BY seq")]
        db.execute("DELETE FROM audit")
        db.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", change(rows))
        db.executescript(also)
        db.commit()


async def report_on(file: Path, keys: NumberKeys, key: VerifierKey, witnessed: tuple[str, ...] = ()) -> Report:
    db = await Database.open(sqlite_url(file), keys)
    try:
        async with db.read() as tx:
            return await verify(tx, (key,), witnessed)
    finally:
        await db.close()


def names(report: Report, seq: int) -> bool:
    return any(found.first <= seq <= found.last for found in report.findings)


def rehash(rows: Rows, start: int) -> Rows:
    """What a careful forger does: every hash from `start` on made to fit again."""
    for index in range(start, len(rows)):
        row = rows[index]
        row[PREVIOUS] = rows[index - 1][HASH] if index else bytes(32)
        row[HASH] = entry_hash(row[SEQ], row[AT], row[TAG], row[DATA], row[PREVIOUS])  # type: ignore[arg-type]
    return rows


SEQS = st.integers(0, ENTRIES - 1)


def test_an_untouched_log_is_sound(after: Callable[..., Report]) -> None:
    report = after(lambda rows: rows)
    assert report.sound
    assert (report.entries, report.checkpoints, report.covered, report.uncovered) == (90, 2, 80, 10)


@settings(max_examples=120, deadline=None)
@given(seq=SEQS, column=st.sampled_from([AT, TAG, DATA, PREVIOUS, HASH]), data=st.data())
def test_any_flipped_byte_is_named(after: Callable[..., Report], seq: int, column: int, data: st.DataObject) -> None:
    flip = data.draw(st.integers(1, 127))

    def change(rows: Rows) -> Rows:
        value = rows[seq][column]
        if isinstance(value, int):
            rows[seq][column] = value ^ flip
        else:
            raw = bytearray(value.encode() if isinstance(value, str) else value)  # type: ignore[arg-type]
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= flip
            rows[seq][column] = raw.decode("latin-1") if isinstance(value, str) else bytes(raw)
        return rows

    report = after(change)
    assert [(found.trouble, found.first, found.last) for found in report.findings] == [(Trouble.CHANGED, seq, seq)]


@settings(max_examples=60, deadline=None)
@given(
    seq=SEQS, column=st.sampled_from([AT, TAG, DATA, PREVIOUS, HASH]), value=st.sampled_from([1.5, b"x", "x", 2**62])
)
def test_a_value_of_another_type_is_named(after: Callable[..., Report], seq: int, column: int, value: object) -> None:
    def change(rows: Rows) -> Rows:
        rows[seq][column] = value
        return rows

    report = after(change)
    assert names(report, seq)
    assert len(report.findings) <= 2


@settings(max_examples=80, deadline=None)
@given(first=st.integers(0, ENTRIES - 2), data=st.data())
def test_deleted_entries_are_named(after: Callable[..., Report], first: int, data: st.DataObject) -> None:
    last = data.draw(st.integers(first, ENTRIES - 2))
    report = after(lambda rows: rows[:first] + rows[last + 1 :])
    found = [(f.trouble, f.first, f.last) for f in report.findings]
    assert found == [(Trouble.MISSING, first, last)]


@settings(max_examples=80, deadline=None)
@given(SEQS, SEQS, st.booleans())
def test_two_swapped_entries_are_named(after: Callable[..., Report], one: int, other: int, whole: bool) -> None:
    def change(rows: Rows) -> Rows:
        columns = slice(AT, HASH + 1) if whole else slice(AT, DATA + 1)
        rows[one][columns], rows[other][columns] = rows[other][columns], rows[one][columns]
        return rows

    report = after(change)
    if one == other:
        assert report.sound
        return
    trouble = Trouble.REORDERED if whole else Trouble.CHANGED
    assert {(trouble, one), (trouble, other)} <= {(f.trouble, f.first) for f in report.findings}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, COVERED - 1))
def test_a_log_cut_behind_its_checkpoint_names_what_is_gone(after: Callable[..., Report], size: int) -> None:
    report = after(lambda rows: rows[:size])
    assert [(f.trouble, f.first, f.last) for f in report.findings] == [
        (Trouble.MISSING, size, (64 if size < 64 else 80) - 1)
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, COVERED - 1))
def test_a_careful_forger_is_caught_by_the_signed_roots(after: Callable[..., Report], seq: int) -> None:
    """Every hash fits again; only the signature can't be made. The span since the last good root is named."""

    def change(rows: Rows) -> Rows:
        rows[seq][DATA] = '{"n":0,"who":"bob"}'
        return rehash(rows, seq)

    report = after(change)
    assert [f.trouble for f in report.findings[:1]] == [Trouble.REWRITTEN]
    assert names(report, seq)
    assert report.findings[0].first == (0 if seq < 64 else 64)


def test_an_appended_forgery_is_named(after: Callable[..., Report]) -> None:
    report = after(lambda rows: [*rows, [ENTRIES, 1, "ledger:dnc:revoke", "{}", bytes(32), bytes(32)]])
    assert [(f.trouble, f.first) for f in report.findings] == [(Trouble.CHANGED, ENTRIES)]
    forged = entry_hash(ENTRIES, 1, "ledger:dnc:revoke", "{}", bytes(32))
    report = after(lambda rows: [*rows, [ENTRIES, 1, "ledger:dnc:revoke", "{}", bytes(32), forged]])
    assert [(f.trouble, f.first) for f in report.findings] == [(Trouble.UNLINKED, ENTRIES)]


def test_a_well_chained_forgery_at_the_end_counts_as_not_covered(after: Callable[..., Report]) -> None:
    """Nothing signed can contradict it: the report says that it is held by the chain alone."""

    def change(rows: Rows) -> Rows:
        return rehash([*rows, [ENTRIES, 1, "ledger:dnc:revoke", "{}", b"", b""]], ENTRIES)

    report = after(change)
    assert report.sound
    assert report.uncovered == 11


def test_a_forged_entry_far_beyond_the_end(after: Callable[..., Report]) -> None:
    report = after(lambda rows: [*rows, [2**50, 1, "t", "{}", bytes(32), bytes(32)]])
    assert [(f.trouble, f.first) for f in report.findings] == [(Trouble.MISSING, ENTRIES), (Trouble.CHANGED, 2**50)]


def test_a_log_cut_with_its_checkpoints_is_shown_by_a_witness(
    after: Callable[..., Report], signer: CheckpointSigner
) -> None:
    notes: list[str] = []

    def change(rows: Rows) -> Rows:
        notes.append(signer.sign(COVERED, root(bytes(row[HASH]) for row in rows[:COVERED])))  # type: ignore[call-overload]
        return rows[:70]

    assert after(change, also="DELETE FROM audit_checkpoints WHERE size > 70").sound
    report = after(change, witnessed=(notes[0],), also="DELETE FROM audit_checkpoints WHERE size > 70")
    assert [(f.trouble, f.first, f.last) for f in report.findings] == [(Trouble.MISSING, 70, 79)]


@pytest.mark.parametrize(
    "change",
    [
        "note = replace(note, 'heedline', 'feedline')",
        "note = replace(note, '80', '81')",
        "note = 'x'",
        "note = x'ff00'",
        "note = 5",
        "peaks = x'00'",
        "peaks = zeroblob(64)",
        "peaks = 'text'",
        "size = 81",
    ],
)
def test_a_changed_checkpoint_is_named(after: Callable[..., Report], change: str) -> None:
    report = after(lambda rows: rows, also=f"UPDATE audit_checkpoints SET {change} WHERE size = 80")
    assert [f.trouble for f in report.findings] == [Trouble.BAD_CHECKPOINT]
    assert report.findings[0].first in (80, 81)
    assert report.covered == 64


def test_a_checkpoint_by_an_unknown_key_is_named(template: Path, keys: NumberKeys) -> None:
    stranger = CheckpointSigner(origin_of("main"), b"x" * 32)
    report = asyncio.run(report_on(template, keys, stranger.key))
    assert [f.trouble for f in report.findings] == [Trouble.BAD_CHECKPOINT] * 2


async def test_nothing_is_signed_over_a_broken_log_but_an_opt_out_still_goes_through(
    template: Path, tmp_path: Path, keys: NumberKeys, signer: CheckpointSigner
) -> None:
    file = Path(shutil.copy(template, tmp_path))

    def change(rows: Rows) -> Rows:
        rows[85][DATA] = "{}"
        return rows

    tamper(file, change)
    db = await Database.open(sqlite_url(file), keys, signer)
    with pytest.raises(AuditBroken, match="entry 85"):
        async with db.begin() as tx:
            await tx.audit.checkpoint(signer)
    for n in range(ENTRIES, 130):  # past 128, where a checkpoint was due
        async with db.begin() as tx:
            assert await tx.audit.append(AuditTag.DNC_ADDED, NOW, {"n": n}) == n
    async with db.read() as tx:
        report = await verify(tx, (signer.key,))
    assert [(f.trouble, f.first) for f in report.findings] == [(Trouble.CHANGED, 85)]
    assert report.checkpoints == 2
    await db.close()


async def test_signing_twice_gives_the_same_note(db: Database, signer: CheckpointSigner) -> None:
    async with db.begin() as tx:
        assert read_note(await tx.audit.checkpoint(signer), (signer.key,)).size == 0
        await tx.audit.append(AuditTag.DNC_ADDED, NOW, {})
        first = await tx.audit.checkpoint(signer)
        assert await tx.audit.checkpoint(signer) == first
        other = CheckpointSigner(signer.origin, b"o" * 32)
        assert read_note(await tx.audit.checkpoint(other), (other.key,)).size == 1
        assert len(await tx.audit.checkpoints()) == 2


@pytest.mark.parametrize(
    "value",
    [
        "+12125550123",
        "12125550123",
        "call 212 5550123 now",
        "+1 (212) 555-0123",
        "+44.20.7946.0000",
        "x" * 257,
        1.5,
        2**53,
        b"x",
        ["x"],
    ],
)
async def test_what_must_not_stand_in_the_log(db: Database, value: object) -> None:
    with pytest.raises(BadAuditData, match="audit data"):
        async with db.begin() as tx:
            await tx.audit.append(AuditTag.DNC_ADDED, NOW, {"value": value})  # type: ignore[dict-item]
    async with db.read() as tx:
        assert await tx.audit.size() == 0


@pytest.mark.parametrize(
    "value", ["01M7ZV5RWN2P15F5H3QVVEA1ZE", "0541234567144e44" * 4, "key 9", "2026-11-21T20:01", "", "naïve ☎"]
)
async def test_what_may_stand_in_the_log(db: Database, value: str) -> None:
    async with db.begin() as tx:
        await tx.audit.append(AuditTag.DNC_ADDED, NOW, {"value": value, "none": None, "yes": True})
    assert without_numbers(value) == value


@given(st.text(max_size=400))
def test_any_text_can_be_made_fit_for_the_log(text: str) -> None:
    from storage.audit.entry import checked_data

    cleaned = without_numbers(text).encode("utf-8", "ignore").decode()
    checked_data({"value": cleaned})


def test_a_note_is_the_c2sp_format(signer: CheckpointSigner) -> None:
    note = signer.sign(5, bytes(32))
    body, signature = note.split("\n\n")
    assert body == "heedline/main/audit\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert signature.startswith("— heedline/main/audit ")
    assert signature.endswith("\n")
    assert VerifierKey.parse(str(signer.key)) == signer.key
    # The key id of the example in https://c2sp.org/signed-note is made the same way.
    example = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert example.key_id.hex() == "c74f20a3"
    note = (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    with pytest.raises(BadCheckpoint, match="origin, size, root"):
        read_note(note, (example,))


@given(st.data())
def test_a_changed_note_is_refused(data: st.DataObject) -> None:
    signer = CheckpointSigner("heedline/main/audit", b"n" * 32)
    note = signer.sign(1280, b"r" * 32)
    position = data.draw(st.integers(0, len(note) - 1))
    letter = data.draw(st.characters(codec="ascii"))
    changed = note[:position] + letter + note[position + 1 :]
    if changed != note:
        with pytest.raises(BadCheckpoint):
            read_note(changed, (signer.key,))


def test_one_signature_has_one_text() -> None:
    """68 bytes leave four spare bits in the last letter of their base64: only zeros are taken."""
    signer = CheckpointSigner("heedline/main/audit", b"n" * 32)
    note = signer.sign(1280, b"r" * 32)
    last = note[-3]
    for letter in set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") - {last}:
        with pytest.raises(BadCheckpoint):
            read_note(f"{note[:-3]}{letter}=\n", (signer.key,))


@given(st.text(max_size=200))
def test_any_text_is_a_checkpoint_or_a_clear_refusal(text: str) -> None:
    key = VerifierKey("heedline/main/audit", bytes(32))
    for reader in (lambda: read_note(text, (key,)), lambda: VerifierKey.parse(text)):
        with pytest.raises(BadCheckpoint):
            reader()

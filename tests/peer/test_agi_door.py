"""What the AGI door offers a dialplan: durable before it is said, no to whatever is unclear, nothing lost."""

import asyncio
import json
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi.ending import look_after, sweep, tell_journal
from agi.variables import LONGEST, denied, obligations, plain
from compliance.errors import HeedlineError
from compliance.facts import Facts
from compliance.number import Number
from compliance.verdict import Obligation, ObligationKind, Verdict
from storage.ids import new_id
from storage.ledger.attempts import AttemptState
from storage.ledger.dialplan import is_dialplans
from storage.ledger.journal import KeptOptOut
from storage.ledger.recordings import RecordingState
from tests.peer.agi_world import SAID, Shop, hurried, open_shop
from tests.peer.agi_world import blank_ledger as blank_ledger
from tests.peer.agi_world import shop as shop
from tests.storage.builders import CALLEE, planned
from tests.storage.vault.world import now

NUMBER = CALLEE.e164


# ── the gate ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_attempt_is_durable_before_the_dialplan_hears_of_it(shop: Shop) -> None:
    dialplan = shop.dialplan()
    said = await dialplan.agi("gate", " (212) 555-0123 ", "spring")
    assert dialplan.order[-1] == "HEEDLINE_DECISION"
    assert (said["HEEDLINE_DECISION"], said["HEEDLINE_NUMBER"]) == ("allow", NUMBER)
    assert (said["HEEDLINE_CALLERID"], said["HEEDLINE_RING"], said["HEEDLINE_RECORDING"]) == (
        "+12125550100",
        "25",
        "notice",
    )
    attempt = await shop.attempt(said["HEEDLINE_ATTEMPT"])
    assert attempt.state is AttemptState.DIALLING
    assert is_dialplans(attempt)
    assert attempt.verdict is not None
    assert attempt.facts_digest
    async with shop.desk.database.read() as tx:
        assert [line.kind for line in await tx.events.of(attempt.id)] == [
            "InDialplan",
            "GateAllowed",
            "AttemptCommitted",
        ]


async def test_a_denial_says_why_and_is_on_file(shop: Shop) -> None:
    await shop.dialplan().agi("optout", NUMBER)
    said = await shop.dialplan().agi("gate", NUMBER, "spring")
    assert (said["HEEDLINE_DECISION"], said["HEEDLINE_ATTEMPT"]) == ("deny", "")
    assert said["HEEDLINE_REASON"].startswith("dnc.internal:")
    (attempt,) = await shop.attempts()
    assert (attempt.state, attempt.disposition) == (AttemptState.ENDED, "denied")


async def test_one_call_at_a_time_to_one_person(shop: Shop) -> None:
    both = await asyncio.gather(*(shop.dialplan().agi("gate", NUMBER, "spring") for _ in range(4)))
    assert sorted(said["HEEDLINE_DECISION"] for said in both) == ["allow", "deny", "deny", "deny"]


async def test_a_call_that_must_be_recorded_and_may_not_be_is_denied(shop: Shop) -> None:
    said = await shop.dialplan().agi("gate", NUMBER, "must")
    assert said["HEEDLINE_DECISION"] == "deny"
    assert "heedline.recording" in said["HEEDLINE_REASON"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (NUMBER,),
        (NUMBER, ""),
        ("", "spring"),
        (NUMBER, "autumn"),
        ("12", "spring"),
        (NUMBER, "spring", "more"),
        ("+12125550123;rm", "spring"),
        ("٣" * 10, "spring"),
        ("\udc80" * 3, "spring"),
        (NUMBER, "x" * 5000),
    ],
)
async def test_whatever_is_unclear_is_no_and_leaves_no_attempt(shop: Shop, arguments: tuple[str, ...]) -> None:
    lines = ["agi_network_script: gate", "agi_uniqueid: 1.1"] + [
        f"agi_arg_{n}: {a}" for n, a in enumerate(arguments, 1)
    ]
    raw = ("\n".join(lines) + "\n\n").encode("utf-8", "surrogateescape")
    said = await shop.dialplan().agi("gate", raw=raw)
    assert said["HEEDLINE_DECISION"] == "deny"
    assert said["HEEDLINE_REASON"]
    assert NUMBER[-7:] not in said["HEEDLINE_REASON"]
    assert await shop.attempts() == []


async def test_a_number_in_the_wrong_place_is_not_repeated(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    for path, arguments in (
        ("gate", (NUMBER, NUMBER)),
        ("dnc_check", (NUMBER, NUMBER[1:])),
        ("optout", (NUMBER, NUMBER)),
    ):
        said = await shop.dialplan().agi(path, *arguments)
        assert NUMBER[-7:] not in said["HEEDLINE_REASON"]
    assert NUMBER[-7:] not in caplog.text


async def test_a_caller_who_goes_away_before_the_answer_leaves_no_open_attempt(shop: Shop) -> None:
    gone = shop.dialplan(hangs_up_at="SET VARIABLE")
    await gone.agi("gate", NUMBER, "spring")
    async with asyncio.timeout(5):
        while not (found := await shop.attempts()) or found[0].state is not AttemptState.ENDED:
            await asyncio.sleep(0.02)
    assert found[0].disposition == "not_dialled"
    await shop.allowed()


async def test_a_ledger_that_is_locked_means_no_in_time_and_no_attempt_later(
    tmp_path: Path, blank_ledger: Path
) -> None:
    async with open_shop(tmp_path, blank_ledger, hurried(gate=0.3)) as shop:
        with shop.locked():
            began = time.monotonic()
            said = await shop.dialplan().agi("gate", NUMBER, "spring")
            assert time.monotonic() - began < 1.5
            assert (said["HEEDLINE_DECISION"], "within" in said["HEEDLINE_REASON"]) == ("deny", True)
        await shop.allowed()
        assert [attempt.state for attempt in await shop.attempts()] == [AttemptState.DIALLING]


async def test_an_error_nobody_foresaw_means_no(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(facts: Facts) -> Verdict:
        raise ZeroDivisionError

    monkeypatch.setattr(shop.desk.gate, "check", broken)
    said = await shop.dialplan().agi("gate", NUMBER, "spring")
    assert (said["HEEDLINE_DECISION"], said["HEEDLINE_REASON"]) == ("deny", "an error in Heedline itself")
    assert await shop.attempts() == []


# ── the do-not-call list ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_list_is_asked_without_an_attempt(shop: Shop) -> None:
    assert (await shop.dialplan().agi("dnc_check", NUMBER))["HEEDLINE_DNC"] == "clear"
    listed = await shop.dialplan().agi("dnc_check", "+12125550199", "spring")
    assert (listed["HEEDLINE_DNC"], listed["HEEDLINE_REGISTRIES"]) == ("clear", "us.ftc.ndnc")
    assert (await shop.dialplan().agi("optout", NUMBER))["HEEDLINE_OPTOUT"] == "done"
    assert (await shop.dialplan().agi("dnc_check", NUMBER, "spring"))["HEEDLINE_DNC"] == "listed"
    assert (await shop.dialplan().agi("dnc_check", "12"))["HEEDLINE_DNC"] == "unknown"
    assert (await shop.dialplan().agi("dnc_check", NUMBER, "autumn"))["HEEDLINE_DNC"] == "unknown"
    assert await shop.attempts() == []


async def test_an_opt_out_in_a_call_is_its_disposition_and_cancels_what_was_planned(shop: Shop) -> None:
    dialplan = await shop.allowed()
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    waiting = await planned(shop.desk.database, now())
    said = await dialplan.agi("optout", "", attempt)
    assert said == {"HEEDLINE_OPTOUT": "done"}
    assert (await shop.attempt(waiting)).state is AttemptState.ENDED
    assert (await dialplan.agi("ended", attempt, "ANSWER")) == {"HEEDLINE_ENDED": "opted_out"}
    assert (await dialplan.agi("optout", NUMBER))["HEEDLINE_OPTOUT"] == "done", "twice does no harm"


async def test_an_opt_out_the_ledger_can_not_take_is_kept_and_told_later(
    tmp_path: Path, blank_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.engines.BUSY_SECONDS", 0.3)
    async with open_shop(tmp_path, blank_ledger, hurried(optout=20)) as shop:
        dialplan = await shop.allowed()
        attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
        with shop.locked():
            assert (await dialplan.agi("optout", NUMBER, attempt))["HEEDLINE_OPTOUT"] == "failed"
        assert [kept.attempt for kept in shop.desk.journal.kept()] == [attempt]
        await tell_journal(shop.desk)
        assert shop.desk.journal.kept() == []
        assert (await dialplan.agi("dnc_check", NUMBER))["HEEDLINE_DNC"] == "listed"


async def test_an_opt_out_that_is_called_off_for_being_late_is_kept_as_well(tmp_path: Path, blank_ledger: Path) -> None:
    async with open_shop(tmp_path, blank_ledger, hurried(optout=0.5)) as shop:
        dialplan = await shop.allowed()
        attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
        with shop.locked():
            for asked in (attempt, new_id()):  # the second is nobody's: kept, it would be told for ever
                assert (await dialplan.agi("optout", "", asked))["HEEDLINE_OPTOUT"] == "failed"
            assert [kept.attempt for kept in shop.desk.journal.kept()] == [attempt]


async def test_another_number_named_in_a_call_costs_the_callee_no_opt_out(shop: Shop) -> None:
    dialplan = await shop.allowed()
    attempt, other = dialplan.variables["HEEDLINE_ATTEMPT"], "+12125550177"
    for number in (other, "", other):
        assert (await dialplan.agi("optout", number, attempt))["HEEDLINE_OPTOUT"] == "done"
    for number in (other, NUMBER):
        assert (await dialplan.agi("dnc_check", number))["HEEDLINE_DNC"] == "listed"
    assert (await dialplan.agi("ended", attempt, "ANSWER")) == {"HEEDLINE_ENDED": "opted_out"}


async def test_the_journal_of_a_call_holds_its_callees_wish_alone(tmp_path: Path, blank_ledger: Path) -> None:
    async with open_shop(tmp_path, blank_ledger, hurried(optout=0.5)) as shop:
        dialplan = await shop.allowed()
        attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
        with shop.locked():
            assert (await dialplan.agi("optout", "+12125550177", attempt))["HEEDLINE_OPTOUT"] == "failed"
            assert shop.desk.journal.kept() == []
            assert (await dialplan.agi("optout", NUMBER, attempt))["HEEDLINE_OPTOUT"] == "failed"
            assert [kept.attempt for kept in shop.desk.journal.kept()] == [attempt]


async def test_an_opt_out_is_kept_when_the_process_is_told_to_end(
    tmp_path: Path, blank_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agi.wishes.JOURNAL_AFTER_S", 30.0)
    async with open_shop(tmp_path, blank_ledger, hurried(optout=0.1)) as shop:
        dialplan = await shop.allowed()
        attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
        with shop.locked():
            assert (await dialplan.agi("optout", "", attempt))["HEEDLINE_OPTOUT"] == "failed"
            async with asyncio.timeout(5):
                while [kept.attempt for kept in shop.desk.journal.kept()] != [attempt]:
                    await asyncio.sleep(0.01)


async def test_what_can_not_be_told_holds_up_neither_the_others_nor_the_sweep(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialplan = await shop.allowed()
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    shop.there = set()

    def unreadable() -> list[KeptOptOut]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(shop.desk.journal, "kept", unreadable)
    looking = asyncio.create_task(look_after(shop.desk, every=0.01))
    async with asyncio.timeout(5):
        while (await shop.attempt(attempt)).state is not AttemptState.ENDED:
            await asyncio.sleep(0.01)
    assert not looking.done()
    looking.cancel()


async def test_calls_of_a_pbx_that_is_not_asked_are_not_taken_for_over(shop: Shop) -> None:
    dialplan = await shop.allowed()
    assert await sweep(replace(shop.desk, channels=None)) == 0
    assert (await shop.attempt(dialplan.variables["HEEDLINE_ATTEMPT"])).state is AttemptState.DIALLING


async def test_a_key_press_completes_a_double_opt_in(shop: Shop) -> None:
    granted = ("grant", NUMBER, "spring", "express_written", "our question v2", "1")
    await shop.dialplan().agi("consent", *granted)
    dialplan = await shop.allowed()
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    assert await dialplan.agi("consent", "confirm", attempt, "our question v2", "1") == {"HEEDLINE_CONSENT": "done"}
    again = await dialplan.agi("consent", "confirm", attempt, "our question v2", "1")
    assert again["HEEDLINE_CONSENT"] == "failed", "nothing is open any more"
    async with shop.desk.database.read() as tx:
        party = await tx.parties.find(Number(NUMBER))
        assert party is not None
        (held,) = await tx.consents.held(party)
    assert held.consent.confirmed_at is not None


@pytest.mark.parametrize(
    "arguments", [(), ("",), ("", ""), ("12",), (NUMBER, "x"), ("", new_id()), (NUMBER, new_id()), (NUMBER, "", "")]
)
async def test_an_opt_out_of_nobody_is_not_said_to_be_done(shop: Shop, arguments: tuple[str, ...]) -> None:
    assert (await shop.dialplan().agi("optout", *arguments))["HEEDLINE_OPTOUT"] == "failed"
    assert shop.desk.journal.kept() == []
    async with shop.desk.database.read() as tx:
        assert await tx.dnc.list() == ()


# ── consent ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_consent_is_granted_and_withdrawn(shop: Shop) -> None:
    granted = ("grant", NUMBER, "spring", "express_written", "our question v2", "1")
    assert await shop.dialplan().agi("consent", *granted) == {"HEEDLINE_CONSENT": "done"}
    assert await shop.dialplan().agi("consent", "withdraw", NUMBER, "spring") == {"HEEDLINE_CONSENT": "done"}
    async with shop.desk.database.read() as tx:
        party = await tx.parties.find(CALLEE)
        assert party is not None
        first, second = await tx.consents.of(party)
        (standing,) = await tx.consents.standing(party)
    assert (first.act, first.kind, first.purpose, first.seller) == ("grant", "express_written", "survey", "Acme")
    assert first.evidence == {"words": "our question v2", "key": "1", "channel": "1763765000.17", "told_by": "dialplan"}
    assert second.act == "withdraw"
    assert standing.withdrawn_at is not None


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("agree", NUMBER),
        ("grant", NUMBER, "spring", "none", "words", "1"),
        ("grant", NUMBER, "spring", "express", "words", "11"),
        ("grant", NUMBER, "spring", "express", "words", ""),
        ("grant", NUMBER, "spring", "express", "w" * 65, "1"),
        ("grant", NUMBER, "autumn", "express", "words", "1"),
        ("grant", "12", "spring", "express", "words", "1"),
        ("refuse", new_id(), "words", "2"),
        ("withdraw", ""),
    ],
)
async def test_a_consent_that_is_not_clear_is_none(shop: Shop, arguments: tuple[str, ...]) -> None:
    assert (await shop.dialplan().agi("consent", *arguments))["HEEDLINE_CONSENT"] == "failed"
    with sqlite3.connect(shop.world.ledger) as other:
        assert other.execute("SELECT count(*) FROM consents").fetchone() == (0,)


async def test_a_refusal_to_be_recorded_is_on_file(shop: Shop) -> None:
    dialplan = await shop.allowed(name="strict")
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    assert (await dialplan.agi("consent", "refuse", attempt, "our-question", "2"))["HEEDLINE_CONSENT"] == "done"
    async with shop.desk.database.read() as tx:
        (act,) = await tx.consents.of((await tx.attempts.get(attempt)).party_id)
    assert (act.kind, act.act, act.evidence["key"], act.evidence["mode"]) == ("recording", "refuse", "2", "explicit")
    assert act.evidence["jurisdictions"]


# ── recording ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_is_recorded_once_the_notice_was_heard_and_sealed_when_told(shop: Shop) -> None:
    dialplan = await shop.allowed()
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    started = await dialplan.agi("record_start", attempt, "notice", "our-notice v1")
    assert started["HEEDLINE_RECORD"] == "started"
    recording = started["HEEDLINE_RECORDING_ID"]
    assert await dialplan.agi("record_stop", attempt) == {"HEEDLINE_RECORD": "sealed"}
    assert await shop.world.heard(recording) == dialplan.said
    async with shop.desk.database.read() as tx:
        kept = await tx.recordings.get(recording)
        (act,) = await tx.consents.of((await tx.attempts.get(attempt)).party_id)
    assert kept.state is RecordingState.SEALED
    assert act.at <= kept.started
    assert act.evidence["answer"] == "stayed_after_notice"
    assert await dialplan.agi("record_stop", attempt) == {"HEEDLINE_RECORD": "none"}
    assert list(shop.world.spool.iterdir()) == []


async def test_a_key_opens_what_a_notice_does_not(shop: Shop) -> None:
    dialplan = await shop.allowed(name="strict")
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    assert (await dialplan.agi("record_start", attempt, "notice", "words"))["HEEDLINE_RECORD"] == "failed"
    assert dialplan.monitor is None
    assert (await dialplan.agi("record_start", attempt, "key", "words", "1"))["HEEDLINE_RECORD"] == "started"
    await dialplan.agi("record_stop", attempt)


async def test_where_the_announcement_belongs_on_the_recording_the_callee_comes_after_it(shop: Shop) -> None:
    dialplan = await shop.allowed("+12065550123")  # Washington
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    assert "record_announcement" in dialplan.variables["HEEDLINE_OBLIGATIONS"].split()
    assert (await dialplan.agi("record_start", attempt, "notice", "words"))["HEEDLINE_RECORD"] == "failed"
    first = await dialplan.agi("record_start", attempt, "announcement", "words")
    assert first["HEEDLINE_RECORD"] == "started"
    await asyncio.sleep(0.3)  # the recorder takes what lies in the spool
    again = await dialplan.agi("record_start", attempt, "notice", "words")
    assert again["HEEDLINE_RECORDING_ID"] == first["HEEDLINE_RECORDING_ID"]
    await dialplan.agi("record_stop", attempt)
    heard = await shop.world.heard(first["HEEDLINE_RECORDING_ID"])
    frames = [heard[at : at + 4] for at in range(0, 4000, 4)]
    assert {frame[:2] for frame in frames} == {b"\0\0"}, "the callee, before the announcement was over"
    assert {frame[2:] for frame in frames} != {b"\0\0"}
    assert len(heard) == SAID


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("x", "notice", "words"),
        (new_id(), "notice", "words"),
        ("ATTEMPT", "music", "words"),
        ("ATTEMPT", "notice", "words", "1"),
        ("ATTEMPT", "key", "words"),
        ("ATTEMPT", "key", "words", "12"),
        ("ATTEMPT", "notice", ""),
        ("ATTEMPT", "notice", "a'b"),
        ("ATTEMPT", "notice", "said to 12125550123"),
        ("ATTEMPT", "notice", "words", "", "more"),
    ],
)
async def test_what_is_not_clear_is_not_recorded(shop: Shop, arguments: tuple[str, ...]) -> None:
    dialplan = await shop.allowed()
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    said = await dialplan.agi("record_start", *(attempt if one == "ATTEMPT" else one for one in arguments))
    assert said["HEEDLINE_RECORD"] == "failed"
    async with shop.desk.database.read() as tx:
        assert list(await tx.recordings.of_attempt(attempt)) == []


async def test_a_call_that_may_not_be_recorded_is_not(shop: Shop) -> None:
    dialplan = await shop.allowed(name="never")
    for what in (("announcement", "words"), ("notice", "words"), ("key", "words", "1")):
        said = await dialplan.agi("record_start", dialplan.variables["HEEDLINE_ATTEMPT"], *what)
        assert said["HEEDLINE_RECORD"] == "failed"
    assert dialplan.monitor is None


async def test_a_call_that_is_over_or_the_conductors_is_not_recorded(shop: Shop) -> None:
    dialplan = await shop.allowed()
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    await dialplan.agi("ended", attempt, "BUSY")
    other = await planned(shop.desk.database, now())
    for one in (attempt, other):
        assert (await dialplan.agi("record_start", one, "notice", "words"))["HEEDLINE_RECORD"] == "failed"
    assert (await dialplan.agi("ended", other, "BUSY"))["HEEDLINE_ENDED"] == ""
    assert (await shop.attempt(other)).state is AttemptState.PENDING


async def test_a_mixmonitor_that_does_not_start_leaves_nothing_open(shop: Shop) -> None:
    dialplan = await shop.allowed(refuses='EXEC "MixMonitor"')
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    assert (await dialplan.agi("record_start", attempt, "notice", "words"))["HEEDLINE_RECORD"] == "failed"
    async with shop.desk.database.read() as tx:
        assert all(one.state is not RecordingState.OPEN for one in await tx.recordings.of_attempt(attempt))


async def test_a_recording_the_dialplan_is_told_failed_does_not_run(tmp_path: Path, blank_ledger: Path) -> None:
    async with open_shop(tmp_path, blank_ledger, hurried(record_start=0.5)) as shop:
        dialplan = await shop.allowed()
        attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
        other = sqlite3.connect(shop.world.ledger, isolation_level=None)
        dialplan.hears = lambda line: line.startswith('EXEC "MixMonitor"') and other.execute("BEGIN IMMEDIATE")
        said = await dialplan.agi("record_start", attempt, "notice", "words")
        assert (said["HEEDLINE_RECORD"] == "started") is (dialplan.monitor is not None)
        other.close()


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "disposition"),
    [("ANSWER", "completed"), ("NOANSWER", "no_answer"), ("", "not_dialled"), ("SOMETHING", "interrupted")],
)
async def test_the_end_of_a_call_is_its_disposition(shop: Shop, status: str, disposition: str) -> None:
    dialplan = await shop.allowed()
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    await dialplan.agi("record_start", attempt, "notice", "words")
    dialplan.hang_up()
    assert (await dialplan.agi("ended", attempt, status))["HEEDLINE_ENDED"] == disposition
    assert (await shop.attempt(attempt)).disposition == disposition
    async with shop.desk.database.read() as tx:
        assert [one.state for one in await tx.recordings.of_attempt(attempt)] == [RecordingState.SEALED]
    await dialplan.agi("ended", attempt, "BUSY")
    assert (await shop.attempt(attempt)).disposition == disposition, "the first stands"
    await shop.allowed()


async def test_both_ends_of_a_call_may_tell_its_end_at_once(shop: Shop) -> None:
    dialplan = await shop.allowed()
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    await dialplan.agi("record_start", attempt, "notice", "words")
    dialplan.hang_up()
    again = [dialplan.agi("record_stop", attempt) for _ in range(3)]
    ended, *stopped = await asyncio.gather(dialplan.agi("ended", attempt, "ANSWER"), *again)
    assert ended == {"HEEDLINE_ENDED": "completed"}
    assert {said["HEEDLINE_RECORD"] for said in stopped} <= {"sealed", "none"}
    async with shop.desk.database.read() as tx:
        story = [line.kind for line in await tx.events.of(attempt)]
    assert story.count("RecordingSealed") == 1


async def test_a_call_whose_channel_is_gone_is_ended_and_one_nobody_can_ask_about_is_not(shop: Shop) -> None:
    dialplan = await shop.allowed()
    attempt = dialplan.variables["HEEDLINE_ATTEMPT"]
    await dialplan.agi("record_start", attempt, "notice", "words")
    assert await sweep(shop.desk) == 0
    shop.there = None
    with pytest.raises(HeedlineError):
        await sweep(shop.desk)
    assert (await shop.attempt(attempt)).state is AttemptState.DIALLING
    shop.there = set()
    dialplan.hang_up()
    assert await sweep(shop.desk) == 1
    assert (await shop.attempt(attempt)).disposition == "interrupted"
    async with shop.desk.database.read() as tx:
        assert [one.state for one in await tx.recordings.of_attempt(attempt)] == [RecordingState.SEALED]
    assert await sweep(shop.desk) == 0


# ── everybody at once ───────────────────────────────────────────────────────────────────────────────────────────


async def test_it_serves_within_its_time_whoever_else_is_connected(shop: Shop) -> None:
    async def rude(first: bytes) -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection("127.0.0.1", shop.port)
        writer.write(first)
        return writer

    firsts = (
        b"",
        b"agi_network: yes\n",
        b"agi_x: \xff\xfe",
        b"\n",
        b"agi_a: " + b"x" * 70_000,
        b"GET / HTTP/1.1\r\n\r\n",
    )
    others = [await rude(firsts[n % len(firsts)]) for n in range(1000)]
    slowest = 0.0
    for n in range(20):
        began = time.monotonic()
        said = await shop.dialplan().agi("gate", f"+1212555{n + 100:04d}", "spring")
        slowest = max(slowest, time.monotonic() - began)
        assert said["HEEDLINE_DECISION"] == "allow"
    assert slowest < 1.0
    for writer in others:
        writer.transport.abort()


# ── variables ───────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text(max_size=400))
def test_no_text_means_anything_to_a_dialplan(text: str) -> None:
    said = denied(text, text)
    for value in said.values():
        assert len(value) <= LONGEST
        assert not set(value) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:/=_+-")
        assert value == value.strip()


def test_obligations_are_words_that_can_be_looked_for() -> None:
    owed = (
        Obligation(ObligationKind.IDENTIFY, {"within_seconds": 2}),
        Obligation(ObligationKind.MESSAGE_CONTENT, {"name": "at the start, please", "phone": "x" * 300}),
        Obligation(ObligationKind.BEEP, {"every_seconds": 15}),
    )
    said = obligations(owed).split()
    assert said == ["identify:within_seconds=2", "message_content", "beep:every_seconds=15"]
    assert plain(json.dumps({"a": "$(x)"})) == "a : x"

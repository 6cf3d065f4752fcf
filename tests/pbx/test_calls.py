"""Calls on the real PBX with real phones: the demo's scenarios, and what people do besides."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from ari_app.prompts import Prompts
from compliance.errors import HeedlineError
from heedline.demo import scenarios
from heedline.demo.numbers import pick
from heedline.demo.phone import Answer
from heedline.demo.run import SETTINGS, make_officer
from heedline.demo.sound import load, tone_seconds
from heedline.demo.stage import SELLER, Stage, milliseconds
from heedline.demo.world import AGENT_HZ, World
from storage.ledger.attempts import Attempt, AttemptState
from storage.ledger.switches import SwitchAct
from tests.pbx.switch import free_ports

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="module")]

NOTICE, EXPLICIT, BRIDGE = scenarios.CAMPAIGNS
MANUAL = replace(BRIDGE, name="manual")
EXTRA = f'{SETTINGS}agent_ring_seconds = 3\nmanual_campaign = "manual"\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("calls")
    async with World(folder, free_ports(), extra=EXTRA) as world:
        await make_officer(world)
        for campaign in (*scenarios.CAMPAIGNS, MANUAL):
            await world.campaign(campaign)
        yield Stage(world, iter(pick(60, datetime.now(UTC))), lambda line: None)


@pytest.fixture(autouse=True)
def _people_as_they_were(stage: Stage) -> None:
    stage.world.callee.answer = stage.world.agent.answer = Answer.ACCEPT
    stage.claims.clear()


def all_held(stage: Stage) -> None:
    failed = [f"{claim.text} ({claim.measured})" for claim in stage.claims if not claim.held]
    assert stage.claims
    assert not failed


# ── the demo's scenarios ────────────────────────────────────────────────────────────────────────────────────────────


async def test_notice_is_heard_to_its_end_and_only_then_the_talk_is_recorded(stage: Stage) -> None:
    await scenarios.notice(stage)
    all_held(stage)


async def test_callee_presses_nine_during_the_prompt_and_is_never_called_again(stage: Stage) -> None:
    await scenarios.nine(stage)
    all_held(stage)


@pytest.mark.parametrize("key", ["1", "2", ""])
async def test_explicit_consent_by_key_or_silence(stage: Stage, key: str) -> None:
    await scenarios.explicit(stage, key)
    all_held(stage)


async def test_agent_pauses_resumes_and_opts_the_callee_out(stage: Stage) -> None:
    await scenarios.pause_and_spoken_opt_out(stage)
    all_held(stage)


async def test_a_busy_callee(stage: Stage) -> None:
    await scenarios.unreachable(stage)
    all_held(stage)


# ── who hangs up, who does not answer ───────────────────────────────────────────────────────────────────────────────


async def test_an_unanswered_call_rings_at_least_fifteen_seconds(stage: Stage) -> None:
    await stage.world.campaign(replace(NOTICE, name="short", ring_seconds=15))
    stage.world.callee.answer = Answer.IGNORE
    async with stage.call("short") as attempt:
        pass
    played = await stage.played(attempt)
    assert played.attempt.disposition == "no_answer"
    rang = milliseconds(played.at("LegFailed", leg="callee"), played.at("LegRinging", leg="callee"))
    assert 15_000 <= rang < 18_000


async def test_callee_hangs_up_in_the_notice(stage: Stage) -> None:
    async with stage.call("demo-notice") as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "PromptStarted", prompt="notice")
        await stage.world.callee.hang_up()
        await phone.ended()
    played = await stage.played(attempt)
    assert played.attempt.disposition == "hung_up_in_prompt"
    assert not played.has("RecordingStarted")
    assert not played.has("LegRinging", leg="agent")


async def test_agent_does_not_answer_and_the_callee_hears_who_called(stage: Stage) -> None:
    stage.world.agent.answer = Answer.IGNORE
    async with stage.call("demo-notice") as attempt:
        await (await stage.world.callee.called()).ended()
    played = await stage.played(attempt)
    assert played.attempt.disposition == "abandoned"
    assert stage.heard(stage.world.callee, "agent_unavailable").whole
    assert not played.has("RecordingStarted")


async def test_agent_hangs_up_and_the_callee_is_let_go(stage: Stage) -> None:
    async with stage.call("demo-bridge") as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "RecordingStarted")
        await stage.world.agent.hang_up()
        await phone.ended()
    played = await stage.played(attempt)
    assert (played.attempt.disposition, played.attempt.detail) == ("completed", "agent hung up")


async def test_an_agent_has_one_call_at_a_time(stage: Stage) -> None:
    async with stage.call("demo-notice"):
        phone = await stage.world.callee.called()
        with pytest.raises(HeedlineError, match="on another call"):
            await stage.world.place(next(stage.numbers).e164, "demo-notice")
        await stage.world.callee.hang_up()
        await phone.ended()


# ── opting out, in every way ────────────────────────────────────────────────────────────────────────────────────────


async def test_callee_keys_star_nine_in_the_talk(stage: Stage) -> None:
    number = next(stage.numbers)
    async with stage.call("demo-bridge", number) as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "RecordingStarted")
        await stage.world.callee.press("*9")
        await phone.ended()
    played = await stage.played(attempt)
    assert (played.attempt.disposition, played.attempt.detail) == ("opted_out", "callee_star_9")
    assert stage.heard(stage.world.callee, "optout_done").whole
    assert stage.world.agent.calls[-1].keys == ""


async def test_nine_twice_is_one_entry(stage: Stage) -> None:
    number = next(stage.numbers)
    async with stage.call("demo-notice", number) as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "PromptStarted", prompt="notice")
        await stage.world.callee.press("99")
        await phone.ended()
    assert (await stage.world.attempt(attempt)).disposition == "opted_out"
    async with stage.world.database.read() as tx:
        assert len(await tx.dnc.history(number)) == 1


async def test_callee_presses_nine_and_hangs_up_at_once(stage: Stage) -> None:
    number = next(stage.numbers)
    async with stage.call("demo-notice", number) as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "PromptStarted", prompt="notice")
        await stage.world.callee.press("9")
        await stage.world.until(attempt, "Digit", digit="9")
        await stage.world.callee.hang_up()
        await phone.ended()
    assert (await stage.world.attempt(attempt)).disposition == "opted_out"
    async with stage.world.database.read() as tx:
        assert await tx.dnc.check(number) is not None


async def test_an_opt_out_cancels_what_was_planned_in_another_campaign(stage: Stage) -> None:
    number = next(stage.numbers)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    planned = await stage.world.conductor.place(number.e164, "demo-explicit", "agent", "test", later)
    async with stage.call("demo-notice", number) as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "PromptStarted", prompt="notice")
        await stage.world.callee.press("9")
        await phone.ended()
    cancelled = await stage.world.attempt(planned)
    assert (cancelled.state, cancelled.disposition) == (AttemptState.ENDED, "cancelled")


async def test_agents_screen_opts_the_callee_out(stage: Stage) -> None:
    async with stage.call("demo-bridge") as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "RecordingStarted")
        await stage.world.conductor.act(attempt, "optout", "supervisor")
        await phone.ended()
    assert (await stage.world.attempt(attempt)).disposition == "opted_out"


# ── from the agent's phone and screen ───────────────────────────────────────────────────────────────────────────────


async def test_agent_dials_on_the_phone_and_it_is_gated_noticed_and_recorded(stage: Stage) -> None:
    agent = await stage.world.agent.dial(next(stage.numbers).e164)
    phone = await stage.world.callee.called()
    await agent.answered()
    attempt = (await stage.world.conductor.calls())[0]["attempt"]
    await stage.world.until(str(attempt), "RecordingStarted")
    await asyncio.sleep(1.0)
    await stage.world.agent.hang_up()
    await phone.ended()
    played = await stage.played((await stage.world.ended(str(attempt))).id)
    assert played.attempt.disposition == "completed"
    assert played.at("PromptFinished", prompt="notice", complete=True) < played.at("RecordingStarted")
    assert tone_seconds(load(phone.heard), AGENT_HZ) > 1.0


async def test_agent_dials_a_listed_number_and_hears_why_not(stage: Stage) -> None:
    number = next(stage.numbers)
    async with stage.world.database.begin() as tx:
        await tx.dnc.add(number, "office", "test", "asked in writing", None, "test", datetime.now(UTC))
    invites = stage.world.callee.invites
    call = await stage.world.agent.dial(number.e164)
    await call.ended()
    assert stage.heard(stage.world.agent, "call_denied").whole
    assert stage.world.callee.invites == invites


async def test_an_agent_who_hangs_up_before_the_call_is_planned_costs_nobody_a_call(stage: Stage) -> None:
    """The phone's channel goes away while its call is not one yet: nobody would be there for the callee."""
    world, invites, before = stage.world, stage.world.callee.invites, await _newest(stage)
    async with asyncio.timeout(10):
        while await world.conductor.calls():  # or the one before could not be ended
            await asyncio.sleep(0.05)
    holder = sqlite3.connect(world.home.database, isolation_level=None, timeout=5)
    holder.execute("BEGIN IMMEDIATE")  # the plan waits
    call = await world.agent.dial(next(stage.numbers).e164)
    await call.answered()
    await world.agent.hang_up()
    await call.ended()
    holder.execute("ROLLBACK")
    holder.close()
    async with asyncio.timeout(10):
        while (newest := await _newest(stage)).id == before.id or newest.state is not AttemptState.ENDED:
            await asyncio.sleep(0.05)
    assert newest.disposition == "agent_gone"
    assert world.callee.invites == invites


async def _newest(stage: Stage) -> Attempt:
    async with stage.world.database.read() as tx:
        return (await tx.attempts.list(1))[0]


@pytest.mark.parametrize("dialled", ["*9", "112"])
async def test_agent_dials_what_is_no_number(stage: Stage, dialled: str) -> None:
    invites = stage.world.callee.invites
    call = await stage.world.agent.dial(dialled)
    await call.ended()
    assert not call.is_answered
    assert stage.world.callee.invites == invites


async def test_keys_for_the_callees_menu_are_passed_on(stage: Stage) -> None:
    async with stage.call("demo-bridge") as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "RecordingStarted")
        await stage.world.agent.press("5*7")
        async with asyncio.timeout(10):
            while phone.keys != "5*7":
                await asyncio.sleep(0.05)
        await stage.world.callee.hang_up()
        await phone.ended()
    played = await stage.played(attempt)
    assert not played.has("Digit", digit="5")
    assert not played.has("Digit", digit="7")


async def test_recording_is_paused_from_the_agents_screen(stage: Stage) -> None:
    async with stage.call("demo-bridge") as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "RecordingStarted")
        await stage.world.conductor.act(attempt, "pause", "agent")
        await stage.world.until(attempt, "RecordingPaused")
        await stage.world.conductor.act(attempt, "resume", "agent")
        await stage.world.until(attempt, "RecordingResumed")
        await stage.world.callee.hang_up()
        await phone.ended()
    assert (await stage.world.attempt(attempt)).disposition == "completed"


# ── denied before anything rings ────────────────────────────────────────────────────────────────────────────────────


async def denied(stage: Stage, campaign: str) -> str:
    invites = stage.world.callee.invites
    async with stage.call(campaign) as attempt:
        pass
    ended = await stage.world.attempt(attempt)
    assert ended.disposition == "denied"
    assert stage.world.callee.invites == invites
    return ended.detail or ""


async def test_a_prompt_file_that_went_missing_denies_the_call(stage: Stage) -> None:
    french = replace(NOTICE, name="french", language="fr")
    await stage.world.campaign(french)
    async with stage.call("french"):
        phone = await stage.world.callee.called()
        await stage.world.callee.hang_up()
        await phone.ended()
    file = Prompts(stage.world.home.prompts, SELLER).media("notice", "fr").file
    kept = file.read_bytes()
    file.unlink()
    try:
        assert "prompt" in await denied(stage, "french")
    finally:
        file.write_bytes(kept)


async def test_a_denied_call_says_why_at_the_command_line(stage: Stage) -> None:
    number = next(stage.numbers)
    async with stage.world.database.begin() as tx:
        await tx.dnc.add(number, "office", "test", "asked in writing", None, "test", datetime.now(UTC))
    home = ("--home", str(stage.world.home.path))
    invites = stage.world.callee.invites
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heedline", "call", "place", "-", "-c", "demo-notice", "-a", "agent", *home),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate(number.e164.encode())
    assert process.returncode == 3
    assert b"dnc.internal" in out
    assert b"47 CFR 64.1200(d)" in out
    assert b"denied by dnc.internal" in error
    assert number.e164.encode() not in out + error
    assert stage.world.callee.invites == invites


async def test_an_agent_whose_phone_is_unplugged_costs_nobody_a_call(stage: Stage) -> None:
    await stage.world.agent.__aexit__(None, None, None)
    try:
        await asyncio.sleep(1.1)  # as long as the conductor trusts what it was told of registrations
        assert "heedline.agent" in await denied(stage, "demo-notice")
    finally:
        await stage.world.agent.__aenter__()


async def test_a_switch_stops_the_next_call_at_once(stage: Stage) -> None:
    drill = SwitchAct("drill", None, "on", None, None, "a drill", datetime.now(UTC), "test")
    async with stage.world.database.begin() as tx:
        await tx.switches.write(drill)
    assert "switches" in await denied(stage, "demo-notice")
    async with stage.world.database.begin() as tx:
        await tx.switches.write(replace(drill, act="off"))
    async with stage.call("demo-notice"):
        phone = await stage.world.callee.called()
        await stage.world.callee.hang_up()
        await phone.ended()


async def test_a_language_nobody_speaks_denies_the_call(stage: Stage) -> None:
    await stage.world.campaign(replace(NOTICE, name="latin", language="la"))
    assert "prompt" in await denied(stage, "latin")


async def test_a_call_is_made_when_its_time_has_come(stage: Stage) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    attempt = await stage.world.conductor.place(next(stage.numbers).e164, "demo-notice", "agent", "test", soon)
    phone = await stage.world.callee.called()
    assert datetime.now(UTC).isoformat() >= soon
    await stage.world.callee.hang_up()
    await phone.ended()
    assert (await stage.world.ended(attempt)).disposition == "hung_up_in_prompt"

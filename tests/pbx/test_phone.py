"""Real phones on a real PBX: they register over TLS, answer, refuse, press keys, and keep what they heard."""

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ari_app.ari.events import ChannelStateChange
from compliance.errors import BadInput
from heedline.demo import sound
from heedline.demo.phone import Answer, Phone, PhoneFailed, RegistrationRefused
from tests.pbx.conftest import AGENT_HZ, CALLEE_HZ, World
from tests.pbx.line import Line, open_line

pytestmark = pytest.mark.pbx


@pytest.fixture
async def line(world: World) -> AsyncIterator[Line]:
    async with open_line(world.instance) as opened:
        yield opened


async def test_registers_over_tls_and_talks_over_srtp(line: Line, callee: Phone) -> None:
    await line.call("c", "callee")
    call = await callee.called()
    await call.answered()
    await line.hang_up("c")
    await call.ended()
    trace = (callee.folder / "log").read_text(errors="replace")
    assert re.search(r"^TLS .*\nREGISTER ", trace, re.MULTILINE)
    assert "RTP/SAVP" in trace
    assert not re.search(r"^(UDP|TCP) ", trace, re.MULTILINE)
    assert not re.search(r"m=audio (?!9 )\d+ RTP/AVP ", trace)  # 9: an answer to OPTIONS, no call


async def test_wrong_password_is_refused(world: World) -> None:
    with pytest.raises(RegistrationRefused, match="phone callee") as caught:
        async with world.phone("callee", password="not-it-0123456789"):
            pass
    assert "not-it" not in str(caught.value)


async def test_secrets_stand_in_private_files_and_in_no_argv(callee: Phone) -> None:
    files = {path.name: path for path in callee.folder.iterdir()}
    assert stat.S_IMODE(callee.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(files["accounts"].stat().st_mode) == 0o600
    password = callee.account.password
    assert password in files["accounts"].read_text()
    assert password not in repr(callee.account)
    assert password not in files["log"].read_text(errors="replace")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            argv = (process / "cmdline").read_bytes()
        except OSError:
            continue  # ended meanwhile
        assert password.encode() not in argv


async def test_keys_arrive_in_order_and_only_at_the_pbx(line: Line, agent: Phone, callee: Phone) -> None:
    await line.call("c", "callee")
    await line.call("a", "agent")
    await line.up("c")
    await line.up("a")
    await line.bridge("b", "c", "a")
    await callee.press("*9")
    await agent.press("1")
    await line.digits_become("c", "*9")
    await line.digits_become("a", "1")
    await line.client.channels.sendDTMF(channelId="a", dtmf="7")
    await (await agent.called()).keyed("7")
    assert callee.calls[0].keys == ""


async def test_each_hears_the_other_and_not_itself(line: Line, agent: Phone, callee: Phone) -> None:
    await line.call("c", "callee")
    await line.call("a", "agent")
    await line.up("c")
    await line.up("a")
    await line.bridge("b", "c", "a")
    await asyncio.sleep(2.0)  # two seconds of talk
    await line.hang_up("c")
    await line.hang_up("a")
    await callee.calls[0].ended()
    await agent.calls[0].ended()
    at_callee, at_agent = sound.load(callee.calls[0].heard), sound.load(agent.calls[0].heard)
    assert sound.tone_seconds(at_callee, AGENT_HZ) == pytest.approx(2.0, abs=0.3)
    assert sound.tone_seconds(at_agent, CALLEE_HZ) == pytest.approx(2.0, abs=0.3)
    assert sound.tone_seconds(at_callee, CALLEE_HZ) == sound.tone_seconds(at_agent, AGENT_HZ) == 0
    assert sound.tone_seconds(sound.load(callee.calls[0].said), CALLEE_HZ) > 1.5


@pytest.mark.parametrize("language", ["en", "es", "fr", "de"])
async def test_the_notice_the_phone_heard_is_recognised(line: Line, callee: Phone, world: World, language: str) -> None:
    audio = world.prompts.media("notice", language)
    await line.call("c", "callee")
    await line.up("c")
    await line.client.channels.playWithId(channelId="c", playbackId=f"p-{language}", media=audio.uri)
    assert (await line.played(f"p-{language}")).playback.state == "done"
    await line.hang_up("c")
    await callee.calls[0].ended()
    heard = sound.load(callee.calls[0].heard)
    notices = {code: sound.load(world.prompts.media("notice", code).file) for code in ("en", "es", "fr", "de")}
    best = sound.best_prompt(heard, notices)
    assert best is not None
    assert best[0] == language
    assert best[1].whole
    assert not any(sound.find_prompt(heard, notice).found for code, notice in notices.items() if code != language)


async def test_a_notice_cut_short_is_measured_as_cut(line: Line, callee: Phone, world: World) -> None:
    audio = world.prompts.media("notice", "en")
    await line.call("c", "callee")
    await line.up("c")
    await line.client.channels.playWithId(channelId="c", playbackId="cut", media=audio.uri)
    await asyncio.sleep(2.0)
    await line.client.playbacks.stop(playbackId="cut")
    await line.played("cut")
    await line.hang_up("c")
    await callee.calls[0].ended()
    heard = sound.find_prompt(sound.load(callee.calls[0].heard), sound.load(audio.file))
    assert heard.found
    assert not heard.whole
    assert heard.skipped < 0.3
    assert heard.fraction == pytest.approx(2.0 / audio.seconds, abs=0.12)


async def test_a_notice_in_the_bridge_is_recognised_by_both_while_they_talk(
    line: Line, agent: Phone, callee: Phone, world: World
) -> None:
    audio = world.prompts.media("notice", "en")
    await line.call("c", "callee")
    await line.call("a", "agent")
    await line.up("c")
    await line.up("a")
    await line.bridge("b", "c", "a")
    await line.client.bridges.playWithId(bridgeId="b", playbackId="both", media=audio.uri)
    await line.played("both")
    await line.hang_up("c")
    await line.hang_up("a")
    for phone in (agent, callee):
        await phone.calls[0].ended()
        assert sound.find_prompt(sound.load(phone.calls[0].heard), sound.load(audio.file)).whole


async def test_a_prompt_to_one_leg_is_not_heard_by_the_other(
    line: Line, agent: Phone, callee: Phone, world: World
) -> None:
    audio = world.prompts.media("recording_paused", "en")
    await line.call("c", "callee")
    await line.call("a", "agent")
    await line.up("c")
    await line.up("a")
    await line.bridge("b", "c", "a")
    await line.client.channels.playWithId(channelId="a", playbackId="one", media=audio.uri)
    await line.played("one")
    await line.hang_up("c")
    await line.hang_up("a")
    heard = []
    for phone in (agent, callee):
        await phone.calls[0].ended()
        heard.append(sound.find_prompt(sound.load(phone.calls[0].heard), sound.load(audio.file)).whole)
    assert heard == [True, False]


async def test_busy_is_busy(line: Line, world: World, stack: AsyncExitStack) -> None:
    callee = await stack.enter_async_context(world.phone("callee", answer=Answer.BUSY))
    await line.call("c", "callee")
    gone = await line.destroyed("c")
    assert gone.cause == 17
    assert callee.invites == 1
    assert not (await callee.called()).is_answered


async def test_ignored_rings_until_the_caller_gives_up(line: Line, world: World, stack: AsyncExitStack) -> None:
    callee = await stack.enter_async_context(world.phone("callee", answer=Answer.IGNORE))
    await line.call("c", "callee", timeout=2)
    await line.wait(ChannelStateChange, lambda event: event.channel.state == "Ringing")
    assert (await line.destroyed("c")).cause == 19
    call = await callee.called()
    await call.ended()
    assert not call.is_answered
    with pytest.raises(PhoneFailed, match="ended before it was answered"):
        await call.answered()


async def test_the_person_takes_a_moment(line: Line, world: World, stack: AsyncExitStack) -> None:
    callee = await stack.enter_async_context(world.phone("callee", delay=0.8))
    loop = asyncio.get_running_loop()
    await line.call("c", "callee")
    call = await callee.called()
    began = loop.time()
    await call.answered()
    assert loop.time() - began == pytest.approx(0.8, abs=0.3)


async def test_no_call_no_invite_and_each_call_one(line: Line, callee: Phone) -> None:
    assert callee.invites == 0
    for number in (1, 2):
        await line.call(f"c{number}", "callee")
        call = await callee.called()
        await call.answered()
        await callee.hang_up()
        await line.destroyed(f"c{number}")
        await call.ended()
        assert callee.invites == number == len(callee.calls)
        assert call.heard.exists()
        assert call.heard != callee.calls[0].heard or number == 1
    with pytest.raises(PhoneFailed, match="waited"):
        await callee.called(0.2)


async def test_a_phone_over_udp_works_too(line: Line, world: World, stack: AsyncExitStack) -> None:
    plain = await stack.enter_async_context(world.phone("plain"))
    await line.call("p", "plain")
    await (await plain.called()).answered()
    await plain.press("9")
    await line.digits_become("p", "9")


async def test_a_phone_that_lost_power_says_so(callee: Phone) -> None:
    callee.kill()
    with pytest.raises(PhoneFailed, match="gone"):
        await callee.called(5.0)
    with pytest.raises(PhoneFailed, match="gone"):
        await callee.dial("123")


async def test_dialling_nothing_sensible_is_refused(callee: Phone) -> None:
    for number in ("", "1;rm", "alice@host", "1 2"):
        with pytest.raises(BadInput):
            await callee.dial(number)
    with pytest.raises(BadInput):
        await callee.press("9x")


async def test_a_call_nobody_takes_ends(callee: Phone) -> None:
    call = await callee.dial("5550123")  # no application is connected: the PBX refuses
    assert await call.ended() != ""
    assert call.outgoing
    assert callee.invites == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_the_phone_dies_with_us(world: World, tmp_path: Path, how: signal.Signals) -> None:
    """A process that starts a phone is killed; the phone is gone with it."""
    account = world.phone("callee").account
    script = tmp_path / "holder.py"
    script.write_text(
        textwrap.dedent(
            """
            import asyncio, os, pathlib, sys
            from heedline.demo.phone import Phone
            async def main():
                name, registrar, ca, folder = sys.argv[1:]
                async with Phone(name, os.environ["PASSWORD"], registrar, pathlib.Path(folder), ca=pathlib.Path(ca)):
                    print("up", flush=True)
                    await asyncio.sleep(60)
            asyncio.run(main())
            """
        )
    )
    holder = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            str(script),
            "callee",
            f"{account.host}:{account.port}",
            str(account.ca),
            str(tmp_path / "p"),
        ),
        env={**os.environ, "PASSWORD": account.password},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"up\n"
    phones = _baresips(tmp_path / "p")
    assert len(phones) == 1
    holder.send_signal(how)
    await holder.wait()
    async with asyncio.timeout(5):
        while _baresips(tmp_path / "p"):
            await asyncio.sleep(0.02)


def _baresips(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() == "baresip" and (process / "cwd").readlink() == folder.resolve():
                found.append(process.name)
        except OSError:
            continue  # ended meanwhile
    return found

"""The manager client on the real PBX: a Local channel recorded, muted, stopped; and a PBX that dies."""

import asyncio
import itertools
import struct
from pathlib import Path

import pytest

from ari_app.ami import AmiClient, AmiDown, AmiRefused
from ari_app.ari import AriClient, AriSession, Backoff, LinkDown, LinkUp
from heedline.pbx import phone_secret
from heedline.secrets import read_password
from tests.pbx.sip import SipLine
from tests.peer.conftest import RealPbx, dialled

pytestmark = pytest.mark.pbx
IDS = (f"ami-{n}" for n in itertools.count())


async def up(session: AriSession, ari: AriClient, far: str) -> tuple[str, str]:
    """Id and name of an answered channel whose far end is ``far``."""
    channel = await dialled(session, ari, far, next(IDS))
    async with asyncio.timeout(5):
        while (await ari.channels.get(channelId=channel.id)).state != "Up":
            await asyncio.sleep(0.02)
    return channel.id, channel.name


def left_side(file: Path) -> list[int]:
    """The samples that came from the channel."""
    data = file.read_bytes()
    data = data[: len(data) // 4 * 4]
    return [left for left, _ in struct.iter_unpack("<hh", data)]


async def test_mix_monitor_records_mutes_and_stops(pbx: RealPbx, ari: AriClient, ami: AmiClient) -> None:
    file = pbx.instance.spool / "ami-test.raw"
    async with AriSession(ari, "peer-ami") as session:
        assert await anext(session) == LinkUp(first=True)
        id_, name = await up(session, ari, "talk")
        await ami.mix_monitor(name, str(file), "D")
        await asyncio.sleep(0.8)
        await ami.mute_mix_monitor(name, "both", True)
        await asyncio.sleep(0.8)
        await ami.mute_mix_monitor(name, "both", False)
        await asyncio.sleep(0.8)
        await ami.stop_mix_monitor(name)
        await asyncio.sleep(0.3)
        size = file.stat().st_size
        await asyncio.sleep(0.3)
        assert file.stat().st_size == size
        await ari.channels.hangup(channelId=id_)
    samples = left_side(file)
    file.unlink()
    # A tenth of a second each: tone, the pause, tone again. The very start of a Local channel to which nobody
    # speaks is up to 0.4 s late, so only the order and the length of the pause are held.
    loud = [max(map(abs, samples[at : at + 800])) > 500 for at in range(0, len(samples) - 800, 800)]
    spans = [(sound, len(list(group))) for sound, group in itertools.groupby(loud)]
    assert [sound for sound, _ in spans] == [True, False, True], spans
    assert 6 <= spans[1][1] <= 10, spans


async def test_fully_booted_and_registrations(pbx: RealPbx, ami: AmiClient) -> None:
    await asyncio.wait_for(ami.fully_booted.wait(), 5)
    assert await ami.registrations() == ()
    home, port = pbx.instance.home, pbx.instance.settings.pbx.sip_tls_port
    phone = await asyncio.to_thread(SipLine, port, home.tls / "ca.pem")
    password = read_password(home, phone_secret("alice"))
    answer = await asyncio.to_thread(phone.ask, "REGISTER", "sip:127.0.0.1", "alice", password)
    assert answer.status == 200
    (found,) = await ami.registrations()
    assert (found.endpoint, found.aor) == ("alice", "alice")
    assert found.status in ("Reachable", "Unreachable", "NonQualified", "Unknown")
    assert found.uri.startswith("sip:alice@127.0.0.1")
    assert "127.0.0.1" not in repr(found)
    phone.close()


async def test_a_channel_that_is_gone_is_refused_and_the_next_action_works(ari: AriClient, ami: AmiClient) -> None:
    with pytest.raises(AmiRefused):
        await ami.mix_monitor("Local/gone@far-00000999;1", "/nowhere/a.raw", "D")
    with pytest.raises(AmiRefused):
        await ami.stop_mix_monitor("Local/gone@far-00000999;1")
    await ami.registrations()


async def test_a_wrong_secret_on_the_real_pbx_is_one_clear_error(pbx: RealPbx) -> None:
    with pytest.raises(AmiRefused, match="secret refused"):
        await pbx.ami(secret="wrong").connect(patience=3)


async def test_fifty_actions_at_once_each_get_their_own_answer(ari: AriClient, ami: AmiClient) -> None:
    results = await asyncio.gather(
        *(ami.stop_mix_monitor(f"Local/gone@far-{n:08x};1") for n in range(25)),
        *(ami.registrations() for _ in range(25)),
        return_exceptions=True,
    )
    assert [type(each) for each in results] == [AmiRefused] * 25 + [tuple] * 25


async def test_a_pbx_killed_and_started_again_is_found_again_by_all_links(pbx: RealPbx, ari: AriClient) -> None:
    events: list[str] = []
    ami = AmiClient(
        "127.0.0.1",
        pbx.instance.ami_port,
        "heedline",
        pbx.instance.ami_password,
        backoff=Backoff(0.05, 0.3),
        on_up=lambda: events.append("up"),
        on_down=lambda: events.append("down"),
    )
    await ami.connect()
    async with AriSession(ari, "peer-ami", backoff=Backoff(0.05, 0.3)) as session:
        assert await anext(session) == LinkUp(first=True)
        pbx.instance.kill()
        await pbx.instance.ended(5)
        async with asyncio.timeout(5):
            assert isinstance(await anext(session), LinkDown)
            while events != ["up", "down"]:
                await asyncio.sleep(0.01)
        with pytest.raises(AmiDown):
            await ami.stop_mix_monitor("Local/x@far-00000001;1")
        await pbx.instance.up()
        async with asyncio.timeout(10):
            assert await anext(session) == LinkUp(first=False)
            await ami.fully_booted.wait()
        assert events == ["up", "down", "up"]
        id_, _ = await up(session, ari, "answer")
        await ari.channels.hangup(channelId=id_)
    await ami.close()

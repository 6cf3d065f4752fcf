"""Each defect of panoramisk 1.4, twice: it is real in the bare library, and the guard holds.

When a first half fails, upstream has mended the defect and its guard may go.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from panoramisk.manager import Manager

from ari_app.ami import AmiClient, AmiDown, AmiError, AmiRefused, AmiTimeout, UnsafeValue
from ari_app.ami.wire import MAX_MESSAGE, Wire
from ari_app.ari import Backoff
from tests.peer.conftest import free_ports
from tests.peer.fake_ami import FakeAmi, fake_ami, success

SOON = Backoff(first=0.02, most=0.05)
CHANNEL = "PJSIP/alice-00000001"


@asynccontextmanager
async def bare(peer: FakeAmi, secret: str = "right") -> AsyncIterator[Manager]:
    """panoramisk as it comes."""
    manager = Manager(
        host="127.0.0.1",
        port=peer.port,
        username="u",
        secret=secret,
        loop=asyncio.get_running_loop(),
        log=logging.getLogger("bare"),
    )
    manager.reconnect_timeout = 0.05
    await manager.connect()
    try:
        yield manager
    finally:
        manager.connect = lambda *_: None  # it has no other way to stop trying
        manager.close()


@asynccontextmanager
async def guarded(peer: FakeAmi, secret: str = "right", timeout: float = 1.0) -> AsyncIterator[AmiClient]:
    client = AmiClient("127.0.0.1", peer.port, "u", secret, timeout=timeout, backoff=SOON)
    await client.connect()
    try:
        yield client
    finally:
        await client.close()


async def test_bare_panoramisk_sends_an_unanswered_originate_again_after_a_reconnect() -> None:
    async with fake_ami(answer=lambda _: None) as peer, bare(peer) as manager:
        await peer.until(lambda: peer.logins == 1)
        manager.send_action({"Action": "Originate", "Channel": "PJSIP/x"})
        await peer.until(lambda: peer.names == ["Originate"])
        peer.hang_up()
        await peer.until(lambda: peer.names == ["Originate", "Originate"])


async def test_what_was_under_way_when_the_link_broke_is_not_sent_again() -> None:
    async with (
        fake_ami(answer=lambda a: success(a) if a["Action"] == "Ping" else None) as peer,
        guarded(peer) as client,
    ):
        waiting = asyncio.create_task(client.mix_monitor(CHANNEL, "/s/a.raw", "D"))
        await peer.until(lambda: peer.names == ["MixMonitor"])
        peer.hang_up()
        with pytest.raises(AmiDown):
            await waiting
        await peer.until(lambda: peer.logins == 2)
        await asyncio.wait_for(client.fully_booted.wait(), 5)
        await asyncio.sleep(0.1)
        assert peer.names == ["MixMonitor"]


async def test_originate_can_not_be_sent_at_all() -> None:
    async with fake_ami() as peer:
        wire = Wire("127.0.0.1", peer.port, "u", "right", timeout=1, on_event=lambda _: None)
        await wire.open()
        with pytest.raises(UnsafeValue):
            await wire.act("Originate", {"Channel": "PJSIP/x"})
        wire.close()
        assert peer.names == []


INJECTION = "PJSIP/alice-1\r\n\r\nAction: Originate\r\nActionID: 1\r\nChannel: PJSIP/x"


async def test_bare_panoramisk_lets_a_value_carry_a_second_action() -> None:
    async with fake_ami() as peer, bare(peer) as manager:
        manager.send_action({"Action": "StopMixMonitor", "Channel": INJECTION})
        await peer.until(lambda: "Originate" in peer.names)


@pytest.mark.parametrize(
    "channel",
    [INJECTION, "PJSIP/a\nb", "PJSIP/a\rb", "PJSIP/a,b", "PJSIP/a b", "PJSIP/", "", "x" * 600, "PJSIP/é", "a\0/b"],
)
async def test_a_value_that_is_no_channel_name_is_refused_and_nothing_is_sent(channel: str) -> None:
    async with fake_ami() as peer, guarded(peer) as client:
        with pytest.raises(UnsafeValue) as caught:
            await client.stop_mix_monitor(channel)
        assert caught.value.exit_status == 2
        await client.stop_mix_monitor(CHANNEL)
        assert peer.names == ["StopMixMonitor"]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/s/a.raw,,touch /tmp/x", "D"),
        ("/s/../etc/a.raw", "D"),
        ("a.raw", "D"),
        ("/s/${SHELL(id)}.raw", "D"),
        ("/s/a.raw", "D,touch x"),
        ("/s/a.raw", "Di(${X})"),
        ("/s/a.raw", "D\r\n"),
    ],
)
async def test_mix_monitor_takes_no_command_variable_or_way_out_of_the_spool(path: str, options: str) -> None:
    async with fake_ami() as peer, guarded(peer) as client:
        with pytest.raises(UnsafeValue):
            await client.mix_monitor(CHANNEL, path, options)
        assert peer.names == []


@pytest.mark.parametrize("secret", ["a\r\nb", "", "x" * 600])
def test_a_secret_that_is_no_line_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(UnsafeValue) as caught:
        AmiClient("127.0.0.1", 1, "u", secret)
    assert not secret or secret not in str(caught.value)


EVENT = b"Event: Newstate\r\nPrivilege: system,all\r\nName: x\r\n\r\n"


async def test_bare_panoramisk_loses_the_connection_to_an_exception_in_a_callback() -> None:
    async with fake_ami() as peer, bare(peer) as manager:
        await peer.until(lambda: peer.logins == 1)

        def fails(_: Manager, event: object) -> None:
            raise RuntimeError("mine")

        manager.register_event("Newstate", fails)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        peer.writers[0].write(EVENT)
        await peer.until(lambda: peer.logins == 2)


async def test_a_callback_that_fails_leaves_the_connection_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with fake_ami() as peer:

        def fails(_: object) -> None:
            raise RuntimeError("mine")

        wire = Wire("127.0.0.1", peer.port, "u", "right", timeout=1, on_event=fails)
        await wire.open()
        peer.writers[0].write(EVENT)
        await wire.act("Ping", {})
        assert peer.logins == 1
        assert not wire.lost.is_set()
        assert "a callback failed" in caplog.text
        wire.close()


async def test_an_async_callback_that_fails_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async with fake_ami() as peer:

        async def fails(_: object) -> None:
            raise RuntimeError("mine")

        wire = Wire("127.0.0.1", peer.port, "u", "right", timeout=1, on_event=fails)
        await wire.open()
        peer.writers[0].write(EVENT)
        await wire.act("Ping", {})
        await asyncio.sleep(0)
        assert "a callback failed" in caplog.text
        wire.close()


ODD = b"Event: Newstate\r\nEvent: Again\r\n\r\n"
"""panoramisk makes a list of the two and calls ``lower`` on it."""


async def test_bare_panoramisk_loses_the_connection_to_an_odd_message() -> None:
    async with fake_ami() as peer, bare(peer):
        await peer.until(lambda: peer.logins == 1)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        peer.writers[0].write(ODD)
        await peer.until(lambda: peer.logins == 2)


async def test_an_odd_message_is_skipped_and_the_connection_kept(caplog: pytest.LogCaptureFixture) -> None:
    async with fake_ami() as peer, guarded(peer) as client:
        peer.writers[0].write(ODD)
        await client.stop_mix_monitor(CHANNEL)
        assert peer.logins == 1
        assert "could not be taken" in caplog.text


NAMED = "Event: Newstate\r\nName: Zoë\r\n\r\n".encode()


async def split_name(peer: FakeAmi) -> None:
    cut = NAMED.index("ë".encode()) + 1
    peer.writers[0].write(NAMED[:cut])
    await asyncio.sleep(0.05)
    peer.writers[0].write(NAMED[cut:])


async def test_bare_panoramisk_loses_a_character_split_over_two_packets() -> None:
    names: asyncio.Queue[str] = asyncio.Queue()
    async with fake_ami() as peer, bare(peer) as manager:
        await peer.until(lambda: peer.logins == 1)
        manager.register_event("Newstate", lambda _, event: names.put_nowait(event.name))
        await split_name(peer)
        assert await asyncio.wait_for(names.get(), 5) == "Zo"


async def test_a_character_split_over_two_packets_arrives_whole() -> None:
    names: asyncio.Queue[str] = asyncio.Queue()
    async with fake_ami(fully_booted=False) as peer:
        wire = Wire("127.0.0.1", peer.port, "u", "right", timeout=1, on_event=lambda m: names.put_nowait(m.name))
        await wire.open()
        await split_name(peer)
        assert await asyncio.wait_for(names.get(), 5) == "Zoë"
        wire.close()


async def test_bare_panoramisk_tries_a_wrong_password_for_ever() -> None:
    async with fake_ami() as peer, bare(peer, secret="wrong"):
        await peer.until(lambda: peer.logins >= 4)


async def test_a_wrong_password_is_one_clear_error() -> None:
    async with fake_ami() as peer:
        client = AmiClient("127.0.0.1", peer.port, "u", "wrong", backoff=SOON)
        with pytest.raises(AmiRefused) as caught:
            await client.connect(patience=5)
        assert "wrong" not in str(caught.value)
        await asyncio.sleep(0.2)
        assert peer.logins == 1


async def test_a_password_changed_while_we_were_connected_ends_supervision() -> None:
    async with fake_ami() as peer, guarded(peer) as client:
        peer.secret = "changed"
        peer.hang_up()
        await peer.until(lambda: peer.logins == 2)
        await asyncio.sleep(0.2)
        assert peer.logins == 2
        assert client.failure is not None
        with pytest.raises(AmiRefused):
            await client.stop_mix_monitor(CHANNEL)
        peer.secret = "right"
        await client.connect()
        assert client.failure is None
        await client.stop_mix_monitor(CHANNEL)


def test_bare_panoramisk_before_connect_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        Manager().send_action({"Action": "Ping"})


async def test_before_connect_there_is_a_clear_error() -> None:
    client = AmiClient("127.0.0.1", 1, "u", "s")
    with pytest.raises(AmiDown):
        await client.stop_mix_monitor(CHANNEL)


async def test_bare_panoramisk_waits_for_ever_for_an_answer() -> None:
    async with fake_ami(answer=lambda _: None) as peer, bare(peer) as manager:
        await peer.until(lambda: peer.logins == 1)
        future = manager.send_action({"Action": "StopMixMonitor", "Channel": CHANNEL})
        done, _ = await asyncio.wait([future], timeout=0.5)
        assert not done


async def test_no_answer_is_a_timeout_and_a_late_one_is_ignored() -> None:
    held: list[dict[str, str]] = []

    def slow(action: dict[str, str]) -> bytes | None:
        if action["Action"] == "Ping":
            return success(action)
        held.append(action)
        return None

    async with fake_ami(answer=slow) as peer, guarded(peer, timeout=0.2) as client:
        with pytest.raises(AmiTimeout):
            await client.stop_mix_monitor(CHANNEL)
        peer.writers[0].write(success(held[0]))
        peer.answer = success
        await client.stop_mix_monitor(CHANNEL)
        assert client.connected


async def test_an_action_without_an_answer_is_not_kept_for_ever() -> None:
    async with fake_ami(answer=lambda _: None) as peer:
        wire = Wire("127.0.0.1", peer.port, "u", "right", timeout=0.05, on_event=lambda _: None)
        await wire.open()
        for _ in range(3):
            with pytest.raises(AmiTimeout):
                await wire.act("Ping", {})
        assert wire._manager.protocol.responses == {}
        wire.close()


async def test_a_message_without_end_is_not_kept() -> None:
    async with fake_ami() as peer, guarded(peer) as client:
        peer.writers[0].write(b"Event: X\r\nA: " + b"x" * (2 * MAX_MESSAGE))
        await peer.until(lambda: peer.logins == 2)
        await asyncio.wait_for(client.fully_booted.wait(), 5)


async def test_nobody_there_and_a_peer_that_never_answers() -> None:
    (port,) = free_ports(1)
    with pytest.raises(AmiDown):
        await AmiClient("127.0.0.1", port, "u", "s", backoff=SOON).connect(patience=0.1)

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    with pytest.raises(AmiTimeout):
        await AmiClient("127.0.0.1", port, "u", "s", timeout=0.2).connect()
    server.close()


async def test_a_dead_connection_is_noticed_by_its_missing_sign_of_life() -> None:
    ups, downs = [], []
    async with fake_ami(answer=lambda _: None) as peer:
        client = AmiClient(
            "127.0.0.1",
            peer.port,
            "u",
            "right",
            timeout=0.1,
            ping_interval=0.1,
            backoff=SOON,
            on_up=lambda: ups.append(1),
            on_down=lambda: downs.append(1),
        )
        await client.connect()
        await peer.until(lambda: peer.logins == 2)
        await asyncio.sleep(0.05)
        assert (len(ups), len(downs)) == (2, 1)
        await client.close()


async def test_fully_booted_is_known_and_forgotten_with_the_connection() -> None:
    async with fake_ami(fully_booted=False) as peer, guarded(peer) as client:
        assert not client.fully_booted.is_set()
        peer.writers[0].write(b"Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n")
        await asyncio.wait_for(client.fully_booted.wait(), 5)
        peer.hang_up()
        await peer.until(lambda: peer.logins == 2)
        assert not client.fully_booted.is_set()


async def test_once_fully_booted_is_known_an_action_can_be_sent() -> None:
    async with fake_ami() as peer:
        client = AmiClient("127.0.0.1", peer.port, "u", "right", backoff=SOON)
        connecting = asyncio.create_task(client.connect())
        await asyncio.wait_for(client.fully_booted.wait(), 5)
        assert client.connected
        await client.stop_mix_monitor(CHANNEL)
        await connecting
        await client.close()


async def test_a_callback_of_ours_that_fails_does_not_end_supervision() -> None:
    async with fake_ami() as peer, guarded(peer) as client:

        def fails() -> None:
            raise RuntimeError("mine")

        client.on_down = fails
        for logins in (2, 3):
            peer.hang_up()
            await peer.until(lambda: peer.logins == logins)  # noqa: B023
        await asyncio.wait_for(client.fully_booted.wait(), 5)
        await client.stop_mix_monitor(CHANNEL)


async def test_an_action_asterisk_refuses_is_an_error_without_the_channels_name() -> None:
    def refuse(action: dict[str, str]) -> bytes:
        return f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: No such channel: x\r\n\r\n".encode()

    async with fake_ami(answer=refuse) as peer, guarded(peer) as client:
        with pytest.raises(AmiRefused) as caught:
            await client.mute_mix_monitor("Local/15555550123@x-0001;1", "both", True)
        assert "5555" not in str(caught.value)
        assert isinstance(caught.value, AmiError)
        with pytest.raises(UnsafeValue):
            await client.mute_mix_monitor(CHANNEL, "sideways", True)

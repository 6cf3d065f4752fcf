"""ari-py's synchronous face on the real PBX, as scripts written for ari-py use it."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ari_app.ari import compat
from ari_app.ari.errors import AriDown, NotFound
from heedline.pbx import ARI_USER
from tests.peer.conftest import RealPbx

pytestmark = pytest.mark.pbx


@pytest.fixture
def client(pbx: RealPbx) -> Iterator[compat.Client]:
    with compat.connect(pbx.instance.ari_url, ARI_USER, pbx.instance.ari_password) as client:
        yield client


def run_for(client: compat.Client, app: str, seconds: float = 10) -> None:
    """``client.run`` with an end: a story that does not finish must not hang."""
    timer = threading.Timer(seconds, client.close)
    timer.start()
    client.run(apps=app)
    timer.cancel()


def test_the_hello_world_of_ari_py(client: compat.Client) -> None:
    story: list[str] = []

    def started(channel: Any, event: dict[str, Any]) -> None:
        story.append(f"start {event['args']}")
        channel.on_event("ChannelDtmfReceived", pressed)
        channel.on_event("StasisEnd", lambda _channel, _event: (story.append("end"), client.close()))
        channel.answer()

    def pressed(channel: Any, event: dict[str, Any]) -> None:
        story.append(f"key {event['digit']}")
        channel.hangup()

    client.on_channel_event("StasisStart", lambda objects, event: started(objects["channel"], event))
    threading.Timer(
        0.3,
        lambda: client.channels.originate(endpoint="Local/nine@far/n", app="hello", appArgs="a,b", channelId="h1"),
    ).start()
    run_for(client, "hello")
    assert story == ["start ['a', 'b']", "key 9", "end"]


def test_repositories_give_objects_whose_methods_know_their_id(client: compat.Client) -> None:
    bridge = client.bridges.createWithId(bridgeId="compat-bridge", type="mixing")
    assert bridge.id == "compat-bridge"
    assert bridge.json["bridge_type"] == "mixing"
    assert "compat-bridge" in [each.id for each in client.bridges.list()]
    bridge.setBridgeVar(variable="colour", value="blue; #/é")
    assert bridge.getBridgeVar(variable="colour") == {"value": "blue; #/é"}
    assert client.bridges.get(bridgeId="compat-bridge").id == bridge.id
    bridge.destroy()
    with pytest.raises(NotFound):
        client.bridges.get(bridgeId="compat-bridge")


def test_what_is_not_in_asterisks_documents_is_refused_before_it_is_sent(client: compat.Client) -> None:
    with pytest.raises(AttributeError):
        client.telephones  # noqa: B018
    with pytest.raises(AttributeError):
        client.channels.explode()
    with pytest.raises(TypeError):
        client.channels.get(channel="x")
    with pytest.raises(TypeError):
        client.channels.get()
    with pytest.raises(ValueError, match="no event"):
        client.on_event("StasisStart", print).close() or client.on_channel_event("Nothing", print)
    with pytest.raises(ValueError, match="no field"):
        client.on_bridge_event("StasisStart", print)


def test_a_listener_that_fails_does_not_stop_the_others(client: compat.Client) -> None:
    failures: list[Exception] = []
    client.exception_handler = failures.append

    def fails(event: dict[str, Any]) -> None:
        raise RuntimeError("mine")

    client.on_event("BridgeCreated", fails)
    client.on_event("BridgeCreated", lambda event: client.close())
    threading.Timer(0.3, lambda: client.bridges.create(bridgeId="compat-2")).start()
    threading.Timer(0.2, lambda: client.applications.subscribe(applicationName="fails", eventSource="bridge:")).start()
    run_for(client, "fails")
    assert [str(each) for each in failures] == ["mine"]


def test_after_close_there_is_an_error_and_no_hang(client: compat.Client) -> None:
    client.close()
    with pytest.raises(AriDown):
        client.asterisk.ping()
    client.close()

"""Who may reach the AGI door, and how `doctor` and the process itself say when nobody can."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agi import AgiServer, Door
from compliance import Gate
from compliance.errors import BadInput
from heedline.doctor.door import dialplan_door
from heedline.doctor.finding import Level
from heedline.home import Home
from heedline.initialise import initialise
from heedline.pbx.render import render
from heedline.processes.agi import AgiPortTaken, rules_of, run_agi
from heedline.processes.supervisor import Child, ChildFailed, Supervisor
from heedline.settings import Agi, Settings
from tests.peer.agi_world import Dialplan, Shop
from tests.peer.agi_world import blank_ledger as blank_ledger
from tests.peer.agi_world import shop as shop
from tests.peer.conftest import RealPbx
from tests.storage.builders import CALLEE


def parsed(**keys: object) -> Agi:
    return Settings.parse({"agi": keys}, where="test").agi


def test_it_is_off_and_on_loopback_unless_told() -> None:
    assert (Settings().agi.port, Settings().agi.address) == (0, "127.0.0.1")
    assert parsed(port=4573, address="::1").address == "::1"


@pytest.mark.parametrize(
    "keys",
    [
        {"port": 4573, "address": "0.0.0.0"},
        {"port": 4573, "address": "192.0.2.1"},
        {"port": 4573, "address": "::"},
        {"port": 4573, "address": "pbx.example"},
        {"port": 4573, "address": "0.0.0.0", "peers": ["pbx.example"]},
        {"port": 70000},
        {"port": "4573"},
        {"host": "127.0.0.1"},
    ],
)
def test_off_loopback_it_wants_to_know_who_may_ask(keys: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="agi"):
        parsed(**keys)


def test_off_loopback_with_peers_it_is_taken() -> None:
    assert parsed(port=4573, address="0.0.0.0", peers=["192.0.2.7"]).peers == ("192.0.2.7",)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_our_own_pbx_knows_where_it_is(pbx: RealPbx, address: str) -> None:
    instance = pbx.instance
    wanted = Agi(port=4573, address=address, peers=("127.0.0.1",))
    for agi, there in ((wanted, True), (Agi(), False)):
        settings = instance.settings.model_copy(update={"agi": agi})
        text = render(instance.home, settings, instance.asterisk, instance.layout).files["extensions.conf"]
        assert ("HEEDLINE_AGI = agi://127.0.0.1:4573\n" in text) is there
        assert ("[heedline-gate]" in text) is there


async def test_doctor_says_when_nobody_answers() -> None:
    assert await dialplan_door(Settings()) == []
    async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0) as server:
        settings = Settings(agi=Agi(port=int(server.sockets[0].getsockname()[1])))
        assert [finding.level for finding in await dialplan_door(settings)] == [Level.OK]
    (finding,) = await dialplan_door(settings)
    assert (finding.level, finding.remedy) == (Level.WARN, "heedline serve")


async def test_a_port_that_is_taken_or_off_is_said(tmp_path: Path) -> None:
    home = Home(tmp_path / "var")
    await initialise(home)
    with pytest.raises(BadInput, match=r"agi\.port is 0"):
        await run_agi(home, Settings())
    async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0) as server:
        settings = Settings(agi=Agi(port=int(server.sockets[0].getsockname()[1])))
        with pytest.raises(AgiPortTaken, match=r"agi\.port"):
            await run_agi(home, settings)


class Ends(Child):
    """A process that ends at once."""

    async def start(self) -> asyncio.subprocess.Process:
        self.log.write_text("no port for it\n")
        return await asyncio.create_subprocess_exec("sh", "-c", "exit 78")


async def test_without_the_door_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    home.log.mkdir(parents=True)
    said: list[str] = []
    supervisor = Supervisor(home, Settings(agi=Agi(port=4573)), said.append)
    assert [(child.name, child.vital) for child in supervisor.children][-1] == ("agi", False)
    with pytest.raises(ChildFailed, match="no port for it"):
        await supervisor._keep(Ends("conductor", home))
    monkeypatch.setattr("heedline.processes.supervisor.AGAIN_S", 0.01)
    keeping = asyncio.create_task(supervisor._keep(Ends("agi", home, vital=False)))
    async with asyncio.timeout(10):
        while len(said) < 3:
            await asyncio.sleep(0.01)
    keeping.cancel()
    assert all("the agi can't run: no port for it" in line and "goes on without it" in line for line in said)


async def test_rules_that_cannot_be_taken_stop_the_calls_and_nothing_else(shop: Shop, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.rules.mkdir()
    (home.rules / "mine.yaml").write_text("schema: 1\noverlay: nothing\n")
    packs, rules = await rules_of(home, shop.desk.database)
    async with AgiServer("127.0.0.1", 0) as server:
        Door(replace(shop.desk, gate=Gate(rules, packs))).open(server)
        said = await Dialplan(server.port).agi("gate", CALLEE.e164, "spring")
        assert said["HEEDLINE_DECISION"] == "deny"
        assert said["HEEDLINE_REASON"].startswith("rules.refused: mine.yaml")
        assert (await Dialplan(server.port).agi("optout", CALLEE.e164))["HEEDLINE_OPTOUT"] == "done"

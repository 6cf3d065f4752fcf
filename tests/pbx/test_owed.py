"""What a call owes, heard on real phones: who calls is said first of all, and a beep tells that the recording runs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest
import pytest_asyncio

from ari_app.prompts import Prompts
from ari_app.wording import Seller
from heedline.demo import scenarios
from heedline.demo.export import exported
from heedline.demo.numbers import pick
from heedline.demo.run import make_officer
from heedline.demo.sound import Sound, find_prompt, load, tone_spans
from heedline.demo.stage import SELLER, Stage
from heedline.demo.world import World
from tests.pbx.switch import free_ports

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="module")]

Placement = Literal["before_agent", "in_bridge"]
BEEP_HZ = 1400
EVERY_S = 2
PLACES = {"US": "us", "GB": "gb", "AU": "au"}  # wherever it is daytime
OVERLAY = """\
schema: 1
overlay: "A beep, as a test wants it"
jurisdiction: "{code}"
rules:
- id: {id}.beep
  topic: obligation
  kind: beep
  params: {{every_seconds: {every}}}
  citation: "a test"
  source: "a test"
  confidence: house
  as_of: "2026-11-21"
- id: {id}.who
  topic: obligation
  kind: identify
  params: {{within_seconds: {within}}}
  citation: "a test"
  source: "a test"
  confidence: house
  as_of: "2026-11-21"
"""


def lay_over(world: World, within: int) -> None:
    world.home.rules.mkdir(exist_ok=True)
    for code, id_ in PLACES.items():
        text = OVERLAY.format(code=code, id=id_, every=EVERY_S, within=within)
        (world.home.rules / f"{id_}.yaml").write_text(text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    world = World(tmp_path_factory.mktemp("owed"), free_ports())
    await world.prepare()
    lay_over(world, within=30)
    async with world:
        await make_officer(world)
        yield Stage(world, iter(pick(8, datetime.now(UTC))), lambda line: None)


def greeting(stage: Stage) -> Sound:
    seller = Seller(SELLER.name, SELLER.number, stage.world.purpose)
    return load(Prompts(stage.world.home.prompts, seller).media("greeting", "en").file)


@pytest.mark.parametrize("placement", ["before_agent", "in_bridge"])
async def test_who_calls_is_heard_first_and_the_beep_while_it_is_recorded(stage: Stage, placement: Placement) -> None:
    name = placement.replace("_", "-")
    await stage.world.campaign(replace(scenarios.CAMPAIGNS[0], name=name, placement=placement))
    async with stage.call(name) as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "PromptFinished", prompt="notice", complete=True)
        await stage.world.until(attempt, "LegAnswered", leg="agent")
        await phone.answered()
        await asyncio.sleep(2.5 * EVERY_S)  # they talk, and two beeps are due
        await stage.world.callee.hang_up()
        await phone.ended()
    played = await stage.played(attempt)
    assert played.attempt.disposition == "completed"
    assert played.has("GateAllowed", identify=True, beep_seconds=EVERY_S)
    heard = load(phone.heard)
    first, notice = find_prompt(heard, greeting(stage)), stage.heard(stage.world.callee, "notice")
    assert first.whole
    assert notice.whole
    assert first.start < notice.start
    assert len(beeps(heard)) == 2
    assert len(beeps(load(stage.world.agent.calls[-1].heard))) == 2
    _, outbound = await exported(stage, played.recording())
    assert len(beeps(outbound)) == 2, "the beep is on the recording too"


def beeps(sound: Sound) -> list[float]:
    return [span.start for span in tone_spans(sound, BEEP_HZ, level=0.05, purity=0.1) if 0.1 < span.seconds < 0.5]


async def test_a_greeting_longer_than_the_law_allows_is_no_call(stage: Stage) -> None:
    """The rules are read as the conductor starts."""
    assert greeting(stage).seconds > 1
    await stage.world.stop()
    lay_over(stage.world, within=1)
    await stage.world.serve()
    invites = stage.world.callee.invites
    await stage.world.campaign(replace(scenarios.CAMPAIGNS[0], name="hasty"))
    async with stage.call("hasty") as attempt:
        pass
    played = await stage.played(attempt)
    assert played.attempt.disposition == "denied"
    assert "the law gives 1 s to say who calls" in str(played.story[-2].data) + str(played.story)
    assert stage.world.callee.invites == invites

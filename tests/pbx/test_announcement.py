"""Where the law wants the announcement itself on the recording (RCW 9.73.030(3)): it is, and the callee is not, yet."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from ari_app.prompts import Prompts
from heedline.demo import scenarios
from heedline.demo.export import exported
from heedline.demo.numbers import pick
from heedline.demo.run import make_officer
from heedline.demo.sound import find_prompt, load, tone_spans
from heedline.demo.stage import SELLER, Stage, milliseconds
from heedline.demo.world import AGENT_HZ, CALLEE_HZ, World
from tests.pbx.switch import free_ports

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="module")]

WASHINGTON = '[call]\nagent_region = "US-WA"\nstorage_region = "US-WA"\nseller_region = "US-WA"\n'
EDGE_S = 0.15


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with World(tmp_path_factory.mktemp("washington"), free_ports(), extra=WASHINGTON) as world:
        await make_officer(world)
        yield Stage(world, iter(pick(4, datetime.now(UTC))), lambda line: None)


@pytest.mark.parametrize("placement", ["before_agent", "in_bridge"])
async def test_the_announcement_is_on_the_tape_and_the_callee_only_after_it(stage: Stage, placement: str) -> None:
    name = placement.replace("_", "-")
    await stage.world.campaign(replace(scenarios.CAMPAIGNS[0], name=name, placement=placement))
    async with stage.call(name) as attempt:
        phone = await stage.world.callee.called()
        await stage.world.until(attempt, "PromptFinished", prompt="notice", complete=True)
        await stage.world.until(attempt, "LegAnswered", leg="agent")
        await phone.answered()
        await asyncio.sleep(2.0)  # they talk
        await stage.world.callee.hang_up()
        await phone.ended()
    played = await stage.played(attempt)
    assert played.attempt.disposition == "completed"
    assert played.has("GateAllowed", record_announcement=True)
    callee, outbound = await exported(stage, played.recording())
    start = played.at("RecordingStarted")
    over = milliseconds(played.at("PromptFinished", prompt="notice"), start) / 1000
    assert start < played.at("PromptStarted", prompt="notice")
    assert find_prompt(outbound, load(Prompts(stage.world.home.prompts, SELLER).media("notice", "en").file)).whole
    assert not tone_spans(callee.part(0.0, over), CALLEE_HZ), "the callee was recorded before the announcement ended"
    spoken = tone_spans(callee.part(over), CALLEE_HZ)
    assert spoken
    assert spoken[0].start < EDGE_S + 0.5
    assert tone_spans(outbound.part(over), AGENT_HZ)

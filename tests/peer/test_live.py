"""A live call's worker where its books, its queue or its end fail it."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ari_app.ari import AriClient
from ari_app.books import Books
from ari_app.call import Call, Phase
from ari_app.call.call import Status
from ari_app.call.events import (
    AttemptCommitted,
    Digit,
    Event,
    Leg,
    LegGone,
    LinkRestored,
    OptOutNotWritten,
    OptOutWritten,
    Presence,
    Prompt,
    RecordingSealed,
)
from ari_app.errors import OptOutNotDone
from ari_app.line import Line, Where
from ari_app.live import INBOX, Instruments, LiveCall
from ari_app.order import Order, plan_of
from ari_app.prompts import Prompts
from ari_app.story import Story
from ari_app.tape import Tape
from compliance.number import parse_number
from storage.ids import new_id
from storage.ledger.campaigns import Campaign

CAMPAIGN = Campaign(name="water", seller="Acme", purpose="survey", caller_id="+12125550100")


class Tools:
    """Line, tape and books in one: notes what it is asked for; `away`: the ledger takes no opt-out."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False
        self.verdict_holds = True
        self.call: LiveCall
        self.hold = asyncio.Event()
        self.hold.set()

    def tell(self, line: object) -> None:
        """The story."""

    async def caught_up(self) -> bool:
        return True

    def may_dial(self) -> bool:
        return self.verdict_holds

    async def write_opt_out(self, source: str) -> None:
        self.asked.append("write opt-out")
        self.call.post(OptOutNotWritten("DatabaseBusy") if self.away else OptOutWritten(True, 0))

    async def hang_up(self, leg: Leg) -> None:
        self.asked.append(f"hang up {leg}")
        self.call.post(LegGone(leg))

    async def stop(self, crashed: bool) -> None:
        self.asked.append("stop tape")
        self.call.post(RecordingSealed(0))

    async def stop_prompt(self) -> None:
        await self.hold.wait()

    async def unbridge(self, leg: Leg) -> None:
        """No bridge here."""

    async def play(self, prompt: object, to: object) -> None:
        """Nothing sounds."""

    async def call_off(self) -> None:
        """Nobody is being dialled."""

    async def take_down(self) -> None:
        """No bridge here."""

    async def end_attempt(self, disposition: str, detail: str) -> None:
        await asyncio.sleep(0)  # as a disk would: here a second cancellation would strike
        self.asked.append(f"end: {disposition}")


def live(tools: Tools, state: Call) -> LiveCall:
    number = parse_number("+12125550123")
    order = Order(new_id(), new_id(), number, CAMPAIGN, "agent", state.plan)
    call = LiveCall(order, cast(Story, tools), lambda leg: Where("", 15, ""), lambda _: None, 0, state)
    tools.call = call
    call.equip(Instruments(cast(Line, tools), cast(Tape, tools), cast(Books, tools)))
    return call


def state(phase: Phase, **fields: Any) -> Call:
    plan = plan_of(CAMPAIGN, 20, agent_called_us=False)
    return replace(Call(plan, phase=phase, callee=Status.UP), **fields)


async def until_ended(call: LiveCall) -> None:
    async with asyncio.timeout(5):
        await call.ended.wait()


async def test_an_opt_out_is_acknowledged_only_once_it_is_durable() -> None:
    tools = Tools()
    call = live(tools, state(Phase.AGENT_WAIT))
    call.resume()
    await call.opt_out("screen")
    assert tools.asked[0] == "write opt-out"


async def test_an_opt_out_that_comes_behind_the_end_of_the_call_is_not_said_to_be_done() -> None:
    tools = Tools()
    call = live(tools, state(Phase.AGENT_WAIT))
    call.post(LegGone(Leg.CALLEE))  # it waits in the queue when the screen asks: the callee seems to be there
    call.resume()
    with pytest.raises(OptOutNotDone, match="dnc add"):
        await call.opt_out("screen")
    assert "write opt-out" not in tools.asked


async def test_a_flood_of_events_ends_the_call_once_and_whole() -> None:
    tools = Tools()
    tools.hold.clear()
    call = live(tools, state(Phase.ASKING, playing=Prompt.CONSENT_ASK))
    call.resume()
    call.post(Digit(Leg.CALLEE, "5"))
    await asyncio.sleep(0)
    for _ in range(INBOX + 5):
        call.post(Digit(Leg.AGENT, "5"))
    await until_ended(call)
    assert tools.asked[-1] == "end: failed"


async def test_a_defect_while_an_opt_out_waits_for_the_ledger_does_not_lose_it() -> None:
    tools = Tools()
    tools.away = True
    call = live(tools, state(Phase.TALKING, agent=Status.UP, grace=True))
    call.resume()
    call.post(Digit(Leg.CALLEE, "9"))
    async with asyncio.timeout(5):
        while "write opt-out" not in tools.asked:
            await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    tools.away = False
    call.post(cast(Event, object()))  # what no worker can take
    await until_ended(call)
    assert tools.asked.count("write opt-out") == 2


async def test_an_opt_out_between_two_tries_is_tried_once_more_when_the_conductor_is_stopped() -> None:
    tools = Tools()
    tools.away = True
    call = live(tools, state(Phase.TALKING, agent=Status.UP, grace=True))
    call.resume()
    call.post(Digit(Leg.CALLEE, "9"))
    async with asyncio.timeout(5):
        while "write opt-out" not in tools.asked:
            await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    tools.away = False
    await call.abandon()
    assert tools.asked.count("write opt-out") == 2


class Pbx:
    """Channels, as ARI has them: one is `made` when it is said to be."""

    def __init__(self) -> None:
        self.channels = self
        self.asked: list[str] = []
        self.made = asyncio.Event()

    async def create(self, channelId: str, **_: object) -> SimpleNamespace:
        self.asked.append("create")
        await self.made.wait()
        return SimpleNamespace(name="PJSIP/callee-1")

    async def dial(self, channelId: str, timeout: int) -> None:
        self.asked.append("dial")

    async def hangup(self, channelId: str) -> None:
        self.asked.append("hang up")


@pytest.mark.parametrize("creating", [True, False])
async def test_what_is_being_dialled_when_the_call_is_found_to_be_over_never_rings(creating: bool) -> None:
    """The look at the PBX was taken before the channel was there: interrupted, and not dialled behind its end."""
    tools, pbx = Tools(), Pbx()
    call = live(tools, replace(state(Phase.COMMITTING), callee=Status.IDLE))
    line = Line(cast(AriClient, pbx), cast(Prompts, None), call.id, "en", call.post, call.arm, call.disarm)
    call.equip(Instruments(line, cast(Tape, tools), cast(Books, tools)))
    call.post(AttemptCommitted())
    lost = LinkRestored(Presence.ABSENT, Presence.ABSENT, recording=False)
    if not creating:
        call.post(lost)
    call.resume()
    async with asyncio.timeout(5):
        while creating and not pbx.asked:
            await asyncio.sleep(0)
    if creating:
        call.post(lost)
    await asyncio.sleep(0.01)
    pbx.made.set()
    line.in_stasis(Leg.CALLEE, "PJSIP/callee-1")
    await until_ended(call)
    await asyncio.sleep(0.01)
    assert tools.asked[-1] == "end: interrupted"
    assert pbx.asked == (["create", "hang up"] if creating else [])


@pytest.mark.parametrize("holds", [True, False])
async def test_nobody_is_dialled_on_a_verdict_that_has_grown_old(holds: bool) -> None:
    tools, pbx = Tools(), Pbx()
    pbx.made.set()
    tools.verdict_holds = holds
    call = live(tools, replace(state(Phase.COMMITTING), callee=Status.IDLE))
    line = Line(cast(AriClient, pbx), cast(Prompts, None), call.id, "en", call.post, call.arm, call.disarm)
    call.equip(Instruments(line, cast(Tape, tools), cast(Books, tools)))
    line.in_stasis(Leg.CALLEE, "PJSIP/callee-1")
    call.post(AttemptCommitted())
    call.resume()
    if holds:
        async with asyncio.timeout(5):
            while "dial" not in pbx.asked:
                await asyncio.sleep(0)
        call.post(LegGone(Leg.CALLEE))
    await until_ended(call)
    assert pbx.asked[:2] == ["create", "dial" if holds else "hang up"]
    assert tools.asked[-1] == ("end: no_answer" if holds else "end: interrupted")

"""Moments of a call at which to strike, and the parts the people play before and after."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from heedline.demo.phone import Answer, Phone, PhoneCall
from heedline.processes.supervisor import MOST_IN_A_ROW
from storage.ledger.attempts import AttemptState
from tests.pbx.centre import (
    LOOK_S,
    Centre,
    Lane,
)

TALK = ("talk", "talk in bridge")


def ringing(phone: Phone) -> PhoneCall | None:
    """The call that rings there now."""
    last = phone.calls[-1] if phone.calls else None
    return last if last is not None and not last.is_answered and not last.is_ended else None


async def see_through(lane: Lane, *, star_nine: bool = False, seconds: float = 60.0) -> None:
    """Whatever still rings is answered; once they talk, they talk a second; then one of them ends it."""
    picked_up: set[int] = set()
    lane.agent.answer = lane.callee.answer = Answer.ACCEPT
    world = lane.centre.world
    async with asyncio.timeout(seconds):
        while (await world.attempt(lane.attempt)).state is not AttemptState.ENDED:
            for phone in (lane.callee, lane.agent):
                call = ringing(phone)
                if call is not None and id(call) not in picked_up:
                    picked_up.add(id(call))
                    await phone.accept()
            if not lane.ended_by and await lane.centre.phase(lane.attempt) == "talking":
                await asyncio.sleep(1.0)
                lane.ended_by = "*9" if star_nine else "hang-up"
                await (lane.agent.press("*9") if star_nine else lane.callee.hang_up())
            await asyncio.sleep(LOOK_S)


Step = Callable[[Lane], Awaitable[None]]


async def nothing(lane: Lane) -> None:
    """Nothing leads up to it, or nothing more is done."""


@dataclass(frozen=True)
class Moment:
    """`prepare` leads up to it and holds there; `strike` is begun `lead` seconds before the blow."""

    name: str
    prepare: Step = nothing
    strike: Step = nothing
    lead: float = 0.0


async def _gate(lane: Lane) -> None:
    lane.place_soon("notice")


async def _agent_first(lane: Lane) -> None:
    lane.place_soon("bridge")


async def _ringing(lane: Lane) -> None:
    lane.callee.answer = Answer.IGNORE
    await lane.place("notice")
    await lane.until("LegRinging", leg="callee")


async def _prompt(lane: Lane) -> None:
    await lane.place("notice")
    await lane.until("PromptStarted", prompt="notice")


async def _question(lane: Lane) -> None:
    await lane.place("explicit")
    await lane.until("PromptStarted", prompt="consent_ask")


async def _agent_ringing(lane: Lane) -> None:
    lane.agent.answer = Answer.IGNORE
    await lane.place("notice")
    await lane.until("LegRinging", leg="agent")


async def _talk(lane: Lane) -> None:
    await lane.place("notice")
    await lane.talking()


async def _talk_in_bridge(lane: Lane) -> None:
    await lane.place("bridge")
    await lane.talking()


async def _pause(lane: Lane) -> None:
    await _talk(lane)
    await lane.agent.press("*1")
    await lane.until("RecordingPaused")


async def _confirmation(lane: Lane) -> None:
    await _prompt(lane)
    await lane.callee.press("9")
    await lane.until("PromptStarted", prompt="optout_done")


async def _nine(lane: Lane) -> None:
    await lane.callee.press("9")


async def _one(lane: Lane) -> None:
    await lane.callee.press("1")


async def _star_nine(lane: Lane) -> None:
    await lane.callee.press("*9")


async def _callee_hangs_up(lane: Lane) -> None:
    await lane.callee.hang_up()


KEY_S = 0.19  # from the press to the event: the phone holds a key 180 ms (measured)
MOMENTS = (
    Moment("gate", strike=_gate, lead=0.03),
    Moment("agent first", strike=_agent_first, lead=0.08),
    Moment("dialling", strike=_gate, lead=0.10),
    Moment("ringing", _ringing),
    Moment("prompt", _prompt),
    Moment("key just pressed", _prompt, _nine, lead=KEY_S),
    Moment("consent", _question, _one, lead=KEY_S),
    Moment("agent ringing", _agent_ringing),
    Moment("talk", _talk),
    Moment("talk in bridge", _talk_in_bridge),
    Moment("pause", _pause),
    Moment("opt-out commit", _talk, _star_nine, lead=0.3 + KEY_S),
    Moment("confirmation", _confirmation),
    Moment("ending", _talk, _callee_hangs_up),
)


async def strike_at(pairs: list[tuple[Lane, Moment]], rng: random.Random, blow: Callable[[], None]) -> datetime:
    """Bring every lane to its moment, then strike, up to 80 ms later; returns when it was."""
    await asyncio.gather(*(moment.prepare(lane) for lane, moment in pairs))
    longest = max(moment.lead for _, moment in pairs)

    async def act(lane: Lane, moment: Moment) -> None:
        await asyncio.sleep(longest - moment.lead)
        await moment.strike(lane)

    acts = [asyncio.create_task(act(lane, moment)) for lane, moment in pairs]
    await asyncio.sleep(longest + rng.uniform(0.0, 0.08))
    struck = datetime.now(UTC)
    blow()
    await asyncio.gather(*acts, return_exceptions=True)  # the other end of a call may be gone by now
    for lane, _ in pairs:
        if lane.placing is not None:
            # Nobody answered any more: what became of the request, the ledger knows.
            await asyncio.gather(lane.placing, return_exceptions=True)
    return struck


async def blows(centre: Centre, blow: int, seed: int) -> tuple[list[tuple[Lane, Moment]], random.Random]:
    """Which moments the calls of that blow are hit at: over ten blows every moment comes about as often."""
    if blow % (MOST_IN_A_ROW - 1) == 0:
        await centre.outlive()
    order = random.Random(seed)
    deck: list[Moment] = []
    while len(deck) < (blow + 1) * len(centre.lanes):
        deck += order.sample(MOMENTS, len(MOMENTS))
    for lane in centre.lanes:
        lane.reset()
    hand = deck[blow * len(centre.lanes) : (blow + 1) * len(centre.lanes)]
    print("hit at:", ", ".join(moment.name for moment in hand))
    return list(zip(centre.lanes, hand, strict=True)), random.Random(seed + blow)


async def finish(pairs: list[tuple[Lane, Moment]], rng: random.Random) -> None:
    """Every call is brought to its end by the people, then nothing is left anywhere."""
    through = []
    for lane, _ in pairs:
        found = await lane.centre.attempts_of(lane.number)
        if found:
            lane.attempt = found[0].id
            through.append(see_through(lane, star_nine=rng.random() < 0.3))
    await asyncio.gather(*through)
    await pairs[0][0].centre.quiet()

"""The calls of the demo. Each plays the people's parts on real phones, then claims what must have come of it."""

import asyncio

from heedline.demo.export import exported
from heedline.demo.sound import Sound, load, silence_spans, sounding_spans, tone_seconds, tone_spans
from heedline.demo.stage import SELLER, Played, Stage, milliseconds
from heedline.demo.world import AGENT_HZ, CALLEE_HZ
from storage.ledger.campaigns import Campaign

TALK_S = 3.0
LENGTH_TOLERANCE_S = 0.3
EDGE_S = 0.15  # jitter buffers and 20 ms frames
CAMPAIGNS = (
    Campaign(
        name="demo-notice",
        seller=SELLER.name,
        purpose="telemarketing",
        caller_id=SELLER.number,
        placement="before_agent",
        recording="notice",
        recording_required=True,
    ),
    Campaign(
        name="demo-explicit",
        seller=SELLER.name,
        purpose="telemarketing",
        caller_id=SELLER.number,
        placement="before_agent",
        recording="explicit",
    ),
    Campaign(
        name="demo-bridge",
        seller=SELLER.name,
        purpose="telemarketing",
        caller_id=SELLER.number,
        placement="in_bridge",
        recording="notice",
        recording_required=True,
    ),
)


async def notice(stage: Stage) -> None:
    """Notice to its end, agent bridged, both talk, the callee hangs up."""
    stage.begin("Notice: heard to its end, then the agent, then recorded")
    callee, agent = stage.world.callee, stage.world.agent
    async with stage.call("demo-notice") as attempt:
        phone = await callee.called()
        await stage.world.until(attempt, "RecordingStarted")
        await asyncio.sleep(TALK_S)
        await callee.hang_up()
        await phone.ended()
    played = await stage.played(attempt)
    await agent.calls[-1].ended()
    heard = stage.heard(callee, "notice")
    stage.claim(
        "the callee heard the whole notice", heard.whole, f"{heard.fraction:.0%} of it, score {heard.score:.2f}"
    )
    stage.claim(
        "each heard the other",
        tone_seconds(load(callee.calls[-1].heard), AGENT_HZ) > TALK_S - 1
        and tone_seconds(load(agent.calls[-1].heard), CALLEE_HZ) > TALK_S - 1,
        f"{AGENT_HZ:.0f} Hz and {CALLEE_HZ:.0f} Hz",
    )
    _answer_to_prompt(stage, played)
    left, right = await exported(stage, played.recording())
    stage.claim(
        "callee on the left side only, agent on the right side only",
        _only(left, CALLEE_HZ, AGENT_HZ) and _only(right, AGENT_HZ, CALLEE_HZ),
    )
    stage.claim(
        "nothing was recorded before the notice had ended",
        played.at("RecordingStarted") > played.at("PromptFinished", prompt="notice", complete=True),
    )
    talk = milliseconds(played.at("LegGone", leg="callee"), played.at("RecordingStarted")) / 1000
    off = abs(left.seconds - talk)
    stage.claim(
        "the recording is as long as the talk", off < LENGTH_TOLERANCE_S, f"{left.seconds:.2f} s, {off:.2f} s off"
    )
    stage.claim("disposition", played.attempt.disposition == "completed", played.attempt.disposition or "")


async def nine(stage: Stage) -> None:
    """9 during the notice; then nobody can be made to call that number."""
    stage.begin("Key 9 in the notice: listed before it is confirmed, never called again")
    callee = stage.world.callee
    number = next(stage.numbers)
    async with stage.call("demo-notice", number) as attempt:
        phone = await callee.called()
        await stage.world.until(attempt, "PromptStarted", prompt="notice")
        await asyncio.sleep(1.5)
        await callee.press("9")
        await phone.ended()
    played = await stage.played(attempt)
    heard = stage.heard(callee, "optout_done")
    stage.claim("the callee heard the confirmation", heard.whole, f"{heard.fraction:.0%} of it")
    stage.claim("the notice fell silent", not stage.heard(callee, "notice").whole)
    written, spoken = played.at("OptOutWritten"), played.at("PromptStarted", prompt="optout_done")
    stage.claim(
        "durable first, audible second", written < spoken, f"commit {milliseconds(spoken, written):.0f} ms before"
    )
    pressed = played.at("Digit", digit="9")
    stage.claim(
        "key 9 → ledger commit", milliseconds(written, pressed) < 1000, f"{milliseconds(written, pressed):.0f} ms"
    )
    stage.claim("nothing was recorded", not played.has("RecordingStarted"))
    async with stage.world.database.read() as tx:
        stage.claim("the number is in the do-not-call list", await tx.dnc.check(number) is not None)
    invites = callee.invites
    async with stage.call("demo-notice", number) as again:
        pass
    denied = await stage.played(again)
    stage.claim(
        "the next attempt is denied with the reason",
        denied.attempt.disposition == "denied" and "dnc" in (denied.attempt.detail or ""),
        denied.attempt.detail or "",
    )
    stage.claim(
        "nothing was dialled: the callee's phone saw no INVITE",
        callee.invites == invites,
        f"{invites} before and after",
    )


async def explicit(stage: Stage, key: str) -> None:
    """Asked; presses 1 or 2 or nothing at all."""
    title = {"1": "presses 1: recorded", "2": "presses 2: talk, nothing recorded"}.get(
        key, "silence: asked again, nothing recorded"
    )
    stage.begin(f"Explicit consent: {title}")
    callee = stage.world.callee
    async with stage.call("demo-explicit") as attempt:
        phone = await callee.called()
        await stage.world.until(attempt, "PromptStarted", prompt="consent_ask")
        if key:
            await asyncio.sleep(2.0)
            await callee.press(key)
        await stage.world.until(attempt, "LegAnswered", seconds=45, leg="agent")
        await asyncio.sleep(1.5)
        await callee.hang_up()
        await phone.ended()
    played = await stage.played(attempt)
    stage.claim("they talked", tone_seconds(load(phone.heard), AGENT_HZ) > 1.0)
    answer = {"1": "granted", "2": "refused"}.get(key, "silence")
    stage.claim("the answer is in the ledger", played.has("ConsentWritten", answer=answer), answer)
    if key == "1":
        left, _ = await exported(stage, played.recording())
        stage.claim("recorded", tone_seconds(left, CALLEE_HZ) > 1.0, f"{left.seconds:.2f} s")
        stage.claim("only after the key", played.at("RecordingStarted") > played.at("ConsentWritten"))
        return
    stage.claim("nothing was recorded", not played.has("RecordingStarted"))
    if not key:
        asked = sum(line.kind == "Said" and line.data["prompt"] in ("consent_ask", "reprompt") for line in played.story)
        stage.claim("asked twice, not more", asked == 2, f"{asked} times")


async def pause_and_spoken_opt_out(stage: Stage) -> None:
    """*1 and *2 by the agent; then the callee says "never again" and the agent keys *9."""
    stage.begin("Agent keys *1 … *2 (card data), then *9 for a spoken request")
    callee, agent = stage.world.callee, stage.world.agent
    number = next(stage.numbers)
    async with stage.call("demo-bridge", number) as attempt:
        phone = await callee.called()
        await stage.world.until(attempt, "RecordingStarted")
        await asyncio.sleep(2.0)
        await agent.press("*1")
        await stage.world.until(attempt, "RecordingPaused")
        await asyncio.sleep(2.0)
        await agent.press("*2")
        await stage.world.until(attempt, "RecordingResumed")
        await asyncio.sleep(2.0)
        await agent.press("*9")
        await phone.ended()
    played = await stage.played(attempt)
    left, right = await exported(stage, played.recording())
    start = played.at("RecordingStarted")
    paused = milliseconds(played.at("RecordingPaused"), start) / 1000
    resumed = milliseconds(played.at("RecordingResumed"), start) / 1000
    spans = [span for span in silence_spans(left, at_least=1.0) if abs(span.start - paused) < EDGE_S + 0.2]
    quiet = tone_spans(right.part(paused + EDGE_S, resumed - EDGE_S), AGENT_HZ)
    stage.claim(
        "silence on both sides while paused, time line kept",
        len(spans) == 1 and abs(spans[0].end - resumed) < EDGE_S + 0.2 and not quiet,
        f"paused {paused:.2f}–{resumed:.2f} s, silent {spans[0].start:.2f}–{spans[0].end:.2f} s"
        if spans
        else "none found",
    )
    stage.claim(
        "the keys are not heard on the other side", phone.keys == "", f"keys that arrived: {phone.keys or 'none'}"
    )
    heard = stage.heard(callee, "optout_done")
    stage.claim("*9: the callee heard the confirmation", heard.whole, f"{heard.fraction:.0%} of it")
    end = milliseconds(played.at("OptOutWritten"), start) / 1000
    stage.claim("nothing recorded after *9", left.seconds < end + LENGTH_TOLERANCE_S, f"{left.seconds:.2f} s")
    async with stage.world.database.read() as tx:
        stage.claim("the number is in the do-not-call list", await tx.dnc.check(number) is not None)


async def unreachable(stage: Stage) -> None:
    """The callee's line is busy: nothing is played, nothing recorded."""
    stage.begin("Busy")
    callee = stage.world.callee
    answer, callee.answer = callee.answer, type(callee.answer).BUSY
    try:
        async with stage.call("demo-notice") as attempt:
            pass
    finally:
        callee.answer = answer
    played = await stage.played(attempt)
    stage.claim("disposition", played.attempt.disposition == "busy", played.attempt.disposition or "")


def _answer_to_prompt(stage: Stage, played: Played) -> None:
    gap = milliseconds(played.at("PromptStarted"), played.at("LegAnswered", leg="callee"))
    stage.claim("answer → first prompt begins", gap < 2000, f"{gap:.0f} ms")


def _only(sound: Sound, wanted: float, other: float) -> bool:
    """One tone, from about the beginning to about the end, and not a frame of the other."""
    sounding = sounding_spans(sound)
    return bool(sounding) and tone_seconds(sound, wanted) > TALK_S - 1 and not tone_spans(sound, other)


__all__ = ["CAMPAIGNS", "explicit", "nine", "notice", "pause_and_spoken_opt_out", "unreachable"]

"""The conditions of the transition table: one small question each, about the call as noted and the event."""

from ari_app.call.call import Call, Status, Tape
from ari_app.call.call import is_star as _is_star
from ari_app.call.events import (
    Answer,
    ConsentWritten,
    Digit,
    Event,
    Leg,
    LegAnswered,
    LegFailed,
    LegGone,
    LinkRestored,
    Presence,
    Prompt,
    PromptFinished,
    Timer,
    TimerFired,
)
from compliance.verdict import RecordingMode

GREETINGS = (Prompt.GREETING, Prompt.GREETING_OPT_OUT)
QUESTIONS = (Prompt.CONSENT_ASK, Prompt.REPROMPT)
TIMES_ASKED = 2


def always(call: Call, event: Event) -> bool:
    return True


# ── legs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _leg(event: Event) -> Leg | None:
    return event.leg if isinstance(event, LegAnswered | LegFailed | LegGone | Digit) else None


def of_agent(call: Call, event: Event) -> bool:
    return _leg(event) is Leg.AGENT


def of_callee(call: Call, event: Event) -> bool:
    return _leg(event) is Leg.CALLEE


def of_agent_in_bridge(call: Call, event: Event) -> bool:
    return of_agent(call, event) and call.in_bridge


def agent_must_come_first(call: Call, event: Event) -> bool:
    return call.in_bridge and call.agent is not Status.UP


def agent_on_line(call: Call, event: Event) -> bool:
    return call.agent is Status.UP


def agent_lost(call: Call, event: Event) -> bool:
    return call.agent is Status.GONE


def agent_lost_in_bridge(call: Call, event: Event) -> bool:
    return call.in_bridge and call.agent is Status.GONE


def callee_on_line(call: Call, event: Event) -> bool:
    return call.callee is Status.UP


def callee_lost(call: Call, event: Event) -> bool:
    return call.callee in (Status.GONE, Status.IDLE)


def callee_only_created(call: Call, event: Event) -> bool:
    """We died between creating the channel and dialling it: it never rang, and shall not now."""
    return isinstance(event, LinkRestored) and event.callee is Presence.CREATED


def answered_but_agent_lost(call: Call, event: Event) -> bool:
    """Somebody has picked up and nobody is there: that is an abandoned call."""
    return callee_on_line(call, event) and agent_lost_in_bridge(call, event)


def either_lost(call: Call, event: Event) -> bool:
    return callee_lost(call, event) or agent_lost(call, event)


# ── how this call may be recorded ───────────────────────────────────────────────────────────────────────────────


def _callee_answered(call: Call, event: Event) -> bool:
    """The callee is there to be told the next thing: has just answered, been found again, or heard who calls."""
    there = of_callee(call, event) or isinstance(event, LinkRestored) or greeting_heard(call, event)
    return call.callee is Status.UP and there


def callee_owed_greeting(call: Call, event: Event) -> bool:
    return _callee_answered(call, event) and call.greeting is not None


def callee_announced_on_tape(call: Call, event: Event) -> bool:
    return _callee_answered(call, event) and announced_on_tape(call, event)


def announced_on_tape(call: Call, event: Event) -> bool:
    return call.mode is RecordingMode.NOTICE and call.record_announcement


def callee_notice(call: Call, event: Event) -> bool:
    return _callee_answered(call, event) and call.mode is RecordingMode.NOTICE


def callee_explicit(call: Call, event: Event) -> bool:
    return _callee_answered(call, event) and call.mode is RecordingMode.EXPLICIT


def callee_agent_on_line(call: Call, event: Event) -> bool:
    return _callee_answered(call, event) and call.agent is Status.UP


def required(call: Call, event: Event) -> bool:
    return call.plan.recording_required


def tape_forbidden(call: Call, event: Event) -> bool:
    """Recording is required, and here there may be none: then there is no call."""
    return call.plan.recording_required and call.mode is RecordingMode.NONE


def tape_forbidden_with_agent(call: Call, event: Event) -> bool:
    return tape_forbidden(call, event) and call.agent is Status.UP


def taping(call: Call, event: Event) -> bool:
    return call.taping


def pause_wanted(call: Call, event: Event) -> bool:
    """Paused, and nobody has asked for the contrary meanwhile."""
    return call.tape is Tape.PAUSED and call.hold


def resume_wanted(call: Call, event: Event) -> bool:
    return call.tape is Tape.ON and not call.hold


def tape_lost_and_required(call: Call, event: Event) -> bool:
    return tape_broken(call, event) and call.plan.recording_required


def tape_broken(call: Call, event: Event) -> bool:
    return call.tape is Tape.BROKEN


def _recording_due(call: Call) -> bool:
    """A tape that failed or was sealed is not followed by a second one: what it should hold is lost with it."""
    return call.may_record and call.tape is Tape.OFF


def agent_and_recording_due(call: Call, event: Event) -> bool:
    return of_agent(call, event) and _recording_due(call)


def agent_on_line_and_recording_due(call: Call, event: Event) -> bool:
    return agent_on_line(call, event) and _recording_due(call)


# ── prompts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def greeting_heard(call: Call, event: Event) -> bool:
    return isinstance(event, PromptFinished) and event.prompt in GREETINGS and event.complete


def greeting_cut(call: Call, event: Event) -> bool:
    return isinstance(event, PromptFinished) and event.prompt in GREETINGS and not event.complete


def is_notice(call: Call, event: Event) -> bool:
    return isinstance(event, PromptFinished) and event.prompt is Prompt.NOTICE


def _heard_to_its_end(call: Call, event: Event) -> bool:
    return (
        isinstance(event, PromptFinished)
        and event.prompt is Prompt.NOTICE
        and event.complete
        and call.callee is Status.UP
    )


def notice_complete(call: Call, event: Event) -> bool:
    """Played to its end to a callee who is still there; where the law wants it on tape, this is not enough."""
    return _heard_to_its_end(call, event) and not call.record_announcement


def notice_complete_with_agent(call: Call, event: Event) -> bool:
    return notice_complete(call, event) and call.agent is Status.UP


def notice_complete_on_tape(call: Call, event: Event) -> bool:
    return _heard_to_its_end(call, event) and call.record_announcement and call.taping


def notice_complete_on_tape_with_agent(call: Call, event: Event) -> bool:
    return notice_complete_on_tape(call, event) and call.agent is Status.UP


def notice_cut_and_required(call: Call, event: Event) -> bool:
    return is_notice(call, event) and call.plan.recording_required


def notice_cut_with_agent(call: Call, event: Event) -> bool:
    return is_notice(call, event) and call.agent is Status.UP


def is_question(call: Call, event: Event) -> bool:
    return isinstance(event, PromptFinished) and event.prompt in QUESTIONS


def question_complete(call: Call, event: Event) -> bool:
    return isinstance(event, PromptFinished) and event.prompt in QUESTIONS and event.complete


def is_confirmation(call: Call, event: Event) -> bool:
    return isinstance(event, PromptFinished) and event.prompt is Prompt.OPTOUT_DONE


def is_farewell(call: Call, event: Event) -> bool:
    return isinstance(event, PromptFinished) and event.prompt in (
        Prompt.AGENT_UNAVAILABLE,
        Prompt.CONSENT_REFUSED,
    )


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _callee_key(event: Event) -> str:
    return event.digit if isinstance(event, Digit) and event.leg is Leg.CALLEE else ""


def callee_one(call: Call, event: Event) -> bool:
    return _callee_key(event) == "1"


def callee_nine(call: Call, event: Event) -> bool:
    return _callee_key(event) == "9"


def callee_nine_in_grace(call: Call, event: Event) -> bool:
    """Who was told "press 9" may finish hearing it before pressing."""
    return call.grace and callee_nine(call, event)


def callee_other_key(call: Call, event: Event) -> bool:
    return _callee_key(event) != ""


def is_star(call: Call, event: Event) -> bool:
    return isinstance(event, Digit) and _is_star(call, event)


def _after_star(call: Call, event: Event, digit: str) -> bool:
    return isinstance(event, Digit) and event.digit == digit and event.leg in call.starred


def star_nine(call: Call, event: Event) -> bool:
    return _after_star(call, event, "9")


def agent_star_one(call: Call, event: Event) -> bool:
    return of_agent(call, event) and _after_star(call, event, "1")


def agent_star_two(call: Call, event: Event) -> bool:
    return of_agent(call, event) and _after_star(call, event, "2")


# ── consent ─────────────────────────────────────────────────────────────────────────────────────────────────────


def granted(call: Call, event: Event) -> bool:
    """Both written and the last word: a slow write of an answer since taken back grants nothing."""
    granted = isinstance(event, ConsentWritten) and event.answer is Answer.GRANTED
    return granted and call.answer is Answer.GRANTED


def granted_with_agent(call: Call, event: Event) -> bool:
    return granted(call, event) and call.agent is Status.UP


def refusal_ends_call(call: Call, event: Event) -> bool:
    return call.plan.ends_on_refusal or call.plan.recording_required


# ── timers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _fired(event: Event, timer: Timer) -> bool:
    return isinstance(event, TimerFired) and event.timer is timer


def ring_over(call: Call, event: Event) -> bool:
    return _fired(event, Timer.RING)


def agent_ring_over(call: Call, event: Event) -> bool:
    return _fired(event, Timer.AGENT_RING)


def prompt_overdue(call: Call, event: Event) -> bool:
    """The PBX reported no end of the prompt in due time: it counts as cut. Stale when nothing plays any more."""
    return _fired(event, Timer.PROMPT) and call.playing is not None


def prompt_overdue_and_required(call: Call, event: Event) -> bool:
    return prompt_overdue(call, event) and call.plan.recording_required


def prompt_overdue_with_agent(call: Call, event: Event) -> bool:
    return prompt_overdue(call, event) and call.agent is Status.UP


def silence(call: Call, event: Event) -> bool:
    """Stale while a question plays: it has been put again after a lost link."""
    return _fired(event, Timer.CONSENT) and call.playing is None


def silence_once(call: Call, event: Event) -> bool:
    return silence(call, event) and call.asked < TIMES_ASKED


def star_alone(call: Call, event: Event) -> bool:
    """Stale when the star was passed on, or became a feature, in the same instant."""
    return (_fired(event, Timer.STAR_CALLEE) and Leg.CALLEE in call.starred) or (
        _fired(event, Timer.STAR_AGENT) and Leg.AGENT in call.starred
    )


def beep_due(call: Call, event: Event) -> bool:
    return _fired(event, Timer.BEEP) and call.beep_seconds > 0


def optout_retry_due(call: Call, event: Event) -> bool:
    return _fired(event, Timer.OPTOUT_RETRY)


def optout_patience_over(call: Call, event: Event) -> bool:
    return _fired(event, Timer.OPTOUT_PATIENCE)


def end_overdue(call: Call, event: Event) -> bool:
    return _fired(event, Timer.END)


def settled(call: Call, event: Event) -> bool:
    """No leg is on the line and no audio is unsealed."""
    legs_off = all(status in (Status.IDLE, Status.GONE) for status in (call.callee, call.agent))
    return legs_off and call.tape in (Tape.OFF, Tape.SEALED, Tape.FAILED)

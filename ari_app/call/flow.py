"""What happens in a call: everything that changes its phase, in one table.

    planned → gating → (agent_first →) committing → dialling → notice | asking → agent_wait → talking → ending → ended

`decide(call, event, now)` is the whole of it. It first notes what the event says (`call.note`), then takes the
first row of `TABLE` that fits phase, event and condition: the row's action gives the commands, and the row names
the next phase. An event with no row changes nothing. After each row, rows for `Settled` run until none fits.

Three promises can be read off the table, and the tests hold them for every path:

* the callee is dialled only by rows that leave COMMITTING on AttemptCommitted: gate first, durable first;
* `optout_done` sounds only by the row that leaves OPTING_OUT on OptOutWritten: durable first, audible second;
* the callee is recorded only after the notice has played to its end or consent is in the ledger.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ari_app.call import actions as do
from ari_app.call import conditions as when
from ari_app.call import endings as end
from ari_app.call import moves as move
from ari_app.call.call import Call, Phase, Step, note
from ari_app.call.events import (
    AttemptCommitted,
    AttemptRefused,
    BridgeFailed,
    ConsentNotWritten,
    ConsentWritten,
    Digit,
    Event,
    GateAllowed,
    GateDenied,
    HangupRequested,
    LegAnswered,
    LegFailed,
    LegGone,
    LinkRestored,
    OptOutNotWritten,
    OptOutRequested,
    OptOutWritten,
    PauseRequested,
    PromptFinished,
    RecordingFailed,
    RecordingPaused,
    RecordingResumed,
    RecordingSealed,
    RecordingStarted,
    ResumeRequested,
    Settled,
    Started,
    TimerFired,
)

P = Phase
BEFORE_DIAL = (P.GATING, P.AGENT_FIRST, P.COMMITTING)
PROMPTING = (P.GREETING, P.ARMING, P.NOTICE, P.ASKING, P.CONSENTING)
ANSWERED = (*PROMPTING, P.AGENT_WAIT, P.STARTING, P.TALKING, P.FAREWELL)
UNDECIDED = (*BEFORE_DIAL, P.DIALLING, *PROMPTING, P.AGENT_WAIT, P.STARTING, P.TALKING)  # how it ends is open
LOST = (LegGone, LegFailed)  # a leg may be reported to have failed although it had answered
TAPED = (P.ARMING, P.NOTICE, P.AGENT_WAIT, P.STARTING, P.TALKING)  # where audio may go to the spool
TAPE_LOST = (RecordingFailed, RecordingSealed)  # a seal nobody asked for is a recorder that gave up


@dataclass(frozen=True)
class Row:
    """In one of `phases`, on one of `events`, if `condition`: run `action`, be in `to` (None: stay)."""

    phases: tuple[Phase, ...]
    events: tuple[type[Event], ...]
    condition: Callable[[Call, Event], bool]
    to: Phase | None
    action: Callable[[Call, Event], Step]


def row(
    phases: Phase | tuple[Phase, ...],
    event: type[Event] | tuple[type[Event], ...],
    condition: Callable[[Call, Event], bool],
    to: Phase | None,
    action: Callable[[Call, Event], Step],
) -> Row:
    phases = phases if isinstance(phases, tuple) else (phases,)
    return Row(phases, event if isinstance(event, tuple) else (event,), condition, to, action)


TABLE: tuple[Row, ...] = (
    # ── may we call? ────────────────────────────────────────────────────────────────────────────────────────────
    row(P.PLANNED, Started, when.always, P.GATING, do.check_gate),
    row(P.GATING, GateAllowed, when.tape_forbidden_with_agent, P.REFUSING, do.tell_agent_denied),
    row(P.GATING, GateAllowed, when.tape_forbidden, P.ENDING, end.denied),
    row(P.GATING, GateAllowed, when.agent_must_come_first, P.AGENT_FIRST, do.dial_agent),
    row(P.GATING, GateAllowed, when.always, P.COMMITTING, do.commit_attempt),
    row(P.GATING, GateDenied, when.agent_on_line, P.REFUSING, do.tell_agent_denied),
    row(P.GATING, GateDenied, when.always, P.ENDING, end.denied),
    row(P.AGENT_FIRST, LegAnswered, when.of_agent, P.GATING, do.bridge_agent_and_check_gate),
    row(P.AGENT_FIRST, LegFailed, when.of_agent, P.ENDING, end.agent_unavailable),
    row(P.AGENT_FIRST, TimerFired, when.agent_ring_over, P.ENDING, end.agent_unavailable),
    row(P.COMMITTING, AttemptCommitted, when.always, P.DIALLING, do.dial_callee),
    row(P.COMMITTING, AttemptRefused, when.always, P.ENDING, end.refused_by_ledger),
    row(P.REFUSING, PromptFinished, when.always, P.ENDING, end.as_decided),
    row(P.REFUSING, TimerFired, when.prompt_overdue, P.ENDING, end.as_decided),
    row((P.PLANNED, *BEFORE_DIAL), LOST, when.of_agent, P.ENDING, end.agent_gone),
    row(P.REFUSING, LOST, when.of_agent, P.ENDING, end.as_decided),
    # ── the callee's phone rings ────────────────────────────────────────────────────────────────────────────────
    row(P.DIALLING, LegAnswered, when.callee_owed_greeting, P.GREETING, do.greet),
    row(P.DIALLING, LegAnswered, when.callee_announced_on_tape, P.ARMING, do.record_outbound),
    row(P.DIALLING, LegAnswered, when.callee_notice, P.NOTICE, do.play_notice),
    row(P.DIALLING, LegAnswered, when.callee_explicit, P.ASKING, do.ask_consent),
    row(P.DIALLING, LegAnswered, when.callee_agent_on_line, P.TALKING, do.connect),
    row(P.DIALLING, LegAnswered, when.of_callee, P.AGENT_WAIT, do.dial_agent),
    row(P.DIALLING, LegFailed, when.of_callee, P.ENDING, end.not_reached),
    row(P.DIALLING, LegGone, when.of_callee, P.ENDING, end.no_answer),
    row(P.DIALLING, TimerFired, when.ring_over, P.ENDING, end.no_answer),
    row(P.DIALLING, LOST, when.of_agent, P.ENDING, end.agent_gone),
    # ── who calls, where the law sets a time for saying it ──────────────────────────────────────────────────────
    row(P.GREETING, PromptFinished, when.greeting_cut, P.ENDING, end.greeting_cut),
    row(P.GREETING, TimerFired, when.prompt_overdue, P.ENDING, end.greeting_cut),
    row(P.GREETING, PromptFinished, when.callee_announced_on_tape, P.ARMING, do.record_outbound),
    row(P.GREETING, PromptFinished, when.callee_notice, P.NOTICE, do.play_notice),
    row(P.GREETING, PromptFinished, when.callee_explicit, P.ASKING, do.ask_consent),
    row(P.GREETING, PromptFinished, when.callee_agent_on_line, P.TALKING, do.connect),
    row(P.GREETING, PromptFinished, when.greeting_heard, P.AGENT_WAIT, do.dial_agent),
    # ── nine at any time ────────────────────────────────────────────────────────────────────────────────────────
    row((*PROMPTING, P.AGENT_WAIT, P.FAREWELL), Digit, when.callee_nine, P.OPTING_OUT, do.opt_out_by_key),
    row((*ANSWERED, P.ENDING), Digit, when.star_nine, P.OPTING_OUT, do.opt_out_by_star_nine),
    row((P.STARTING, P.TALKING, P.ENDING), Digit, when.callee_nine_in_grace, P.OPTING_OUT, do.opt_out_by_key),
    row(
        (*UNDECIDED, P.FAREWELL, P.REFUSING, P.ENDING),
        OptOutRequested,
        when.always,
        P.OPTING_OUT,
        do.opt_out_by_request,
    ),
    row(P.OPTING_OUT, OptOutWritten, when.callee_on_line, P.CONFIRMING, do.confirm_opt_out),
    row(P.OPTING_OUT, OptOutWritten, when.always, P.ENDING, end.opted_out),
    row(P.OPTING_OUT, OptOutNotWritten, when.always, None, do.retry_opt_out_soon),
    row(P.OPTING_OUT, TimerFired, when.optout_retry_due, None, do.write_opt_out_again),
    row(P.OPTING_OUT, TimerFired, when.optout_patience_over, None, do.hang_up_unconfirmed),
    row(P.CONFIRMING, PromptFinished, when.is_confirmation, P.ENDING, end.opted_out),
    row(P.CONFIRMING, TimerFired, when.prompt_overdue, P.ENDING, end.opted_out),
    row(P.CONFIRMING, LOST, when.of_callee, P.ENDING, end.opted_out),
    # ── notice: recorded once it has played to its end ──────────────────────────────────────────────────────────
    row(P.ARMING, RecordingStarted, when.always, P.NOTICE, do.play_notice),
    row(TAPED, TAPE_LOST, when.required, P.ENDING, end.recording_failed),
    row(P.ARMING, TAPE_LOST, when.agent_on_line, P.TALKING, do.talk_unrecorded),
    row(P.ARMING, TAPE_LOST, when.always, P.AGENT_WAIT, do.dial_agent_unrecorded),
    row(P.NOTICE, PromptFinished, when.notice_complete_on_tape_with_agent, P.TALKING, do.unmute_callee),
    row(P.NOTICE, PromptFinished, when.notice_complete_on_tape, P.AGENT_WAIT, do.unmute_callee_and_dial_agent),
    row(P.NOTICE, PromptFinished, when.notice_complete_with_agent, P.STARTING, do.start_recording),
    row(P.NOTICE, PromptFinished, when.notice_complete, P.AGENT_WAIT, do.may_record_and_dial_agent),
    row(P.NOTICE, PromptFinished, when.notice_cut_and_required, P.ENDING, end.notice_cut),
    row(P.NOTICE, PromptFinished, when.notice_cut_with_agent, P.TALKING, do.talk_unrecorded),
    row(P.NOTICE, PromptFinished, when.is_notice, P.AGENT_WAIT, do.dial_agent_unrecorded),
    row(P.NOTICE, TimerFired, when.prompt_overdue_and_required, P.ENDING, end.notice_cut),
    row(P.NOTICE, TimerFired, when.prompt_overdue_with_agent, P.TALKING, do.talk_unrecorded),
    row(P.NOTICE, TimerFired, when.prompt_overdue, P.AGENT_WAIT, do.dial_agent_unrecorded),
    # ── explicit: nothing recorded until the callee presses 1 ───────────────────────────────────────────────────
    row(P.ASKING, Digit, when.callee_one, P.CONSENTING, do.write_granted),
    row(P.ASKING, Digit, when.callee_other_key, P.CONSENTING, do.write_refused),
    row(P.ASKING, PromptFinished, when.question_complete, None, do.await_key),
    row(P.ASKING, PromptFinished, when.is_question, P.CONSENTING, do.write_not_asked),
    row(P.ASKING, TimerFired, when.prompt_overdue, P.CONSENTING, do.write_not_asked),
    row(P.ASKING, TimerFired, when.silence_once, None, do.ask_again),
    row(P.ASKING, TimerFired, when.silence, P.CONSENTING, do.write_silence),
    row(P.CONSENTING, ConsentWritten, when.granted_with_agent, P.STARTING, do.start_recording),
    row(P.CONSENTING, ConsentWritten, when.granted, P.AGENT_WAIT, do.may_record_and_dial_agent),
    row(P.CONSENTING, ConsentWritten, when.refusal_ends_call, P.FAREWELL, end.farewell_refused),
    row(P.CONSENTING, ConsentWritten, when.agent_on_line, P.TALKING, do.talk_unrecorded),
    row(P.CONSENTING, ConsentWritten, when.always, P.AGENT_WAIT, do.dial_agent_unrecorded),
    row(P.CONSENTING, ConsentNotWritten, when.refusal_ends_call, P.FAREWELL, end.farewell_refused),
    row(P.CONSENTING, ConsentNotWritten, when.agent_on_line, P.TALKING, do.talk_unrecorded),
    row(P.CONSENTING, ConsentNotWritten, when.always, P.AGENT_WAIT, do.dial_agent_unrecorded),
    # ── the agent, before_agent ─────────────────────────────────────────────────────────────────────────────────
    row(P.AGENT_WAIT, LegAnswered, when.agent_and_recording_due, P.STARTING, do.start_recording),
    row(P.AGENT_WAIT, LegAnswered, when.of_agent, P.TALKING, do.connect),
    row(P.AGENT_WAIT, LOST, when.of_agent, P.FAREWELL, end.farewell_agent_unavailable),
    row(P.AGENT_WAIT, TimerFired, when.agent_ring_over, P.FAREWELL, end.farewell_agent_unavailable),
    row(P.AGENT_WAIT, LOST, when.of_callee, P.ENDING, end.hung_up_waiting),
    row(P.FAREWELL, PromptFinished, when.is_farewell, P.ENDING, end.as_decided),
    row(P.FAREWELL, TimerFired, when.prompt_overdue, P.ENDING, end.as_decided),
    row(P.FAREWELL, LOST, when.of_callee, P.ENDING, end.as_decided),
    # ── talk ────────────────────────────────────────────────────────────────────────────────────────────────────
    row(P.STARTING, RecordingStarted, when.always, P.TALKING, do.connect),
    row(P.STARTING, TAPE_LOST, when.always, P.TALKING, do.talk_unrecorded),
    row((P.NOTICE, P.AGENT_WAIT, P.TALKING), RecordingFailed, when.tape_broken, None, do.stop_failed_tape),
    row(P.TALKING, Digit, when.agent_star_one, None, do.pause),
    row(P.TALKING, Digit, when.agent_star_two, None, do.resume),
    row(P.TALKING, PauseRequested, when.taping, None, do.pause),
    row(P.TALKING, ResumeRequested, when.taping, None, do.resume),
    row(P.TALKING, RecordingPaused, when.pause_wanted, None, do.tell_paused),
    row(P.TALKING, RecordingResumed, when.resume_wanted, None, do.tell_resumed),
    row(ANSWERED, Digit, when.is_star, None, do.await_feature),
    row(P.TALKING, Digit, when.always, None, do.pass_on),
    row(P.TALKING, TimerFired, when.star_alone, None, do.pass_on_star),
    row(P.TALKING, TimerFired, when.beep_due, None, do.beep),
    row((*PROMPTING, P.AGENT_WAIT, P.STARTING, P.FAREWELL), TimerFired, when.star_alone, None, do.forget_star),
    row((P.STARTING, P.TALKING), LOST, when.always, P.ENDING, end.completed),
    # ── gone in the middle ──────────────────────────────────────────────────────────────────────────────────────
    row(PROMPTING, LOST, when.of_callee, P.ENDING, end.hung_up_in_prompt),
    row(PROMPTING, LOST, when.of_agent_in_bridge, P.FAREWELL, end.farewell_agent_unavailable),
    row(UNDECIDED, BridgeFailed, when.always, P.ENDING, end.bridge_failed),
    row((P.PLANNED, *UNDECIDED), HangupRequested, when.always, P.ENDING, end.cancelled),
    row((P.REFUSING, P.FAREWELL), HangupRequested, when.always, P.ENDING, end.as_decided),
    row(P.OPTING_OUT, HangupRequested, when.always, None, do.hang_up_unconfirmed),
    row(P.CONFIRMING, HangupRequested, when.always, P.ENDING, end.opted_out),
    # ── the link to the PBX is back: ask again, say again, never assume ─────────────────────────────────────────
    row((*BEFORE_DIAL, P.PLANNED), LinkRestored, when.always, P.ENDING, end.interrupted),
    row(
        (P.DIALLING, P.GREETING, P.ASKING, P.CONSENTING), LinkRestored, when.tape_broken, P.ENDING, end.recording_failed
    ),
    row(P.DIALLING, LinkRestored, when.callee_lost, P.ENDING, end.interrupted),
    row(P.DIALLING, LinkRestored, when.callee_only_created, P.ENDING, end.interrupted),
    row(P.DIALLING, LinkRestored, when.answered_but_agent_lost, P.FAREWELL, end.farewell_agent_unavailable),
    row(P.DIALLING, LinkRestored, when.agent_lost_in_bridge, P.ENDING, end.agent_gone),
    row(P.DIALLING, LinkRestored, when.callee_owed_greeting, P.GREETING, do.greet),
    row(P.DIALLING, LinkRestored, when.callee_announced_on_tape, P.ARMING, do.record_outbound),
    row(P.DIALLING, LinkRestored, when.callee_notice, P.NOTICE, do.play_notice),
    row(P.DIALLING, LinkRestored, when.callee_explicit, P.ASKING, do.ask_consent),
    row(P.DIALLING, LinkRestored, when.callee_agent_on_line, P.TALKING, do.connect),
    row(P.DIALLING, LinkRestored, when.callee_on_line, P.AGENT_WAIT, do.dial_agent),
    row(P.DIALLING, LinkRestored, when.always, None, do.await_answer),
    row(PROMPTING, LinkRestored, when.callee_lost, P.ENDING, end.hung_up_in_prompt),
    row(PROMPTING, LinkRestored, when.agent_lost_in_bridge, P.FAREWELL, end.farewell_agent_unavailable),
    row(P.GREETING, LinkRestored, when.always, None, do.greet),
    row((P.ARMING, P.NOTICE), LinkRestored, when.announced_on_tape, P.ARMING, do.record_outbound_again),
    row(P.NOTICE, LinkRestored, when.always, P.NOTICE, do.play_notice_again),
    row((P.ASKING, P.CONSENTING), LinkRestored, when.always, P.ASKING, do.ask_consent),
    row(P.AGENT_WAIT, LinkRestored, when.callee_lost, P.ENDING, end.hung_up_waiting),
    row((P.AGENT_WAIT, P.TALKING), LinkRestored, when.tape_lost_and_required, P.ENDING, end.recording_failed),
    row(P.AGENT_WAIT, LinkRestored, when.agent_on_line_and_recording_due, P.STARTING, do.start_recording),
    row(P.AGENT_WAIT, LinkRestored, when.agent_on_line, P.TALKING, do.connect_again),
    row(P.AGENT_WAIT, LinkRestored, when.agent_lost, P.FAREWELL, end.farewell_agent_unavailable),
    row(P.AGENT_WAIT, LinkRestored, when.always, None, do.await_agent),
    row((P.STARTING, P.TALKING), LinkRestored, when.either_lost, P.ENDING, end.completed),
    row(P.STARTING, LinkRestored, when.always, None, do.start_recording),
    row(P.TALKING, LinkRestored, when.always, None, do.connect_again),
    row(P.OPTING_OUT, LinkRestored, when.always, None, do.opt_out_again),
    row(P.CONFIRMING, LinkRestored, when.callee_on_line, None, do.confirm_opt_out_again),
    row(P.CONFIRMING, LinkRestored, when.always, P.ENDING, end.opted_out),
    row((P.FAREWELL, P.REFUSING), LinkRestored, when.always, P.ENDING, end.as_decided),
    row(P.ENDING, LinkRestored, when.always, None, end.as_decided),
    # ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────
    row(P.ENDING, LegAnswered, when.always, None, end.hang_up_again),
    row(P.ENDING, TimerFired, when.end_overdue, P.ENDED, end.write),
    row(P.ENDING, Settled, when.settled, P.ENDED, end.write),
)


Index = dict[tuple[Phase, type[Event]], tuple[Row, ...]]


def index(table: tuple[Row, ...]) -> Index:
    """The rows by phase and event, in the table's order."""
    by: Index = {}
    for r in table:
        for phase in r.phases:
            for event in r.events:
                by[phase, event] = (*by.get((phase, event), ()), r)
    return by


_BY_PHASE = index(TABLE)


def decide(call: Call, event: Event, now: datetime) -> Step:
    """What this event makes of this call at this moment: the new state, and what to do, in order.

    Pure and total: an event that fits no row changes nothing but what was noted. `now` is part of the signature so
    that no row can be tempted to read a clock; the flow itself measures time with timers.
    """
    call, commands = _step(note(call, event), event)
    while (settled := _step(call, Settled()))[0] is not call:
        call, more = settled
        commands = [*commands, *more]
    return call, commands


def fitting(call: Call, event: Event) -> Row | None:
    """The row that is taken for this event; `call` has been noted already."""
    rows = _BY_PHASE.get((call.phase, type(event)), ())
    return next((candidate for candidate in rows if candidate.condition(call, event)), None)


def _step(call: Call, event: Event) -> Step:
    taken = fitting(call, event)
    if taken is None:
        return call, []
    after, commands = taken.action(call, event)
    return (after if taken.to is None else move.enter(after, taken.to)), commands


def fold(call: Call, events: "list[tuple[Event, datetime]]") -> Call:
    """The state a call has after these events; what was commanded then is not commanded again."""
    for event, at in events:
        call, _ = decide(call, event, at)
    return call


__all__ = ["TABLE", "Row", "decide", "fitting", "fold", "index"]

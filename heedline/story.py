"""A call's story, line by line, as `heedline calls story` and the demo print it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from storage.canonical import canonical
from storage.ledger.events import CallEvent

# What each line means, for a person; `{field}` stands for one of its data. A kind not here is printed as it is.
SENTENCES = {
    "Ordered": "asked for, with agent {agent}",
    "Started": "the gate is asked",
    "GateAllowed": "the gate allows it; recording mode {mode}",
    "GateDenied": "the gate denies it: {reason}",
    "AttemptCommitted": "the attempt is durable",
    "AttemptRefused": "the ledger does not take the attempt: {reason}",
    "InDialplan": "a dialplan of the administrator's places it",
    "LegRinging": "the {leg}'s phone rings",
    "LegAnswered": "the {leg} answers",
    "LegFailed": "the {leg} is not reached: {failure}",
    "LegGone": "the {leg} is off the line",
    "Said": "says {prompt} ({language}, version {version}, text {text_hash:.8})",
    "PromptStarted": "{prompt} begins to sound",
    "PromptFinished": "{prompt} is over, to its end: {complete}",
    "Digit": "the {leg} presses {digit}",
    "ConsentWritten": "the answer is durable: {answer}",
    "ConsentNotWritten": "the answer could not be written: {reason}",
    "OptOutRequested": "an opt-out is asked for by {by}",
    "OptOutWritten": "the do-not-call entry is durable (new: {created}; other attempts cancelled: {cancelled})",
    "OptOutNotWritten": "the do-not-call entry is not durable yet: {reason}",
    "RecordingStarted": "recording runs ({recording})",
    "RecordingFailed": "recording failed: {reason}",
    "PauseRequested": "a pause of the recording is asked for",
    "RecordingPaused": "recording is paused: silence",
    "ResumeRequested": "its end is asked for",
    "RecordingResumed": "recording goes on",
    "RecordingSealed": "the recording is sealed, {milliseconds} ms of audio",
    "HangupRequested": "hang-up asked for by {by}",
    "TimerFired": "time is up: {timer}",
    "LinkRestored": "looked at the PBX again: callee {callee}, agent {agent}, recording {recording}",
}


def story_lines(events: Iterable[CallEvent]) -> Iterator[str]:
    """One line an event: milliseconds since the first, what happened."""
    start: datetime | None = None
    for event in events:
        start = start or event.at
        if not is_small_talk(event):
            yield story_line(event, start)


def is_small_talk(event: CallEvent) -> bool:
    """Timers that only the flow cares about: what `*` alone means, how long a bare 9 still counts."""
    return event.kind == "TimerFired" and event.data.get("timer") in ("grace", "star_agent", "star_callee")


def story_line(event: CallEvent, start: datetime) -> str:
    """`+1234 ms  the callee answers`, relative to `start`."""
    milliseconds = round((event.at - start).total_seconds() * 1000)
    return f"{milliseconds:>+9} ms  {_sentence(event)}".rstrip()


def _sentence(event: CallEvent) -> str:
    known = {key: _plain(value) for key, value in event.data.items()}
    if event.kind in SENTENCES:
        try:
            return SENTENCES[event.kind].format_map(known)
        except KeyError:
            pass  # told by another version: as it is, then
    return f"{event.kind:<24}  " + "  ".join(f"{key}={value}" for key, value in known.items())


def _plain(value: object) -> str:
    """Text as it is (control characters made visible), yes or no, anything else as JSON."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return canonical(value)

"""A call's story, line by line, as `heedline calls story` and the demo print it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from storage.canonical import canonical
from storage.ledger.events import CallEvent


def story_lines(events: Iterable[CallEvent]) -> Iterator[str]:
    """One line an event: milliseconds since the first, the kind, what is known about it."""
    start: datetime | None = None
    for event in events:
        start = start or event.at
        yield story_line(event, start)


def story_line(event: CallEvent, start: datetime) -> str:
    """`+  1234 ms  answered  channel=…`, relative to `start`."""
    milliseconds = round((event.at - start).total_seconds() * 1000)
    known = "  ".join(f"{key}={_plain(value)}" for key, value in event.data.items())
    return f"{milliseconds:>+9} ms  {event.kind:<24}  {known}".rstrip()


def _plain(value: object) -> str:
    """Text as it is (control characters made visible), anything else as JSON."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)
    return canonical(value)

"""What differs between two packs, entry by entry, and whether it makes the law stricter or looser.

An entry is compared with the one of its id and topic on every day that either is in force. One that comes makes
things stricter and one that goes makes them looser, but for those that permit something:

| what comes | is looser where | because |
|---|---|---|
| a jurisdiction | nothing covered it | its numbers were denied |
| hours | no other hours held, and they don't lie inside the house default | they take the default's place |
| a recording law of mode `notice` | no other recording law held | consent was asked |
| a relationship's ages | no other ages held (both must be kept) | there was no exemption |
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from itertools import pairwise

from compliance.jurisdictions import model
from compliance.jurisdictions.model import ELSEWHERE, Jurisdiction, Law, Packs, Windows
from compliance.jurisdictions.strictness import Comparison, compare, covers
from compliance.jurisdictions.topics import TOPICS
from compliance.verdict import RecordingMode
from compliance.windows import common, inside

_DAY = timedelta(days=1)
_NOTHING = Comparison()


class ChangeKind(Enum):
    NEW = "new"
    GONE = "gone"
    STRICTER = "stricter"
    LOOSER = "looser"
    BOTH = "stricter and looser"
    REWORDED = "reworded"


@dataclass(frozen=True, slots=True)
class Change:
    """Of one entry, or of a jurisdiction (`id` empty), from day `first` to `last`; None: unbounded.

    `looser` says what makes it so; empty: it loosens nothing.
    """

    code: str
    id: str
    topic: str
    kind: ChangeKind
    first: date | None
    last: date | None
    stricter: tuple[str, ...]
    looser: tuple[str, ...]


def differences(old: Packs, new: Packs) -> tuple[Change, ...]:
    """By jurisdiction, then by id, then by date."""
    return tuple(
        change
        for code in sorted(old.jurisdictions.keys() | new.jurisdictions.keys())
        for change in _of_jurisdiction(old, new, code)
    )


def _of_jurisdiction(old: Packs, new: Packs, code: str) -> Iterator[Change]:
    before, after = old.jurisdictions.get(code), new.jurisdictions.get(code)
    comparison = _covering(old, code, before, after)
    if before is None or after is None:
        kind = ChangeKind.NEW if before is None else ChangeKind.GONE
        yield Change(code, "", "jurisdiction", kind, None, None, comparison.stricter, comparison.looser)
    elif comparison != _NOTHING:
        yield _change(code, "", "jurisdiction", comparison, None, None)
    was, now = _by_entry(before), _by_entry(after)
    for key in sorted(was.keys() | now.keys()):
        yield from _of_entry(old, code, key, was.get(key, ()), now.get(key, ()))


def _covering(old: Packs, code: str, before: Jurisdiction | None, after: Jurisdiction | None) -> Comparison:
    """Numbers where no jurisdiction covers them are denied."""
    if before is None:
        return _NOTHING if old.covered(code) or code == ELSEWHERE else Comparison(looser=("was not covered",))
    if after is None:
        return Comparison(looser=("none of its laws is there any more",))
    stricter: list[str] = []
    looser: list[str] = []
    if before.covers_subdivisions != after.covers_subdivisions:
        (looser if after.covers_subdivisions else stricter).append("covers_subdivisions")
    if before.members != after.members:
        (stricter if before.members < after.members else looser).append("members")
    return Comparison(tuple(stricter), tuple(looser))


def _by_entry(jurisdiction: Jurisdiction | None) -> Mapping[tuple[str, str], tuple[Law, ...]]:
    found: dict[tuple[str, str], tuple[Law, ...]] = {}
    for law in jurisdiction.laws if jurisdiction is not None else ():
        key = (law.entry.id, TOPICS[type(law)])
        found[key] = (*found.get(key, ()), law)
    return found


def _of_entry(old: Packs, code: str, key: tuple[str, str], was: Sequence[Law], now: Sequence[Law]) -> Iterator[Change]:
    name, topic = key
    changes: list[Change] = []
    for first, last in _spans([*was, *now]):
        before, after = _on(was, first), _on(now, first)
        if _undated(before) == _undated(after):
            continue
        change = _compared(old, code, name, topic, before, after, first, last)
        previous = changes[-1] if changes else None
        if previous is not None and _alike(previous, change):
            changes[-1] = _joined(previous, change)
        else:
            changes.append(change)
    yield from changes


def _spans(laws: Sequence[Law]) -> Iterator[tuple[date, date]]:
    """The days in between which nothing begins or ends."""
    cuts = {date.min, date.max}
    for law in laws:
        if law.entry.valid_from is not None:
            cuts.add(law.entry.valid_from)
        if law.entry.valid_to is not None and law.entry.valid_to < date.max:
            cuts.add(law.entry.valid_to + _DAY)
    ordered = sorted(cuts)
    yield from ((first, following - _DAY) for first, following in pairwise(ordered[:-1]))
    yield ordered[-2], date.max


def _on(laws: Sequence[Law], day: date) -> Law | None:
    return next((law for law in laws if law.entry.in_force(day, day)), None)


def _undated(law: Law | None) -> Law | None:
    return None if law is None else replace(law, entry=replace(law.entry, valid_from=None, valid_to=None))


def _compared(
    old: Packs, code: str, name: str, topic: str, before: Law | None, after: Law | None, first: date, last: date
) -> Change:
    bounds = None if first == date.min else first, None if last == date.max else last
    if before is None and after is not None:
        looser = _permits(old, code, after, first, last)
        return Change(code, name, topic, ChangeKind.NEW, *bounds, (), looser)
    if after is None and before is not None:
        return Change(code, name, topic, ChangeKind.GONE, *bounds, (), _missed(before))
    assert before is not None
    assert after is not None
    comparison = compare(before, after)
    widened = isinstance(after, model.CallingHours) and not covers(before.when, after.when)
    if widened and (displaced := _permits(old, code, after, first, last)):
        comparison = Comparison(comparison.stricter, comparison.looser + displaced)
    return _change(code, name, topic, comparison, *bounds)


def _change(code: str, name: str, topic: str, comparison: Comparison, first: date | None, last: date | None) -> Change:
    if comparison.stricter and comparison.looser:
        kind = ChangeKind.BOTH
    elif comparison.looser:
        kind = ChangeKind.LOOSER
    else:
        kind = ChangeKind.STRICTER if comparison.stricter else ChangeKind.REWORDED
    return Change(code, name, topic, kind, first, last, comparison.stricter, comparison.looser)


def _missed(before: Law) -> tuple[str, ...]:
    """What is lost with a law. A calendar alone forbids nothing: hours carry the days of theirs."""
    if isinstance(before, model.HolidayCalendar):
        return ()
    return ("it no longer holds",)


def _permits(old: Packs, code: str, law: Law, first: date, last: date) -> tuple[str, ...]:
    """What a law permits by coming; empty: it only forbids."""
    if isinstance(law, model.CallingHours):
        if _others(old, code, law, first, last) or _within_default(old, law):
            return ()
        return ("takes the place of the house default's hours",)
    if isinstance(law, model.RecordingLaw):
        if law.mode is not RecordingMode.NOTICE or _others(old, code, law, first, last):
            return ()
        return ("consent to the recording was asked, because no law was known",)
    if isinstance(law, model.RelationshipLaw):
        return () if _others(old, code, law, first, last) else ("grants an exemption that nothing granted",)
    return ()


def _others(old: Packs, code: str, law: Law, first: date, last: date) -> bool:
    """A law of the same topic, for all of these calls and days, holds already wherever this one will."""
    return any(
        type(other) is type(law)
        and other.entry.scope is model.Scope.EVERYWHERE
        and covers(other.when, law.when)
        and (other.entry.valid_from is None or other.entry.valid_from <= first)
        and (other.entry.valid_to is None or other.entry.valid_to >= last)
        for jurisdiction in old.chain(code)
        for other in jurisdiction.laws
    )


def _within_default(old: Packs, law: model.CallingHours) -> bool:
    house: Windows = ((0, 86400),)
    for hours in old.jurisdictions[ELSEWHERE].of(model.CallingHours):
        if hours.holidays is not None or hours.eves is not None:
            return False
        for windows in hours.week:
            house = common(house, windows)
    return all(inside(windows, house) for windows in law.week)


def _alike(one: Change, other: Change) -> bool:
    adjacent = one.last is not None and other.first is not None and one.last + _DAY == other.first
    return adjacent and (one.kind, one.stricter, one.looser) == (other.kind, other.stricter, other.looser)


def _joined(one: Change, other: Change) -> Change:
    return Change(one.code, one.id, one.topic, one.kind, one.first, other.last, one.stricter, one.looser)

"""The table itself: every phase is reached, every row is taken, and no row could be left out unnoticed."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from types import ModuleType

import pytest

from ari_app.call import TABLE, Phase, flow

from . import (
    switch,
    test_ends,
    test_every_phase,
    test_greeting,
    test_lost_link,
    test_mishaps,
    test_opt_out,
    test_stories,
)

Story = Callable[[], None]
MODULES = (test_stories, test_greeting, test_ends, test_every_phase, test_opt_out, test_mishaps, test_lost_link)


def tellings(module: ModuleType) -> Iterator[Story]:
    """Every story of the module, once for each set of its parameters."""
    for name, story in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("test_") or story.__module__ != module.__name__:
            continue
        marks = [mark for mark in getattr(story, "pytestmark", []) if mark.name == "parametrize"]
        choices: list[list[dict[str, object]]] = []
        for mark in marks:
            names = [mark.args[0]] if isinstance(mark.args[0], str) else list(mark.args[0])
            rows = [(row,) if isinstance(mark.args[0], str) else row for row in mark.args[1]]
            choices.append([dict(zip(names, row, strict=True)) for row in rows])
        for chosen in product(*choices):
            arguments = {name: value for one in chosen for name, value in one.items()}
            yield lambda story=story, arguments=arguments: story(**arguments)


class Telling:
    """Notes which rows the switches of one story take, and which phases they pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: set[int] = set()
        self.phases: set[Phase] = set()
        feed = switch.Switch._feed

        def noting(call: switch.Switch, event: switch.Event) -> None:
            feed(call, event)
            self.phases |= {call.call.phase}
            self.rows |= {ROWS[id(row)] for row in call.rows}

        monkeypatch.setattr(switch.Switch, "_feed", noting)


ROWS = {id(row): number for number, row in enumerate(TABLE)}


@cache
def taken() -> tuple[dict[int, list[Story]], frozenset[Phase]]:
    """Row → the stories that take it; the phases all of them pass."""
    by_row: dict[int, list[Story]] = {number: [] for number in range(len(TABLE))}
    phases: set[Phase] = set()
    with pytest.MonkeyPatch.context() as monkeypatch:
        telling = Telling(monkeypatch)
        for module in MODULES:
            for story in tellings(module):
                telling.rows = set()
                story()
                for number in telling.rows:
                    by_row[number].append(story)
        phases = telling.phases
    return by_row, frozenset(phases)


def test_every_phase_is_reached() -> None:
    assert taken()[1] | {Phase.PLANNED} == set(Phase)


def test_every_row_is_taken_by_a_story() -> None:
    by_row, _ = taken()
    assert [describe(number) for number, stories in by_row.items() if not stories] == []


@pytest.mark.parametrize("number", range(len(TABLE)))
def test_without_this_row_a_story_fails(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stories = taken()[0][number]
    monkeypatch.setattr(flow, "_BY_PHASE", flow.index(TABLE[:number] + TABLE[number + 1 :]))
    assert fails(stories), f"nobody misses: {describe(number)}"


def fails(stories: list[Story]) -> bool:
    for story in stories:
        try:
            story()
        except Exception:
            return True
    return False


def describe(number: int) -> str:
    row = TABLE[number]
    events = "|".join(event.__name__ for event in row.events)
    return f"{'|'.join(row.phases)}: {events} [{row.condition.__name__}] → {row.to} {row.action.__name__}"


MANY = [(number, phase) for number, row in enumerate(TABLE) if len(row.phases) > 1 for phase in row.phases]


@pytest.mark.parametrize(("number", "phase"), MANY)
def test_without_this_phase_in_its_row_a_story_fails(
    number: int, phase: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories, row = taken()[0][number], TABLE[number]
    narrower = replace(row, phases=tuple(other for other in row.phases if other is not phase))
    monkeypatch.setattr(flow, "_BY_PHASE", flow.index((*TABLE[:number], narrower, *TABLE[number + 1 :])))
    assert fails(stories), f"nobody misses {phase} in: {describe(number)}"

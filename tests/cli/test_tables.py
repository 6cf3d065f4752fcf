"""What a person sees at 80 columns, and what a program sees through a pipe."""

import io

import pytest
from rich.console import Console

from heedline.cli import ledger

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
ROW = (ID, "2026-11-21 21:04:31Z", "3.04 s", "sealed", ID)


def printed(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    out = io.StringIO()

    def console(width: int | None = None) -> Console:
        return Console(file=out, width=width or 80, force_terminal=terminal, color_system=None)

    monkeypatch.setattr(ledger, "Console", console)
    ledger.print_table(("recording", "started", "length", "state", "attempt"), [ROW], "none")
    ledger.print_pairs([("digest", "ab" * 60)])
    return out.getvalue()


def test_ids_are_whole_on_a_narrow_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(monkeypatch, terminal=True)
    assert said.count(ID) == 2
    assert max(len(line) for line in said.splitlines()) <= 80
    assert "…" not in said


def test_no_column_is_squeezed_away(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(
        ledger, "Console", lambda **_: Console(file=out, width=80, force_terminal=True, color_system=None)
    )
    columns = ("name", "version", "seller", "purpose", "caller id", "language", "placement", "recording")
    row = ("demo-explicit", "1", "Demo Ltd", "telemarketing", "+12125550100", "en", "before_agent", "explicit")
    ledger.print_table(columns, [row], "none")
    said = "".join(out.getvalue().split())
    assert all(text.replace(" ", "")[:4] in said for text in (*columns, *row))
    assert max(len(line) for line in out.getvalue().splitlines()) <= 80


def test_a_pipe_gets_each_row_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(monkeypatch, terminal=False)
    assert all(line == line.rstrip() for line in said.splitlines()[:2]), "padded with blanks"
    assert " ".join(said.splitlines()[1].split()) == " ".join(ROW)
    assert "ab" * 60 in said

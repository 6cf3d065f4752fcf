"""`heedline gate check NUMBER`: the answer from the ledger, as a person and as a script reads it."""

import asyncio
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from heedline.cli.failures import outcome
from heedline.cli.main import app
from heedline.home import Home
from heedline.initialise import initialise
from tests.cli.test_gate_schema import VERDICT

NUMBER = "+12125550123"
NOON = "2026-11-18T12:00:00-05:00"
DENIED = 3


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path / "var")
    asyncio.run(initialise(found))
    monkeypatch.setenv("HEEDLINE_HOME", str(found.path))
    assert outcome(app, CAMPAIGN) == 0
    return found


CAMPAIGN = ("campaign", "add", "spring", "--seller", "Acme", "--purpose", "survey", "--caller-id", "+12125550100")


class Asked:
    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        capfd.readouterr()

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        status = outcome(app, ("gate", "check", *arguments))
        said = self._capfd.readouterr()
        return status, said.out, said.err

    def json(self, *arguments: str) -> dict[str, Any]:
        status, out, _ = self(*arguments, "--json")
        said: dict[str, Any] = json.loads(out)
        assert status == (0 if said["decision"] == "allow" else DENIED)
        VERDICT.validate(said)
        return said


@pytest.fixture
def ask(home: Home, capfd: pytest.CaptureFixture[str]) -> Asked:
    return Asked(capfd)


def rules(said: dict[str, Any]) -> set[str]:
    return {reason["rule"] for reason in said["reasons"]}


def test_a_number_on_the_list_is_denied_with_its_reason(ask: Asked, capfd: pytest.CaptureFixture[str]) -> None:
    question = (NUMBER, "-c", "spring", "--at", NOON)
    assert "dnc.internal" not in rules(ask.json(*question))
    assert outcome(app, ("dnc", "add", NUMBER)) == 0
    capfd.readouterr()
    assert "dnc.internal" in rules(ask.json(*question))
    status, table, _ = ask(*question)
    assert status == DENIED
    for words in ("decision", "deny", "dnc.internal", "citation", "recording"):
        assert words in table
    assert NUMBER not in table


def test_the_hour_is_that_of_the_instant_asked_about(ask: Asked) -> None:
    assert "hours" not in rules(ask.json(NUMBER, "-c", "spring", "--at", NOON))
    night = ask.json(NUMBER, "-c", "spring", "--at", "2026-11-18T03:00:00-05:00")
    assert "hours" in rules(night)


def test_a_stated_region_adds_where_the_person_may_be(ask: Asked) -> None:
    at = "2026-11-18T09:00:00-05:00"  # six in the morning in California
    assert "hours" not in rules(ask.json(NUMBER, "-c", "spring", "--at", at))
    assert "hours" in rules(ask.json(NUMBER, "-c", "spring", "--at", at, "--region", "US-CA"))


def test_without_a_campaign_it_is_no(ask: Asked) -> None:
    assert ask.json(NUMBER, "--at", NOON)["decision"] == "deny"
    assert "say --campaign" in ask(NUMBER, "--at", NOON)[2]
    assert ask(NUMBER, "-c", "spring", "--at", "2026-11-18T03:00:00-05:00")[2] == ""


@pytest.mark.parametrize("typed", [f"{NUMBER}\n", f" {NUMBER}", f"{NUMBER}\r\n"])
def test_the_number_may_come_from_standard_input(ask: Asked, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    expected = ask.json(NUMBER, "-c", "spring", "--at", NOON)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
    assert ask.json("-", "-c", "spring", "--at", NOON) == expected


@pytest.mark.parametrize(
    ("arguments", "typed", "says"),
    [
        (("-", "-c", "spring"), "", "one line with one number"),
        (("-", "-c", "spring"), f"{NUMBER}\n{NUMBER}\n", "one line with one number"),
        (("-", "-c", "spring"), "1" * 100, "one line with one number"),
        (("-", "-c", "spring"), "\xff", "number"),
        (("12", "-c", "spring"), "", "number"),
        ((NUMBER, "-c", "autumn"), "", "autumn"),
        ((NUMBER, "--at", "noon"), "", "--at 'noon'"),
        ((NUMBER, "--at", "2026-11-18T12:00:00"), "", "--at"),
        ((NUMBER, "--at", "1999-01-01T00:00:00Z"), "", "2000"),
        ((NUMBER, "--region", "Florida"), "", "write a state as US-LA"),
        ((NUMBER, "--facts", "x.jsonl"), "", "--facts"),
        (("--facts", "-", "--at", NOON), "", "--facts"),
        (("--facts", "nowhere.jsonl"), "", "nowhere.jsonl"),
        (("--facts", "."), "", "."),
        (("--facts", "a\0b"), "", "no name for a file"),
        ((), "", "NUMBER"),
    ],
)
def test_what_is_asked_wrongly_is_refused(
    ask: Asked, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], typed: str, says: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed.encode("latin-1"))))
    status, out, error = ask(*arguments)
    assert (status, out) == (2, "")
    assert says in error
    assert re.fullmatch(r"heedline: .+\n", error)
    assert NUMBER not in error


def test_a_ledger_that_is_away_is_neither_yes_nor_no(ask: Asked, home: Home) -> None:
    home.database.unlink()
    status, out, error = ask(NUMBER, "-c", "spring")
    assert (status, out) == (1, "")
    assert "heedline init" in error or "ledger" in error

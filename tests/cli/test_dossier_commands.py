"""What an admin tells the ledger of people, their business with sellers, scopes of opt-outs, and switches."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from compliance.errors import HeedlineError
from heedline.bootstrap import open_database
from heedline.cli.main import app
from heedline.home import Home
from heedline.initialise import initialise
from heedline.settings import Settings

NUMBER = "+12125550123"
ADD = ("campaign", "add", "spring", "--seller", "Acme", "--purpose", "telemarketing", "--caller-id", "+12125550100")


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    found = Home(tmp_path_factory.mktemp("dossier") / "var")
    asyncio.run(initialise(found))
    return found


@pytest.fixture
def heedline(made: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Runs a command in one home that all tests of this file share; each has numbers and names of its own."""
    monkeypatch.setenv("HEEDLINE_HOME", str(made.path))

    def run(*arguments: str, typed: str = "") -> Said:
        result = CliRunner().invoke(app, list(arguments), input=typed)
        if isinstance(result.exception, HeedlineError):
            return Said(result.exception.exit_status, result.stdout, str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


def audited(home: Home) -> list[dict[str, object]]:
    async def read() -> list[dict[str, object]]:
        database = await open_database(home, Settings())
        async with database.read() as tx:
            found = [{"tag": entry.tag, **json.loads(entry.data)} async for entry in tx.audit.entries()]
        await database.close()
        return found

    return asyncio.run(read())


Heedline = Callable[..., Said]


def test_what_is_known_of_a_person_is_set_kept_and_forgotten(heedline: Heedline, made: Home) -> None:
    number = "+13055550111"
    first = heedline("party", "set", "-", "--region", "us-fl", "--postal-code", "33101", "--json", typed=f"{number}\n")
    assert first.json == {"number": "+1•••••0111", "region": "US-FL", "postal_code": "33101", "party": None}
    heedline("party", "set", number, "--party", "business", "--forget", "postal-code")
    shown = heedline("party", "show", number, "--json")
    assert shown.json == {"number": "+1•••••0111", "region": "US-FL", "postal_code": None, "party": "business"}
    assert "not known" in heedline("party", "show", "+13055550112").out
    entries = [entry for entry in audited(made) if entry["tag"] == "admin:party:set"]
    assert [entry["known"] for entry in entries] == ["region, postal_code", "region, party"]
    assert "33101" not in str(entries), "where a person lives is not in the audit log"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("party", "set", NUMBER), "--region"),
        (("party", "set", NUMBER, "--region", "Florida"), "write a state as US-LA"),
        (("party", "set", NUMBER, "--postal-code", "3\n1"), "postal code"),
        (("relationship", "record", NUMBER, "--kind", "purchase", "--seller", ""), "seller"),
        (
            ("relationship", "record", NUMBER, "--kind", "purchase", "--seller", "A", "--at", "2999-01-01T00:00Z"),
            "future",
        ),
        (("relationship", "record", NUMBER, "--kind", "purchase", "--seller", "A", "--at", "noon"), "--at"),
        (("relationship", "record", NUMBER, "--kind", "purchase", "--seller", "A", "--note", NUMBER), "--note"),
        (("party", "set", NUMBER, "--region", "US-ZZ"), "no such region"),
        (("switch", "on", "LA", "--reason", "x"), "US-LA"),
        (("switch", "on", "US-ZZ", "--reason", "x"), "no such region"),
        (("switch", "on", "a b", "--reason", "x"), "switch name"),
        (("switch", "on", "US-LA", "--campaign", "spring", "--reason", "x"), "every campaign"),
        (("switch", "on", "fire", "--campaign", "none", "--reason", "x"), "campaign"),
        (("switch", "on", "fire", "--to", "2020-01-01T00:00Z", "--reason", "x"), "--to"),
        (("switch", "on", "f", "--from", "2999-01-02T00:00Z", "--to", "2999-01-01T00:00Z", "--reason", "x"), "after"),
        (("switch", "off", "unheard-of", "--reason", "x"), "not on"),
        (("dnc", "add", NUMBER, "--seller", ""), "seller"),
        (("dnc", "add", NUMBER, "--topic", "a\nb"), "topic"),
        (("dnc", "add", "-"), "standard input"),
        ((*ADD, "--topic", "x" * 65), "topic"),
        ((*ADD, "--start", "2026-12-01"), "--start"),
    ],
)
def test_what_can_not_be_is_refused_by_name(heedline: Heedline, arguments: tuple[str, ...], word: str) -> None:
    said = heedline(*arguments)
    assert said.status == 2
    assert word in said.error


@pytest.mark.parametrize("command", [("dnc", "add"), ("relationship", "end")])
def test_a_seller_nobody_calls_for_is_taken_and_pointed_out(heedline: Heedline, command: tuple[str, str]) -> None:
    heedline(*ADD)
    mistyped = heedline(*command, "+13055550115", "--seller", "Amce")
    assert (mistyped.status, "no campaign has the seller 'Amce'" in mistyped.error) == (0, True)
    assert "there are: Acme" in mistyped.error
    assert heedline(*command, "+13055550116", "--seller", " ACME").error == ""


def test_a_topic_no_campaign_has_is_pointed_out(heedline: Heedline) -> None:
    assert "no campaign has the topic 'roofs'" in heedline("dnc", "add", "+13055550117", "--topic", "roofs").error


def test_a_purchase_counts_once_and_its_end_is_on_file(heedline: Heedline) -> None:
    number = "+13055550113"
    bought = ("relationship", "record", number, "--kind", "purchase", "--seller", "Acme", "--at", "2026-10-01T12:00Z")
    for _ in range(2):
        assert heedline(*bought, "--note", "invoice 12").status == 0
    heedline("relationship", "end", number, "--seller", "Acme", "--at", "2026-10-02T12:00Z")
    shown = heedline("relationship", "show", number, "--json").json
    assert [(one["kind"], one["seller"], one["note"]) for one in shown["dealings"]] == [
        ("purchase", "Acme", "invoice 12"),
        ("ended", "Acme", None),
    ]


def test_a_switch_is_on_until_somebody_says_it_is_off(heedline: Heedline, made: Home) -> None:
    heedline("switch", "on", "us-la", "--to", "2999-01-01T00:00Z", "--reason", "hurricane")
    listed = heedline("switch", "list", "--json").json["switches"]
    assert [(one["name"], one["is"], one["to"], one["reason"]) for one in listed] == [
        ("US-LA", "on", "2999-01-01T00:00:00+00:00", "hurricane")
    ]
    assert heedline("switch", "off", "US-LA", "--reason", "over").status == 0
    assert heedline("switch", "list", "--json").json == {"switches": []}
    assert len(heedline("switch", "list", "--all", "--json").json["switches"]) == 2
    tags = [entry["tag"] for entry in audited(made) if str(entry["tag"]).startswith("admin:switch")]
    assert tags == ["admin:switch:on", "admin:switch:off"]


def test_a_switch_says_what_it_stops(heedline: Heedline) -> None:
    until = "2999-01-01T00:00Z"
    assert "stops calls that may go to US-LA of all campaigns to 2999" in (
        heedline("switch", "on", "US-LA", "--to", until, "--reason", "x").out
    )
    assert "stops all calls, wherever they go," in heedline("switch", "on", "Louisiana", "--reason", "x").out
    for name in ("US-LA", "Louisiana"):
        assert "is off for the calls of all campaigns" in heedline("switch", "off", name, "--reason", "x").out


def test_an_opt_out_from_one_seller_is_no_other_sellers(heedline: Heedline) -> None:
    number = "+13055550114"
    assert heedline("dnc", "add", "-", "--seller", "Acme", "--json", typed=number).json["created"]
    assert not heedline("dnc", "add", number, "--seller", "Acme", "--json").json["created"]
    assert heedline("dnc", "check", number, "--json").json["listed"], "of anybody's calls, some are not wanted"
    assert heedline("dnc", "check", number, "--seller", "Acme", "--topic", "roofs", "--json").json["listed"]
    assert not heedline("dnc", "check", number, "--seller", "Rival", "--json").json["listed"]
    wrong = heedline("dnc", "remove", number, "--reason", "asked")
    assert (wrong.status, "by Acme" in wrong.error) == (2, True)
    assert heedline("dnc", "remove", number, "--reason", "asked", "--seller", "Acme").status == 0
    assert not heedline("dnc", "check", number, "--json").json["listed"]


def test_a_campaign_says_how_it_calls(heedline: Heedline) -> None:
    asked = ("--call-kind", "ai_voice", "--party", "business", "--topic", "roofs", "--double-opt-in")
    heedline("campaign", "add", "robots", *ADD[3:], *asked, "--start", "2026-12-01T00:00:00-05:00")
    shown = heedline("campaign", "show", "robots", "--json").json
    assert (shown["call_kind"], shown["party"], shown["topic"], shown["double_opt_in"]) == (
        "ai_voice",
        "business",
        "roofs",
        True,
    )
    assert shown["start"] == "2026-12-01T05:00:00+00:00"
    heedline("campaign", "set", "robots", "--topic", "", "--start", "", "--single-opt-in")
    shown = heedline("campaign", "show", "robots", "--json").json
    assert (shown["topic"], shown["start"], shown["double_opt_in"], shown["version"]) == (None, None, False, 2)

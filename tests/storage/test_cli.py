"""The ledger's nouns at the command line, as an admin types them."""

import asyncio
import csv
import io
import json
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from compliance.errors import HeedlineError
from heedline.bootstrap import open_database
from heedline.cli.main import app
from heedline.home import Home
from heedline.initialise import initialise
from heedline.settings import Settings
from storage.migrations import HEAD
from tests.storage.builders import planned, verdict

NUMBER = "+12125550123"
CAMPAIGN = ("campaign", "add", "spring", "--seller", "Acme", "--purpose", "survey", "--caller-id", "+12125550100")


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path / "var")
    asyncio.run(initialise(found))
    monkeypatch.setenv("HEEDLINE_HOME", str(found.path))
    return found


@pytest.fixture
def heedline(home: Home) -> Callable[..., Said]:
    def run(*arguments: str) -> Said:
        result = CliRunner().invoke(app, list(arguments))
        if isinstance(result.exception, HeedlineError):
            return Said(result.exception.exit_status, result.stdout, str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


Cli = Callable[..., Said]


def test_a_number_is_added_once_checked_and_removed_with_a_reason(heedline: Cli) -> None:
    added = heedline("dnc", "add", NUMBER, "--json").json
    assert added["created"]
    again = heedline("dnc", "add", "+1 (212) 555-0123", "--json").json
    assert (again["created"], again["entry"]) == (False, added["entry"])
    assert heedline("dnc", "check", NUMBER, "--json").json["listed"]
    assert heedline("dnc", "remove", NUMBER).status == 2
    assert heedline("dnc", "remove", NUMBER, "--reason", "asked to be called").status == 0
    told = heedline("dnc", "check", NUMBER, "--json").json
    assert not told["listed"]
    assert [entry["act"] for entry in told["history"]] == ["add", "revoke"]
    missing = heedline("dnc", "remove", NUMBER, "--reason", "again")
    assert (missing.status, missing.out) == (2, "")
    assert "not on it" in missing.error


def test_numbers_are_masked_everywhere_but_in_an_allowed_export(heedline: Cli, tmp_path: Path) -> None:
    said = [heedline("dnc", "add", NUMBER), heedline("dnc", "list"), heedline("dnc", "list", "--json")]
    said += [heedline("dnc", "check", NUMBER), heedline("audit", "show", "--json")]
    assert not any("2125550123" in one.out + one.error for one in said)
    assert "+1•••••0123" in said[1].out

    export = ("dnc", "export", "--as", "ann", "--reason", "regulator asked")
    assert heedline(*export).status == 2  # nobody knows ann
    heedline("principal", "add", "ann")
    denied = heedline(*export)
    assert (denied.status, denied.out) == (1, "")
    heedline("principal", "grant", "ann", "compliance_officer")
    rows = list(csv.DictReader(io.StringIO(heedline(*export).out)))
    assert [row["number"] for row in rows] == [NUMBER]

    out = tmp_path / "list.json"
    assert heedline(*export, "--format", "json", "--out", str(out)).status == 0
    assert json.loads(out.read_text())["entries"][0]["number"] == NUMBER
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert heedline(*export, "--out", str(out)).status == 2  # an existing file is left alone
    tags = [entry["tag"] for entry in heedline("audit", "show", "--json").json["entries"]]
    assert tags.count("ledger:dnc:export") == 2  # a file that can't be made is refused before
    assert tags.count("custodian:access:deny") == 1


def test_a_reason_cannot_become_a_formula_in_a_spreadsheet(heedline: Cli) -> None:
    heedline("dnc", "add", NUMBER, "--reason", "=HYPERLINK(1)")
    heedline("principal", "add", "ann")
    heedline("principal", "grant", "ann", "compliance_officer")
    (row,) = csv.DictReader(io.StringIO(heedline("dnc", "export", "--as", "ann", "--reason", "r").out))
    assert (row["number"], row["reason"]) == (NUMBER, "'=HYPERLINK(1)")


@pytest.mark.parametrize("number", ["", "12", "call me", "+1212555012x", "2125550123", "+" + "1" * 40])
def test_a_bad_number_changes_nothing(heedline: Cli, number: str) -> None:
    before = heedline("audit", "show", "--json").json
    said = heedline("dnc", "add", number)
    assert said.status == 2
    assert "number" in said.error
    assert heedline("dnc", "list", "--json").json["entries"] == []
    assert heedline("audit", "show", "--json").json == before


def test_a_campaign_is_added_changed_and_shown_in_every_version(heedline: Cli) -> None:
    assert heedline(*CAMPAIGN).status == 0
    assert heedline(*CAMPAIGN).status == 2
    changed = heedline("campaign", "set", "spring", "--recording", "explicit", "--recording-required", "--json").json
    assert (changed["version"], changed["recording"], changed["recording_required"]) == (2, "explicit", True)
    assert heedline("campaign", "set", "spring", "--recording-optional", "--json").json["recording_required"] is False
    assert heedline("campaign", "show", "spring", "--version", "1", "--json").json["recording"] == "follow_law"
    assert [c["version"] for c in heedline("campaign", "list", "--json").json["campaigns"]] == [3]
    assert "spring" in heedline("campaign", "list").out
    for change in (("--placement", "x"), ("--ring-seconds", "5"), ("--caller-id", "12"), ("--purpose", "spam")):
        assert heedline("campaign", "set", "spring", *change).status == 2
    assert heedline("campaign", "show", "autumn").status == 2
    assert heedline("campaign", "show", "spring", "--json").json["version"] == 3


def test_once_there_is_an_admin_only_an_admin_grants(heedline: Cli) -> None:
    for name in ("eve", "bob"):
        heedline("principal", "add", name)
    assert heedline("principal", "grant", "eve", "admin", "--json").json["changed"]
    assert not heedline("principal", "grant", "eve", "admin", "--as", "eve", "--json").json["changed"]
    assert heedline("principal", "grant", "bob", "agent").status == 1
    assert heedline("principal", "grant", "bob", "agent", "--as", "bob").status == 1
    assert heedline("principal", "grant", "bob", "agent", "--as", "eve", "--json").json["roles"] == ["agent"]
    assert heedline("principal", "revoke", "bob", "agent", "--as", "eve", "--json").json["roles"] == []
    assert heedline("principal", "grant", "bob", "king", "--as", "eve").status == 2
    assert "eve" in heedline("principal", "list").out


def test_a_call_is_listed_shown_and_told(heedline: Cli, home: Home) -> None:
    async def call() -> str:
        now = datetime.now(UTC)
        db = await open_database(home, Settings())
        attempt = await planned(db, now)
        async with db.begin() as tx:
            await tx.attempts.commit(attempt, verdict(), "d" * 64, now)
            await tx.events.append(attempt, 0, now, "dialled", {"note": "bad\x1b[31m"})
        await db.close()
        return attempt

    attempt = asyncio.run(call())
    assert heedline("calls", "list", "--json").json["attempts"][0]["state"] == "dialling"
    assert attempt in heedline("calls", "list").out
    shown = heedline("calls", "show", attempt)
    assert "+1•••••0123" in shown.out
    assert "notice (US-NY)" in shown.out
    assert heedline("calls", "show", attempt, "--json").json["verdict"]["decision"] == "allow"
    told = heedline("calls", "story", attempt).out
    assert told.split() == ["+0", "ms", "dialled", r"note=bad\x1b[31m"]
    assert heedline("calls", "story", attempt, "--json").json["events"][0]["kind"] == "dialled"
    for noun in ("show", "story"):
        assert heedline("calls", noun, "x").status == 2


def test_the_log_is_proved_and_a_change_is_named(heedline: Cli, home: Home, tmp_path: Path) -> None:
    for _ in range(3):
        heedline("dnc", "add", NUMBER)
        heedline("dnc", "remove", NUMBER, "--reason", "test")
    note, key = tmp_path / "note", tmp_path / "key"
    assert heedline("audit", "checkpoint", "--out", str(note)).out == note.read_text()
    key.write_text(heedline("audit", "key").out)
    assert "whole and unchanged" in heedline("audit", "verify").out
    proof = ("--ledger", str(home.database), "--key", str(key), "--checkpoint", str(note), "--json")
    proved = heedline("audit", "verify", "--home", str(tmp_path / "none"), *proof)  # public keys alone
    assert (proved.status, proved.json["uncovered"]) == (0, 0)

    with closing(sqlite3.connect(home.database)) as db:
        db.execute("DROP TRIGGER audit_no_update")
        (seq,) = db.execute("SELECT min(seq) + 2 FROM audit WHERE data LIKE '%office%'").fetchone()
        db.execute("UPDATE audit SET data = replace(data, 'office', 'offlce') WHERE seq = ?", (seq,))
        db.commit()
    broken = heedline("audit", "verify", "--json")
    assert broken.status == 1
    assert [(f["trouble"], f["first"]) for f in broken.json["findings"]] == [("changed", seq)]
    assert f"entry {seq}: changed" in heedline("audit", "verify").out


@pytest.mark.parametrize("content", [b"", b"x", b"\xff\xfe", b"a+b+c", b"x" * 70000])
def test_a_bad_key_file_or_checkpoint_is_refused(heedline: Cli, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert heedline("audit", "verify", "--key", str(file)).status == 2
    assert heedline("audit", "verify", "--checkpoint", str(file)).status == 2
    assert heedline("audit", "verify", "--key", str(tmp_path / "none")).status == 2


def test_the_schema_is_made_and_looked_at(heedline: Cli, home: Home) -> None:
    assert heedline("db", "status", "--json").json == {"revision": HEAD, "needed": HEAD, "ready": True}
    home.database.unlink()
    assert heedline("db", "status").status == 1
    assert "put its backup back" in heedline("dnc", "list").error
    for again in (("init",), ("db", "upgrade")):
        refused = heedline(*again)
        assert refused.status == 2
        assert "who must not be called" in refused.error
        assert not home.database.exists()
    home.ledger_made.unlink()
    assert heedline("db", "upgrade", "--json").json["before"] is None
    assert heedline("db", "upgrade", "--json").json["before"] == HEAD
    assert [entry["tag"] for entry in heedline("audit", "show", "--json").json["entries"]] == ["admin:ledger:create"]


def test_a_secret_that_others_can_read_stops_everything(heedline: Cli, home: Home) -> None:
    (home.secrets / "number-seal.key").chmod(0o644)
    said = heedline("dnc", "add", NUMBER)
    assert said.status == 1
    assert "chmod 600" in said.error

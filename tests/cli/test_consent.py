"""`heedline consent`, as an admin types it: one home, real servers, exit statuses."""

import asyncio
import json
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from typer.testing import CliRunner

from compliance.errors import HeedlineError
from heedline.cli.main import app
from heedline.home import Home
from heedline.initialise import initialise
from tests.pbx.switch import free_port
from tests.storage.test_consent_sending import Mailbox

NUMBER = "+12125550123"
FOR = ("--purpose", "telemarketing", "--seller", "Acme")
WORDS = ("--text", "Acme may call me about its offers.", "--text-version", "2026-03")


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Said]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = Home(tmp_path_factory.mktemp("home") / "var")
    asyncio.run(initialise(found))
    return found.path


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    path = tmp_path / "var"
    shutil.copytree(made, path)
    monkeypatch.setenv("HEEDLINE_HOME", str(path))
    return Home(path)


@pytest.fixture
def heedline(home: Home) -> Cli:
    def run(*arguments: str, typed: str = "") -> Said:
        result = CliRunner().invoke(app, ["consent", *arguments], input=typed)
        if isinstance(result.exception, HeedlineError):
            return Said(result.exception.exit_status, result.stdout, str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def mailbox(home: Home) -> Iterator[Mailbox]:
    found = Mailbox(free_port())
    controller = Controller(found, hostname="127.0.0.1", port=found.port)
    controller.start()
    home.settings_file.write_text(
        f'[consent]\ntransport = "smtp"\nsmtp_tls = "none"\nsmtp_port = {found.port}\n'
        'smtp_sender = "consent@acme.example"\nconfirm_url = "https://acme.example/yes?t={token}"\n'
    )
    yield found
    controller.stop()


def test_recorded_shown_withdrawn_and_shown_again(heedline: Cli) -> None:
    done = heedline("record", NUMBER, *FOR, *WORDS, "--evidence", '{"ip": "203.0.113.9"}', "--json").json
    assert (done["act"], done["kind"], done["evidence"]) == ("grant", "express", {"ip": "203.0.113.9"})
    assert [one["stands"] for one in heedline("show", NUMBER, "--json").json["held"]] == [True]
    gone = heedline("withdraw", "-", "--channel", "phone", "--json", typed=f"{NUMBER}\n").json
    assert (gone["created"], gone["ended"]) == (True, 1)
    assert not heedline("withdraw", NUMBER, "--at", "2024-01-01T00:00Z", "--json").json["created"]
    shown = heedline("show", NUMBER)
    assert "0 of 1 consents stand" in shown.out
    assert "2125550123" not in shown.out
    assert heedline("show", "+12125550199", "--json").json == {
        "number": "+1•••••0199",
        "held": [],
        "uses": 0,
        "acts": [],
    }


def test_a_consent_stands_to_the_instant_it_ends(heedline: Cli) -> None:
    span = ("--at", "2024-02-29T12:00+00:00", "--valid-until", "2025-03-01T00:00-05:00")
    assert heedline("record", NUMBER, *FOR, *span).status == 0
    for at, stands in (("2025-03-01T04:59:59.999999Z", True), ("2025-03-01T05:00:00Z", False)):
        assert heedline("show", NUMBER, "--at", at, "--json").json["held"][0]["stands"] is stands


def test_asked_by_mail_and_confirmed_by_the_link_in_it(heedline: Cli, mailbox: Mailbox) -> None:
    asked = heedline("request", NUMBER, *FOR, *WORDS, "--to", "ann@example.org", "--json").json
    assert asked["sent"]
    assert "token" not in asked
    token = mailbox.got[0].get_content().partition("yes?t=")[2].split()[0]
    assert heedline("show", NUMBER, "--json").json["held"][0]["stands"] is False
    assert heedline("confirm", "+12125550199", "--token", "-", typed=token).status == 2
    assert heedline("confirm", "--token", "-", typed=f"{token}\n").status == 0
    again = heedline("confirm", "--token", "-", typed=f"{token}\n")
    assert (again.status, "good for one use" in again.error) == (2, True)
    assert heedline("show", NUMBER, "--json").json["held"][0]["stands"] is True


def test_mail_that_does_not_get_out_is_sent_later_once(heedline: Cli, mailbox: Mailbox) -> None:
    mailbox.answer = "451 later"
    asked = heedline("request", NUMBER, *FOR, *WORDS, "--to", "-", typed="ann@example.org\n")
    assert (asked.status, "heedline consent send" in asked.error) == (1, True)
    assert "ann@" not in asked.error
    mailbox.answer = "250 taken"
    assert heedline("send", "--json").json == {"sent": 1, "failed": 0}
    assert heedline("send", "--json").json == {"sent": 0, "failed": 0}
    assert len(mailbox.got) == 1


def test_a_webhook_may_text_the_number_itself(heedline: Cli, home: Home) -> None:
    taken: list[dict[str, Any]] = []

    class Texter(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Texter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        home.settings_file.write_text(f'[consent]\ntransport = "webhook"\nwebhook_url = "{url}"\n')
        assert heedline("request", NUMBER, *FOR, *WORDS, "--to", "tel", "--json").json["sent"]
        server.shutdown()
    (message,) = taken
    assert (message["address"], message["link"]) == (NUMBER, "")
    assert heedline("confirm", NUMBER, "--code", "-", typed=f"{message['code']}\n").status == 0


def test_without_a_transport_link_and_code_are_printed_and_the_code_confirms(heedline: Cli) -> None:
    asked = heedline("request", NUMBER, *FOR, *WORDS, "--json").json
    wrong = f"{(int(asked['code']) + 1) % 10**8:08}"
    assert "wrong" in heedline("confirm", NUMBER, "--code", "-", typed=f"{wrong}\n").error
    soon = heedline("confirm", "-", "--code", "-", typed=f"{NUMBER}\n{asked['code']}\n")
    assert "a moment ago" in soon.error
    assert heedline("confirm", "--token", asked["token"]).status == 0


def test_a_proof_is_private_signed_audited_and_checked_without_a_home(
    heedline: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heedline("record", NUMBER, *FOR, *WORDS)
    made = heedline("proof", NUMBER, "--out", str(tmp_path / "out"), "--json").json
    key = tmp_path / "key"
    key.write_text(made["key"])
    assert [stat.S_IMODE(Path(made[kind]).stat().st_mode) for kind in ("json", "pdf")] == [0o600] * 2
    audited = CliRunner().invoke(app, ["audit", "show", "--json"]).stdout
    assert "ledger:consent:prove" in audited
    assert NUMBER not in audited
    monkeypatch.setenv("HEEDLINE_HOME", str(tmp_path / "nowhere"))
    for kind in ("json", "pdf"):
        assert heedline("verify", made[kind], "--key", str(key), "--json").json["holds"]
        assert ("pages are not signed" in heedline("verify", made[kind], "--key", str(key)).out) is (kind == "pdf")
    file = Path(made["json"])
    file.write_bytes(file.read_bytes().replace(b"Acme may", b"Acme can"))
    assert heedline("verify", made["json"], "--key", str(key)).status == 2


def test_a_proof_of_a_ledger_somebody_has_been_at_says_so(heedline: Cli, home: Home, tmp_path: Path) -> None:
    heedline("record", NUMBER, *FOR, *WORDS)
    with closing(sqlite3.connect(home.database)) as forger:
        forger.execute("DROP TRIGGER consents_no_update")
        forger.execute("UPDATE consents SET kind = 'express_written'")
        forger.commit()
    done = heedline("proof", NUMBER, "--out", str(tmp_path / "out"))
    assert (done.status, "does not hold" in done.error) == (1, True)
    (file,) = (tmp_path / "out").glob("*.pdf")
    checked = heedline("verify", str(file))
    assert (checked.status, "not named, as it stands here" in checked.out) == (1, True)


CSV = """number,at,valid_until,text,version,evidence
+12125550123,2026-01-02T03:04:05Z,2027-01-02T03:04:05Z,"Acme may
call me",1,"{""ip"": ""203.0.113.9""}"
+442079460000,2026-01-02T03:04:05Z,,,,
"""


def test_a_file_is_recorded_whole_or_not_at_all(heedline: Cli, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text(CSV + "+12125550123,2099-01-01T00:00:00Z,,,,\n")
    bad = heedline("record", "--from", str(file), *FOR)
    assert (bad.status, "line 5" in bad.error, "nothing was recorded" in bad.error) == (2, True, True)
    assert heedline("show", NUMBER, "--json").json["acts"] == []
    file.write_text(CSV)
    assert heedline("record", "--from", str(file), *FOR, "--json").json == {"recorded": 2}
    (act,) = heedline("show", NUMBER, "--json").json["acts"]
    assert (act["at"], act["evidence"]["ip"], act["evidence"]["file_line"]) == (
        "2026-01-02T03:04:05Z",
        "203.0.113.9",
        3,
    )
    lines = tmp_path / "new.jsonl"
    row = {"number": NUMBER, "purpose": "survey", "seller": "Other", "evidence": {"form": "x"}}
    lines.write_text(json.dumps(row) + "\n\n")
    given = ("--at", "2026-01-02T03:04:05Z")
    assert heedline("record", "--from", str(lines), *given, "--json").json == {"recorded": 1}


def test_an_old_file_recorded_once_more_undoes_no_withdrawal(heedline: Cli, tmp_path: Path) -> None:
    """Neither with the day each consent was given, nor without: the day of the import would be a new consent's."""
    file = tmp_path / "old.csv"
    file.write_text(CSV)
    assert heedline("record", "--from", str(file), *FOR).status == 0
    assert heedline("withdraw", NUMBER).status == 0
    assert heedline("record", "--from", str(file), *FOR).status == 0
    file.write_text(f"number\n{NUMBER}\n")
    refused = heedline("record", "--from", str(file), *FOR)
    assert (refused.status, "line 2: at is missing" in refused.error) == (2, True)
    assert not any(one["stands"] for one in heedline("show", NUMBER, "--json").json["held"])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"number\n", ".csv or .jsonl"),
        ("a.csv", b"", "line 1"),
        ("a.csv", b"phone\n+12125550123\n", "line 1"),
        ("a.csv", b"number,number\n", "line 1"),
        ("a.csv", b"number,colour\n+12125550123,red\n", "'colour'"),
        ("a.csv", b"number,at\n+12125550123\n", "line 2"),
        ("a.csv", b"number\nnobody\n", "line 2"),
        ("a.csv", b'number\n"+12125550123\n', "line 2"),
        ("a.csv", b"number,kind\n+12125550123,oral\n", "kind 'oral'"),
        ("a.csv", b"number\n+12125550123\n\xff\n", "line 3"),
        ("a.csv", b"number,at\n+12125550123,yesterday\n", "line 2"),
        ("a.jsonl", b"[]\n", "line 1"),
        ("a.jsonl", b'{"number": 12125550123}\n', "line 1"),
        ("a.jsonl", b'{"number": "+12125550123", "evidence": "x"}\n', "line 1"),
        ("a.jsonl", b"[" * 100000 + b"\n", "line 1"),
        ("a.jsonl", b"{}\n", "number is missing"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(
    heedline: Cli, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    result = heedline("record", "--from", str(file), *FOR)
    assert result.status == 2
    assert said in result.error
    assert "2125550123" not in result.error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("record",), "NUMBER"),
        (("record", NUMBER), "--purpose"),
        (("record", NUMBER, *FOR, "--text", "x"), "--text-version"),
        (("record", NUMBER, *FOR, "--text-version", "1"), "--text"),
        (("record", NUMBER, *FOR, "--text-file", "/nowhere", "--text-version", "1"), "/nowhere"),
        (("record", NUMBER, *FOR, "--evidence", "[]"), "--evidence"),
        (("record", NUMBER, *FOR, "--at", "2026-01-01T00:00"), "--at"),
        (("record", NUMBER, *FOR, "--at", "2099-01-01T00:00Z"), "future"),
        (("record", NUMBER, *FOR, "--channel", "a\nb"), "channel"),
        (("record", NUMBER, "--from", "x.csv"), "--from"),
        (("request", NUMBER, *FOR), "--text"),
        (("request", NUMBER, *FOR, *WORDS, "--to", "ann@example.org"), "consent.transport"),
        (("request", NUMBER, *FOR, *WORDS, "--to", "ann@example.org\nBcc: x@y.z"), "e-mail address"),
        (("send",), "consent.transport"),
        (("confirm", "--token", "x", "--code", "1"), "--token or --code"),
        (("confirm", "--code", "12345678"), "NUMBER"),
        (("confirm", "--token", "x"), "not one of this Heedline"),
        (("confirm", "--token", "-"), "standard input"),
        (("confirm", NUMBER, "--code", "12345678"), "heedline consent request"),
        (("show", "nobody"), "number"),
        (("proof", NUMBER, "--out", "."), "nothing is on file"),
        (("verify", "/nowhere"), "/nowhere"),
        (("verify", __file__), "not a proof"),
    ],
)
def test_what_is_typed_wrong_is_said_in_a_line_and_changes_nothing(
    heedline: Cli, arguments: tuple[str, ...], said: str
) -> None:
    result = heedline(*arguments)
    assert (result.status, result.out) == (2, "")
    assert said in result.error
    assert "2125550123" not in result.error
    assert heedline("show", NUMBER, "--json").json["acts"] == []

"""What an admin mistypes at night: one line on stderr that names what and where, the exit status, nothing changed."""

import asyncio
from pathlib import Path

import pytest

from compliance.errors import HeedlineError
from heedline.cli.failures import TRACEBACK, one_line, outcome, told
from heedline.cli.main import app
from heedline.home import Home
from heedline.initialise import initialise

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
ADD = ("campaign", "add", "spring", "--seller", "Acme", "--purpose", "survey", "--caller-id", "+12125550100")
HUGE = "9" * 30


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path / "var")
    asyncio.run(initialise(found))
    monkeypatch.setenv("HEEDLINE_HOME", str(found.path))
    monkeypatch.delenv(TRACEBACK, raising=False)
    monkeypatch.chdir(tmp_path)
    return found


WRONG: list[tuple[tuple[str, ...], str]] = [
    (("nonsense",), "nonsense"),
    (("dnc", "nonsense"), "heedline dnc --help"),
    (("dnc", "add"), "NUMBER"),
    (("dnc", "add", "12"), "number"),
    (("dnc", "add", "+12125550123\n+12125550124"), "number"),
    (("dnc", "add", "+12125550123", "--reason", ""), "reason"),
    (("dnc", "add", "+12125550123", "--reason", "call +12125550199"), "--reason"),
    (("dnc", "add", "+12125550123", "--channel", "a\nb"), "--channel"),
    (("dnc", "remove", "+12125550123"), "--reason"),
    (("dnc", "list", "--limit", "0"), "--limit"),
    (("dnc", "list", "--limit", "many"), "--limit"),
    (("dnc", "list", "--after", "x"), "--after"),
    (("dnc", "export", "--as", "ann", "--reason", "x", "--out", "nowhere/list.csv"), "nowhere"),
    (("dnc", "export", "--as", "ann", "--reason", "x", "--out", "var/heedline.toml"), "heedline.toml"),
    (("dnc", "export", "--as", "ann", "--reason", "x", "--out", "var"), "var"),
    (("dnc", "export", "--as", "ann", "--reason", "x", "--format", "xml"), "--format"),
    ((*ADD, "--language", "xx"), "xx"),
    ((*ADD, "--placement", "behind"), "--placement"),
    ((*ADD, "--ring-seconds", HUGE), "ring_seconds"),
    (("campaign", "show", "spring", "--version", HUGE), "--version"),
    (("campaign", "show", "a/b\nc"), "campaign"),
    (("calls", "show", "x"), "heedline calls list"),
    (("calls", "story", "../x"), "heedline calls list"),
    (("calls", "list", "--before", "x"), "--before"),
    (("call", "hangup", "a/../b?c#d"), "heedline call list"),
    (("call", "opt-out", ""), "heedline call list"),
    (("call", "place", "+12125550123", "-c", "spring", "-a", "ann", "--at", "noon"), "--at"),
    (("call", "place", "+12125550123", "-c", "spring", "-a", "ann", "--at", "2026-12-01T09:00"), "--at"),
    (("recordings", "export", ID, "a.wav", "--as", "ann", "--reason", "a\nb"), "--reason"),
    (("recordings", "export", ID, "a.wav", "--as", "ann", "--reason", "of +12125550123"), "--reason"),
    (("recordings", "show", "x"), "heedline recordings list"),
    (("recordings", "verify", "--folder", "nowhere"), "nowhere"),
    (("recordings", "verify", "--folder", "var"), "no recording in it"),
    (("recordings", "export", ID, "nowhere/a.wav", "--as", "ann", "--reason", "x"), "nowhere"),
    (("recordings", "export", ID, "a.mp3", "--as", "ann", "--reason", "x"), "a.mp3"),
    (("recordings", "export", ID, "a" * 300 + ".wav", "--as", "ann", "--reason", "x"), "no name for a file"),
    (("recordings", "export", ID, "a.wav", "--as", "ann", "--reason", "x", "--from", "nan"), "--from"),
    (("audit", "show", "--after", HUGE), "--after"),
    (("audit", "verify", "--key", "var/heedline.toml"), "heedline.toml"),
    (("audit", "verify", "--checkpoint", "var/heedline.toml"), "heedline.toml"),
    (("audit", "verify", "--ledger", "var/heedline.toml"), "heedline.toml"),
    (("audit", "verify", "--ledger", "var"), "var"),
    (("audit", "checkpoint", "--out", "nowhere/note"), "nowhere"),
    (("audit", "checkpoint", "--out", "var/heedline.toml"), "heedline.toml"),
    (("keys", "publish", "--month", "2030-13"), "--month"),
    (("prompts", "render", "../en"), "../en"),
    (("prompts", "render", "--home", "nowhere"), "nowhere"),
    (("registry", "import", "nowhere.txt", "--list", "us.ftc.ndnc"), "nowhere.txt"),
    (("registry", "import", "var/heedline.toml"), "--list"),
    (("registry", "import", "var/heedline.toml", "--list", "us.x"), "us.x"),
    (("registry", "import", "var/heedline.toml", "--list", "us.ftc.ndnc"), "--version-date"),
    (("registry", "import", "var/heedline.toml", "--list", "us.ftc.ndnc", "--version-date", "x"), "--version-date"),
    (("registry", "drop", "us.ftc.ndnc"), "us.ftc.ndnc"),
    (("registry", "check", "12"), "number"),
    (("scrub", "nowhere.csv"), "nowhere.csv"),
    (("pbx", "up", "--instance", "../x"), "--instance"),
    (("pbx", "logs", "-n", "0"), "--lines"),
    (("init", "--home", "var/heedline.toml"), "heedline.toml"),
    (("calls", "list", "--home", "var/heedline.toml"), "heedline.toml"),
    (("calls", "list", "--home", "x" * 300), "can't be read"),
]


@pytest.mark.parametrize(("typed", "named"), WRONG, ids=[" ".join(typed)[:60] for typed, _ in WRONG])
def test_what_is_mistyped_is_named_in_one_line(
    home: Home, capsys: pytest.CaptureFixture[str], typed: tuple[str, ...], named: str
) -> None:
    assert outcome(app, ADD) == 0
    before = {file: file.stat().st_mtime_ns for file in home.path.rglob("*") if "sqlite3-" not in file.name}
    capsys.readouterr()
    assert outcome(app, typed) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("heedline: ")
    assert named in said.err
    assert {file: file.stat().st_mtime_ns for file in home.path.rglob("*") if "sqlite3-" not in file.name} == before


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"[pbx\n", "line 1"),
        (b"\xff\xfe", "utf-8"),
        (b"unknown = 1\n", "unknown"),
        (b"[pbx]\nsip_port = 5061\n", "pbx.sip_port"),
        (b"[pbx]\nari_port = 99999\n", "pbx.ari_port"),
        (b'[pbx]\nari_port = "8088"\n', "pbx.ari_port"),
        (b"[pbx]\nrtp_start = 20000\nrtp_end = 10000\n", "rtp_end"),
        (b"[call]\nring_seconds = 5\n", "call.ring_seconds"),
        (b'[[phones]]\nname = "../x"\n', "phones.0.name"),
        (b'[[routes]]\nprefix = "+1"\nendpoint = "Local/1@x"\n', "routes.0.endpoint"),
        (b"a = " + b"[" * 5000, "heedline.toml"),
    ],
)
def test_broken_settings_are_named_with_file_and_key(
    home: Home, capsys: pytest.CaptureFixture[str], content: bytes, named: str
) -> None:
    home.settings_file.write_bytes(content)
    assert outcome(app, ["calls", "list"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "heedline.toml" in said.err
    assert named in said.err


def test_a_secret_that_others_may_read_is_named(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    (home.secrets / "number-seal.key").chmod(0o644)
    assert outcome(app, ["calls", "list"]) == 1
    assert "number-seal.key: mode 0644" in capsys.readouterr().err


def test_help_is_no_error_and_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(app, ["dnc", "--help"]) == 0
    assert outcome(app, ["--version"]) == 0
    said = capsys.readouterr()
    assert "heedline 0." in said.out
    assert said.err == ""


def failing(error: BaseException) -> int:
    def command(**_: object) -> object:
        raise error

    return outcome(command)


def test_a_full_disk_and_a_slip_of_ours_are_one_line_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRACEBACK, raising=False)
    assert failing(OSError(28, "No space left on device", "/home/x")) == 1
    assert failing(PermissionError(13, "Permission denied", "/home/y")) == 2
    assert failing(ExceptionGroup("two", [HeedlineError("the first"), ValueError("the second")])) == 1
    assert failing(ValueError("+12125550123")) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("heedline: /home/x: No space left on device; make room on the disk of the home")
    assert lines[1] == "heedline: /home/y: Permission denied"
    assert lines[2] == "heedline: the first"
    assert "ValueError in test_wrong_input.py" in lines[3]
    assert "5550123" not in lines[3]
    assert len(lines) == 4


def test_the_traceback_is_there_for_whom_asks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRACEBACK, "1")
    assert failing(ValueError("why")) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_message_stays_one_line_and_commands_no_terminal() -> None:
    assert one_line("a\nb\x1b[31mc") == "a b\\x1b[31mc"
    assert told(HeedlineError("x\ny")) == ("x y", 1)

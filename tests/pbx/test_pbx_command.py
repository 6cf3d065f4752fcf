"""`heedline pbx …` as a person types it: output, exit status, errors in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pbx.switch import free_port

pytestmark = pytest.mark.pbx


def heedline(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "heedline", *words, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def write(home: Path, name: str = "main") -> str:
    start = free_port() & ~1
    keys = "\n".join(f"{key} = {free_port()}" for key in ("ari_port", "ami_port", "sip_tls_port"))
    text = f'[pbx]\ninstance = "{name}"\nrtp_start = {start}\nrtp_end = {start + 99}\n{keys}\n'
    (home / ("heedline.toml" if name == "main" else f"heedline-{name}.toml")).write_text(text)
    return text


def test_from_nothing_to_up_and_down_again(tmp_path: Path) -> None:
    home = tmp_path / "h"
    assert heedline(home, "init").returncode == 0
    write(home)
    down = heedline(home, "pbx", "status", "--json")
    assert down.returncode == 1
    assert json.loads(down.stdout)["running"] is False
    up = heedline(home, "pbx", "up", "--json")
    try:
        assert up.returncode == 0, up.stderr
        assert json.loads(up.stdout)["healthy"] is True
        assert "was up already" in heedline(home, "pbx", "up").stdout
        assert heedline(home, "pbx", "status").returncode == 0
        assert "Asterisk 2" in heedline(home, "pbx", "logs").stdout
    finally:
        assert "is down" in heedline(home, "pbx", "down").stdout
    assert heedline(home, "pbx", "down").returncode == 0


def test_a_second_instance_has_settings_of_its_own(tmp_path: Path) -> None:
    home = tmp_path / "h"
    heedline(home, "init")
    write(home)
    write(home, "two")
    up = heedline(home, "pbx", "up", "--instance", "two", "--json")
    assert up.returncode == 0, up.stderr
    assert json.loads(up.stdout)["instance"] == "two"
    assert heedline(home, "pbx", "status").returncode == 1, "main is another one"
    assert heedline(home, "pbx", "down", "--instance", "two").returncode == 0


@pytest.mark.parametrize(
    ("toml", "words", "said"),
    [
        (None, ("status",), "run `heedline init` first"),
        ("[pbx]\nari_port = 99999\n", ("up",), "pbx.ari_port"),
        ("[pbx]\nunknown = 1\n", ("up",), "pbx.unknown"),
        ("[pbx\n", ("up",), "heedline.toml"),
        ("", ("up", "--instance", "../etc"), "no name of an instance"),
        ("", ("up", "--instance", "two"), "heedline-two.toml: not there"),
        ("[pbx]\nsip_address = 'x'\n", ("up",), "pbx.sip_address"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, toml: str | None, words: tuple[str, ...], said: str
) -> None:
    home = tmp_path / "h"
    home.mkdir()
    if toml is not None:
        heedline(home, "init")
        (home / "heedline.toml").write_text(toml)
    result = heedline(home, "pbx", *words)
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert said in result.stderr


def test_a_start_that_fails_shows_asterisks_own_words(tmp_path: Path) -> None:
    home = tmp_path / "h"
    heedline(home, "init")
    write(home)
    local = home / "pbx/main/local"
    local.mkdir(parents=True)
    (local / "modules.conf").write_text("require = app_nosuch.so\n")
    result = heedline(home, "pbx", "up")
    assert result.returncode == 1
    assert "app_nosuch" in result.stderr
    assert result.stderr.rstrip().splitlines()[-1].startswith("heedline: PBX 'main': ")

"""A byte flipped, cut, swapped or appended in what a real call left behind is found, and named, by the CLI."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heedline.cli.main import app
from tests.pbx.centre import open_centre, seed_of
from tests.pbx.moments import see_through

pytestmark = pytest.mark.pbx
SEED = seed_of(__name__)


@dataclass(frozen=True)
class Left:
    """A home after its calls: one recording of two segments, and another."""

    home: Path
    recording: str
    other: str

    def segment(self, number: int) -> Path:
        return self.home / "vault" / self.recording / f"{number:06}.seg"

    @property
    def manifest(self) -> Path:
        return self.home / "vault" / self.recording / "manifest.json"

    @property
    def others_manifest(self) -> Path:
        return self.home / "vault" / self.other / "manifest.json"

    def sql(self, statement: str, *values: object) -> None:
        """As somebody who has the file, and takes the triggers off it."""
        with contextlib.closing(sqlite3.connect(self.home / "ledger.sqlite3", isolation_level=None)) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f'DROP TRIGGER "{name}"')
            connection.execute("PRAGMA ignore_check_constraints = ON")
            assert connection.execute(statement, values).rowcount > 0

    def ask(self, *command: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, [*command, "--json", "--home", str(self.home)])
        return result.exit_code, result.stdout


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Left:
    return asyncio.run(_calls(tmp_path_factory.mktemp("tamper")))


async def _calls(folder: Path) -> Left:
    async with open_centre(folder, 2, seed=SEED) as centre:
        long, short = centre.lanes
        await asyncio.gather(long.place("notice"), short.place("notice"))
        await asyncio.gather(long.talking(), short.talking())
        await short.callee.hang_up()
        await centre.world.ended(short.attempt)
        await asyncio.sleep(1.5)  # so that the first segment holds whole chunks when the recorder is killed
        old = centre.process("recorder")
        centre.world.kill("recorder")
        await centre.back("recorder", old)
        await see_through(long)
        recordings = [(await centre.recordings_of(lane.attempt))[0].id for lane in (long, short)]
        await centre.quiet()
    return Left(folder, *recordings)


@pytest.fixture
def left(sound: Left, tmp_path: Path) -> Left:
    """A copy to spoil."""
    ignore = shutil.ignore_patterns("phones", "pbx", "log", "run", "prompts")
    return Left(shutil.copytree(sound.home, tmp_path / "home", ignore=ignore), sound.recording, sound.other)


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _append(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def _swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def test_untouched_it_proves_whole(left: Left) -> None:
    status, said = left.ask("recordings", "verify")
    assert (status, json.loads(said)["sound"]) == (0, True)
    assert len(json.loads(said)["recordings"]) == 2
    status, said = left.ask("audit", "verify")
    assert (status, json.loads(said)["sound"]) == (0, True)


FILES: dict[str, tuple[Callable[[Left], None], str]] = {
    "segment flipped": (lambda left: _flip(left.segment(0)), "segment 0"),
    "segment cut": (lambda left: _cut(left.segment(1)), "segment 1"),
    "segment appended to": (lambda left: _append(left.segment(1)), "segment 1"),
    "segments swapped": (lambda left: _swap(left.segment(0), left.segment(1)), "segment 0"),
    "segment gone": (lambda left: left.segment(1).unlink(), "segment 1"),
    "manifest flipped": (lambda left: _flip(left.manifest), "manifest"),
    "manifest cut": (lambda left: _cut(left.manifest), "manifest"),
    "manifest appended to": (lambda left: _append(left.manifest), "manifest"),
    "manifests swapped": (lambda left: _swap(left.manifest, left.others_manifest), "manifest"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_spoilt_file_of_the_vault_is_named(left: Left, what: str) -> None:
    spoil, where = FILES[what]
    spoil(left)
    status, said = left.ask("recordings", "verify", left.recording)
    assert status == 1
    found = json.loads(said)["recordings"][0]
    assert not found["sound"]
    assert any(finding["where"] == where for finding in found["findings"]), found["findings"]


WRAPS = {
    "flipped": "UPDATE wraps SET wrapped = CAST(substr(wrapped, 1, 99) || x'5aa5' || substr(wrapped, 102) AS BLOB) "
    "WHERE recording_id = ? AND segment = 0",
    "cut": "UPDATE wraps SET wrapped = substr(wrapped, 1, length(wrapped) - 1) WHERE recording_id = ? AND segment = 0",
    "appended to": "UPDATE wraps SET wrapped = CAST(wrapped || x'00' AS BLOB) WHERE recording_id = ? AND segment = 0",
    "swapped": "UPDATE wraps SET wrapped = (SELECT wrapped FROM wraps w WHERE w.recording_id = wraps.recording_id "
    "AND w.segment = 1) WHERE recording_id = ? AND segment = 0",
}


@pytest.mark.parametrize("what", WRAPS)
def test_a_spoilt_wrapped_key_is_named(left: Left, what: str) -> None:
    left.sql(WRAPS[what], left.recording)
    status, said = left.ask("recordings", "verify", left.recording)
    assert status == 1
    findings = json.loads(said)["recordings"][0]["findings"]
    assert any("key" in finding["where"] and "0" in finding["where"] for finding in findings), findings


AUDIT = {
    "flipped": "UPDATE audit SET data = substr(data, 1, length(data) - 3) || 'x' || substr(data, -2) WHERE seq = 3",
    "cut out": "DELETE FROM audit WHERE seq = 3",
    "appended to": "UPDATE audit SET data = data || ' ' WHERE seq = 3",
    "swapped": "UPDATE audit SET seq = CASE seq WHEN 3 THEN -4 ELSE -3 END WHERE seq IN (3, 4)",
}


@pytest.mark.parametrize("what", AUDIT)
def test_a_spoilt_audit_entry_is_named(left: Left, what: str) -> None:
    left.sql(AUDIT[what])
    if what == "swapped":
        left.sql("UPDATE audit SET seq = -seq WHERE seq < 0")
    status, said = left.ask("audit", "verify")
    assert status == 1
    findings = json.loads(said)["findings"]
    assert any(finding["first"] <= 3 <= finding["last"] for finding in findings), findings


def test_a_copy_of_the_vault_is_proven_without_the_ledger(left: Left) -> None:
    folder = str(left.home / "vault")
    status, _ = left.ask("recordings", "verify", "--folder", folder)
    assert status == 0
    _flip(left.segment(0))
    status, said = left.ask("recordings", "verify", "--folder", folder)
    assert status == 1
    assert "segment 0" in said

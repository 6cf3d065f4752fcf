"""The doctor on the lists: how long they are good for, to the day; and a wash as an admin imports it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heedline.cli.main import app
from heedline.doctor import Level
from heedline.doctor.lists import lists
from heedline.home import Home
from heedline.initialise import initialise
from heedline.list_age import age_limit
from storage.registry import Order, importing

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path / "var")
    await initialise(found)
    monkeypatch.setenv("HEEDLINE_HOME", str(found.path))
    return found


def take(home: Home, list_id: str, age: int, text: str, submitted: str | None = None) -> None:
    file, sent = home.path / "list.txt", home.path / "sent.txt"
    file.write_text(text)
    sent.write_text(submitted or "")
    order = Order(
        list=list_id,
        files=(file,),
        submitted=(sent,) if submitted else (),
        who="test",
        at=NOW,
        version_date=NOW.date() - timedelta(days=age),
    )
    with importing(home.registry, (home.secrets / "registry.key").read_bytes(), order) as prepared:
        prepared.swap()


@pytest.mark.parametrize(
    ("left", "level"), [(6, Level.OK), (5, Level.WARN), (0, Level.WARN), (-1, Level.FAIL), (-90, Level.FAIL)]
)
async def test_how_long_a_list_is_good_for(home: Home, left: int, level: Level) -> None:
    limit = age_limit("us.ftc.ndnc")
    assert limit is not None
    take(home, "us.ftc.ndnc", limit - left, "212,5550120\n")
    (found,) = await lists(home, NOW)
    assert found.level is level
    assert "us.ftc.ndnc" in found.found
    assert bool(found.remedy) is (level is not Level.OK)
    (later,) = await lists(home, NOW + timedelta(hours=1))  # tomorrow at the date line
    assert later.level is (Level.WARN if left == 6 else Level.FAIL if left == 0 else level)


async def test_a_home_without_lists_and_one_whose_lists_do_not_open(home: Home) -> None:
    assert [found.level for found in await lists(home, NOW)] == [Level.WARN]
    take(home, "us.ftc.ndnc", 1, "212,5550120\n")
    (home.registry / "current").write_bytes(b"{")
    assert [found.level for found in await lists(home, NOW)] == [Level.FAIL]


async def test_answers_of_the_reassigned_database_are_no_list(home: Home) -> None:
    take(home, "us.fcc.rnd", 400, "2125550123,2025-01-02,no\n")
    (found,) = await lists(home, NOW)
    assert (found.level, "no law" in found.found) == (Level.OK, False)


async def test_of_a_washed_list_the_newest_result_counts_and_older_numbers_are_told(home: Home) -> None:
    take(home, "it.rpo", 20, "3331234561\n", "3331234561\n3331234562\n")
    assert [found.level for found in await lists(home, NOW)] == [Level.FAIL]
    take(home, "it.rpo", 1, "3331234562\n", "3331234562\n")
    (found,) = await lists(home, NOW)
    assert found.level is Level.OK
    assert "1 of its numbers" in found.found


def test_a_wash_is_imported_listed_and_on_the_audit_log_by_its_own_day(home: Home, tmp_path: Path) -> None:
    def run(*arguments: object) -> dict[str, object]:
        result = CliRunner().invoke(app, [str(argument) for argument in (*arguments, "--json")])
        assert result.exit_code == 0, result.output
        answer: dict[str, object] = json.loads(result.stdout)
        return answer

    today = datetime.now(UTC).date()
    days = [(today - timedelta(days=ago)).isoformat() for ago in (1, 9)]
    (sent := tmp_path / "sent.txt").write_text("06 12345678\n333 1234561\n")
    for day in days:
        (returned := tmp_path / f"{day}.txt").write_text("+393331234561\n")
        run("registry", "import", returned, "--list", "it.rpo", "--format", "washed", "--submitted", sent)
    answer = run("registry", "check", "+390612345678")["registries"]
    assert answer == {"it.rpo": {"listed": True, "version_date": days[0]}}
    assert run("registry", "check", "+390612345679")["registries"] == {}
    entries = run("audit", "show")["entries"]
    assert isinstance(entries, list)
    of = [entry["data"]["version_date"] for entry in entries if entry["tag"] == "admin:registry:import"]
    assert of == days
    shown = CliRunner().invoke(app, ["registry", "list"]).output
    assert "it.rpo" in shown

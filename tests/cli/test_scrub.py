"""A list is split, killed, resumed, and asked of the real ledger and registries at the command line."""

import asyncio
import csv
import json
import os
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from compliance.errors import BadInput, HeedlineError
from compliance.number import Number
from compliance.verdict import Confidence, Reason
from heedline.cli.main import app
from heedline.home import Home
from heedline.initialise import initialise
from heedline.scrub import Scrub, Summary, split
from heedline.scrub.table import read_header, records
from storage.registry import Order, importing
from tests.storage.registry.world import killed_at

ODD = Reason("odd", "47 CFR", "odd, on purpose", Confidence.VERIFIED_PRIMARY)
FTC = "us.ftc.ndnc"


class OddIsBlocked:
    """Stands for the rules: who has an odd number may not be called."""

    asked = 0

    async def __call__(self, numbers: Sequence[Number]) -> list[tuple[Reason, ...]]:
        self.asked += len(numbers)
        return [(ODD,) if int(number.e164[-1]) % 2 else () for number in numbers]


def scrub(
    file: Path,
    out: Path,
    *,
    column: str | None = None,
    knowledge: Callable[[], dict[str, str]] = lambda: {"rules": "1"},
) -> Summary:
    job = Scrub(file, out, column=column, campaign=None, default_region="US", knowledge=knowledge)
    return asyncio.run(job.run(lambda at: OddIsBlocked()))


def results(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(out.iterdir())}


def write(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "leads.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


INNER = "+12125550198,inner\n"
LONG = {
    "a line of one byte more": '+12125550124,"' + "a" * (65536 - 14) + '+12125550196,y"\n',
    "a cell of a megabyte": "+12125550124," + "+12125550196," * 80_000 + "\n",
    "a field of many lines": '+12125550124,"' + INNER * 4000 + '"\n',
    "a field of 101 lines": '+12125550124,"' + INNER * 100 + '"\n',
    "a field of long lines": '+12125550124,"' + ("b" * 30_000 + "\n" + INNER) * 5 + '"\n',
    "one after a quoted field": '+12125550124,"x' + "y" * 70_000 + '","\n' + INNER + '"\n',
    "a line with an inch mark": '+12125550124,5" ' + "a" * 70_000 + "\n",
    "a field of many lines after an inch mark": '+12125550124,5" pipe,"' + INNER * 400 + '"\n',
    "a field of many lines with quotes in it": '+12125550124,"' + 'a 5"" pipe\n' * 101 + INNER + '"\n',
    "a field of many lines that quotes badly": '+12125550124,"' + "a\n" * 101 + 'the "best" one\n' + INNER + '"\n',
    "a field that closes past the limit": '+12125550124,"' + "b" * 60_000 + "\n" + "c" * 20_000 + '"\n',
}


@pytest.mark.parametrize("name", LONG)
def test_no_piece_of_a_record_that_is_too_long_is_taken_for_a_record(tmp_path: Path, name: str) -> None:
    after = "+12125550126,z\n"
    file = write(tmp_path, "phone,x\n" + LONG[name] + after)
    summary = scrub(file, tmp_path / "out")
    assert summary.counts == {"callable": 1, "blocked": 0, "unreadable": 1}
    found = results(tmp_path / "out")
    assert found["callable.csv"] == f"phone,x\n{after}".encode()
    assert found["unreadable.csv"].startswith(b"line,why,record\n2,longer than 65536 bytes or 100 lines,")


def test_a_record_of_just_the_limit_is_read(tmp_path: Path) -> None:
    ninety_nine = "+12125550126," + '"' + "a\n" * 99 + '"\n'
    full = "+12125550128," + "a" * (65536 - 14)
    summary = scrub(write(tmp_path, f"phone,x\n{ninety_nine}{full}\n{full}b"), tmp_path / "out")
    assert summary.counts == {"callable": 3, "blocked": 0, "unreadable": 0}


def test_killed_among_records_that_are_too_long_it_takes_no_piece_of_them_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split, "BATCH", 1)
    file = write(tmp_path, "phone,x\n" + "".join(f"{record}+12125550126,z\n" for record in LONG.values()))
    scrub(file, tmp_path / "whole")
    for step in range(9, 60, 10):
        out = tmp_path / f"out{step}"
        assert killed_at(step, partial(scrub, file, out), ("fsync", "fdatasync"))
        assert scrub(file, out).resumed
        assert results(out) == results(tmp_path / "whole")


def test_a_quote_that_never_closes_costs_its_own_line_however_long_the_list(tmp_path: Path) -> None:
    rest = "".join(f"+1212555{number:04d},x\n" for number in range(100, 200)) * 3
    summary = scrub(write(tmp_path, f'phone,x\n+12125550124,"stray\n{rest}'), tmp_path / "out")
    assert summary.counts == {"callable": 150, "blocked": 150, "unreadable": 1}
    assert b"2,a quote is not closed," in results(tmp_path / "out")["unreadable.csv"]


def test_after_a_record_that_is_too_long_lines_and_offsets_are_right(tmp_path: Path) -> None:
    content = ("phone,x\n" + "".join(LONG.values()) + "+12125550126,z\n").encode()
    file = write(tmp_path, content)
    with file.open("rb") as stream:
        header = read_header(stream, "leads.csv", None)
        found = list(records(stream, header.delimiter, header.width, header.record.end, 2))
    assert [record.cells is None for record in found] == [True] * len(LONG) + [False]
    for record in found:
        assert content[: record.end].count(b"\n") == record.line + record.lines - 1
    assert found[-1].end == len(content)


def test_records_go_where_they_belong_as_they_were_written(tmp_path: Path) -> None:
    text = (
        b"\xef\xbb\xbfname,Phone,city\r\n"
        b'"Smith, J",212-555-0120,"New\r\nYork"\r\n'
        b"Bob,(212) 555-0121,NY\n"
        b'5" pipe,2125550122,NY\n'
        b"M\xfcller,2125550124,K\xf6ln\n"
        b"\r\n"
        b"bad,12,NY\n"
        b"short,2125550126\n"
        b'"open,2125550128,NY\n'
        b"last,+442079460000,London"
    )
    summary = scrub(write(tmp_path, text), tmp_path / "out")
    found = results(tmp_path / "out")
    assert list(found) == ["blocked.csv", "callable.csv", "unreadable.csv"]
    assert found["callable.csv"] == (
        b'name,Phone,city\n"Smith, J",212-555-0120,"New\r\nYork"\n5" pipe,2125550122,NY\n'
        b"M\xfcller,2125550124,K\xf6ln\nlast,+442079460000,London\n"
    )
    assert found["blocked.csv"] == (
        b'name,Phone,city,blocked_by,blocked_why\nBob,(212) 555-0121,NY,odd,"odd, on purpose"\n'
    )
    unreadable = list(csv.DictReader(found["unreadable.csv"].decode().splitlines()))
    assert [(row["line"], row["record"]) for row in unreadable] == [
        ("8", "bad,12,NY"),
        ("9", "short,2125550126"),
        ("10", '"open,2125550128,NY'),
    ]
    assert (summary.counts, summary.reasons) == ({"callable": 4, "blocked": 1, "unreadable": 3}, {"odd": 1})
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "out").iterdir()} == {0o600}


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_the_header_says_what_parts_the_fields(tmp_path: Path, delimiter: str) -> None:
    rows = [("id", "phone"), ("1,5", "2125550120"), ("2", "2125550121")]
    scrub(write(tmp_path, "".join(delimiter.join(row) + "\n" for row in rows)), tmp_path / "out")
    blocked = results(tmp_path / "out")["blocked.csv"].decode().splitlines()
    assert blocked[1].split(delimiter) == ["2", "2125550121", "odd", "odd, on purpose"]


def listing(count: int) -> str:
    lines = (f'{n},"a\nb",{"x" if n % 7 == 3 else 2125550000 + n}\n' for n in range(count))
    return "id,note,phone\n" + "".join(lines)


def test_killed_at_any_step_it_goes_on_and_no_line_is_lost_or_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split, "BATCH", 4)
    file = write(tmp_path, listing(20))
    scrub(file, tmp_path / "whole")
    wanted = results(tmp_path / "whole")
    assert sum(content.count(b"a\nb") for content in wanted.values()) == 20
    step, out = 0, tmp_path / "out0"
    while killed_at(step, partial(scrub, file, out), ("fsync", "fdatasync", "rename", "unlink")):
        named = [name for name in wanted if (out / name).exists()]
        if len(named) < 3 or (out / split.NAME).exists():
            scrub(file, out)
        assert results(out) == wanted, step
        step, out = step + 1, tmp_path / f"out{step + 1}"
    assert step > 25
    assert results(out) == wanted


def test_killed_again_and_again_it_comes_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "BATCH", 2)
    file, out = write(tmp_path, listing(12)), tmp_path / "out"
    scrub(file, tmp_path / "whole")
    turns = 1
    while killed_at(12, lambda: scrub(file, out), ("fsync", "fdatasync", "rename")):
        turns += 1
        assert turns < 30, "it does not get on"
    assert turns > 2
    assert results(out) == results(tmp_path / "whole")


def test_what_was_done_is_not_asked_again_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "BATCH", 5)
    file, out = write(tmp_path, "phone\n" + "".join(f"{2125550000 + n}\n" for n in range(20))), tmp_path / "out"
    assert killed_at(20, lambda: scrub(file, out), ("fsync", "fdatasync"))
    job = Scrub(file, out, column=None, campaign=None, default_region="US", knowledge=lambda: {"rules": "1"})
    screen = OddIsBlocked()
    summary = asyncio.run(job.run(lambda at: screen))
    assert summary.resumed
    assert 0 < screen.asked < 20
    assert summary.records == 20


def test_when_a_list_changes_meanwhile_all_is_asked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "BATCH", 2)
    file = write(tmp_path, listing(20))
    scrub(file, tmp_path / "whole")
    versions = iter([{FTC: "1"}] * 5)
    summary = scrub(file, tmp_path / "out", knowledge=lambda: next(versions, {FTC: "2"}))
    assert summary.knowledge == {FTC: "2"}
    assert results(tmp_path / "out") == results(tmp_path / "whole")
    assert summary.records == 20


def test_when_a_list_changes_in_the_first_batch_all_is_asked_anew(tmp_path: Path) -> None:
    versions = iter([{FTC: "1"}])
    summary = scrub(write(tmp_path, listing(20)), tmp_path / "out", knowledge=lambda: next(versions, {FTC: "2"}))
    assert summary.knowledge == {FTC: "2"}
    assert summary.records == 20


def test_killed_when_it_began_again_it_does_not_go_by_what_it_knew_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split, "BATCH", 2)
    file, out = write(tmp_path, listing(20)), tmp_path / "out"
    scrub(file, tmp_path / "whole")
    assert killed_at(30, partial(scrub, file, out), ("fsync", "fdatasync"))
    other = partial(scrub, file, out, knowledge=lambda: {"rules": "2"})
    assert killed_at(5, other, ("fsync", "fdatasync"))
    scrub(file, out)
    assert results(out) == results(tmp_path / "whole")


def test_what_is_there_is_not_overwritten_and_what_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split, "BATCH", 2)
    file, out = write(tmp_path, listing(9)), tmp_path / "out"
    scrub(file, out)
    with pytest.raises(BadInput, match="is there already"):
        scrub(file, out)
    other = tmp_path / "other"
    assert killed_at(12, lambda: scrub(file, other), ("fsync", "fdatasync"))
    with pytest.raises(BadInput, match="another file, column or campaign"):
        scrub(file, other, column="phone")
    file.write_text(listing(10))
    with pytest.raises(BadInput, match="another file, column or campaign"):
        scrub(file, other)
    for text, said in (
        ("id,name\n1,2\n", "--column"),
        ("", "header"),
        (b"\xff\xfea", "UTF-16"),
        ("a,phone,tel\n", "--column"),
    ):
        with pytest.raises(BadInput, match=said):
            scrub(write(tmp_path, text), tmp_path / "none")


def test_two_do_not_work_in_one_folder(tmp_path: Path) -> None:
    file, out = write(tmp_path, "phone\n2125550120\n"), tmp_path / "out"
    with split._alone(out), pytest.raises(BadInput, match="another scrub"):
        scrub(file, out)


cell = st.text(st.sampled_from('ab,"\n 12'), max_size=6)


@given(st.lists(st.tuples(cell, cell), max_size=8))
@settings(max_examples=150, deadline=None)
def test_every_record_a_csv_writer_writes_is_read_back_with_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    file = tmp_path_factory.mktemp("t") / "t.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([("phone", "b"), *rows])
    with file.open("rb") as raw:
        header = read_header(raw, "t", None)
        found = list(records(raw, ",", 2, header.record.end, 2))
    assert [record.cells for record in found] == rows
    assert b"".join(record.raw + b"\r\n" for record in found) == file.read_bytes()[header.record.end :]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path / "var")
    asyncio.run(initialise(found))
    monkeypatch.setenv("HEEDLINE_HOME", str(found.path))
    return found


def run(*arguments: object, text: str | None = None) -> Any:
    """The JSON a command prints. Raises what it raises."""
    result = CliRunner().invoke(app, [str(argument) for argument in (*arguments, "--json")], input=text)
    if isinstance(result.exception, HeedlineError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_list_is_imported_checked_scrubbed_against_and_dropped(home: Home, tmp_path: Path) -> None:
    day = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()  # in America it may still be yesterday
    numbers = tmp_path / f"{day}.txt"
    numbers.write_text("212,5550120\n")
    take = ("registry", "import", numbers, "--list", FTC, "--coverage", "all")
    assert run(*take, "--dry-run")["imported"] is False
    assert run("registry", "list")["lists"] == []
    assert run(*take)["numbers"] == 1
    assert run(*take)["stood_already"]
    (version,) = run("registry", "list")["lists"]
    assert (version["list"], version["version_date"], version["age_days"]) == (FTC, day, 1)
    assert version["max_age_days"] == 31
    answer = {"listed": True, "version_date": day}
    assert run("registry", "check", "-", text="+12125550120\n")["registries"] == {FTC: answer}
    run("dnc", "add", "+12125550122")
    leads = write(tmp_path, "phone\n" + "".join(f"{2125550120 + n}\n" for n in range(5)) + "5125550120\n9115550120\n")
    summary = run("scrub", leads)
    assert (summary["callable"], summary["blocked"]) == (3, 4)
    assert summary["reasons"]["dnc.internal"] == 1
    found = results(tmp_path / "leads-scrubbed")
    assert found["callable.csv"].split() == [b"phone", b"2125550121", b"2125550123", b"2125550124"]
    why = {row["phone"]: row for row in csv.DictReader(found["blocked.csv"].decode().splitlines())}
    assert "on us.ftc.ndnc" in why["2125550120"]["blocked_why"]
    assert why["2125550122"]["blocked_by"] == "dnc.internal"
    assert "us-tx.dnc is unknown" in why["5125550120"]["blocked_why"]
    assert run("registry", "drop", FTC, "--dry-run")["dropped"] is False
    assert run("registry", "drop", FTC)["dropped"]
    assert run("registry", "list")["lists"] == []
    tags = [entry["tag"] for entry in run("audit", "show")["entries"]]
    assert [tag for tag in tags if "registry" in tag] == ["admin:registry:import", "admin:registry:drop"]
    for wrong in (
        ("registry", "import", numbers, "--list", "us.nope"),
        ("registry", "import", numbers, "--list", FTC, "--version-date", "x"),
        ("registry", "drop", FTC),
        ("registry", "check", "12"),
        ("scrub", leads, "--column", "mail", "--out", tmp_path / "o"),
    ):
        with pytest.raises(BadInput):
            run(*wrong)


def test_a_campaigns_list_is_screened_by_what_is_known_of_the_people_and_not_by_the_hour(
    home: Home, tmp_path: Path
) -> None:
    run("campaign", "add", "spring", "--seller", "Acme", "--purpose", "informational", "--caller-id", "+12125550100")
    run("dnc", "add", "+12125550122")
    leads = write(tmp_path, "phone\n2125550121\n2125550122\n")
    run("scrub", leads, "--campaign", "spring")
    found = results(tmp_path / "leads-scrubbed")
    rows = [*csv.DictReader(found["blocked.csv"].decode().splitlines())]
    rules = {rule for row in rows for rule in row["blocked_by"].split("; ")}
    assert "dnc.internal" in rules
    assert rules.isdisjoint({"hours", "recording.ends", "switches", "abandonment", "caller_id"})
    with pytest.raises(HeedlineError, match="autumn"):
        run("scrub", leads, "--campaign", "autumn", "--out", tmp_path / "o")


def test_an_import_that_is_killed_at_the_command_line_leaves_the_old_list(home: Home, tmp_path: Path) -> None:
    key = (home.secrets / "registry.key").read_bytes()
    order = Order(
        list=FTC,
        files=(write(tmp_path, "212,5550120\n"),),
        who="test",
        at=datetime.now(UTC),
        version_date=datetime.now(UTC).date(),
    )
    child = os.fork()
    if child == 0:
        with importing(home.registry, key, order):
            os.kill(os.getpid(), signal.SIGKILL)  # built and durable, and not yet in place
    os.waitpid(child, 0)
    assert run("registry", "list")["lists"] == []
    assert run("registry", "import", *order.files, "--list", FTC, "--version-date", order.version_date)["imported"]

"""`heedline rules`: what the law is, what a change makes of it, and whose signature it takes."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from compliance.errors import BadInput, HeedlineError
from compliance.jurisdictions import load_packs
from compliance.jurisdictions.loader import shipped_files
from compliance.jurisdictions.overlay import OverlayRefused
from heedline.bootstrap import open_database
from heedline.cli.failures import told
from heedline.cli.main import app
from heedline.home import Home
from heedline.initialise import initialise
from heedline.overlays import packs_at, packs_of
from heedline.settings import Settings
from storage.audit import AuditTag

WHERE = 'citation: "ours"\n  source: "ours"\n  confidence: house\n  as_of: "2026-11-21"\n'
HEADER = 'schema: 1\noverlay: "Ours"\njurisdiction: "US-WY"\n'
SIGNED = 'signed_by: "A. Counsel"\nreason: "the statute was repealed"\n'
CAP = f"rules:\n- id: us-wy.ours\n  topic: attempt_cap\n  max: 1\n  hours: 24\n  {WHERE}"
WEEK = ", ".join(f'{day}: [["09:00", "18:00"]]' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
LOOSER = f"{HEADER}{SIGNED}remove: [us-wy.hours]\n"


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
    """There is no home yet."""
    found = Home(tmp_path / "var")
    monkeypatch.setenv("HEEDLINE_HOME", str(found.path))
    return found


@pytest.fixture
def office(home: Home, heedline: Callable[..., Said]) -> Home:
    """A home with a compliance officer, and a supervisor."""
    asyncio.run(initialise(home))
    for name, role in (("olga", "compliance_officer"), ("sven", "supervisor")):
        assert heedline("principal", "add", name).status == 0
        assert heedline("principal", "grant", name, role).status == 0
    return home


@pytest.fixture
def heedline(home: Home) -> Callable[..., Said]:
    def run(*arguments: str) -> Said:
        result = CliRunner().invoke(app, list(arguments))
        if isinstance(result.exception, HeedlineError | OSError):
            line, status = told(result.exception)
            return Said(status, result.stdout, line)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


def file(folder: Path, text: str | bytes, name: str = "ours.yaml") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


# --- list, show ---------------------------------------------------------------------------------------------


def test_rules_are_listed_without_a_home(heedline: Callable[..., Said], home: Home) -> None:
    rows = heedline("rules", "list", "--json").json["rules"]
    packs = load_packs()
    assert {row["id"] for row in rows} == {law.entry.id for one in packs.jurisdictions.values() for law in one.laws}
    assert all(row["what"] and row["citation"] and row["confidence"] for row in rows)
    assert not home.path.exists()


def test_list_is_narrowed_by_region_and_topic(heedline: Callable[..., Said]) -> None:
    rows = heedline("rules", "list", "--region", "us-wy", "--topic", "calling_hours", "--json").json["rules"]
    assert {row["id"] for row in rows} >= {"us-wy.hours", "us.fcc.hours"}
    assert {row["topic"] for row in rows} == {"calling_hours"}
    assert all(row["id"].startswith(("us-wy.", "us.")) for row in rows)
    table = heedline("rules", "list", "--region", "US-WY").out
    assert "mon-sun 08:00-20:00" in table


def test_region_is_shown_as_the_law_is_on_a_day(heedline: Callable[..., Said]) -> None:
    before, after = (
        {row["id"] for row in heedline("rules", "show", "FR", "--at", day, "--json").json["rules"]}
        for day in ("2026-08-10", "2026-08-11")
    )
    assert ("fr.bloctel" in before, "fr.optin" in before) == (True, False)
    assert ("fr.bloctel" in after, "fr.optin" in after) == (False, True)
    said = heedline("rules", "show", "FR", "--at", "2026-11-21").out
    assert "Not legal advice" in said
    assert "D223-9" in said
    assert load_packs().version in said


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("show", "XX"), "the rules say nothing of it"),
        (("show", "nonsense"), "the rules say nothing of it"),
        (("list", "--topic", "hours"), "one of recording_consent"),
        (("show", "FR", "--at", "11.8.2026"), "a day is written 2026-03-01"),
        (("check", "/no/such.yaml"), "No such file"),
        (("check", "/"), "/: not a plain file"),
        (("check", "/dev/null"), "not a plain file"),
        (("diff", "shipped", "/no/such.yaml"), "No such file"),
    ],
)
def test_wrong_input_is_said(heedline: Callable[..., Said], arguments: tuple[str, ...], problem: str) -> None:
    said = heedline("rules", *arguments)
    assert said.status == 2
    assert problem in said.error


# --- diff, check --------------------------------------------------------------------------------------------


def test_diff_of_two_folders_says_what_got_stricter_and_looser(heedline: Callable[..., Said], tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    contents = shipped_files()
    for folder in (old, new):
        folder.mkdir()
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    (new / "us-wy.yaml").write_bytes(contents["us-wy.yaml"].replace(b'"20:00"', b'"20:30"'))
    (new / "us-tx.yaml").write_bytes(contents["us-tx.yaml"].replace(b'"09:00"', b'"09:30"'))
    (new / "nz.yaml").unlink()
    changes = heedline("rules", "diff", str(old), str(new), "--json").json["changes"]
    kinds = {(change["id"] or change["jurisdiction"], change["change"]) for change in changes}
    assert {("us-wy.hours", "looser"), ("us-tx.hours", "stricter"), ("NZ", "gone")} <= kinds
    assert all(change["looser"] for change in changes if change["jurisdiction"] == "NZ" and not change["id"])
    assert heedline("rules", "diff", str(old), "shipped").out.strip() == "no difference"


def test_check_says_what_an_overlay_makes_stricter(heedline: Callable[..., Said], tmp_path: Path) -> None:
    said = heedline("rules", "check", file(tmp_path, HEADER + CAP))
    assert said.status == 0
    assert "us-wy.ours" in said.out
    assert "1 change: 1 stricter, 0 looser" in said.out


def test_check_refuses_what_loosens_unsigned_and_lets_it_pass_signed(
    heedline: Callable[..., Said], tmp_path: Path
) -> None:
    unsigned = heedline("rules", "check", file(tmp_path, LOOSER.replace(SIGNED, "")))
    assert unsigned.status == 1
    assert "loosens us-wy.hours (it no longer holds)" in unsigned.error
    signed = heedline("rules", "check", file(tmp_path, LOOSER), "--json")
    assert signed.status == 0
    assert signed.json["looser"] is True
    assert signed.json["signed_by"] == "A. Counsel"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEADER + CAP.replace("max: 1", "max: none"), "ours.yaml:7: must be a whole number"),
        (HEADER + "rules: NO\n", "ours.yaml:4: must be a list"),
        (HEADER + "colour: 1\n", "ours.yaml:4: unknown key 'colour'"),
        ("", "ours.yaml: empty"),
        (b"\xff\xfe", "ours.yaml:1: not UTF-8"),
    ],
)
def test_check_names_the_line_of_what_is_wrong(
    heedline: Callable[..., Said], tmp_path: Path, text: str | bytes, problem: str
) -> None:
    said = heedline("rules", "check", file(tmp_path, text))
    assert said.status == 2
    assert problem in said.error


def test_check_of_a_jurisdiction_names_the_line_of_the_file_given(
    heedline: Callable[..., Said], tmp_path: Path
) -> None:
    text = shipped_files()["us-wy.yaml"]
    assert heedline("rules", "check", file(tmp_path, text, "draft.yaml")).out.strip() == "no difference"
    said = heedline("rules", "check", file(tmp_path, text.replace(b"topic: ", b"topics: ", 1), "draft.yaml"))
    assert said.status == 2
    assert "draft.yaml:5: 'topic' is missing" in said.error


# --- overlays of a home -------------------------------------------------------------------------------------


def test_overlay_that_tightens_holds_as_soon_as_it_is_there_and_needs_no_ledger(
    heedline: Callable[..., Said], home: Home
) -> None:
    home.rules.mkdir(parents=True)
    file(home.rules, HEADER + CAP)
    listed = heedline("rules", "list", "--region", "US-WY", "--json").json
    assert "us-wy.ours" in {row["id"] for row in listed["rules"]}
    assert listed["pack"].startswith(f"{load_packs().version}+")
    assert not home.database.exists()


def test_overlay_that_loosens_stops_everything_until_an_officer_accepts_it(
    heedline: Callable[..., Said], office: Home, tmp_path: Path
) -> None:
    ours = file(tmp_path, LOOSER)
    office.rules.mkdir()
    file(office.rules, LOOSER)
    with pytest.raises(OverlayRefused, match="signed, but not accepted"):
        packs_at(office)
    denied = heedline("rules", "accept", ours, "--as", "sven")
    assert denied.status == 1
    assert "takes compliance_officer" in denied.error
    with pytest.raises(OverlayRefused):
        packs_at(office)
    said = heedline("rules", "accept", ours, "--as", "olga", "--json")
    assert said.status == 0, said.error
    assert all(law.entry.id != "us-wy.hours" for law in packs_at(office).jurisdictions["US-WY"].laws)
    (entry,) = [row for row in _audit(office) if row["overlay"] == said.json["digest"]]
    assert entry["by"] == "olga"
    assert (entry["signed_by"], entry["reason"]) == ("A. Counsel", "the statute was repealed")
    assert entry["loosens"] == "us-wy.hours"


def test_accepted_overlay_holds_as_it_stands_and_no_other(
    heedline: Callable[..., Said], office: Home, tmp_path: Path
) -> None:
    assert heedline("rules", "accept", file(tmp_path, LOOSER), "--as", "olga").status == 0
    installed = office.rules / "ours.yaml"
    assert installed.read_text() == LOOSER
    packs_at(office)
    installed.write_text(LOOSER.replace("us-wy.hours", "us-wy.recording"))
    with pytest.raises(OverlayRefused, match="not accepted as it stands"):
        packs_at(office)


def test_an_overlay_takes_no_others_place_unseen(heedline: Callable[..., Said], office: Home, tmp_path: Path) -> None:
    office.rules.mkdir()
    file(office.rules, HEADER + CAP)
    said = heedline("rules", "accept", file(tmp_path, LOOSER), "--as", "olga")
    assert (said.status, "other rules stand under that name" in said.error) == (2, True)
    assert (office.rules / "ours.yaml").read_text() == HEADER + CAP
    assert not _audit(office)


def test_acceptance_says_what_now_holds_and_from_when(
    heedline: Callable[..., Said], office: Home, tmp_path: Path
) -> None:
    ours = file(tmp_path, LOOSER)
    for _ in range(2):  # the same content again is the same overlay
        said = heedline("rules", "accept", ours, "--as", "olga").out
        assert "accepted by olga" in said
        assert "when it next starts" in said


@pytest.mark.parametrize("name", ["ours.yml", "ours.YAML", "ours.Yml"])
def test_an_overlay_that_would_go_unseen_for_its_name_stops_everything(office: Home, name: str) -> None:
    office.rules.mkdir()
    (office.rules / name).write_text(HEADER + CAP)
    with pytest.raises(BadInput, match="rename it"):
        packs_at(office)


def test_a_country_of_an_overlay_is_a_region_at_the_command_line(
    heedline: Callable[..., Said], office: Home, tmp_path: Path
) -> None:
    place = ("party", "set", "+12125550123", "--region", "se")
    assert "no such region" in heedline(*place).error
    hours = f"rules:\n- id: se.hours\n  topic: calling_hours\n  week: {{{WEEK}}}\n  {WHERE}"
    sweden = f'schema: 1\noverlay: "Ours"\njurisdiction: "SE"\nname: Sweden\ncovers_subdivisions: true\n{SIGNED}{hours}'
    assert heedline("rules", "accept", file(tmp_path, sweden, "se.yaml"), "--as", "olga").status == 0
    assert heedline(*place, "--json").json["region"] == "SE"
    assert heedline("gate", "check", "+12125550123", "--region", "SE").status == 3


def test_overlays_that_are_refused_keep_nobody_from_stopping_calls(heedline: Callable[..., Said], office: Home) -> None:
    office.rules.mkdir()
    file(office.rules, "nonsense: [")
    assert heedline("switch", "on", "US-LA", "--reason", "hurricane").status == 0


def test_unsigned_or_harmless_overlay_is_not_accepted(
    heedline: Callable[..., Said], office: Home, tmp_path: Path
) -> None:
    unsigned = heedline("rules", "accept", file(tmp_path, LOOSER.replace(SIGNED, "")), "--as", "olga")
    assert "must say signed_by and reason" in unsigned.error
    harmless = heedline("rules", "accept", file(tmp_path, HEADER + SIGNED + CAP), "--as", "olga")
    assert "loosens nothing" in harmless.error
    assert not _audit(office)
    assert not office.rules.exists()


def test_acceptance_that_was_tampered_with_accepts_nothing(
    heedline: Callable[..., Said], office: Home, tmp_path: Path
) -> None:
    assert heedline("rules", "accept", file(tmp_path, LOOSER), "--as", "olga").status == 0
    other = LOOSER.replace("repealed", "changed")
    digest = heedline("rules", "check", file(tmp_path, other), "--json").json["digest"]
    with sqlite3.connect(office.database) as raw:
        triggers = "select name from sqlite_master where type = 'trigger' and tbl_name = 'audit'"
        for (trigger,) in raw.execute(triggers).fetchall():
            raw.execute(f'drop trigger "{trigger}"')
        ((old,),) = raw.execute("select data from audit where tag = ?", (AuditTag.RULES_LOOSENED.value,)).fetchall()
        changed = json.dumps({**json.loads(old), "overlay": digest}, sort_keys=True, separators=(",", ":"))
        raw.execute("update audit set data = ? where tag = ?", (changed, AuditTag.RULES_LOOSENED.value))
    raw.close()
    (office.rules / "ours.yaml").write_text(other)
    with pytest.raises(OverlayRefused):
        packs_at(office)


def test_malformed_overlay_stops_everything(heedline: Callable[..., Said], home: Home) -> None:
    home.rules.mkdir(parents=True)
    file(home.rules, HEADER + CAP.replace("max: 1", "max: 0"), "10-ours.yaml")
    said = heedline("rules", "list")
    assert said.status == 2
    assert said.error.startswith("10-ours.yaml:7:")


async def test_open_ledger_is_asked_for_the_acceptance(tmp_path: Path) -> None:
    home = Home(tmp_path / "var")
    await initialise(home)
    home.rules.mkdir()
    file(home.rules, HEADER + CAP)
    database = await open_database(home, Settings.load(home.settings_file))
    try:
        assert (await packs_of(home, database)).version != load_packs().version
        file(home.rules, LOOSER)
        with pytest.raises(OverlayRefused):
            await packs_of(home, database)
    finally:
        await database.close()


def _audit(home: Home) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        database = await open_database(home, Settings.load(home.settings_file))
        try:
            async with database.read() as tx:
                return [json.loads(entry.data) for entry in await tx.audit.tagged(AuditTag.RULES_LOOSENED)]
        finally:
            await database.close()

    return asyncio.run(read())

"""`heedline registry`: the do-not-call lists of nations and states, and answers of the reassigned-numbers database."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from compliance.errors import BadInput
from compliance.facts import Registry
from compliance.number import Number, parse_number
from heedline.bootstrap import open_registries, registry_key
from heedline.cli.ledger import on_ledger, operator, print_table, when
from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.list_age import age_limit
from storage.audit import AuditTag, without_numbers
from storage.audit.entry import AuditValue
from storage.database import Database
from storage.registry import REASSIGNED, Format, ListVersion, Order, Prepared, dropping, importing

app = typer.Typer(name="registry", help="Do-not-call lists of nations and states.", no_args_is_help=True)

_LONGEST_LINE = 256
_SOON_DAYS = 7
_SHOWN = 6  # prefixes of a coverage


@app.command("import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="As downloaded: bare or zip; several make one version.")
    ],
    list_id: Annotated[str, typer.Option("--list", metavar="LIST", help="us.ftc.ndnc, ca.dncl, us-tx.dnc, it.rpo, …")],
    form: Annotated[Format | None, typer.Option("--format", help="Default: as the file looks.")] = None,
    version_date: Annotated[
        str | None, typer.Option("--version-date", metavar="DATE", help="Of the list; default: in the file's name.")
    ] = None,
    coverage: Annotated[
        str | None, typer.Option(help="Whose numbers it is for: all, area codes (212,646) or prefixes (+4420).")
    ] = None,
    column: Annotated[str | None, typer.Option(help="The column of a CSV that holds the numbers.")] = None,
    after: Annotated[
        str | None, typer.Option(metavar="DATE", help="Of the version that a change list was made from.")
    ] = None,
    submitted: Annotated[
        list[Path] | None,
        typer.Option("--submitted", metavar="FILE", help="What was sent to be washed; FILE is then what came back."),
    ] = None,
    allow_shrink: Annotated[bool, typer.Option("--allow-shrink", help="Take an empty or much smaller list.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, change nothing.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take a new version of a list, whole or not at all; calls that go on see it from their next question on."""
    order = Order(
        list=list_id,
        files=tuple(files),
        who=operator(),
        at=datetime.now(UTC),
        format=form,
        version_date=_day(version_date, "--version-date"),
        coverage=coverage,
        column=column,
        after=_day(after, "--after"),
        allow_shrink=allow_shrink,
        submitted=tuple(submitted or ()),
    )
    found = home_of(home)
    key = registry_key(found)
    size = sum(file.stat().st_size for file in (*files, *order.submitted))
    with _bar(size) as progress, importing(found.registry, key, order, progress) as prepared:
        changes = not (dry_run or prepared.same)
        if changes:
            _audit(home, AuditTag.REGISTRY_IMPORTED, order.at, prepared)
            prepared.swap()
    if json:
        version = as_json(prepared.version, order.at.date())
        print_json({"imported": changes, "stood_already": prepared.same, "dry_run": dry_run, **version})
    else:
        Console(soft_wrap=True).print(_told(prepared, dry_run), highlight=False)


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """The versions that stand: how old they are, and when they will be too old to allow a call."""
    today = datetime.now(UTC).date()
    versions = open_registries(home_of(home)).lists()
    if json:
        print_json({"lists": [as_json(version, today) for version in versions]})
        return
    rows = (
        (
            version.list,
            version.version_date,
            f"{(today - version.version_date).days} d",
            _left(version, today),
            f"{version.numbers:,}",
            _covers(version),
            when(version.imported_at),
        )
        for version in versions
    )
    columns = ("list", "of", "age", "good for", "numbers", "covers", "imported")
    print_table(columns, rows, "no list was imported yet; where a list is needed, calls are denied")


@app.command()
def check(
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="International form; - reads it from standard input.")
    ],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say which lists a number is on. A list that does not cover the number is not named: it knows nothing of it."""
    parsed = parse_number(sys.stdin.readline(_LONGEST_LINE).strip() if number == "-" else number)
    registries = open_registries(home_of(home))
    answers, reassigned = registries.check(parsed), registries.reassigned(parsed)
    if json:
        print_json(
            {
                "registries": {
                    name: {"listed": answer.listed, "version_date": answer.version_date.isoformat()}
                    for name, answer in answers.items()
                },
                "reassigned": None
                if reassigned is None
                else {
                    "answer": reassigned.answer.value,
                    "checked_at": reassigned.checked_at.isoformat(),
                    "consent_date": None if reassigned.consent_date is None else reassigned.consent_date.isoformat(),
                },
            }
        )
        return
    _print_check(parsed, answers)
    if reassigned is not None:
        of = "" if reassigned.consent_date is None else f" since {reassigned.consent_date}"
        said = f"reassigned{of}: {reassigned.answer.value}, asked {when(reassigned.checked_at)}"
        Console().print(said, highlight=False)


@app.command()
def drop(
    list_id: Annotated[str, typer.Argument(metavar="LIST", help="Its id.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be dropped, change nothing.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take a list away. Where it is needed, calls are denied until another version is imported."""
    found = home_of(home)
    registry_key(found)
    with dropping(found.registry, list_id) as do:
        if not dry_run:
            _audit_drop(home, list_id)
            do()
    if json:
        print_json({"list": list_id, "dropped": not dry_run})
    else:
        Console().print(f"{list_id} {'would be dropped' if dry_run else 'dropped'}", highlight=False)


def as_json(version: ListVersion, today: date) -> dict[str, object]:
    limit = age_limit(version.list)
    age = (today - version.version_date).days
    return {**version.to_dict(), "lines": version.lines, "age_days": age, "max_age_days": limit}


def _left(version: ListVersion, today: date) -> Text:
    limit = age_limit(version.list)
    if limit is None:
        return Text("")
    left = limit - (today - version.version_date).days
    if left < 0:
        return Text("too old", style="bold red")
    return Text(f"{left} d", style="yellow" if left < _SOON_DAYS else "green")


def _covers(version: ListVersion) -> str:
    if version.washes:
        return f"{sum(wash.numbers for wash in version.washes):,} numbers, washed on {len(version.washes)} days"
    prefixes = sorted(version.coverage.prefixes)
    shown = ", ".join(f"+{prefix}" for prefix in prefixes[:_SHOWN])
    return shown if len(prefixes) <= _SHOWN else f"{shown} and {len(prefixes) - _SHOWN} more"


def _print_check(number: Number, answers: dict[str, Registry]) -> None:
    listed = sum(answer.listed for answer in answers.values())
    Console().print(f"{number} is on {listed or 'no'} list{'s' if listed > 1 else ''}", highlight=False)
    rows = (
        (name, Text("listed", style="red") if answer.listed else Text("not listed"), answer.version_date)
        for name, answer in sorted(answers.items())
    )
    print_table(("list", "answer", "version of"), rows, "no list that was imported covers it")


def _told(prepared: Prepared, dry_run: bool) -> str:
    version = prepared.version
    if prepared.same:
        return f"{version.list}: this version, of {version.version_date}, stands already; nothing was changed"
    before = prepared.replaces
    if version.washes:
        asked = sum(wash.numbers for wash in version.washes)
        would = "would be" if dry_run else "are"
        return (
            f"{version.list}: with the wash of {prepared.day}, {asked:,} numbers {would} known, "
            f"{version.numbers:,} of them listed; any other stays unknown"
        )
    replaces = "" if before is None else f", in place of {before.numbers:,} of {before.version_date}"
    stands = "would stand" if dry_run else "stands"
    covers = f"; covers {_covers(version)}: any other number stays unknown" if version.coverage.prefixes else ""
    said = f"{version.list} of {version.version_date} {stands}: {version.numbers:,} numbers{replaces}{covers}"
    return said + _no_use(version, version.imported_at.date())


def _no_use(version: ListVersion, today: date) -> str:
    """What the import does not change: the list is too old, or its id is none that a law names."""
    limit = age_limit(version.list)
    if limit is None:
        return "" if version.list == REASSIGNED else "; no law asks for a list of that name"
    old = (today - version.version_date).days > limit
    return f"; older than {limit} days, so calls that need it stay denied" if old else ""


def _audit(home: Path | None, tag: AuditTag, at: datetime, prepared: Prepared) -> None:
    version = prepared.version
    hashes = [source.sha256 for source in version.sources]
    data: dict[str, AuditValue] = {
        "list": version.list,
        "version": version.version,
        "version_date": prepared.day.isoformat(),
        "numbers": version.numbers,
        "lines": version.lines,
        "files": len(hashes),
        "file": without_numbers(version.sources[0].file),
        "sha256": hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest(),
        "by": version.imported_by,
    }

    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await tx.audit.append(tag, at, data)

    on_ledger(home, work)


def _audit_drop(home: Path | None, list_id: str) -> None:
    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await tx.audit.append(AuditTag.REGISTRY_DROPPED, datetime.now(UTC), {"list": list_id, "by": operator()})

    on_ledger(home, work)


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text[:20]!r}: a day as in 2026-11-01") from None


@contextmanager
def _bar(size: int) -> Iterator["_Bar"]:
    """Bytes read, on a terminal's stderr."""
    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Bar(progress, size)


class _Bar:
    def __init__(self, progress: Progress, size: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=size)

    def __call__(self, more: int) -> None:
        self._progress.advance(self._task, more)

"""`heedline audit`: read the log, prove it, sign it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compliance.errors import BadInput, HeedlineError
from heedline.bootstrap import checkpoint_signer, database_url, open_for_proof
from heedline.cli.ledger import on_ledger, print_table, when
from heedline.cli.options import HomeOption, JsonOption, home_of, new_file, print_json
from heedline.settings import Settings
from storage.audit import CheckpointSigner, Entry, Report, VerifierKey, read_note, verify
from storage.canonical import parse_object
from storage.database import Database, sqlite_url

app = typer.Typer(name="audit", help="The audit log: read it, prove it, sign it.", no_args_is_help=True)

_LARGEST = 64 * 1024
_SQLITE = b"SQLite format 3\0"


@app.command()
def show(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100000, help="How many at most.")] = 50,
    after: Annotated[
        int | None, typer.Option(min=-1, max=2**62, help="Only entries above this seq; default: the last ones.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show entries in order."""

    async def work(db: Database) -> list[Entry]:
        async with db.read() as tx:
            start = await tx.audit.size() - limit - 1 if after is None else after
            return [entry async for entry in tx.audit.entries(max(-1, start), limit)]

    entries = on_ledger(home, work)
    if json:
        print_json(
            {
                "entries": [
                    {
                        "seq": entry.seq,
                        "at": entry.at.isoformat(),
                        "tag": entry.tag,
                        "data": parse_object(entry.data),
                        "hash": entry.hash.hex(),
                    }
                    for entry in entries
                ]
            }
        )
        return
    rows = ((entry.seq, when(entry.at), entry.tag, entry.data) for entry in entries)
    print_table(("seq", "when", "tag", "data"), rows, "the log is empty")


@app.command("verify")
def verify_(
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", help="File with a verifier key (`heedline audit key`); default: this node's."),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="A signed checkpoint kept elsewhere.")
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option("--ledger", help="A SQLite ledger or a copy of one; default: the home's.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Prove the log whole and unchanged, and name what is not. Exit status 1 when anything was found.

    With --key and --ledger no home and no secret is needed: public keys prove a copy anywhere.
    """
    keys = tuple(_verifier(file) for file in key) if key else (_signer(home).key,)
    witnessed = tuple(_note(file, keys) for file in checkpoint or ())

    url = _home_url(home) if ledger is None else sqlite_url(_sqlite(ledger))

    async def work() -> Report:
        db = await open_for_proof(url)
        try:
            async with db.read() as tx:
                return await verify(tx, keys, witnessed)
        finally:
            await db.close()

    report = asyncio.run(work())
    if json:
        print_json(
            {
                "sound": report.sound,
                "entries": report.entries,
                "checkpoints": report.checkpoints,
                "covered": report.covered,
                "uncovered": report.uncovered,
                "findings": [
                    {"trouble": f.trouble.value, "first": f.first, "last": f.last, "detail": f.detail}
                    for f in report.findings
                ],
            }
        )
    else:
        _print(report)
    if not report.sound:
        raise typer.Exit(1)


@app.command()
def checkpoint(
    out: Annotated[Path | None, typer.Option("--out", help="Also write the note to this new file.")] = None,
    home: HomeOption = None,
) -> None:
    """Sign the log as it stands and print the signed note. Keep copies elsewhere: they are witnesses."""
    if out is not None:
        new_file(out)
    signer = _signer(home)

    async def work(db: Database) -> str:
        async with db.begin() as tx:
            return await tx.audit.checkpoint(signer, datetime.now(UTC))

    note = on_ledger(home, work)
    if out is not None:
        out.write_text(note, encoding="utf-8")
    typer.echo(note, nl=False)


@app.command("key")
def key_(home: HomeOption = None) -> None:
    """Print this node's verifier key: all that somebody else needs to verify the log."""
    typer.echo(str(_signer(home).key))


def _home_url(home: Path | None) -> str:
    found = home_of(home)
    return database_url(found, Settings.load(found.settings_file))


def _signer(home: Path | None) -> CheckpointSigner:
    found = home_of(home)
    return checkpoint_signer(found, Settings.load(found.settings_file))


def _verifier(file: Path) -> VerifierKey:
    try:
        return VerifierKey.parse(_text(file))
    except BadInput as error:
        raise BadInput(f"{file}: {error}") from None


def _note(file: Path, keys: tuple[VerifierKey, ...]) -> str:
    text = _text(file)
    try:
        read_note(text, keys)
    except HeedlineError as error:
        raise BadInput(f"{file}: {error}") from None
    return text


def _sqlite(file: Path) -> Path:
    try:
        with file.open("rb") as stream:
            if stream.read(len(_SQLITE)) == _SQLITE:
                return file.resolve()
    except OSError as error:
        raise BadInput(f"{file}: can't be read: {error.strerror}") from None
    raise BadInput(f"{file}: not a SQLite ledger")


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise BadInput(f"{file}: too large for a key or a checkpoint")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: cannot be read as text ({type(error).__name__})") from None


def _print(report: Report) -> None:
    console = Console(highlight=False)
    console.print(f"{report.entries} entries, {report.checkpoints} checkpoints, {report.uncovered} not covered yet")
    for found in report.findings:
        span = f"{found.first}" if found.first == found.last else f"{found.first} to {found.last}"
        what = "checkpoint" if found.trouble.value == "bad_checkpoint" else "entry"
        console.print(f"{what} {span}: {found.trouble.value}: {found.detail}", style="red", markup=False)
    if report.sound:
        console.print("whole and unchanged", style="green")

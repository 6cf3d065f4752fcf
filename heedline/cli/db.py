"""`heedline db`: the ledger's schema."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console

from heedline.bootstrap import database_url, make_ledger, number_keys, open_database
from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.settings import Settings
from storage.audit import AuditTag
from storage.database import Upgraded
from storage.migrations import HEAD, revision_of

app = typer.Typer(name="db", help="The ledger's database.", no_args_is_help=True)


@app.command()
def upgrade(home: HomeOption = None, json: JsonOption = False) -> None:
    """Make the ledger, or bring it to this Heedline's schema. SQLite is copied to backups/ first."""
    done = asyncio.run(_upgrade(home))
    if json:
        print_json({"before": done.before, "after": done.after, "backup": done.backup})
        return
    changed = f"from {done.before or 'nothing'} to {done.after}" if done.before != done.after else "as before"
    Console().print(f"ledger at {done.after} ({changed})", highlight=False)
    if done.backup is not None:
        Console(soft_wrap=True).print(f"backup   {done.backup}", highlight=False)


@app.command()
def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Say at which revision the ledger stands. Exit status 1 unless it is this Heedline's."""
    found = home_of(home)
    url = database_url(found, Settings.load(found.settings_file))
    revision = asyncio.run(revision_of(url))
    if json:
        print_json({"revision": revision, "needed": HEAD, "ready": revision == HEAD})
    else:
        Console().print(f"ledger at {revision or 'nothing'}, this Heedline needs {HEAD}", highlight=False)
    if revision != HEAD:
        raise typer.Exit(1)


async def _upgrade(home: Path | None) -> Upgraded:
    found = home_of(home)
    settings = Settings.load(found.settings_file)
    number_keys(found)  # without its keys a ledger could not be opened afterwards: nothing is changed then
    done = await make_ledger(found, settings)
    if done.before != done.after:
        db = await open_database(found, settings)
        try:
            async with db.begin() as tx:
                tag = AuditTag.LEDGER_CREATED if done.before is None else AuditTag.LEDGER_UPGRADED
                data = {"before": done.before, "after": done.after}
                await tx.audit.append(tag, datetime.now(UTC), data)
        finally:
            await db.close()
    return done

"""`heedline scrub`: a calling list split into those we may call, those we may not, and what can't be read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from heedline.bootstrap import open_dossier, open_registries
from heedline.cli.ledger import on_ledger, print_pairs
from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.overlays import packs_at
from heedline.scrub import CampaignScreen, NumberScreen, Screen, Scrub, Summary
from heedline.settings import Settings
from storage.database import Database


def scrub(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A CSV with a header.")],
    column: Annotated[str | None, typer.Option(help="The column that holds the numbers (default: phone).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results (default: FILE-scrubbed).")] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", "-c", help="On whose behalf: then consents count too.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Split a list into callable.csv, blocked.csv (with the reasons) and unreadable.csv.

    Killed, it goes on where it was when it is run again. Calling hours and caps on attempts block nobody here: the gate
    asks again at every dial.
    """
    found = home_of(home)
    settings, packs = Settings.load(found.settings_file), packs_at(found)
    registries = open_registries(found)
    folder = out or file.with_name(f"{file.stem}-scrubbed")

    def knowledge() -> dict[str, str]:
        return {"rules": packs.version, **{version.list: version.version for version in registries.lists()}}

    async def work(database: Database) -> Summary:
        screen: Callable[[datetime], Screen]
        if campaign is None:
            screen = lambda at: NumberScreen(database, registries, packs, at)  # noqa: E731
        else:
            async with database.read() as tx:
                named = await tx.campaigns.get(campaign)
            dossier = open_dossier(found, settings, database, packs)
            screen = lambda at: CampaignScreen(dossier, database, named, packs, at)  # noqa: E731
        with _bar(file.stat().st_size) as progress:
            job = Scrub(
                file,
                folder,
                column=column,
                campaign=campaign,
                default_region=settings.call.default_region,
                knowledge=knowledge,
                progress=progress,
            )
            return await job.run(screen)

    summary = on_ledger(home, work)
    dates = {version.list: version.version_date.isoformat() for version in registries.lists()}
    if json:
        print_json(
            {
                "out": folder,
                "records": summary.records,
                **summary.counts,
                "reasons": summary.reasons,
                "lists": dates,
                "rules": packs.version,
                "at": summary.at,
                "resumed": summary.resumed,
                "seconds": round(summary.seconds, 3),
            }
        )
        return
    reasons = sorted(summary.reasons.items(), key=lambda item: -item[1])
    print_pairs(
        [
            ("callable", f"{summary.counts['callable']:,}"),
            ("blocked", f"{summary.counts['blocked']:,}"),
            *((f"  {rule}", f"{count:,}") for rule, count in reasons),
            ("unreadable", f"{summary.counts['unreadable']:,}"),
            ("in", folder),
            ("lists", ", ".join(f"{name} of {day}" for name, day in dates.items()) or "none imported"),
        ]
    )


@contextmanager
def _bar(size: int) -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=size)
        yield lambda more: progress.advance(task, more)

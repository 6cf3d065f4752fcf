"""What every noun on the ledger shares: opening it for one command, who is asking, and how times print."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from compliance.errors import BadInput
from heedline.bootstrap import open_database
from heedline.cli.options import home_of
from heedline.settings import Settings
from storage.audit import without_numbers
from storage.consent.fold import same_name
from storage.database import Database
from storage.unit import Transaction

T = TypeVar("T")
_PIPE_WIDTH = 1000
_WORD = 26  # an id
_ROOM = 8

PrincipalOption = Annotated[str, typer.Option("--as", metavar="PRINCIPAL", help="Who asks; their roles must allow it.")]
_LONGEST_REASON = 256


def free_text(option: str, text: str) -> str:
    """Numbers are kept encrypted; a text is not. Raises BadInput naming the option."""
    if not 1 <= len(text) <= _LONGEST_REASON or not text.isprintable():
        raise BadInput(f"{option}: 1 to {_LONGEST_REASON} printable characters")
    if not text.startswith(without_numbers(text)):
        raise BadInput(f"{option}: may not hold a phone number; write it without")
    return text


def _reason(text: str) -> str:
    return free_text("--reason", text)


ReasonOption = Annotated[
    str, typer.Option("--reason", callback=_reason, help="Why; it is kept as it is, so no phone numbers.")
]


def on_ledger(home: Path | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """Open the home's ledger, do the work, close it."""

    async def go() -> T:
        found = home_of(home)
        database = await open_database(found, Settings.load(found.settings_file))
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(go())


async def warn_of_nobodys(tx: Transaction, seller: str | None, topic: str | None = None) -> None:
    """Say it where no campaign has that seller or topic: it may be misspelt, and then it stops and opens nothing."""
    campaigns = await tx.campaigns.list()
    for what, said, known in (
        ("seller", seller, {each.seller for each in campaigns}),
        ("topic", topic, {each.topic for each in campaigns if each.topic}),
    ):
        if said is not None and not any(same_name(said, each) for each in known):
            there = f"; there are: {', '.join(sorted(known))}" if known else ""
            typer.echo(f"no campaign has the {what} {said!r}, so for now this changes no call{there}", err=True)


def operator() -> str:
    """Who types: the account of the machine, as the ledger names it."""
    return f"cli:{getpass.getuser()}"


def when(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}Z"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table, or one line when there is nothing to show. Cells are printed as they are, without markup; a rich Text
    keeps its colour.

    On a narrow screen cells break between words; a word as long as an id is never cut, nor anything into a pipe.
    """
    shown = [
        [cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row] for row in rows
    ]
    cells = [[str(cell) for cell in row] for row in shown]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    console = _console()
    unbroken = _unbroken(columns, cells, console.width)
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index in unbroken, overflow="fold")
    for row in shown:
        table.add_row(*row)
    if console.is_terminal or not table.row_count:
        console.print(table if table.row_count else empty)
        return
    with console.capture() as piped:
        console.print(table)
    lines = (line.rstrip() for line in piped.get().splitlines())
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _unbroken(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> set[int]:
    """The columns of single words, the longest first, as many as leave the others room for a word each."""
    longest = [max(len(text) for text in (column, *(row[at] for row in cells))) for at, column in enumerate(columns)]
    single = [at for at in range(len(columns)) if longest[at] <= _WORD and all(" " not in row[at] for row in cells)]
    chosen: set[int] = set()
    for at in sorted(single, key=lambda at: (at != 0, -longest[at])):
        kept = chosen | {at}
        needed = sum(longest[i] if i in kept else min(longest[i], _ROOM) for i in range(len(columns)))
        if needed + len(columns) - 1 <= width:
            chosen = kept
    return chosen


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """A block of `name  value` lines."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(Text(name, style="dim"), Text("" if value is None else str(value)))
    _console().print(grid)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)

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

from heedline.bootstrap import open_database
from heedline.cli.options import home_of
from heedline.settings import Settings
from storage.database import Database

T = TypeVar("T")
_PIPE_WIDTH = 1000

PrincipalOption = Annotated[str, typer.Option("--as", metavar="PRINCIPAL", help="Who asks; their roles must allow it.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept. No phone numbers.")]


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


def operator() -> str:
    """Who types: the account of the machine, as the ledger names it."""
    return f"cli:{getpass.getuser()}"


def when(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}Z"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table, or one line when there is nothing to show. Cells are printed as they are, without markup.

    The first column names the row and is never cut; into a pipe nothing is.
    """
    table = Table(box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    console.print(table if table.row_count else empty)


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """A block of `name  value` lines."""
    grid = Table.grid(padding=(0, 2))
    for name, value in pairs:
        grid.add_row(Text(name, style="dim"), Text("" if value is None else str(value)))
    Console().print(grid)

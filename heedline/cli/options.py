"""Options every noun shares."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from heedline.home import Home

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder that holds all of Heedline (default: $HEEDLINE_HOME, else ./var).", metavar="PATH"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


def home_of(given: Path | None) -> Home:
    return Home.find(given)


def print_json(data: Mapping[str, object]) -> None:
    """Machine-readable output: one object, keys as they are, one line a key."""
    typer.echo(json.dumps(data, indent=2, default=str))

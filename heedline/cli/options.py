"""Options every noun shares."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from compliance.errors import BadInput
from heedline.home import Home
from storage.ids import is_id

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder that holds all of Heedline (default: $HEEDLINE_HOME, else ./var).", metavar="PATH"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


def home_of(given: Path | None) -> Home:
    return Home.find(given)


def checked_id(text: str, what: str, listing: str) -> str:
    """The id as typed. Raises BadInput naming `what` it is of, and the command that lists such ids."""
    if not is_id(text):
        raise BadInput(f"{what} {text[:40]!r}: not an id; `{listing}` shows them")
    return text


def new_file(file: Path) -> Path:
    """A file that may be made: nothing of that name is there, and its folder is. Raises BadInput.

    Asked before the work and its audit entry, so that a wrong name costs neither.
    """
    try:
        if file.is_symlink() or file.exists():
            raise BadInput(f"{file}: is there already and is not overwritten; name a new file")
        if not file.parent.is_dir():
            raise BadInput(f"{file}: there is no folder {file.parent}")
    except (OSError, ValueError) as error:
        raise BadInput(f"{str(file)[:80]!r}: no name for a file ({type(error).__name__})") from None
    return file


def print_json(data: Mapping[str, object]) -> None:
    """Machine-readable output: one object, keys as they are, one line a key."""
    typer.echo(json.dumps(data, indent=2, default=str))

"""Options every noun shares."""

import contextlib
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from compliance import load_packs
from compliance.errors import BadInput
from compliance.number import Number, parse_number
from compliance.whereabouts import canonical_region
from heedline.home import Home
from heedline.overlays import packs_at
from storage.ids import is_id

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder that holds all of Heedline (default: $HEEDLINE_HOME, else ./var).", metavar="PATH"
    ),
]
NumberArgument = Annotated[
    str, typer.Argument(metavar="NUMBER", help="International form, e.g. +12125550123; - reads it from standard input.")
]
LONGEST_NUMBER = 64  # characters of a line that holds one
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


def home_of(given: Path | None) -> Home:
    return Home.find(given)


def checked_id(text: str, what: str, listing: str) -> str:
    """The id as typed. Raises BadInput naming `what` it is of, and the command that lists such ids."""
    if not is_id(text):
        raise BadInput(f"{what} {text[:40]!r}: not an id; `{listing}` shows them")
    return text


def typed_number(typed: str) -> str:
    """A number as it was typed, or for - one line of standard input: it stays out of the list of processes.

    Raises BadInput.
    """
    if typed != "-":
        return typed
    read = sys.stdin.buffer.read(LONGEST_NUMBER + 1)
    if len(read) > LONGEST_NUMBER or not read.strip() or b"\n" in read.strip():
        raise BadInput("standard input: one line with one number is expected")
    return read.decode("ascii", "replace").strip()


def number_of(typed: str) -> Number:
    """The same, in international form. Raises BadInput."""
    return parse_number(typed_number(typed))


def region_of(what: str, typed: str, home: Path | None) -> str:
    """A region as the rules write it. Raises BadInput naming `what`: neither the shipped nor the home's know it.

    The home's are asked last, so that overlays which are refused keep nobody from stopping the calls into a state.
    """
    region = canonical_region(typed.upper())
    if not load_packs().covered(region) and not packs_at(home_of(home)).covered(region):
        raise BadInput(f"{what} {typed[:40]}: the rules know no such region; write a state as US-LA, a country as GB")
    return region


def instant_of(option: str, typed: str) -> datetime:
    """Raises BadInput naming the option: no ISO 8601, or without its zone."""
    with contextlib.suppress(ValueError):
        if (at := datetime.fromisoformat(typed)).tzinfo is not None:
            return at
    raise BadInput(f"{option} {typed[:40]!r}: a time is written with its zone, as in 2026-03-01T09:00:00-05:00")


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

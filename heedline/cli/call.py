"""`heedline call`: place a call, and act on one that is going on."""

import asyncio
import contextlib
import getpass
from collections.abc import Coroutine
from datetime import datetime
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from compliance.errors import BadInput
from heedline.cli.ledger import print_table
from heedline.cli.options import HomeOption, JsonOption, checked_id, home_of, print_json
from heedline.conductor_client import ConductorClient

app = typer.Typer(name="call", help="Place a call; act on one that is going on.", no_args_is_help=True)
Attempt = Annotated[str, typer.Argument(metavar="ATTEMPT", help="The attempt's id, as `call place` printed it.")]
T = TypeVar("T")


def _client(home: HomeOption) -> ConductorClient:
    return ConductorClient(home_of(home).conductor_socket)


def _run(work: Coroutine[None, None, T]) -> T:
    return asyncio.run(work)


@app.command()
def place(
    number: Annotated[str, typer.Argument(help="Whom to call, E.164 (+1…) or national.")],
    campaign: Annotated[str, typer.Option("--campaign", "-c", help="On whose behalf, and how.")],
    agent: Annotated[str, typer.Option("--agent", "-a", help="Whose phone the callee is connected with.")],
    at: Annotated[str | None, typer.Option("--at", help="Not before, ISO 8601 with time zone.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Ask for a call. The gate decides at the instant of dialling; `heedline calls story ATTEMPT` tells what came."""
    attempt = _run(_client(home).place(number, campaign, agent, getpass.getuser(), _time(at)))
    if json:
        print_json({"attempt": attempt})
    else:
        Console().print(attempt, markup=False, highlight=False)


def _time(at: str | None) -> str | None:
    if at is None:
        return None
    with contextlib.suppress(ValueError):
        if datetime.fromisoformat(at).tzinfo is not None:
            return at
    raise BadInput(f"--at {at[:40]!r}: a time is written with its zone, as in 2026-03-01T09:00:00-05:00")


def _act(attempt: str, act: str, home: HomeOption, json: bool) -> None:
    checked_id(attempt, "attempt", "heedline call list")
    _run(_client(home).act(attempt, act, getpass.getuser()))
    if json:
        print_json({"attempt": attempt, "asked": act})
    else:
        Console(soft_wrap=True).print(
            f"asked for; `heedline calls story {attempt}` tells what came", markup=False, highlight=False
        )


@app.command()
def hangup(attempt: Attempt, home: HomeOption = None, json: JsonOption = False) -> None:
    """End the call."""
    _act(attempt, "hangup", home, json)


@app.command("opt-out")
def opt_out(attempt: Attempt, home: HomeOption = None, json: JsonOption = False) -> None:
    """The callee asked to be called no more: listed, confirmed by the prompt, hung up."""
    _act(attempt, "optout", home, json)


@app.command()
def pause(attempt: Attempt, home: HomeOption = None, json: JsonOption = False) -> None:
    """Pause the recording: silence on both sides, the time line goes on."""
    _act(attempt, "pause", home, json)


@app.command()
def resume(attempt: Attempt, home: HomeOption = None, json: JsonOption = False) -> None:
    """Resume the recording."""
    _act(attempt, "resume", home, json)


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """The calls that are going on now."""
    calls = _run(_client(home).calls())
    if json:
        print_json({"calls": calls})
        return
    columns = ("attempt", "campaign", "agent", "phase", "callee", "recording")
    print_table(columns, ([call[column] for column in columns] for call in calls), "no call is going on")

"""`heedline call`: place a call, and act on one that is going on."""

import asyncio
import getpass
from collections.abc import Coroutine
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from compliance.errors import HeedlineError
from heedline.cli.ledger import on_ledger, print_table
from heedline.cli.options import HomeOption, JsonOption, checked_id, home_of, instant_of, print_json, typed_number
from heedline.cli.verdict import DENIED, print_verdict
from heedline.conductor_client import ConductorClient
from storage.database import Database
from storage.ledger.attempts import DENIED as DENIED_BY_THE_GATE
from storage.ledger.attempts import Attempt as Stored

app = typer.Typer(name="call", help="Place a call; act on one that is going on.", no_args_is_help=True)
Attempt = Annotated[str, typer.Argument(metavar="ATTEMPT", help="The attempt's id, as `call place` printed it.")]
T = TypeVar("T")

DECISION_S = 4.0  # the gate takes milliseconds; the story is written a moment later
LOOK_S = 0.05  # another process writes it, and the ledger gives no sign
DECIDED = frozenset({"GateAllowed", "GateDenied"})


class CallDenied(HeedlineError):
    """The gate said no."""

    exit_status = DENIED


def _client(home: HomeOption) -> ConductorClient:
    return ConductorClient(home_of(home).conductor_socket)


def _run(work: Coroutine[None, None, T]) -> T:
    return asyncio.run(work)


@app.command()
def place(
    number: Annotated[
        str, typer.Argument(help="Whom to call, E.164 (+1…) or national; - reads it from standard input.")
    ],
    campaign: Annotated[str, typer.Option("--campaign", "-c", help="On whose behalf, and how.")],
    agent: Annotated[str, typer.Option("--agent", "-a", help="Whose phone the callee is connected with.")],
    at: Annotated[str | None, typer.Option("--at", help="Not before, ISO 8601 with time zone.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Ask for a call. The gate decides at the instant of dialling: a denial is shown with its reasons (status 3).

    `heedline calls story ATTEMPT` tells what came of it.
    """
    later = None if at is None else instant_of("--at", at).isoformat()
    attempt = _run(_client(home).place(typed_number(number), campaign, agent, getpass.getuser(), later))
    if not json:
        Console().print(attempt, markup=False, highlight=False)
    denied = on_ledger(home, lambda database: _denied(database, attempt)) if later is None else None
    verdict = None if denied is None else denied.verdict
    if json:
        refused = denied and {"detail": denied.detail, "verdict": None if verdict is None else verdict.to_dict()}
        print_json({"attempt": attempt, "denied": refused})
    elif verdict is not None:
        print_verdict(verdict)
    if denied is not None:
        raise CallDenied(f"call {attempt}: denied by {denied.detail}")


async def _denied(database: Database, attempt: str) -> Stored | None:
    """The attempt, when the gate has said no by now; None: it has not, or not yet."""
    try:
        async with asyncio.timeout(DECISION_S):
            while True:
                async with database.read() as tx:
                    said = {event.kind for event in await tx.events.of(attempt)} & DECIDED
                    found = await tx.attempts.get(attempt)
                if found.disposition == DENIED_BY_THE_GATE:
                    return found
                if found.disposition is not None or "GateAllowed" in said:
                    return None
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        return None


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

"""`heedline gate`: may this call be made, what must it say, may it be recorded."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from compliance import SCREENING_RULES, BadInput, Facts, Gate, Number, Verdict, load_packs
from heedline.bootstrap import open_dossier
from heedline.cli.ledger import on_ledger
from heedline.cli.options import HomeOption, JsonOption, home_of, instant_of, number_of, print_json, region_of
from heedline.cli.verdict import DENIED, print_verdict
from heedline.gate import answer
from heedline.overlays import packs_at
from heedline.settings import Settings
from storage.database import Database

BROKEN_PIPE = 141  # as a shell sees a program that SIGPIPE ended
STDIN = "-"

app = typer.Typer(name="gate", help="Ask the rules: may this call be made?", no_args_is_help=True)


@app.callback()
def gate() -> None:
    """Ask the rules: may this call be made?"""


@app.command()
def check(
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help="International form; - reads it from standard input.")
    ] = None,
    facts: Annotated[
        str | None,
        typer.Option("--facts", metavar="FILE|-", help="JSON lines of facts instead; a verdict a line comes out."),
    ] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", "-c", help="On whose behalf, and how.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="When, ISO 8601 with time zone (default: now).")] = None,
    region: Annotated[str | None, typer.Option(help="Where the person is said to live, e.g. US-FL.")] = None,
    postal_code: Annotated[str | None, typer.Option(help="The person's postal code.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say whether a call may be made, and why not. Exit status: 0 it may, 3 it may not.

    With --facts nothing else is asked but the lines themselves: no ledger, no home; the exit status is 0 when all
    lines were answered.
    """
    if facts is not None:
        if number is not None or any(option is not None for option in (campaign, at, region, postal_code, home)):
            raise BadInput("--facts: all that is to be known stands in its lines; leave NUMBER and the options out")
        _answer_lines(facts)
    elif number is None:
        raise BadInput("NUMBER or --facts FILE is missing; see `heedline gate check --help`")
    else:
        region = None if region is None else region_of("--region", region, home)
        moment = datetime.now(UTC) if at is None else instant_of("--at", at)
        named = campaign or Settings.load(home_of(home).settings_file).call.manual_campaign
        verdict = _from_ledger(number_of(number), named, moment, region, postal_code, home)
        if json:
            print_json(verdict.to_dict())
        else:
            print_verdict(verdict)
        if not named:
            typer.echo("no campaign is named: say --campaign, or set call.manual_campaign in heedline.toml", err=True)
        raise typer.Exit(0 if verdict.allowed else DENIED)


def _answer_lines(file: str) -> None:
    rules = Gate(SCREENING_RULES, load_packs())
    gc.freeze()  # modules and tables need no second look, and what a line makes holds no cycles
    with _opened(file) as descriptor:
        try:
            answer(lambda size: os.read(descriptor, size), _write, rules, "standard input" if file == STDIN else file)
        except BrokenPipeError:
            raise typer.Exit(BROKEN_PIPE) from None


@contextlib.contextmanager
def _opened(file: str) -> Iterator[int]:
    if file == STDIN:
        yield sys.stdin.fileno()
        return
    try:
        with Path(file).open("rb", buffering=0) as stream:
            yield stream.fileno()
    except ValueError:
        raise BadInput(f"--facts {file[:80]!r}: no name for a file") from None


def _write(text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(1, left) :]


def _from_ledger(
    number: Number, name: str, at: datetime, region: str | None, postal_code: str | None, given: Path | None
) -> Verdict:
    home = home_of(given)
    packs = packs_at(home)
    settings = Settings.load(home.settings_file)

    async def work(database: Database) -> Facts:
        if not name:
            return await _without_campaign(database, number, at, region, postal_code)
        async with database.read() as tx:
            campaign = await tx.campaigns.get(name)
        dossier = open_dossier(home, settings, database, packs)
        ring = campaign.ring_seconds
        return (await dossier.facts(number, campaign, at, ring_seconds=ring, region=region, postal_code=postal_code))[0]

    return Gate(SCREENING_RULES, packs).check(on_ledger(given, work))


async def _without_campaign(
    database: Database, number: Number, at: datetime, region: str | None, postal_code: str | None
) -> Facts:
    """No seller, no purpose: a denial, which still says what is known of the number itself."""
    async with database.read() as tx:
        listed = await tx.dnc.check(number) is not None
    return Facts(number=number, at=at, region=region, postal_code=postal_code, internal_dnc=listed)

"""`heedline calls`: what was planned, dialled and ended, and the story of each."""

from typing import Annotated

import typer

from heedline.cli.ledger import on_ledger, print_pairs, print_table, when
from heedline.cli.options import HomeOption, JsonOption, checked_id, print_json
from heedline.cli.verdict import print_verdict
from heedline.story import story_lines
from storage.database import Database
from storage.ledger.attempts import Attempt
from storage.ledger.events import CallEvent

app = typer.Typer(name="calls", help="Attempts and their stories.", no_args_is_help=True)

_LISTING = "heedline calls list"
AttemptArgument = Annotated[str, typer.Argument(metavar="ATTEMPT", help="The id, as `heedline calls list` shows it.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many at most.")] = 50,
    before: Annotated[str | None, typer.Option(help="Go on with those before this attempt.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the latest attempts, newest first."""

    start = None if before is None else checked_id(before, "--before", _LISTING)

    async def work(db: Database) -> tuple[Attempt, ...]:
        async with db.read() as tx:
            return await tx.attempts.list(limit, start)

    found = on_ledger(home, work)
    if json:
        print_json({"attempts": [as_json(attempt) for attempt in found]})
        return
    rows = ((a.id, when(a.planned_at), a.campaign, a.agent, a.state.value, a.disposition, a.detail) for a in found)
    columns = ("attempt", "planned", "campaign", "agent", "state", "disposition", "detail")
    print_table(columns, rows, "no attempt yet")


@app.command()
def show(attempt: AttemptArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one attempt with the verdict it was dialled or denied under; the number is masked."""

    async def work(db: Database) -> tuple[Attempt, str]:
        async with db.read() as tx:
            found = await tx.attempts.get(checked_id(attempt, "attempt", _LISTING))
            return found, str(await tx.parties.number(found.party_id))

    found, masked = on_ledger(home, work)
    data = {**as_json(found), "number": masked}
    if json:
        print_json(data)
        return
    del data["verdict"]
    print_pairs(data.items())
    if found.verdict is not None:
        print_verdict(found.verdict)


@app.command()
def story(attempt: AttemptArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Tell the call, one line an event, in milliseconds since the first."""

    async def work(db: Database) -> tuple[CallEvent, ...]:
        async with db.read() as tx:
            await tx.attempts.get(checked_id(attempt, "attempt", _LISTING))
            return await tx.events.of(attempt)

    events = on_ledger(home, work)
    if json:
        told = [{"seq": e.seq, "at": e.at.isoformat(), "kind": e.kind, "data": e.data} for e in events]
        print_json({"attempt": attempt, "events": told})
        return
    for line in story_lines(events):
        typer.echo(line)
    if not events:
        typer.echo("nothing has happened yet")


def as_json(attempt: Attempt) -> dict[str, object]:
    """The attempt without its number."""
    verdict = attempt.verdict
    return {
        "id": attempt.id,
        "party": attempt.party_id,
        "campaign": attempt.campaign,
        "campaign_version": attempt.campaign_version,
        "agent": attempt.agent,
        "state": attempt.state.value,
        "disposition": attempt.disposition,
        "detail": attempt.detail,
        "planned_by": attempt.planned_by,
        "planned_at": attempt.planned_at.isoformat(),
        "not_before": attempt.not_before.isoformat(),
        "committed_at": None if attempt.committed_at is None else attempt.committed_at.isoformat(),
        "ended_at": None if attempt.ended_at is None else attempt.ended_at.isoformat(),
        "facts_digest": attempt.facts_digest,
        "verdict": None if verdict is None else verdict.to_dict(),
    }

"""`heedline dnc`: the internal do-not-call list."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from compliance.errors import BadInput
from heedline.cli.ledger import PrincipalOption, ReasonOption, on_ledger, operator, print_table, warn_of_nobodys, when
from heedline.cli.options import HomeOption, JsonOption, NumberArgument, checked_id, new_file, number_of, print_json
from heedline.secrets import write_private
from storage.audit import AuditTag
from storage.database import Database
from storage.governance.access import Action
from storage.governance.authorise import authorise
from storage.ledger.dnc import DncEntry, Scope
from storage.ledger.optout import opt_out, take_off

app = typer.Typer(name="dnc", help="The internal do-not-call list.", no_args_is_help=True)

SellerOption = Annotated[str | None, typer.Option(help="Only calls by this seller; default: by anybody.")]
TopicOption = Annotated[str | None, typer.Option(help="Only calls about this; default: about anything.")]
_PAGE = 500
_CHANNEL = re.compile(r"[^\W\d_][\w -]{0,63}")


def as_json(entry: DncEntry) -> dict[str, object]:
    """An entry without its number."""
    return {
        "id": entry.id,
        "act": entry.act,
        "at": entry.at.isoformat(),
        "source": entry.source,
        "channel": entry.channel,
        "reason": entry.reason,
        "who": entry.who,
        "attempt": entry.attempt_id,
        "revokes": entry.revokes,
        "seller": entry.scope.seller,
        "topic": entry.scope.topic,
        "number_hash": entry.lookup_hash.hex(),
    }


@app.command()
def add(
    number: NumberArgument,
    reason: ReasonOption = "asked not to be called",
    channel: Annotated[str, typer.Option(help="How the request came: phone, letter, e-mail, …")] = "office",
    seller: SellerOption = None,
    topic: TopicOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put a number on the list and cancel the pending attempts that it stops. Adding it twice changes nothing."""
    parsed, scope = number_of(number), Scope(seller, topic)
    if not _CHANNEL.fullmatch(channel):
        raise BadInput("--channel: a word or two, as in phone or e-mail: letters, blanks and -, at most 64")

    async def work(db: Database) -> None:
        async with db.begin() as tx:
            done = await opt_out(
                tx,
                parsed,
                source="office",
                channel=channel,
                reason=reason,
                who=operator(),
                at=datetime.now(UTC),
                scope=scope,
            )
            await warn_of_nobodys(tx, seller, topic)
        if json:
            print_json({"created": done.created, "cancelled": done.cancelled, "entry": as_json(done.entry)})
        else:
            said = "added" if done.created else f"was listed already, since {when(done.entry.at)}"
            Console().print(f"{parsed} {said}; {done.cancelled} pending attempts cancelled", highlight=False)

    on_ledger(home, work)


@app.command()
def remove(
    number: NumberArgument,
    reason: ReasonOption,
    seller: SellerOption = None,
    topic: TopicOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take a number off the list, in the scope it was put on. The removal is an entry of its own, and stays."""
    parsed, scope = number_of(number), Scope(seller, topic)

    async def work(db: Database) -> None:
        async with db.begin() as tx:
            entry = await take_off(tx, parsed, reason=reason, who=operator(), at=datetime.now(UTC), scope=scope)
        if json:
            print_json({"entry": as_json(entry)})
        else:
            Console().print(f"{parsed} removed; entry {entry.id}", highlight=False)

    on_ledger(home, work)


@app.command()
def check(
    number: NumberArgument,
    seller: SellerOption = None,
    topic: TopicOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say whether the list stops calls to a number, and all that was ever written about it."""
    parsed, scope = number_of(number), Scope(seller, topic)

    async def work(db: Database) -> None:
        async with db.read() as tx:
            standing = await tx.dnc.check(parsed, scope.seller, scope.topic)
            history = await tx.dnc.history(parsed)
        if json:
            print_json({"listed": standing is not None, "history": [as_json(entry) for entry in history]})
            return
        Console().print(f"{parsed} is {'listed' if standing else 'not listed'}", highlight=False)
        if history:
            rows = ((when(e.at), e.act, e.scope, e.source, e.channel, e.who, e.reason) for e in history)
            print_table(("when", "act", "calls", "source", "channel", "who", "reason"), rows, "")

    on_ledger(home, work)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many at most.")] = 50,
    after: Annotated[str | None, typer.Option(help="Go on after this entry id.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the active entries, oldest first; numbers are masked."""

    start = None if after is None else checked_id(after, "--after", "heedline dnc list")

    async def work(db: Database) -> None:
        async with db.read() as tx:
            entries = await tx.dnc.list(limit, start)
            masked = [str(await tx.dnc.number(entry.id)) for entry in entries]
        if json:
            listed = [{**as_json(e), "number": m} for e, m in zip(entries, masked, strict=True)]
            print_json({"entries": listed})
            return
        rows = (
            (e.id, when(e.at), m, e.scope, f"{e.source}, {e.channel}", e.who, e.reason)
            for e, m in zip(entries, masked, strict=True)
        )
        columns = ("entry", "since", "number", "calls", "how", "who", "reason")
        print_table(columns, rows, "nobody is on the list")

    on_ledger(home, work)


@app.command()
def export(
    principal: PrincipalOption,
    reason: ReasonOption,
    out: Annotated[Path | None, typer.Option("--out", help="A new file, mode 0600; default: standard output.")] = None,
    form: Annotated[Literal["csv", "json"], typer.Option("--format", help="csv or json.")] = "csv",
    home: HomeOption = None,
) -> None:
    """Write the whole list with its numbers in clear. Takes a role that may, and leaves an audit entry first."""
    if out is not None:
        new_file(out)

    async def work(db: Database) -> str:
        at = datetime.now(UTC)
        await authorise(db, principal, Action.EXPORT_DNC, tag=AuditTag.DNC_EXPORTED, reason=reason, at=at)
        rows: list[dict[str, object]] = []
        after: str | None = None
        async with db.read() as tx:
            while page := await tx.dnc.list(_PAGE, after):
                for entry in page:
                    rows.append({"number": (await tx.dnc.number(entry.id)).e164, **as_json(entry)})
                after = page[-1].id
        return _as_text(rows, form)

    text = on_ledger(home, work)
    if out is None:
        typer.echo(text, nl=False)
    elif not write_private(out, text.encode(), replace=False):
        raise BadInput(f"{out}: is there already and is not overwritten; name a new file")


def _as_text(rows: list[dict[str, object]], form: Literal["csv", "json"]) -> str:
    if form == "json":
        import json

        return json.dumps({"entries": rows}, indent=2, ensure_ascii=False) + "\n"
    columns = ("number", "id", "at", "seller", "topic", "source", "channel", "reason", "who", "attempt")
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({column: _cell(row[column]) for column in columns})
    return text.getvalue()


def _cell(value: object) -> str:
    """A spreadsheet must not take a reason that begins with = + - @ for a formula (a number's + stays)."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "-", "@") or (text[:1] == "+" and not text[1:].isdigit()) else text

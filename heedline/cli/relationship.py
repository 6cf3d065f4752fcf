"""`heedline relationship`: a person's business with a seller."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from heedline.cli.ledger import free_text, on_ledger, operator, print_table, warn_of_nobodys, when
from heedline.cli.options import HomeOption, JsonOption, NumberArgument, instant_of, number_of, print_json
from storage.database import Database
from storage.ledger.relationships import Dealing, Kind

app = typer.Typer(name="relationship", help="Purchases, inquiries: business relationships.", no_args_is_help=True)

SellerOption = Annotated[str, typer.Option(help="With whom, as its campaigns name it.")]
AtOption = Annotated[str | None, typer.Option("--at", help="When it was; ISO 8601 with time zone; default: now.")]
NoteOption = Annotated[str | None, typer.Option(help="Where it can be looked up, e.g. an invoice; no phone numbers.")]


@app.command()
def record(
    number: NumberArgument,
    kind: Annotated[Literal["purchase", "inquiry"], typer.Option(help="What the person did.")],
    seller: SellerOption,
    at: AtOption = None,
    note: NoteOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put a purchase or an inquiry on file. How long it counts is the law's; told twice, it is there once."""
    _record(number, kind, seller, at, note, home, json)


@app.command()
def end(
    number: NumberArgument,
    seller: SellerOption,
    at: AtOption = None,
    note: NoteOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """The person has ended the relationship: what was before counts no more."""
    _record(number, "ended", seller, at, note, home, json)


@app.command()
def show(number: NumberArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show all business on file, in the order it happened."""
    parsed = number_of(number)

    async def work(db: Database) -> tuple[Dealing, ...]:
        async with db.read() as tx:
            party = await tx.parties.find(parsed)
            return () if party is None else await tx.relationships.of(party)

    found = on_ledger(home, work)
    if json:
        print_json({"number": str(parsed), "dealings": [_as_json(dealing) for dealing in found]})
        return
    rows = ((when(d.at), d.kind, d.seller, d.by, d.note) for d in found)
    print_table(("when", "what", "seller", "by", "note"), rows, f"{parsed} has had no business with anybody")


def _record(
    number: str, kind: Kind, seller: str, at: str | None, note: str | None, home: HomeOption, json: bool
) -> None:
    parsed, now = number_of(number), datetime.now(UTC)
    if note is not None:
        free_text("--note", note)
    happened = now if at is None else instant_of("--at", at)

    async def work(db: Database) -> Dealing:
        async with db.begin() as tx:
            await warn_of_nobodys(tx, seller)
            return await tx.relationships.record(parsed, kind, seller, happened, operator(), now, note)

    dealing = on_ledger(home, work)
    if json:
        print_json({"number": str(parsed), **_as_json(dealing)})
    else:
        typer.echo(f"{parsed}: {dealing.kind}, {dealing.seller}, {when(dealing.at)}")


def _as_json(dealing: Dealing) -> dict[str, object]:
    return {
        "kind": dealing.kind,
        "seller": dealing.seller,
        "at": dealing.at.isoformat(),
        "by": dealing.by,
        "note": dealing.note,
    }

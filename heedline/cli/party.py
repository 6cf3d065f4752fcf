"""`heedline party`: what is known of a person beside the number."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from compliance.errors import BadInput
from compliance.facts import Party
from heedline.cli.ledger import on_ledger, operator, print_pairs
from heedline.cli.options import HomeOption, JsonOption, NumberArgument, number_of, print_json, region_of
from storage.database import Database
from storage.ledger.campaigns import PartyName
from storage.ledger.party_facts import NOTHING_KNOWN, PartyFacts

app = typer.Typer(name="party", help="What is known of a person beside the number.", no_args_is_help=True)


class Forgettable(StrEnum):
    REGION = "region"
    POSTAL_CODE = "postal-code"
    PARTY = "party"


@app.command("set")
def set_(
    number: NumberArgument,
    region: Annotated[str | None, typer.Option(help="Where the person may be as well: US-FL, GB, …")] = None,
    postal_code: Annotated[str | None, typer.Option(help="Of the person's address: a ZIP code, …")] = None,
    party: Annotated[PartyName | None, typer.Option(help="Called as a consumer or as a business.")] = None,
    forget: Annotated[list[Forgettable] | None, typer.Option(help="No longer known; may be repeated.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put on file where a person may be and as what they are called. A place only adds to where the number may lie."""
    parsed = number_of(number)
    change = PartyFacts(
        None if region is None else region_of("--region", region, home),
        None if postal_code is None else postal_code.upper(),
        None if party is None else Party(party),
    )
    forgotten = frozenset(name.replace("-", "_") for name in forget or ())
    if change == NOTHING_KNOWN and not forgotten:
        raise BadInput("party set: say what is known: --region, --postal-code, --party, or --forget one of them")

    async def work(db: Database) -> PartyFacts:
        async with db.begin() as tx:
            return await tx.known.set(parsed, operator(), datetime.now(UTC), change=change, forget=forgotten)

    _show(str(parsed), on_ledger(home, work), json)


@app.command()
def show(number: NumberArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what is known of a person; the number is masked."""
    parsed = number_of(number)

    async def work(db: Database) -> PartyFacts:
        async with db.read() as tx:
            party = await tx.parties.find(parsed)
            return NOTHING_KNOWN if party is None else await tx.known.of(party)

    _show(str(parsed), on_ledger(home, work), json)


def _show(masked: str, known: PartyFacts, json: bool) -> None:
    if json:
        print_json({"number": masked, **known.to_dict()})
    else:
        said = {name.replace("_", " "): value or "not known" for name, value in known.to_dict().items()}
        print_pairs({"number": masked, **said}.items())

"""`heedline switch`: stop calling, everything, into a region, or in one campaign."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from compliance.errors import BadInput
from heedline.cli.ledger import ReasonOption, on_ledger, operator, print_table, when
from heedline.cli.options import HomeOption, JsonOption, instant_of, print_json, region_of
from storage.database import Database
from storage.ledger.switches import SwitchAct, is_region

app = typer.Typer(name="switch", help="Stop calling: everything, a region, one campaign.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A region (US-LA, GB), or any word for all calls.")]
CampaignOption = Annotated[str | None, typer.Option(help="Stop this campaign alone.")]


@app.command()
def on(
    name: NameArgument,
    reason: ReasonOption,
    start: Annotated[str | None, typer.Option("--from", help="ISO 8601 with time zone; default: at once.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="ISO 8601 with time zone; default: until it is off.")] = None,
    campaign: CampaignOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Stop calls, at once for those not dialled yet. A region's switch stops every call that may go there."""
    span = tuple(None if at is None else instant_of(option, at) for option, at in (("--from", start), ("--to", end)))
    _write("on", name, reason, campaign, span, home, json)


@app.command()
def off(
    name: NameArgument,
    reason: ReasonOption,
    campaign: CampaignOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let calls go on."""
    _write("off", name, reason, campaign, (None, None), home, json)


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Every word ever said on a switch, in order.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the switches that stop calls, or will."""
    now = datetime.now(UTC)

    async def work(db: Database) -> tuple[SwitchAct, ...]:
        async with db.read() as tx:
            return await tx.switches.history() if every else await tx.switches.standing()

    found = [act for act in on_ledger(home, work) if every or not act.over(now)]
    if json:
        print_json({"switches": [_as_json(act) for act in found]})
        return
    rows = ((a.name, a.campaign or "all", a.act, when(a.start), when(a.end), when(a.at), a.by, a.reason) for a in found)
    columns = ("name", "campaign", "is", "from", "to", "said", "by", "reason")
    print_table(columns, rows, "no switch stops any call")


def _write(
    act: Literal["on", "off"],
    name: str,
    reason: str,
    campaign: str | None,
    span: tuple[datetime | None, ...],
    home: HomeOption,
    json: bool,
) -> None:
    now = datetime.now(UTC)
    start, end = span
    if act == "on" and end is not None and end <= now:
        raise BadInput("--to: lies in the past; nothing would be stopped")
    written = SwitchAct(_named(name, home), campaign, act, start, end, reason, now, operator())

    async def work(db: Database) -> None:
        async with db.begin() as tx:
            if act == "off" and not any(
                (known.name, known.campaign) == (written.name, campaign) and not known.over(now)
                for known in await tx.switches.standing()
            ):
                raise BadInput(f"switch {written.name}: is not on; `heedline switch list` shows those that are")
            await tx.switches.write(written)

    on_ledger(home, work)
    if json:
        print_json(_as_json(written))
    else:
        typer.echo(_words(written))


def _named(name: str, home: HomeOption) -> str:
    """Regions as the rules write them. Raises BadInput: it looks like a region, and the rules know none such."""
    return region_of("switch", name, home) if is_region(name) else name


def _words(act: SwitchAct) -> str:
    """What was said, and what it does."""
    whose = "of all campaigns" if act.campaign is None else f"of campaign {act.campaign}"
    if act.act == "off":
        return f"{act.name} is off for the calls {whose}; `heedline switch list` shows what still stops calls"
    which = f"calls that may go to {act.name}" if is_region(act.name) else "all calls, wherever they go,"
    span = "".join(f" {word} {when(at)}" for word, at in (("from", act.start), ("to", act.end)) if at is not None)
    return f"{act.name} is on: it stops {which} {whose}{span}"


def _as_json(act: SwitchAct) -> dict[str, object]:
    return {
        "name": act.name,
        "campaign": act.campaign,
        "is": act.act,
        "from": None if act.start is None else act.start.isoformat(),
        "to": None if act.end is None else act.end.isoformat(),
        "at": act.at.isoformat(),
        "by": act.by,
        "reason": act.reason,
    }

"""`heedline campaign`: on whose behalf people are called, and how."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ari_app.wording import language_of
from heedline.cli.ledger import on_ledger, operator, print_pairs, print_table
from heedline.cli.options import HomeOption, JsonOption, instant_of, print_json
from storage.database import Database
from storage.ledger.campaigns import CallKindName, Campaign, OnRefusal, PartyName, Placement, RecordingWish

app = typer.Typer(name="campaign", help="Campaigns: for whom, for what, how people are called.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME")]
SellerOption = Annotated[str | None, typer.Option(help="On whose behalf; the callee is told.")]
PurposeOption = Annotated[str | None, typer.Option(help="telemarketing, informational, survey, …")]
CallerIdOption = Annotated[str | None, typer.Option(help="The number shown, E.164.")]
LanguageOption = Annotated[str | None, typer.Option(help="Language of the prompts: en, es, fr, de.")]
PlacementOption = Annotated[
    Placement | None, typer.Option(help="Prompts before the agent, or in the bridge with both listening.")
]
RecordingOption = Annotated[RecordingWish | None, typer.Option(help="Can only be stricter than the law's mode.")]
RequiredOption = Annotated[
    bool | None, typer.Option("--recording-required/--recording-optional", help="No recording, no call.")
]
OnRefusalOption = Annotated[OnRefusal | None, typer.Option(help="When the callee does not consent.")]
RingOption = Annotated[int | None, typer.Option(help="Seconds to ring, 15 to 60.")]
CallKindOption = Annotated[CallKindName | None, typer.Option(help="How its calls are placed; live: dialled by hand.")]
PartyOption = Annotated[PartyName | None, typer.Option(help="Whom it calls, where nothing is on file of the person.")]
TopicOption = Annotated[str | None, typer.Option(help="What it calls about; empty: nothing named.")]
DoubleOption = Annotated[
    bool | None, typer.Option("--double-opt-in/--single-opt-in", help="Consent counts only once it was confirmed.")
]
StartOption = Annotated[
    str | None, typer.Option(help="Nobody is called before it; ISO 8601 with time zone; empty: no such day.")
]


@app.command()
def add(
    name: NameArgument,
    seller: Annotated[str, typer.Option(help="On whose behalf; the callee is told.")],
    purpose: Annotated[str, typer.Option(help="telemarketing, informational, survey, …")],
    caller_id: Annotated[str, typer.Option(help="The number shown, E.164.")],
    language: LanguageOption = None,
    placement: PlacementOption = None,
    recording: RecordingOption = None,
    recording_required: RequiredOption = None,
    on_refusal: OnRefusalOption = None,
    ring_seconds: RingOption = None,
    call_kind: CallKindOption = None,
    party: PartyOption = None,
    topic: TopicOption = None,
    double_opt_in: DoubleOption = None,
    start: StartOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Add a campaign. What is left out is safe: prompts before the agent, recording as the law says."""
    base = Campaign(name=name, seller=seller, purpose=purpose, caller_id=caller_id)
    campaign = _with(
        base,
        language=language,
        placement=placement,
        recording=recording,
        recording_required=recording_required,
        on_refusal=on_refusal,
        ring_seconds=ring_seconds,
        call_kind=call_kind,
        party=party,
        topic=topic,
        double_opt_in=double_opt_in,
        start=start,
    )

    async def work(db: Database) -> Campaign:
        async with db.begin() as tx:
            return await tx.campaigns.add(campaign, operator(), datetime.now(UTC))

    _show(on_ledger(home, work), json)


@app.command("set")
def set_(
    name: NameArgument,
    seller: SellerOption = None,
    purpose: PurposeOption = None,
    caller_id: CallerIdOption = None,
    language: LanguageOption = None,
    placement: PlacementOption = None,
    recording: RecordingOption = None,
    recording_required: RequiredOption = None,
    on_refusal: OnRefusalOption = None,
    ring_seconds: RingOption = None,
    call_kind: CallKindOption = None,
    party: PartyOption = None,
    topic: TopicOption = None,
    double_opt_in: DoubleOption = None,
    start: StartOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Change a campaign: a new version from now on; calls keep the version they were made under."""

    async def work(db: Database) -> Campaign:
        async with db.begin() as tx:
            changed = _with(
                await tx.campaigns.get(name),
                seller=seller,
                purpose=purpose,
                caller_id=caller_id,
                language=language,
                placement=placement,
                recording=recording,
                recording_required=recording_required,
                on_refusal=on_refusal,
                ring_seconds=ring_seconds,
                call_kind=call_kind,
                party=party,
                topic=topic,
                double_opt_in=double_opt_in,
                start=start,
            )
            return await tx.campaigns.change(changed, operator(), datetime.now(UTC))

    _show(on_ledger(home, work), json)


@app.command()
def show(
    name: NameArgument,
    version: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="An earlier version.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show one campaign."""

    async def work(db: Database) -> Campaign:
        async with db.read() as tx:
            return await tx.campaigns.get(name, version)

    _show(on_ledger(home, work), json)


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List all campaigns as they stand."""

    async def work(db: Database) -> tuple[Campaign, ...]:
        async with db.read() as tx:
            return await tx.campaigns.list()

    found = on_ledger(home, work)
    if json:
        print_json({"campaigns": [_as_json(campaign) for campaign in found]})
        return
    columns = ("name", "version", "seller", "purpose", "calls", "caller id", "language", "placement", "recording")
    rows = (
        (c.name, c.version, c.seller, c.purpose, c.call_kind, c.caller_id, c.language, c.placement, c.recording)
        for c in found
    )
    print_table(columns, rows, "no campaign yet; `heedline campaign add`")


def _with(campaign: Campaign, **given: object) -> Campaign:
    """The campaign with what was given on the command line. Raises UnknownLanguage: no prompts in it."""
    if given.get("language") is not None:
        language_of(str(given["language"]))
    changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if "topic" in changes:
        changes["topic"] = changes["topic"] or None
    if "start" in changes:
        changes["start"] = instant_of("--start", changes["start"]).astimezone(UTC) if changes["start"] else None
    return replace(campaign, **changes)


def _show(campaign: Campaign, json: bool) -> None:
    if json:
        print_json(_as_json(campaign))
    else:
        print_pairs((key.replace("_", " "), value) for key, value in asdict(campaign).items())


def _as_json(campaign: Campaign) -> dict[str, object]:
    return {**asdict(campaign), "start": None if campaign.start is None else campaign.start.isoformat()}

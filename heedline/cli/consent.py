"""`heedline consent`: what people agreed to: record, ask and confirm, withdraw, show, prove."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compliance.errors import BadInput
from compliance.jurisdictions import load_packs
from compliance.terms import ConsentKind
from compliance.verdict import instant_text
from heedline.cli.consent_file import from_file
from heedline.cli.consent_opt_in import confirm, request_, send
from heedline.cli.consent_options import (
    AtOption,
    ChannelOption,
    CollectedByOption,
    EvidenceOption,
    JurisdictionOption,
    KindOption,
    LanguageOption,
    NumberArgument,
    PurposeOption,
    SellerOption,
    TextFileOption,
    TextOption,
    UntilOption,
    VersionOption,
    evidence_of,
    grant_of,
    instant_of,
    number_of,
    plain,
    told,
)
from heedline.cli.consent_proof import proof, verify_
from heedline.cli.ledger import on_ledger, operator, print_table, when
from heedline.cli.options import HomeOption, JsonOption, print_json
from storage.consent.act import ConsentAct
from storage.consent.proof import held_fields
from storage.consent.terms import Withdrawal
from storage.consent.write import Withdrawn, record
from storage.consent.write import withdraw as write_withdrawal
from storage.database import Database

app = typer.Typer(
    name="consent", help="Consents: record, ask and confirm, withdraw, show, prove.", no_args_is_help=True
)


@app.command("record")
def record_(
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help="International form; - reads it from standard input.")
    ] = None,
    kind: KindOption = ConsentKind.EXPRESS,
    purpose: PurposeOption = None,
    seller: SellerOption = None,
    channel: ChannelOption = "office",
    text: TextOption = None,
    text_file: TextFileOption = None,
    text_version: VersionOption = None,
    language: LanguageOption = "en",
    jurisdiction: JurisdictionOption = None,
    evidence: EvidenceOption = None,
    collected_by: CollectedByOption = None,
    at: AtOption = None,
    valid_until: UntilOption = None,
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Many at once, .csv or .jsonl: all or none of them.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write down a consent that was given. With --from, one a line; the options fill what a line leaves out."""
    defaults = {
        "kind": kind.value,
        "purpose": None if purpose is None else purpose.value,
        "seller": seller,
        "channel": channel,
        "text": text,
        "version": text_version,
        "language": language,
        "jurisdiction": jurisdiction,
        "collected_by": collected_by,
    }
    if file is not None:
        if number is not None or text_file is not None or evidence is not None:
            raise BadInput("--from: numbers, texts and evidence stand in the file; leave NUMBER and those options out")
        written = from_file(home, file, {**defaults, "at": at, "valid_until": valid_until})
        if json:
            print_json({"recorded": written})
        else:
            Console().print(f"{written} consents recorded", highlight=False)
        return
    if number is None:
        raise BadInput("NUMBER is missing; or give --from FILE")
    parsed = number_of(number)
    grant = grant_of(
        kind,
        purpose,
        seller,
        channel,
        text,
        text_file,
        text_version,
        language,
        jurisdiction,
        evidence,
        collected_by,
        at,
        valid_until,
    )

    async def work(db: Database) -> ConsentAct:
        async with db.begin() as tx:
            return await record(tx, parsed, grant, by=operator(), now=datetime.now(UTC))

    told(on_ledger(home, work), parsed, json)


@app.command()
def withdraw(
    number: NumberArgument,
    purpose: PurposeOption = None,
    seller: SellerOption = None,
    channel: ChannelOption = "office",
    jurisdiction: JurisdictionOption = None,
    evidence: EvidenceOption = None,
    collected_by: CollectedByOption = None,
    at: AtOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Withdraw every consent of a number, or those for one purpose or seller. It holds at once."""
    parsed = number_of(number)
    now = datetime.now(UTC)
    terms = Withdrawal(
        channel=channel,
        at=instant_of(at, "--at", now) or now,
        purpose=purpose,
        seller=seller,
        jurisdiction=jurisdiction,
        evidence=evidence_of(evidence),
        collected_by=collected_by,
    )

    async def work(db: Database) -> Withdrawn:
        packs = load_packs()
        async with db.begin() as tx:
            return await write_withdrawal(tx, parsed, terms, packs=packs, by=operator(), now=datetime.now(UTC))

    done = on_ledger(home, work)
    deadline = None if done.act.honoured_by is None else instant_text(done.act.honoured_by)
    if json:
        print_json({"created": done.created, "ended": done.ended, "honoured_by": deadline, "act": plain(done.act)})
        return
    said = f"withdrawn; standing consents ended: {done.ended}" if done.created else "was withdrawn already"
    law = f" (the law would give until {when(done.act.honoured_by)})" if deadline and done.created else ""
    Console(soft_wrap=True).print(f"{parsed} {said}{law}", highlight=False)


@app.command()
def show(number: NumberArgument, at: AtOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what stands for a number (at a time), and every act that was ever written about it."""
    parsed = number_of(number)
    moment = instant_of(at, "--at") or datetime.now(UTC)

    async def work(db: Database) -> tuple[tuple[ConsentAct, ...], list[dict[str, object]], int]:
        async with db.read() as tx:
            party = await tx.parties.find(parsed)
            if party is None:
                return (), [], 0
            held = [held_fields(one, moment) for one in await tx.consents.held(party)]
            return await tx.consents.of(party), held, len(await tx.consents.uses_of(party))

    acts, held, uses = on_ledger(home, work)
    if json:
        print_json({"number": str(parsed), "held": held, "uses": uses, "acts": [plain(act) for act in acts]})
        return
    standing = [one for one in held if one["stands"]]
    Console().print(
        f"{parsed}: {len(standing)} of {len(held)} consents stand; {uses} calls rested on them", highlight=False
    )
    columns = ("when", "act", "kind", "purpose", "seller", "channel", "valid until", "by", "id")
    rows = ((when(a.at), a.act, a.kind, a.purpose, a.seller, a.channel, when(a.valid_until), a.by, a.id) for a in acts)
    print_table(columns, rows, "nothing is on file")


app.command("request")(request_)
app.command()(send)
app.command()(confirm)
app.command("proof")(proof)
app.command("verify")(verify_)

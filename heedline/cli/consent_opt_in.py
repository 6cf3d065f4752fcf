"""`heedline consent request`, `send` and `confirm`: double opt-in."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from compliance.errors import BadInput
from compliance.number import Number
from compliance.terms import ConsentKind
from compliance.verdict import instant_text
from heedline.cli.consent_options import (
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
    number_of,
    secret_of,
    told,
)
from heedline.cli.ledger import on_ledger, operator, print_pairs
from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.consents import consent_sender, opt_in_keys
from heedline.processes.lifetime import only_one
from heedline.settings import Settings
from storage.consent.act import ConsentAct
from storage.consent.message import NotSent, checked_address
from storage.consent.opt_in import Refused, Requested, confirm_by_code, confirm_by_token, request
from storage.consent.outbox import Round, Sender, enqueue, send_due
from storage.database import Database

TEL = "tel"


def request_(
    number: NumberArgument,
    kind: KindOption = ConsentKind.EXPRESS_WRITTEN,
    purpose: PurposeOption = None,
    seller: SellerOption = None,
    channel: ChannelOption = "web form",
    text: TextOption = None,
    text_file: TextFileOption = None,
    text_version: VersionOption = None,
    language: LanguageOption = "en",
    jurisdiction: JurisdictionOption = None,
    evidence: EvidenceOption = None,
    collected_by: CollectedByOption = None,
    valid_until: UntilOption = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="E-mail address; - reads it from standard input; tel: the number, by webhook."),
    ] = None,
    hours: Annotated[int | None, typer.Option(min=1, max=720, help="How long link and code are good.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write down a consent that counts only once confirmed, and send what confirms it (or print it, without --to)."""
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
        None,
        valid_until,
    )
    if grant.wording is None:
        raise BadInput("--text or --text-file: people confirm exact words; give them")
    found = home_of(home)
    settings = Settings.load(found.settings_file)
    keys, sender = opt_in_keys(found), consent_sender(found, settings)
    address = None if to is None else _address(secret_of(to, "--to"), parsed, sender)
    life = timedelta(hours=hours or settings.consent.valid_hours)
    page = settings.consent.confirm_url

    async def work(db: Database) -> tuple[Requested, Round]:
        now = datetime.now(UTC)
        async with db.begin() as tx:
            made = await request(tx, keys, parsed, grant, life=life, by=operator(), now=now)
            if address is None or sender is None:
                return made, Round()
            message = await enqueue(tx, keys, made.act.id, sender.transport, address, now)
        return made, await send_due(db, keys, sender, page, lambda: datetime.now(UTC), only=message)

    made, sent = on_ledger(home, work)
    shown: dict[str, object] = {"consent": made.act.id, "number": str(parsed), "expires": instant_text(made.expires)}
    if address is None:
        shown |= {"token": made.token, "code": made.code}
        shown |= {"link": page.replace("{token}", made.token)} if page else {}
    else:
        shown["sent"] = not sent.failed
    if json:
        print_json(shown)
    else:
        print_pairs(shown.items())
    _complain(sent)


def send(home: HomeOption = None, json: JsonOption = False) -> None:
    """Send what is still in the outbox. Harmless to repeat: what has been sent is not sent again, one sender works."""
    found = home_of(home)
    settings = Settings.load(found.settings_file)
    keys, sender = opt_in_keys(found), consent_sender(found, settings)
    if sender is None:
        raise BadInput("nothing to send with; set consent.transport in heedline.toml (docs/consent.md)")

    async def work(db: Database) -> Round:
        return await send_due(db, keys, sender, settings.consent.confirm_url, lambda: datetime.now(UTC))

    with only_one(found, "consent-sender"):
        done = on_ledger(home, work)
    if json:
        print_json({"sent": done.sent, "failed": done.failed})
    else:
        Console().print(f"{done.sent} sent, {done.failed} failed", highlight=False)
    _complain(done)


def confirm(
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help="Whose; needed with --code. - reads it from standard input.")
    ] = None,
    token: Annotated[str | None, typer.Option("--token", help="The link's token; - as above.")] = None,
    code: Annotated[str | None, typer.Option("--code", help="The short code; - as above.")] = None,
    seller: SellerOption = None,
    evidence: EvidenceOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Confirm a consent that was asked for. Of standard input, the number is the first line and the secret the next."""
    if (token is None) == (code is None):
        raise BadInput("give --token or --code")
    if code is not None and number is None:
        raise BadInput("--code: of which NUMBER?")
    parsed = None if number is None else number_of(number)
    typed = secret_of(token or code or "", "--token" if code is None else "--code")
    proof = evidence_of(evidence)
    keys = opt_in_keys(home_of(home))

    async def work(db: Database) -> ConsentAct | Refused:
        now = datetime.now(UTC)
        async with db.begin() as tx:
            if code is not None and parsed is not None:
                said = await confirm_by_code(
                    tx, keys, typed, parsed, seller=seller, evidence=proof, by=operator(), now=now
                )
            else:
                said = await confirm_by_token(
                    tx, keys, typed, number=parsed, seller=seller, evidence=proof, by=operator(), now=now
                )
        return said if isinstance(said, Refused) else said.act

    act = on_ledger(home, work)
    if isinstance(act, Refused):
        raise BadInput(f"not confirmed: {act.why.value}")
    told(act, parsed, json)


def _address(typed: str, number: Number, sender: Sender | None) -> str:
    """Where to send to. A webhook may text or call the number itself."""
    address = number.e164 if typed == TEL else checked_address(typed)
    if sender is None:
        raise BadInput("--to: nothing to send with; set consent.transport in heedline.toml (docs/consent.md)")
    if typed == TEL and sender.transport != "webhook":
        raise BadInput("--to tel: takes consent.transport webhook; mail goes to an address")
    return address


def _complain(sent: Round) -> None:
    if sent.failed:
        raise NotSent(f"{sent.failed} not sent: {sent.trouble}; it stays in the outbox: `heedline consent send`")

"""What the verbs of `heedline consent` take: numbers and secrets from standard input, times, words, evidence."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compliance.errors import BadInput
from compliance.number import Number, parse_number
from compliance.terms import ConsentKind, Purpose
from heedline.cli.options import print_json
from storage.consent.act import ConsentAct, act_fields
from storage.consent.terms import Grant
from storage.consent.wording import LONGEST_TEXT, Wording

STDIN = "-"
_LONGEST_LINE = 256
_LARGEST = 64 * 1024

NumberArgument = Annotated[
    str, typer.Argument(metavar="NUMBER", help="International form, e.g. +12125550123; - reads it from standard input.")
]
KindOption = Annotated[ConsentKind, typer.Option("--kind", help="How strong it is.")]
PurposeOption = Annotated[Purpose | None, typer.Option("--purpose", help="What for.")]
SellerOption = Annotated[str | None, typer.Option("--seller", help="To whom it was given, as campaigns name them.")]
ChannelOption = Annotated[str, typer.Option("--channel", help="How it came: web form, paper, call, e-mail, …")]
JurisdictionOption = Annotated[str | None, typer.Option("--jurisdiction", help="Whose law, e.g. US-CA or DE.")]
TextOption = Annotated[str | None, typer.Option("--text", help="The exact words shown or spoken.")]
TextFileOption = Annotated[Path | None, typer.Option("--text-file", help="The same, from a UTF-8 file.")]
VersionOption = Annotated[str | None, typer.Option("--text-version", help="Your name for this state of the text.")]
LanguageOption = Annotated[str, typer.Option("--language", help="Language of the text.")]
EvidenceOption = Annotated[
    str | None, typer.Option("--evidence", help='What proves it, a JSON object: {"form_hash": "…", "ip": "…"}.')
]
CollectedByOption = Annotated[str | None, typer.Option("--collected-by", help="Who asked for it.")]
AtOption = Annotated[str | None, typer.Option("--at", help="When, ISO 8601 with time zone (default: now).")]
UntilOption = Annotated[
    str | None, typer.Option("--valid-until", help="First instant without it, ISO 8601 with time zone.")
]


def number_of(typed: str) -> Number:
    """The number typed, or the next line of standard input. Raises BadInput."""
    return parse_number(secret_of(typed, "NUMBER"))


def secret_of(typed: str, what: str) -> str:
    """What was typed, or for - the next line of standard input, which leaves no trace in the list of processes."""
    if typed != STDIN:
        return typed
    line = sys.stdin.readline(_LONGEST_LINE + 1)
    if not line.strip() or len(line) > _LONGEST_LINE:
        raise BadInput(f"{what}: expected on a line of standard input, at most {_LONGEST_LINE} characters")
    return line.strip()


def instant_of(typed: str | None, what: str, default: datetime | None = None) -> datetime | None:
    """An ISO 8601 instant in UTC. Raises BadInput."""
    if typed is None:
        return default
    try:
        at = datetime.fromisoformat(typed)
        if at.tzinfo is not None and 1970 <= at.year < 2200:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadInput(f"{what} {typed[:40]!r}: expected ISO 8601 with a time zone, as 2026-12-01T09:00-05:00")


def evidence_of(typed: str | None) -> dict[str, object]:
    """Raises BadInput: no JSON object."""
    if typed is None:
        return {}
    try:
        found = json.loads(typed)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadInput('--evidence: expected a JSON object, as {"form_hash": "…"}')
    return found


def wording_of(text: str | None, file: Path | None, version: str | None, language: str) -> Wording | None:
    """The words from the option or from the file; None: neither was given. Raises BadInput."""
    if text is not None and file is not None:
        raise BadInput("--text and --text-file: give one of them")
    if file is not None:
        try:
            with file.open("rb") as stream:
                text = stream.read(LONGEST_TEXT * 4 + 1).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{file}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    if text is None:
        if version is not None:
            raise BadInput("--text-version: of which text? Give --text or --text-file")
        return None
    if version is None:
        raise BadInput("--text-version: name the version of the text, as 2026-03")
    return Wording(language, version, text)


def grant_of(
    kind: ConsentKind,
    purpose: Purpose | None,
    seller: str | None,
    channel: str,
    text: str | None,
    text_file: Path | None,
    version: str | None,
    language: str,
    jurisdiction: str | None,
    evidence: str | None,
    collected_by: str | None,
    at: str | None,
    valid_until: str | None,
) -> Grant:
    """The grant that the options describe. Raises BadInput."""
    if purpose is None or seller is None:
        raise BadInput("a consent is for a --purpose and to a --seller; name both")
    now = datetime.now(UTC)
    return Grant(
        kind=kind,
        purpose=purpose,
        seller=seller,
        channel=channel,
        at=instant_of(at, "--at", now) or now,
        wording=wording_of(text, text_file, version, language),
        jurisdiction=jurisdiction,
        evidence=evidence_of(evidence),
        collected_by=collected_by,
        valid_until=instant_of(valid_until, "--valid-until"),
    )


def plain(act: ConsentAct) -> dict[str, object]:
    """An act as JSON shows it."""
    return {**act_fields(act), "position": act.position}


def told(act: ConsentAct, number: Number | None, json: bool) -> None:
    """Say what was written."""
    if json:
        print_json(plain(act))
        return
    whose = "" if number is None else f"{number}: "
    done = {"grant": "recorded", "confirm": "confirmed"}[act.act]
    said = f"{whose}{act.kind} consent to {act.purpose} by {act.seller} {done}; {act.id}"
    Console(soft_wrap=True).print(said, highlight=False, markup=False)

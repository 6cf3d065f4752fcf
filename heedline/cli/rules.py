"""`heedline rules`: the law as data, and the administrator's own rules upon it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compliance.errors import BadInput
from compliance.jurisdictions import Packs, load_packs, parse_packs
from compliance.jurisdictions.changes import Change, ChangeKind, differences
from compliance.jurisdictions.loader import read_code, shipped_files
from compliance.jurisdictions.model import Law
from compliance.jurisdictions.overlay import Overlay, effect, laid_over, parse_overlay, parse_overlays
from compliance.jurisdictions.strict_yaml import read
from compliance.jurisdictions.topics import TOPICS
from compliance.jurisdictions.wording import dates, days_of, describe
from compliance.whereabouts import canonical_region
from heedline.cli.ledger import PrincipalOption, on_ledger, print_pairs, print_table
from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.overlays import SUFFIX, overlay_files, packs_at, read_rules
from heedline.secrets import write_private
from storage.audit import AuditTag
from storage.database import Database
from storage.governance.access import Action
from storage.governance.authorise import authorise

app = typer.Typer(name="rules", help="The law as data, and your own rules upon it.", no_args_is_help=True)

SHIPPED = "shipped"
NOT_ADVICE = "Not legal advice: each rule says where it was read and how well it was checked."

RegionArgument = Annotated[str, typer.Argument(metavar="REGION", help="An ISO code, as US-FL, US or GB.")]
AtOption = Annotated[str | None, typer.Option("--at", metavar="DATE", help="In force on that day, YYYY-MM-DD.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE")]


@app.command("list")
def list_(
    region: Annotated[str | None, typer.Option(help="Of this region and all it is part of.")] = None,
    topic: Annotated[str | None, typer.Option(help="Of this topic only, as calling_hours.")] = None,
    at: AtOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List the rules, a line each: what they say, of which calls, since when."""
    if topic is not None and topic not in TOPICS.values():
        raise BadInput(f"--topic {topic[:40]!r}: one of {', '.join(TOPICS.values())}")
    packs = packs_at(home_of(home))
    found = [law for law in _laws(packs, region, _day(at)) if topic in (None, TOPICS[type(law)])]
    if json:
        print_json({"pack": packs.version, "rules": [as_json(law) for law in found]})
        return
    rows = ((law.entry.id, TOPICS[type(law)], describe(law), days_of(law), law.entry.confidence.value) for law in found)
    print_table(("rule", "topic", "what", "in force", "confidence"), rows, "no rule")


@app.command()
def show(region: RegionArgument, at: AtOption = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show all rules of a region in full, those of its country and unions included, in force on a day."""
    packs, day = packs_at(home_of(home)), _day(at) or datetime.now(UTC).date()
    code = _region(packs, region)
    found = _laws(packs, code, day)
    if json:
        print_json({"pack": packs.version, "region": code, "at": day, "rules": [as_json(law) for law in found]})
        return
    names = ", ".join(jurisdiction.name for jurisdiction in packs.chain(code))
    Console().print(f"{code} on {day}: {names}; rules {packs.version}", highlight=False, markup=False)
    for law in found:
        entry = law.entry
        Console().print(f"\n{entry.id}", style="bold", highlight=False, markup=False)
        pairs = (
            (TOPICS[type(law)], describe(law)),
            ("in force", days_of(law)),
            ("citation", entry.citation),
            ("source", entry.source),
            ("confidence", f"{entry.confidence.value}, as of {entry.as_of}"),
            ("note", entry.note),
        )
        print_pairs(pair for pair in pairs if pair[1])
    Console().print(f"\n{NOT_ADVICE}", highlight=False)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A folder of rules, a file of one, or `shipped`.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same.")],
    json: JsonOption = False,
) -> None:
    """Say what got stricter, looser, came and went between two sets of rules.

    A file of one jurisdiction, or an overlay, is taken together with the shipped rules.
    """
    before, after = _packs(old), _packs(new)
    _say_changes(differences(before, after), json, old=before.version, new=after.version)


@app.command()
def check(file: FileArgument, json: JsonOption = False) -> None:
    """Check a file of rules or an overlay, and say what it makes stricter and looser than the shipped rules.

    Exit status: 0 it can be used (a signed overlay that loosens still has to be accepted), 1 it loosens and nobody
    has signed for it, 2 it is malformed.
    """
    content = read_rules(file)
    shipped = load_packs()
    if not _is_overlay(content, file):
        _say_changes(differences(shipped, _with_file(content, file)), json, file=str(file))
        return
    overlay = parse_overlay(shipped, content, file.name)
    changes = effect(shipped, overlay)
    _say_changes(
        changes, json, file=str(file), overlay=overlay.name, digest=overlay.digest, signed_by=overlay.signed_by
    )
    laid_over(shipped, [overlay], {overlay.digest})


@app.command()
def accept(file: FileArgument, principal: PrincipalOption, home: HomeOption = None, json: JsonOption = False) -> None:
    """Accept a signed overlay that loosens rules, and put it into rules.d.

    It holds exactly as it stands: another content must be accepted anew. Processes take it up when they next start.
    """
    content, found = read_rules(file), home_of(home)
    if not file.name.endswith(SUFFIX):
        raise BadInput(f"{file.name}: an overlay is a file named …{SUFFIX}")
    standing = overlay_files(found)
    if standing.get(file.name, content) != content:
        raise BadInput(
            f"{found.rules / file.name}: other rules stand under that name and would be gone; name the file otherwise, "
            "or take the old one out first"
        )
    overlays = parse_overlays(load_packs(), {**standing, file.name: content})
    before = [overlay for overlay in overlays if overlay.file < file.name]
    overlay = next(overlay for overlay in overlays if overlay.file == file.name)
    upon = laid_over(load_packs(), before, {each.digest for each in before})
    changes = effect(upon, overlay)
    loosened = [change for change in changes if change.looser]
    if not loosened:
        raise BadInput(f"{file.name}: loosens nothing and needs nobody; copy it into {found.rules}")
    laid_over(upon, [overlay], {overlay.digest})  # refused without a signature

    async def work(db: Database) -> None:
        await authorise(
            db,
            principal,
            Action.LOOSEN_RULES,
            tag=AuditTag.RULES_LOOSENED,
            reason=overlay.reason,
            at=datetime.now(UTC),
            data=_evidence(overlay, loosened),
        )

    on_ledger(found.path, work)
    found.rules.mkdir(mode=0o700, exist_ok=True)
    write_private(found.rules / file.name, content, replace=True)
    _say_changes(changes, json, file=str(found.rules / file.name), overlay=overlay.name, digest=overlay.digest)
    if not json:
        typer.echo(f"accepted by {principal}: {found.rules / file.name}; `serve` takes it up when it next starts")


def _evidence(overlay: Overlay, loosened: Sequence[Change]) -> dict[str, str]:
    names = ", ".join(dict.fromkeys(change.id or change.code for change in loosened))
    return {
        "overlay": overlay.digest,
        "file": overlay.file[:100],
        "signed_by": overlay.signed_by,
        "loosens": names if len(names) <= 200 else f"{names[:200]}…",
    }


def as_json(law: Law) -> dict[str, object]:
    entry = law.entry
    return {
        "id": entry.id,
        "topic": TOPICS[type(law)],
        "what": describe(law),
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "scope": entry.scope.value,
        "citation": entry.citation,
        "source": entry.source,
        "confidence": entry.confidence.value,
        "as_of": entry.as_of,
        "note": entry.note,
    }


def _laws(packs: Packs, region: str | None, day: date | None) -> list[Law]:
    if region is None:
        jurisdictions: Iterable[str] = sorted(packs.jurisdictions)
        laws = [law for code in jurisdictions for law in packs.jurisdictions[code].laws]
    else:
        code = _region(packs, region)
        laws = list(packs.laws_ever(code))
    return [law for law in laws if day is None or law.entry.in_force(day, day)]


def _region(packs: Packs, text: str) -> str:
    """A region that the rules know. Raises BadInput."""
    code = canonical_region(text.upper()) if text != "default" else text
    if code not in packs.jurisdictions and not packs.covered(code):
        raise BadInput(
            f"region {text[:20]!r}: the rules say nothing of it; an ISO code such as US-FL, US or GB is meant"
        )
    return code


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--at {text[:40]!r}: a day is written 2026-03-01") from None


def _packs(where: Path) -> Packs:
    """What OLD or NEW names."""
    if str(where) == SHIPPED:
        return load_packs()
    if where.is_dir():
        return parse_packs({file.name: read_rules(file) for file in sorted(where.iterdir()) if file.suffix == SUFFIX})
    content = read_rules(where)
    if not _is_overlay(content, where):
        return _with_file(content, where)
    overlay = parse_overlay(load_packs(), content, where.name)
    return laid_over(load_packs(), [overlay], {overlay.digest})


def _is_overlay(content: bytes, file: Path) -> bool:
    return read(content, file.name).maybe("overlay") is not None


def _with_file(content: bytes, file: Path) -> Packs:
    """The shipped rules with one jurisdiction's file in the place of theirs, whatever the file is called."""
    name = f"{read_code(read(content, file.name).take('jurisdiction')).lower()}{SUFFIX}"
    try:
        return parse_packs({**shipped_files(), name: content})
    except BadInput as error:
        raise BadInput(
            f"{file}{str(error).removeprefix(name)}" if str(error).startswith(name) else str(error)
        ) from None


def _say_changes(changes: Sequence[Change], json: bool, **about: str) -> None:
    if json:
        print_json({**about, "looser": any(c.looser for c in changes), "changes": [_change_json(c) for c in changes]})
        return
    rows = (
        (c.kind.value, c.id or c.code, c.topic, "; ".join((*c.stricter, *c.looser)), dates(c.first, c.last))
        for c in changes
    )
    print_table(("", "rule", "topic", "what", "on the days"), rows, "no difference")
    if changes:
        loosening = sum(1 for c in changes if c.looser)
        tightening = sum(1 for c in changes if c.stricter or (c.kind is ChangeKind.NEW and not c.looser))
        said = f"{len(changes)} change{'s'[: len(changes) != 1]}: {tightening} stricter, {loosening} looser"
        Console().print(said, highlight=False)


def _change_json(change: Change) -> dict[str, object]:
    return {
        "jurisdiction": change.code,
        "id": change.id,
        "topic": change.topic,
        "change": change.kind.value,
        "from": change.first,
        "to": change.last,
        "stricter": list(change.stricter),
        "looser": list(change.looser),
    }

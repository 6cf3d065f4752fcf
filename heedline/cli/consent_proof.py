"""`heedline consent proof` and `verify`: the signed document, and its check with a public key."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compliance.errors import BadInput
from heedline.bootstrap import checkpoint_signer
from heedline.cli.consent_options import NumberArgument, number_of
from heedline.cli.ledger import on_ledger, operator, print_pairs
from heedline.cli.options import HomeOption, JsonOption, home_of, new_file, print_json
from heedline.consents import opt_in_keys, proof_signer
from heedline.secrets import ensure_folder, write_private
from heedline.settings import Settings
from storage.audit import VerifierKey
from storage.consent.pdf import attached, rendered
from storage.consent.proof import prove, written
from storage.consent.verify import LARGEST, verify
from storage.database import Database
from storage.errors import AuditBroken

_LARGEST_KEY = 4096
_PDF = b"%PDF-"


def proof(
    number: NumberArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder for the two new files, mode 0600.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write everything on file about a number's consents as a signed document, JSON and PDF. The export is audited.

    Exit status 1, with the files written, when the ledger is not as its audit log says.
    """
    parsed = number_of(number)
    found = home_of(home)
    settings = Settings.load(found.settings_file)
    keys, proofs, signer = opt_in_keys(found), proof_signer(found, settings), checkpoint_signer(found, settings)
    now = datetime.now(UTC)
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file; name a folder")
    if not out.exists():
        ensure_folder(out)
    name = f"consent-{now:%Y%m%dT%H%M%S%fZ}"
    files = [new_file(out / f"{name}.{ending}") for ending in ("json", "pdf")]

    async def work(db: Database) -> dict[str, object]:
        return await prove(db, parsed, keys=keys, signer=signer, proofs=proofs, by=operator(), now=now)

    signed = on_ledger(home, work)
    content = written(signed)
    findings = verify(content, signer.key).findings
    for file, data in zip(files, (content, rendered(signed, content, str(signer.key))), strict=True):
        if not write_private(file, data, replace=False):
            raise BadInput(f"{file}: is there already and is not overwritten")
    if json:
        shown = {"json": str(files[0]), "pdf": str(files[1]), "key": str(signer.key), "findings": list(findings)}
        print_json({"number": str(parsed), **shown})
    else:
        print_pairs([("number", parsed), ("JSON", files[0]), ("PDF", files[1]), ("key", signer.key)])
    if findings:
        raise AuditBroken(f"the proof is written, but does not hold: {findings[0]}; `heedline consent verify` says all")


def verify_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The JSON, or the PDF that holds it.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="File with the maker's key, of `heedline audit key`."),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Check a proof with its maker's public key; no ledger, no network. Exit status 1 when anything does not hold."""
    content = _read(file, LARGEST)
    in_pdf = content.startswith(_PDF)
    if in_pdf:
        content = attached(content)
    maker = _own_key(home) if key is None else VerifierKey.parse(_read(key, _LARGEST_KEY).decode("utf-8", "replace"))
    checked = verify(content, maker)
    document, findings = checked.document, list(checked.findings)
    if json:
        print_json({"holds": not findings, "findings": findings, "entries": checked.checkpoint.size})
    else:
        console = Console(highlight=False, soft_wrap=True)
        stood = sum(1 for one in document["held"] if one["stands"])
        console.print(f"{len(document['acts'])} acts, {len(document['uses'])} uses; made {document['made_at']}")
        console.print(f"{stood} of {len(document['held'])} consents stood then")
        for finding in findings:
            console.print(finding, style="red", markup=False)
        if not findings:
            console.print("signed, whole and in the audit log", style="green")
            if in_pdf:
                console.print("that is the document within the PDF; its pages are not signed: go by the document")
    if checked.findings:
        raise typer.Exit(1)


def _own_key(home: Path | None) -> VerifierKey:
    found = home_of(home)
    return checkpoint_signer(found, Settings.load(found.settings_file)).key


def _read(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise BadInput(f"{file}: can't be read: {error.strerror}") from None
    if len(content) > most:
        raise BadInput(f"{file}: too large")
    return content

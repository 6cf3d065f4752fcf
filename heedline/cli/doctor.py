"""`heedline doctor`."""

import asyncio
from dataclasses import asdict

import typer
from rich.text import Text

from heedline.cli.ledger import print_table
from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.doctor import Finding, Level, examine

_STYLE = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def doctor(home: HomeOption = None, json: JsonOption = False) -> None:
    """Examine machine, secrets, certificate, ledger, prompts and PBX. Exit status 1 when anything fails."""
    findings = asyncio.run(examine(home_of(home)))
    if json:
        print_json({"healthy": _healthy(findings), "findings": [asdict(finding) for finding in findings]})
    else:
        rows = (
            (Text(finding.level, style=_STYLE[finding.level]), finding.subject, finding.found, finding.remedy)
            for finding in findings
        )
        print_table(("", "what", "found", "what to do"), rows, "nothing was looked at")
    if not _healthy(findings):
        raise typer.Exit(1)


def _healthy(findings: list[Finding]) -> bool:
    return all(finding.level is not Level.FAIL for finding in findings)

"""`heedline doctor`."""

import asyncio
from dataclasses import asdict

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.doctor import Finding, Level, examine

_STYLE = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def doctor(home: HomeOption = None, json: JsonOption = False) -> None:
    """Examine machine, secrets, certificate, ledger, prompts and PBX. Exit status 1 when anything fails."""
    findings = asyncio.run(examine(home_of(home)))
    if json:
        print_json({"healthy": _healthy(findings), "findings": [asdict(finding) for finding in findings]})
    else:
        table = Table("", "what", Column("found", overflow="fold"), Column("what to do", overflow="fold"), box=None)
        for finding in findings:
            level = f"[{_STYLE[finding.level]}]{finding.level}[/]"
            table.add_row(level, finding.subject, escape(finding.found), escape(finding.remedy))
        Console().print(table)
    if not _healthy(findings):
        raise typer.Exit(1)


def _healthy(findings: list[Finding]) -> bool:
    return all(finding.level is not Level.FAIL for finding in findings)

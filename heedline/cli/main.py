"""`heedline`: the command a person types. One module a noun, imported only when it is asked for.

A module gives `app` (a noun with verbs) or a function of its own name (a command).
"""

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from heedline.cli.failures import outcome

NOUNS = (
    "init",
    "serve",
    "demo",
    "doctor",
    "pbx",
    "db",
    "campaign",
    "gate",
    "call",
    "calls",
    "conductor",
    "agi",
    "dnc",
    "party",
    "relationship",
    "switch",
    "consent",
    "audit",
    "principal",
    "prompts",
    "recorder",
    "recordings",
    "rules",
    "registry",
    "scrub",
    "keys",
)


class Nouns(TyperGroup):
    """Imports a noun's module when its command is looked up: all of them take a second."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(NOUNS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in NOUNS:
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = _command(cmd_name)
        return self.commands[cmd_name]


def _command(noun: str) -> Any:
    module = import_module(f"heedline.cli.{noun}")
    if hasattr(module, "app"):
        return typer.main.get_group(module.app)
    alone = typer.Typer(add_completion=False)
    alone.command(noun)(getattr(module, noun))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="heedline",
    cls=Nouns,
    help="Compliance-first call control for Asterisk.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"heedline {version('heedline')}")
        raise typer.Exit


@app.callback()
def main(
    show: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Compliance-first call control for Asterisk."""


def run() -> None:
    """Run the CLI; whatever fails becomes one line on stderr and its exit status."""
    sys.exit(outcome(app))

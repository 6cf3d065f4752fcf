"""`heedline`: the command a person types. Composes one Typer app a noun."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from heedline.cli import (
    audit,
    call,
    calls,
    campaign,
    conductor,
    db,
    demo,
    dnc,
    doctor,
    init,
    keys,
    pbx,
    principal,
    prompts,
    recorder,
    recordings,
    serve,
)
from heedline.cli.failures import outcome

app = typer.Typer(
    name="heedline",
    help="Compliance-first call control for Asterisk.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command("init")(init.init)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(pbx.app)
app.add_typer(db.app)
app.add_typer(campaign.app)
app.add_typer(call.app)
app.add_typer(calls.app)
app.add_typer(conductor.app)
app.add_typer(dnc.app)
app.add_typer(audit.app)
app.add_typer(principal.app)
app.add_typer(prompts.app)
app.add_typer(recorder.app)
app.add_typer(recordings.app)
app.add_typer(keys.app)


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

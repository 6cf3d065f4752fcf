"""`heedline`: the command a person types. Composes one Typer app a noun."""

import sys

import typer
from rich.console import Console

from compliance.errors import HeedlineError
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


def run() -> None:
    """Run the CLI; a HeedlineError becomes one line on stderr and its exit status."""
    try:
        app()
    except HeedlineError as error:
        Console(stderr=True, soft_wrap=True).print(f"heedline: {error}", style="red", markup=False)
        sys.exit(error.exit_status)

"""`heedline conductor`: the process that controls the calls (`heedline serve` starts it)."""

import typer

from heedline.cli.options import HomeOption, home_of
from heedline.processes.conductor import run_conductor
from heedline.processes.lifetime import run_process
from heedline.settings import Settings

app = typer.Typer(name="conductor", help="The process that controls the calls.", no_args_is_help=True)


@app.callback()
def _only_a_group() -> None:
    """The process that controls the calls."""


@app.command()
def run(home: HomeOption = None) -> None:
    """Run it in the foreground until SIGTERM; calls that are going on go on, and the next one takes them up."""
    found = home_of(home)
    settings = Settings.load(found.settings_file)
    run_process(found, "conductor", run_conductor(found, settings))

"""`heedline agi`: the process that answers a dialplan of the administrator's (`heedline serve` starts it)."""

import typer

from heedline.cli.options import HomeOption, home_of
from heedline.processes.agi import run_agi
from heedline.processes.lifetime import run_process
from heedline.settings import Settings

app = typer.Typer(name="agi", help="The process that answers your own dialplan.", no_args_is_help=True)


@app.callback()
def _only_a_group() -> None:
    """The process that answers your own dialplan."""


@app.command()
def run(home: HomeOption = None) -> None:
    """Run it in the foreground until SIGTERM; while it is away, the dialplan's gate denies."""
    found = home_of(home)
    settings = Settings.load(found.settings_file)
    run_process(found, "agi", run_agi(found, settings))

"""`heedline recorder`: the process that seals what is recorded (`heedline serve` starts it)."""

import typer

from heedline.cli.options import HomeOption, home_of
from heedline.processes.lifetime import run_process
from heedline.recorder_main import run_recorder
from heedline.settings import Settings

app = typer.Typer(name="recorder", help="The process that seals what is recorded.", no_args_is_help=True)


@app.callback()
def _only_a_group() -> None:
    """The process that seals what is recorded."""


@app.command()
def run(home: HomeOption = None) -> None:
    """Run it in the foreground until SIGTERM; open recordings go on when it is started again."""
    found = home_of(home)
    settings = Settings.load(found.settings_file)
    run_process(found, "recorder", run_recorder(found, settings))

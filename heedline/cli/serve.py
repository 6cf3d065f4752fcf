"""`heedline serve`: everything on this machine, kept running."""

import asyncio
import signal

from rich.console import Console

from heedline.cli.options import HomeOption, home_of
from heedline.processes.lifetime import first_of, log_to_stderr
from heedline.processes.supervisor import Supervisor
from heedline.settings import Settings


def serve(home: HomeOption = None) -> None:
    """Start PBX, recorder and conductor, and keep them running until Ctrl-C or SIGTERM."""
    found = home_of(home)
    console = Console(stderr=True, soft_wrap=True)
    log_to_stderr()
    supervisor = Supervisor(
        found, Settings.load(found.settings_file), lambda line: console.print(f"heedline: {line}", markup=False)
    )
    asyncio.run(_until_told(supervisor))


async def _until_told(supervisor: Supervisor) -> None:
    task = asyncio.ensure_future(supervisor.run())

    def stop() -> None:
        # Once: told again while it stops, it goes on stopping in order.
        if not task.cancelling():
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        return
    except BaseExceptionGroup as group:
        raise first_of(group) from group

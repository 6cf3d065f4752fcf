"""`heedline init`: folders, secrets, certificate, settings, database."""

import asyncio

from rich.console import Console

from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.initialise import initialise


def init(home: HomeOption = None, json: JsonOption = False) -> None:
    """Make folders, secrets, certificate, settings and database where they are missing; change nothing else."""
    done = asyncio.run(initialise(home_of(home)))
    if json:
        print_json(
            {
                "home": str(done.home.path),
                "settings": str(done.home.settings_file),
                "certificate": str(done.certificate.certificate),
                "certificate_not_after": done.certificate.not_after.isoformat(),
                "phones": [phone.name for phone in done.settings.phones],
            }
        )
        return
    console = Console()
    console.print(f"home         {done.home.path}")
    console.print(f"settings     {done.home.settings_file}")
    console.print(f"certificate  {done.certificate.certificate}, until {done.certificate.not_after:%Y-%m-%d}")
    console.print(f"phones       {', '.join(phone.name for phone in done.settings.phones) or 'none yet'}")
    console.print("next         heedline pbx up")

"""`heedline demo`: the whole of it on this machine, from nothing, with every claim checked and every time measured."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from compliance import Number
from compliance.errors import HeedlineError
from heedline.demo import scenarios
from heedline.demo.export import OFFICER
from heedline.demo.numbers import OUR_REGION, pick
from heedline.demo.plaintext import files_below, found_in
from heedline.demo.stage import Claim, Stage
from heedline.demo.verify import verify_all
from heedline.demo.world import Ports, World
from storage.governance.access import Role

NUMBERS = 12
SETTINGS = f"""\
[call]
agent_region = "{OUR_REGION}"
storage_region = "{OUR_REGION}"
seller_region = "{OUR_REGION}"
"""


async def demo(folder: Path, ports: Ports, console: Console) -> bool:
    """Run all scenarios in a world of their own; True only if every claim held."""

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    say("starting PBX, recorder, conductor and two phones")
    async with World(folder, ports, extra=SETTINGS) as world:
        await make_officer(world)
        for campaign in scenarios.CAMPAIGNS:
            await world.campaign(campaign)
        stage = Stage(world, iter(await _numbers(world)), say)
        await _play(stage)
        await verify_all(stage)
    stage.begin("After the calls: no plaintext")
    _no_plaintext(stage)
    _table(console, stage.claims)
    return all(claim.held for claim in stage.claims)


async def make_officer(world: World) -> None:
    """Somebody who may export recordings."""
    now = datetime.now(UTC)
    async with world.database.begin() as tx:
        if OFFICER not in {principal.name for principal in await tx.principals.list()}:
            await tx.principals.add(OFFICER, "demo", now)
        await tx.principals.grant(OFFICER, Role.COMPLIANCE_OFFICER, "demo", now)


async def _numbers(world: World) -> list[Number]:
    """Made-up numbers that no earlier demo in this home has had put on the list."""
    candidates = pick(NUMBERS * 4, datetime.now(UTC))
    random.shuffle(candidates)
    async with world.database.read() as tx:
        free = [number for number in candidates if await tx.dnc.check(number) is None]
    if len(free) < NUMBERS:
        raise HeedlineError(f"most made-up numbers have opted out in earlier demos; remove {world.home.path}")
    return free


async def _play(stage: Stage) -> None:
    plays: list[Callable[[], Awaitable[None]]] = [
        lambda: scenarios.notice(stage),
        lambda: scenarios.nine(stage),
        lambda: scenarios.explicit(stage, "1"),
        lambda: scenarios.explicit(stage, "2"),
        lambda: scenarios.explicit(stage, ""),
        lambda: scenarios.pause_and_spoken_opt_out(stage),
        lambda: scenarios.unreachable(stage),
    ]
    for play in plays:
        try:
            await play()
        except (HeedlineError, LookupError, TimeoutError) as error:
            stage.claim("the scenario ran to its end", False, f"{type(error).__name__}: {error}")


def _no_plaintext(stage: Stage) -> None:
    """The phones' own recordings, the exports and the prompts hold audio on purpose; nothing else may."""
    home = stage.world.home.path
    files = list(files_below([home, stage.world.pbx.spool], but=[home / "phones", home / "prompts", stage.exports]))
    found = found_in(files)
    stage.claim(
        "no tone in any file of the home or the spool",
        not found,
        f"{len(files)} files read" if not found else ", ".join(file.name for file in found),
    )
    ears = found_in(files_below([home / "phones"]))
    stage.claim("the search does find it in what the phones kept", bool(ears), f"{len(ears)} files")


def _table(console: Console, claims: list[Claim]) -> None:
    table = Table("", "claim", "measured", title="What was claimed, and what was found", title_justify="left")
    scenario = ""
    for claim in claims:
        if claim.scenario != scenario:
            scenario = claim.scenario
            table.add_section()
            table.add_row("", f"[bold]{scenario}[/]", "")
        table.add_row("[green]✓[/]" if claim.held else "[red]✗[/]", claim.text, claim.measured)
    console.print(table)
    failed = sum(not claim.held for claim in claims)
    console.print(f"{len(claims) - failed} of {len(claims)} claims held" + (f", {failed} FAILED" if failed else ""))

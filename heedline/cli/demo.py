"""`heedline demo`: see it all work, on this machine."""

import asyncio
import time
from typing import Annotated

import typer
from rich.console import Console

from heedline.cli.options import HomeOption, home_of
from heedline.demo.run import demo as run_demo
from heedline.demo.world import Ports


def demo(
    home: HomeOption = None,
    ari_port: Annotated[int, typer.Option(help="Of the demo's PBX, on loopback.")] = 8088,
    ami_port: Annotated[int, typer.Option(help="Of the demo's PBX, on loopback.")] = 5038,
    sip_port: Annotated[int, typer.Option(help="TLS, on loopback.")] = 5061,
    rtp_port: Annotated[int, typer.Option(help="First of 400 UDP ports.")] = 20000,
) -> None:
    """Run real calls on a real PBX with two real phones, and check every claim. Exit status 0 only if all held."""
    console = Console(soft_wrap=True)
    began = time.monotonic()
    held = asyncio.run(run_demo(home_of(home).path, Ports(ari_port, ami_port, sip_port, rtp_port), console))
    console.print(f"took {time.monotonic() - began:.0f} s; everything is in {home_of(home).path}")
    if not held:
        raise typer.Exit(1)

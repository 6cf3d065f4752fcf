"""`heedline pbx`: the Asterisk that Heedline runs."""

import asyncio
import re
import shutil
import subprocess
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from compliance.errors import BadInput
from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.pbx import AsteriskMissing, Instance, PbxUnhealthy, Status, find_asterisk, private_root
from heedline.pbx.builder import build
from heedline.settings import Settings

app = typer.Typer(name="pbx", help="The Asterisk that Heedline runs.", no_args_is_help=True)


InstanceOption = Annotated[
    str | None,
    typer.Option(
        "--instance", help="Which PBX, where a home has several: settings in heedline-NAME.toml.", metavar="NAME"
    ),
]


def instance_of(home: HomeOption, name: InstanceOption = None) -> Instance:
    """The instance of that name: the one in heedline.toml, else in heedline-<name>.toml of the same home."""
    found = home_of(home)
    settings = Settings.load(found.settings_file)
    if name is None or name == settings.pbx.instance:
        return Instance(found, settings)
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", name):
        raise BadInput(f"--instance: {name!r} is no name of an instance (a-z, 0-9, _ and -, at most 31)")
    file = found.path / f"heedline-{name}.toml"
    other = Settings.load(file)
    if other.pbx.instance != name:
        raise BadInput(f"{file}: pbx.instance is {other.pbx.instance!r}, not {name!r}")
    return Instance(found, other)


@app.command()
def install(json: JsonOption = False) -> None:
    """Get an Asterisk: the system's when it is new enough, else a private one is built (a minute, no root needed)."""
    try:
        found = find_asterisk()
    except AsteriskMissing:
        console = Console(stderr=True, soft_wrap=True)
        found = build(private_root(), lambda line: console.print(f"  {line}", style="dim", markup=False))
    if json:
        print_json({"version": found.version_text, "root": found.root, "modules": found.modules, "data": found.data})
        return
    Console(soft_wrap=True).print(f"Asterisk {found.version_text}, {found.root or 'the system’s own'}")


@app.command()
def up(home: HomeOption = None, instance: InstanceOption = None, json: JsonOption = False) -> None:
    """Start the PBX and wait until calls can be made. Does nothing when it is up already."""
    pbx = instance_of(home, instance)
    try:
        started = asyncio.run(pbx.up())
    except PbxUnhealthy as error:
        if error.log:
            Console(stderr=True, soft_wrap=True).print("\n".join(error.log), style="dim", markup=False, highlight=False)
        raise
    if not json:
        Console().print(f"PBX {pbx.name!r} {'is up' if started else 'was up already'}")
    _show(asyncio.run(pbx.status()), json)


@app.command()
def down(home: HomeOption = None, instance: InstanceOption = None) -> None:
    """Stop the PBX: calls are hung up, then the process ends."""
    pbx = instance_of(home, instance)
    stopped = asyncio.run(pbx.down())
    Console().print(f"PBX {pbx.name!r} {'is down' if stopped else 'was down already'}")


@app.command()
def status(home: HomeOption = None, instance: InstanceOption = None, json: JsonOption = False) -> None:
    """Say how the PBX is. Exit status 1 unless it is ready for calls."""
    found = asyncio.run(instance_of(home, instance).status())
    _show(found, json)
    if not found.healthy:
        raise typer.Exit(1)


@app.command()
def logs(
    home: HomeOption = None,
    instance: InstanceOption = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=100000, help="How many lines.")] = 50,
    security: Annotated[bool, typer.Option("--security", help="Log-ins and refusals instead.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Show what Asterisk warned of."""
    layout = instance_of(home, instance).layout
    file = layout.security if security else layout.messages
    if not file.exists():
        Console(stderr=True).print(f"{file}: nothing yet", markup=False)
        return
    tail = shutil.which("tail") or "/usr/bin/tail"
    try:
        subprocess.run([tail, "-n", str(lines), *(["-F"] if follow else []), "--", str(file)], check=False)
    except KeyboardInterrupt:
        return


def _show(found: Status, json: bool) -> None:
    if json:
        print_json({**asdict(found), "healthy": found.healthy})
        return
    table = Table(show_header=False, box=None)
    pid = f"pid {found.pid}, up {found.uptime_seconds:.0f} s" if found.running else "down"
    table.add_row("instance", found.instance)
    table.add_row("process", pid)
    table.add_row("asterisk", found.version or "-")
    table.add_row("ARI", f"{found.ari_url}  {'ok' if found.ari else 'no answer'}")
    table.add_row("AMI", f"127.0.0.1:{found.ami_port}  {'ok' if found.ami else 'no answer'}")
    table.add_row("SIP", f"TLS {found.sip_tls_port}" + (f", UDP {found.sip_udp_port}" if found.sip_udp_port else ""))
    table.add_row("spool", f"{found.spool}  {'RAM' if found.spool_in_ram else 'not in RAM'}")
    if not found.configuration_current:
        table.add_row("settings", "changed since it was started: `heedline pbx down`, then `up`")
    if found.problem:
        table.add_row("problem", found.problem)
    Console(soft_wrap=True).print(table)

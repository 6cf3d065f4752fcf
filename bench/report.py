"""What a bench found: figures, each a ratio with its bare alternative or a time with its target, and the verdict."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; `held` is None where there is no target."""

    what: str
    value: float
    unit: str
    basis: str  # what it was computed from
    target: str = ""
    held: bool | None = None


def at_most(what: str, value: float, limit: float, unit: str, basis: str) -> Figure:
    return Figure(what, value, unit, basis, f"≤ {limit:g} {unit}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str, basis: str) -> Figure:
    return Figure(what, value, unit, basis, f"≥ {limit:g} {unit}", value >= limit)


def machine() -> str:
    """The machine in words that name nobody's."""
    release = "another system"
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            release = line.partition("=")[2].strip('"')
    one, five, _ = os.getloadavg()
    return f"{os.cpu_count()} cores, {release}; load {one:.1f} (1 min) {five:.1f} (5 min) at the start"


def _plain(value: float) -> str:
    """Three digits, and never an exponent: 21,600 rather than 2.16e+04."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 1000 else f"{value:.3g}"


def table(figures: list[Figure]) -> Table:
    shown = Table("figure", "measured", "target", "", "from", title="Heedline's figures")
    for figure in figures:
        mark = {True: "✓", False: "✗", None: ""}[figure.held]
        shown.add_row(figure.what, f"{_plain(figure.value)} {figure.unit}", figure.target, mark, figure.basis)
    return shown


def show(console: Console, figures: list[Figure]) -> None:
    console.print(table(figures), markup=False)
    missed = [figure.what for figure in figures if figure.held is False]
    console.print(f"missed: {'; '.join(missed)}" if missed else "every target held", markup=False)


def as_json(where: str, figures: list[Figure]) -> dict[str, object]:
    return {"machine": where, "figures": [asdict(figure) for figure in figures]}

"""Write the diagrams of the call flow into ``docs/call-flow.md`` from the transition table.

    python tools/call_diagram.py            rewrite what stands between the markers
    python tools/call_diagram.py --check    exit status 1 when that would change anything

Every row of the table appears exactly once. Rows for many phases start from one box that names them.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ari_app.call.call import Phase
from ari_app.call.events import LinkRestored
from ari_app.call.flow import TABLE, Row

TARGET = Path(__file__).resolve().parent.parent / "docs" / "call-flow.md"
BEGIN, END = "<!-- generated from the table: begin -->", "<!-- generated from the table: end -->"
FEW = 2  # rows of so many phases are drawn from each of them, rows of more from a box of their own

OPT_OUT = (Phase.OPTING_OUT, Phase.CONFIRMING)
LAST = (Phase.ENDING, Phase.ENDED)


def section_of(row: Row) -> str:
    if row.to is None:
        return "stay"
    if LinkRestored in row.events:
        return "link"
    if row.to in OPT_OUT or set(row.phases) <= set(OPT_OUT):
        return "opt-out"
    return "end" if row.to in LAST else "way"


def label(row: Row) -> str:
    events = " or ".join(event.__name__ for event in row.events)
    return events if row.condition.__name__ == "always" else f"{events} [{row.condition.__name__}]"


def diagram(rows: list[Row]) -> list[str]:
    """A mermaid state diagram: one edge between two boxes, with what takes the call along it, first match first."""
    boxes: dict[tuple[Phase, ...], str] = {}
    edges: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        assert row.to is not None
        if len(row.phases) <= FEW:
            sources = [phase.value for phase in row.phases]
        else:
            sources = [boxes.setdefault(row.phases, f"any{len(boxes) + 1}")]
        for source in sources:
            edges.setdefault((source, row.to.value), []).append(label(row))
    named = [f'    state "{", ".join(phases)}" as {box}' for phases, box in boxes.items()]
    drawn = [f"    {source} --> {to}: {'<br/>'.join(labels)}" for (source, to), labels in edges.items()]
    return ["```mermaid", "stateDiagram-v2", *named, *drawn, "```"]


def staying(rows: list[Row]) -> list[str]:
    head = ["| while | on | the call stays, and does |", "|---|---|---|"]
    return head + [f"| {', '.join(row.phases)} | {label(row)} | {row.action.__name__} |" for row in rows]


SECTIONS: tuple[tuple[str, str, Callable[[list[Row]], list[str]]], ...] = (
    ("way", "The way of a call", diagram),
    ("opt-out", "The opt-out", diagram),
    ("end", "How it ends", diagram),
    ("link", "The link to the PBX is back, or a new conductor has taken over", diagram),
    ("stay", "What does not change the phase", staying),
)


def generated() -> str:
    lines = [f"The table has {len(TABLE)} rows; in one phase, the first that fits is taken."]
    for section, title, draw in SECTIONS:
        lines += ["", f"### {title}", "", *draw([row for row in TABLE if section_of(row) == section])]
    return "\n".join(lines)


def renewed(document: str) -> str:
    """The document with its generated part as the table has it. Raises ValueError: the markers are not there."""
    before, _, rest = document.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{TARGET.name}: markers missing; put '{BEGIN}' and '{END}' where the diagrams shall stand")
    return f"{before}{BEGIN}\n{generated()}\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Diagrams of the call flow, from its table.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 when stale")
    check = parser.parse_args().check
    old = TARGET.read_text(encoding="utf-8")
    new = renewed(old)
    if old == new:
        return 0
    if check:
        print("docs/call-flow.md is stale: run python tools/call_diagram.py", file=sys.stderr)
        return 1
    TARGET.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Holds the documents against the program: every command, make target and linked file they name must be there.

In Markdown, a command is what stands in a code span or a code block and begins with `heedline ` or `make `.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from typer.main import get_command

from heedline.cli.main import app

ROOT = Path(__file__).resolve().parent.parent
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    skipped = (".venv", "var", "node_modules", ".pytest_cache")
    return [file for file in sorted(ROOT.rglob("*.md")) if not set(file.relative_to(ROOT).parts) & set(skipped)]


def commands(text: str) -> Iterator[str]:
    """The lines and spans of code that a reader could type."""
    for number, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        found = part.splitlines() if number % 2 else SPAN.findall(part)
        for line in found:
            typed = re.sub(r"^(?:\$ |# |sudo |\.venv/bin/)+", "", line.strip())
            if typed.startswith(("heedline ", "make ")):
                yield typed


def problem(typed: str, targets: set[str]) -> str:
    """What is wrong with one command; empty when it can be typed so."""
    program, *words = typed.split()
    if program == "make":
        wrong = [word for word in words[:1] if re.fullmatch(r"[a-z]+", word) and word not in targets]
        return f"no make target {wrong[0]!r}" if wrong else ""
    command = get_command(app)
    for word in words:
        if not hasattr(command, "get_command") or not re.fullmatch(r"[a-z-]+", word):
            break
        below = command.get_command(None, word)
        if below is None:
            return f"{command.name} knows no {word!r}"
        command = below
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        option = re.match(r"--[a-z-]+", word)
        if option and option[0] != "--help" and option[0] not in known:
            return f"`{command.name}` has no option {option[0]}"
    return ""


def main() -> int:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    problems = 0
    for file in documents():
        text = file.read_text()
        where = file.relative_to(ROOT)
        found = [f"`{typed}`: {said}" for typed in commands(text) if (said := problem(typed, targets))]
        for link in LINK.findall(text):
            if "://" not in link and not link.startswith("mailto:") and not (file.parent / link).exists():
                found.append(f"links to {link}, which is not there")
        for line in found:
            print(f"{where}: {line}", file=sys.stderr)
        problems += len(found)
    print(f"{len(documents())} documents, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""Holds the documents against the program: every command, make target and linked file they name must be there,
settings must parse, docs/settings.md must name every key with its default and docs/control-api.md every request.

In Markdown, a command is what stands in a code span or a code block and begins with `heedline ` or `make `; settings
are what stands in a block marked `toml`.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.main import get_command

from ari_app.conductor import Conductor
from ari_app.control import application
from compliance.errors import BadInput
from heedline.cli.main import app
from heedline.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SPAN = re.compile(r"`([^`\n]+)`")
TOML = re.compile(r"^ *```toml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
KEY_ROW = re.compile(r"^\| `([a-z_.]+)` \| (?:`([^`]*)`)? ?\|", re.MULTILINE)
REQUEST = re.compile(r"^### ([A-Z]+ /\S+)$", re.MULTILINE)
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


def snippets(text: str) -> Iterator[str]:
    """What is wrong with each block of settings."""
    for block in TOML.findall(text):
        try:
            Settings.parse(tomllib.loads(block), where="a block of settings")
        except (BadInput, tomllib.TOMLDecodeError) as error:
            yield str(error)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key of the settings with its default as TOML; empty: it has none."""
    for name, field in model.model_fields.items():
        below = next((part for part in (field.annotation, *get_args(field.annotation)) if _is_model(part)), None)
        if below is not None:
            yield from keys(below, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "" if field.default is PydanticUndefined else json.dumps(field.default)


def _is_model(part: object) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def differences(what: str, said: set[str], true: set[str]) -> list[str]:
    """Lines for what a document names and the program has not, and the other way round."""
    return [f"{what} {one}: not so" for one in sorted(said - true)] + [
        f"{what} {one}: not said" for one in sorted(true - said)
    ]


def settings_page(text: str) -> list[str]:
    """What docs/settings.md gets wrong."""
    said = {f"{key} = {default}" for key, default in KEY_ROW.findall(text)}
    return differences("key", said, {f"{key} = {default}" for key, default in keys(Settings)})


def control_page(text: str) -> list[str]:
    """What docs/control-api.md gets wrong."""
    router = application(cast(Conductor, None)).router  # the handlers hold it; none is called
    served = {
        f"{route.method} {route.resource.canonical}"
        for route in router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    return differences("request", set(REQUEST.findall(text)), served)


PAGES = {"docs/settings.md": settings_page, "docs/control-api.md": control_page}


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
        found += snippets(text)
        if page := PAGES.get(str(where)):
            found += page(text)
        for line in found:
            print(f"{where}: {line}", file=sys.stderr)
        problems += len(found)
    print(f"{len(documents())} documents, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""YAML read strictly: every surprise of YAML 1.1 is refused with file and line instead of being converted.

Refused: a key given twice or known to nobody, a bare `NO`, `on`, `yes` (booleans are `true` and `false` only; a
country code is quoted), times such as 08:00 without quotes (YAML 1.1 reads base-60 numbers), aliases, tags, merge
keys, nulls, more than one document. Dates stay text until someone asks for a date.
"""

import re
from collections.abc import Iterator
from datetime import date

import yaml

from compliance.errors import BadInput

MAX_BYTES = 1 << 20

_BOOL_11 = re.compile(r"y|n|yes|no|on|off|true|false", re.IGNORECASE)
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-9]+)+(\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,8}", re.ASCII)
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))


class _StrictLoader(yaml.SafeLoader):
    """Composes nodes with their marks and resolves nothing: a scalar is text until it is asked for."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._composed: set[yaml.Node] = set()

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        node = super().compose_node(parent, index)
        if node is not None:
            if node in self._composed:  # an alias gives the anchored node again
                raise yaml.MarkedYAMLError(problem="an alias repeats this; write it out", problem_mark=node.start_mark)
            if node.tag not in _PLAIN_TAGS:
                raise yaml.MarkedYAMLError(problem="tags are not allowed", problem_mark=node.start_mark)
            self._composed.add(node)
        return node


class Value:
    """One node with its place; each method asks for one shape and raises BadInput, file and line, otherwise."""

    def __init__(self, node: yaml.Node, file: str) -> None:
        self._node = node
        self._file = file

    @property
    def where(self) -> str:
        return f"{self._file}:{self._node.start_mark.line + 1}"

    def bad(self, problem: str) -> BadInput:
        return BadInput(f"{self.where}: {problem}")

    def text(self, at_most: int = 400) -> str:
        """Text, not blank. A bare word that YAML 1.1 takes for a boolean or a base-60 number must be quoted."""
        node = self._node
        if not isinstance(node, yaml.ScalarNode):
            raise self.bad("must be text")
        text = str(node.value)
        if node.style is None and _BOOL_11.fullmatch(text):
            raise self.bad(f"{text!r} is a boolean in YAML 1.1; put quotes around it")
        if node.style is None and _SEXAGESIMAL.fullmatch(text):
            raise self.bad(f"{text!r} is a base-60 number in YAML 1.1; put quotes around it")
        if not text.strip() or text in ("~", "null") or len(text) > at_most or not text.isprintable():
            raise self.bad(f"must be printable text of 1 to {at_most} characters")
        return text

    def flag(self) -> bool:
        node = self._node
        if isinstance(node, yaml.ScalarNode) and node.style is None and node.value in ("true", "false"):
            return bool(node.value == "true")
        raise self.bad("must be true or false")

    def whole(self, low: int, high: int) -> int:
        node = self._node
        if isinstance(node, yaml.ScalarNode) and node.style is None and _WHOLE.fullmatch(node.value):
            number = int(node.value)
            if low <= number <= high:
                return number
        raise self.bad(f"must be a whole number from {low} to {high}")

    def date(self) -> date:
        text = self.text()
        if _DATE.fullmatch(text):
            try:
                return date.fromisoformat(text)
            except ValueError:
                pass
        raise self.bad("must be a date, YYYY-MM-DD")

    def choice(self, *words: str) -> str:
        text = self.text()
        if text not in words:
            raise self.bad(f"must be one of {', '.join(words)}")
        return text

    def items(self) -> Iterator["Value"]:
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.bad("must be a list")
        return (Value(item, self._file) for item in self._node.value)

    def is_text(self, text: str) -> bool:
        return isinstance(self._node, yaml.ScalarNode) and bool(self._node.value == text)

    @property
    def is_list(self) -> bool:
        return isinstance(self._node, yaml.SequenceNode)

    def exactly(self, count: int, of_what: str = "") -> tuple["Value", ...]:
        """A list of `count` items; `of_what`: what they are, in words."""
        items = tuple(self.items())
        if len(items) != count:
            raise self.bad(f"must be {of_what or f'a list of {count}'}")
        return items

    def table(self) -> "Table":
        if not isinstance(self._node, yaml.MappingNode):
            raise self.bad("must be a table of keys and values")
        return Table(self._node, self._file)


class Table(Value):
    """A mapping; `done` refuses what nobody took."""

    def __init__(self, node: yaml.MappingNode, file: str) -> None:
        super().__init__(node, file)
        self._left: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key = Value(key_node, file)
            name = key.text(60)
            if name in self._left:
                raise key.bad(f"{name!r} is given twice")
            self._left[name] = Value(value_node, file)

    def take(self, key: str) -> Value:
        value = self._left.pop(key, None)
        if value is None:
            raise self.bad(f"{key!r} is missing")
        return value

    def maybe(self, key: str) -> Value | None:
        return self._left.pop(key, None)

    def peek(self, key: str) -> Value | None:
        """Without taking it."""
        return self._left.get(key)

    def rest(self) -> Iterator[tuple[str, Value]]:
        """Every key that was not taken, for a table whose keys are free."""
        while self._left:
            name = next(iter(self._left))
            yield name, self._left.pop(name)

    def done(self) -> None:
        for name, value in self._left.items():
            raise value.bad(f"unknown key {name!r}")


def read(content: bytes, file: str) -> Table:
    """The one document in `content`, a mapping. Raises BadInput: anything else, with file and line."""
    if len(content) > MAX_BYTES:
        raise BadInput(f"{file}: longer than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInput(f"{file}:{line}: not UTF-8") from None
    try:
        # SafeLoader by inheritance; composing builds nodes only and constructs no object.
        node = yaml.compose(text, Loader=_StrictLoader)
    except RecursionError:
        raise BadInput(f"{file}: nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = file if mark is None else f"{file}:{mark.line + 1}"
        raise BadInput(f"{place}: {error.problem or error.context or 'not YAML'}") from None
    except yaml.YAMLError:
        raise BadInput(f"{file}: holds characters YAML does not allow") from None
    if node is None:
        raise BadInput(f"{file}: empty")
    return Value(node, file).table()

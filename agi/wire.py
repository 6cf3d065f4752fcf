"""FastAGI's lines, as pure functions: headers in, commands out, results in.

A request is lines of ``agi_name: value`` up to an empty one. A command is one line; its result is one line
("200 result=1 (data)"), except usage errors, which run from "520-" to "520 End of proper usage.".
Source: Asterisk's res_agi documentation.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from agi.errors import AgiHangup, BadAgi, BadCommand

MAX_HEADERS = 256
"""Asterisk sends about 25, and one for each argument."""
MAX_COMMAND = 4_096
"""Characters of one command; Asterisk reads lines of 8 KiB."""

_NAME = re.compile(r"agi_[a-z0-9_]{1,60}")
_ROUTE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_VERB = re.compile(r"[A-Z]+(?: [A-Z]+)*")


@dataclass(frozen=True, slots=True)
class AgiResult:
    """``code`` 200 and ``result`` as Asterisk gave it; ``data`` is what stood in brackets, without them."""

    code: int
    result: str
    data: str


def parse_headers(block: bytes) -> Mapping[str, str]:
    """The request's headers, in any order.

    A caller's name may be in any character set: what is not UTF-8 is replaced, not refused.

    :raises BadAgi: a line that is none, a name twice, too many lines
    """
    lines = block.decode("utf-8", "replace").split("\n")
    if len(lines) > MAX_HEADERS:
        raise BadAgi(f"AGI: more than {MAX_HEADERS} headers")
    headers: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, colon, value = line.rstrip("\r").partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise BadAgi(f"AGI: header {number} is not 'agi_name: value'")
        if name in headers:
            raise BadAgi(f"AGI: header {number} repeats an earlier one")
        headers[name] = value.removeprefix(" ")
    return MappingProxyType(headers)


def route_of(headers: Mapping[str, str]) -> str:
    """The path in ``agi://host/path?query``, without the query.

    :raises BadAgi: missing, or not a plain path
    """
    path = headers.get("agi_network_script", "").partition("?")[0]
    if len(path) > 128 or not _ROUTE.fullmatch(path):
        raise BadAgi("AGI: agi_network_script is missing or no plain path")
    return path


def arguments_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """``agi_arg_1`` ... in order, up to the first that is missing."""
    found: list[str] = []
    while (value := headers.get(f"agi_arg_{len(found) + 1}")) is not None:
        found.append(value)
    return tuple(found)


def command_line(verb: str, arguments: tuple[str, ...]) -> bytes:
    """One command, its arguments quoted.

    :raises BadCommand: a line break would start a second command
    """
    if not _VERB.fullmatch(verb):
        raise BadCommand("AGI: a command is upper case words")
    words = [verb, *(_quoted(argument) for argument in arguments)]
    line = " ".join(words)
    if len(line) > MAX_COMMAND:
        raise BadCommand(f"AGI {verb}: longer than {MAX_COMMAND} characters")
    return line.encode() + b"\n"


def parse_result(line: bytes) -> AgiResult:
    """The meaning of a result line.

    :raises AgiHangup: the channel is gone
    :raises BadAgi: an error of Asterisk's, or no result at all
    """
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    match = _RESULT.fullmatch(text)
    if text.startswith(("HANGUP", "511")) or (match is not None and match[3] == "hangup"):
        raise AgiHangup("AGI: the channel is gone")
    # "result=-1" is data here, not an error: for many commands it is an ordinary answer.
    if match is not None and match[1] == "200":
        return AgiResult(200, match[2], match[3] or "")
    if match is not None or _REFUSED.match(text):
        raise BadAgi(f"AGI: Asterisk refused the command ({text[:3]})")
    raise BadAgi("AGI: not a result line")


_REFUSED = re.compile(r"5\d\d[ -]")
_RESULT = re.compile(r"(\d{3}) result=(\S*)(?: \((.*)\))?.*", re.DOTALL)


def _quoted(text: str) -> str:
    if not text.isprintable():
        raise BadCommand("AGI: an argument holds a control character")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""What the doctor says of one thing: how it is, what was found, what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """fail: calls, recordings or the law would suffer; warn: somebody should look."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """`remedy` is what to do next; empty when all is well. Neither holds a number or a secret."""

    subject: str
    level: Level
    found: str
    remedy: str = ""


def ok(subject: str, found: str) -> Finding:
    return Finding(subject, Level.OK, found)


def warn(subject: str, found: str, remedy: str) -> Finding:
    return Finding(subject, Level.WARN, found, remedy)


def fail(subject: str, found: str, remedy: str) -> Finding:
    return Finding(subject, Level.FAIL, found, remedy)

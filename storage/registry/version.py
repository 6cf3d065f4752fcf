"""A version of a list: what was imported, whose numbers it speaks of, and where it came from."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cached_property

from compliance.errors import BadInput
from storage.registry.errors import RegistryDamaged
from storage.registry.washes import Day


@dataclass(frozen=True)
class Coverage:
    """Whose numbers a list speaks of: E.164 prefixes, digits only ("1212", "44").

    A subscription of five area codes says nothing of a sixth: what is not covered is unknown.
    """

    prefixes: frozenset[str]

    def __contains__(self, digits: str) -> bool:
        """digits: a number, or the part of it that its block shares."""
        for length in self._lengths:  # noqa: SIM110  # any() takes twice as long, and every look-up comes by here
            if digits[:length] in self.prefixes:
                return True
        return False

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return tuple(sorted({len(prefix) for prefix in self.prefixes}))

    def __str__(self) -> str:
        return ", ".join(f"+{prefix}" for prefix in sorted(self.prefixes))


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was given: its name, SHA-256 (hex), and how many entries it had (lines, or elements of XML)."""

    file: str
    sha256: str
    lines: int


@dataclass(frozen=True, slots=True)
class ListVersion:
    """`list`: its id ("us.ftc.ndnc"). `version`: the id of this version, a ULID. `numbers`: how many are listed.

    `version_date`: the day as of which its publisher made it. `predecessor`: the date of the version that a change
    list was applied to. `washes`: of a list that is washed, the days whose results still answer for somebody.
    """

    list: str
    version: str
    version_date: date
    coverage: Coverage
    numbers: int
    format: str
    sources: tuple[Source, ...]
    imported_at: datetime
    imported_by: str
    predecessor: date | None = None
    washes: tuple[Day, ...] = ()

    @property
    def lines(self) -> int:
        return sum(source.lines for source in self.sources)

    def to_dict(self) -> dict[str, object]:
        return {
            "list": self.list,
            "version": self.version,
            "version_date": self.version_date.isoformat(),
            "coverage": sorted(self.coverage.prefixes),
            "numbers": self.numbers,
            "format": self.format,
            "sources": [asdict(source) for source in self.sources],
            "imported_at": self.imported_at.isoformat(),
            "imported_by": self.imported_by,
            "predecessor": None if self.predecessor is None else self.predecessor.isoformat(),
            "washes": [
                {"day": wash.day.isoformat(), "numbers": wash.numbers, "listed": wash.listed} for wash in self.washes
            ],
        }

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> "ListVersion":
        """Raises RegistryDamaged: it is not what `to_dict` gave."""
        try:
            predecessor = data["predecessor"]
            return cls(
                list=str(data["list"]),
                version=str(data["version"]),
                version_date=date.fromisoformat(str(data["version_date"])),
                coverage=Coverage(frozenset(_texts(data["coverage"]))),
                numbers=_whole(data["numbers"]),
                format=str(data["format"]),
                sources=tuple(
                    Source(str(one["file"]), str(one["sha256"]), _whole(one["lines"]))
                    for one in _tables(data["sources"])
                ),
                imported_at=datetime.fromisoformat(str(data["imported_at"])),
                imported_by=str(data["imported_by"]),
                predecessor=None if predecessor is None else date.fromisoformat(str(predecessor)),
                washes=tuple(
                    Day(date.fromisoformat(str(one["day"])), _whole(one["numbers"]), _whole(one["listed"]))
                    for one in _tables(data.get("washes", []))
                ),
            )
        except (KeyError, ValueError, BadInput):
            raise RegistryDamaged("registry: an index was written by another Heedline; import the list again") from None


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise BadInput("not a whole number")
    return value


def _texts(value: object) -> Iterable[str]:
    if not isinstance(value, list):
        raise BadInput("not a list")
    return (str(item) for item in value)


def _tables(value: object) -> Iterable[dict[str, object]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadInput("not a list of objects")
    return value

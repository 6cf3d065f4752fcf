"""Lists in XML, as Canada's and the FTC's registries publish them, in both shapes.

    <list type='full' level='all' val=''> <ac val='416'> <ph val='1234567'/> … </ac> … </list>
    <list type='full' level='ac' val='416'> <ac val='416'> … </ac> </list>

The published sample closes the first tag (`<list …/>`) and ends with `</list>` all the same, which no XML parser takes:
so this reads the few tags there are, by itself, and refuses everything else, a document type with entities included.
A file that was cut lacks its `</list>` and is refused.
Source: CRTC information sheet t1028, "Subscription Rates and File Formats".
"""

import re
from collections.abc import Iterator
from enum import Enum

import numpy as np

from storage.registry.block import Numbers
from storage.registry.errors import BadLine
from storage.registry.version import Coverage

_VALUE = rb"(?:'([^'<>]{0,40})'|\"([^\"<>]{0,40})\")"
_PHONE = re.compile(rb"<ph\s+val\s*=\s*(?:'([0-9]{7})'|\"([0-9]{7})\")\s*/>")
_PHONES = re.compile(rb"(?:\s*+<ph\s++val\s*+=\s*+(?:'[0-9]{7}'|\"[0-9]{7}\")\s*+/>)*+\s*+")
_TAG = re.compile(rb"\s*<(/?)(list|ac)((?:\s+[a-z]+\s*=\s*(?:'[^'<>]{0,40}'|\"[^\"<>]{0,40}\"))*)\s*(/?)>")
_ATTRIBUTE = re.compile(rb"([a-z]+)\s*=\s*" + _VALUE)
_DECLARATION = re.compile(rb"\s*<\?xml[^<>]{0,200}\?>")
_AREA_CODE = re.compile(r"[2-9][0-9]{2}", re.ASCII)
_LONGEST_TAG = 512
_MOST_BLANKS = 1 << 16


class _At(Enum):
    START = "before <list>"
    LIST = "in <list>"
    AREA = "in <ac>"
    END = "after </list>"


class XmlList:
    """Reads one document. `lines` counts its numbers; `declared` is what its first tag says it covers."""

    def __init__(self, name: str, country: str) -> None:
        self.lines = 0
        self.declared: Coverage | None = None
        self._name, self._country = name, country
        self._at = _At.START
        self._self_closed = False
        self._area = 0
        self._only: str | None = None
        self._areas: set[str] = set()
        self._passed = 0  # lines of text before the buffer

    def numbers(self, chunks: Iterator[bytes]) -> Iterator[Numbers]:
        """Raises BadLine."""
        rest = b""
        for chunk in chunks:
            text = rest + chunk
            cut = text.rfind(b">") + 1
            yield from self._read(text[:cut])
            self._passed += text.count(b"\n", 0, cut)
            rest = text[cut:]
            if len(rest.strip()) > _LONGEST_TAG or len(rest) > _MOST_BLANKS:
                raise self._wrong(rest, 0, "no tag of a list")
        if rest.strip():
            raise self._wrong(rest, 0, "cut short")
        if self._at is not _At.END and not (self._self_closed and self._at is _At.LIST and not self._areas):
            raise BadLine(self._name, self._passed + 1, "cut short: it ends without </list>")
        if self.declared is None and self._areas:
            self.declared = Coverage(frozenset(self._country + area for area in self._areas))

    def _read(self, text: bytes) -> Iterator[Numbers]:
        at = 0
        while at < len(text):
            if self._at is _At.AREA:
                run = _PHONES.match(text, at)
                end = at if run is None else run.end()
                found = [one or other for one, other in _PHONE.findall(text, at, end)]
                if found:
                    self.lines += len(found)
                    yield np.array(found).astype(np.uint64) + np.uint64(self._area)
                at = end
                if at == len(text):
                    return
            at = self._tag(text, at)

    def _tag(self, text: bytes, at: int) -> int:
        declaration = _DECLARATION.match(text, at) if self._at is _At.START else None
        if declaration is not None:
            return declaration.end()
        tag = _TAG.match(text, at)
        if tag is None:
            raise self._wrong(text, at, "no tag of a list")
        closing, name, written, closed = tag.groups()
        said = {
            key.decode(): (one or other).decode("ascii", "replace") for key, one, other in _ATTRIBUTE.findall(written)
        }
        if closing and (said or closed):
            raise self._wrong(text, at, "no tag of a list")
        problem = self._step(bool(closing), name.decode(), said, bool(closed))
        if problem:
            raise self._wrong(text, at, problem)
        return tag.end()

    def _step(self, closing: bool, name: str, said: dict[str, str], closed: bool) -> str:
        """Go on by one tag; what is wrong with it, if anything."""
        if (self._at, closing, name) == (_At.START, False, "list"):
            self._at, self._self_closed = _At.LIST, closed
            return self._begin(said)
        if (self._at, closing, name) == (_At.LIST, False, "ac"):
            return self._begin_area(said, closed)
        if (self._at, closing, name) == (_At.AREA, True, "ac"):
            self._at = _At.LIST
            return ""
        if (self._at, closing, name) == (_At.LIST, True, "list"):
            self._at = _At.END
            return ""
        return f"<{'/' if closing else ''}{name}> does not belong {self._at.value}"

    def _begin(self, said: dict[str, str]) -> str:
        if set(said) != {"type", "level", "val"}:
            return "<list> has other attributes than type, level and val"
        if said["type"] != "full":
            return f"a list of type {said['type']!r} is not read as XML; download the full list"
        if said["level"] == "all":
            self.declared = Coverage(frozenset({self._country}))
        elif said["level"] == "ac":
            if not _AREA_CODE.fullmatch(said["val"]):
                return "<list level='ac'> does not name its area code"
            self._only = said["val"]
            self.declared = Coverage(frozenset({self._country + said["val"]}))
        return ""

    def _begin_area(self, said: dict[str, str], closed: bool) -> str:
        area = said.get("val", "")
        if set(said) != {"val"} or not _AREA_CODE.fullmatch(area):
            return "<ac> does not name an area code"
        if self._only not in (None, area):
            return "<ac> is not the area code of the list"
        self._areas.add(area)
        self._area = int(self._country + area) * 10**7
        self._at = _At.LIST if closed else _At.AREA
        return ""

    def _wrong(self, text: bytes, at: int, why: str) -> BadLine:
        begin = at + len(text[at:]) - len(text[at:].lstrip())
        return BadLine(self._name, self._passed + text.count(b"\n", 0, begin) + 1, why)

"""An administrator's own rules, laid over the shipped ones.

An overlay is a file in the format of the data, about one jurisdiction, with a header:

    schema: 1
    overlay: "Fewer calls than Florida allows"
    jurisdiction: "US-FL"
    rules: [...]                 # as in the data; all of citation, source, confidence and as_of included
    remove: ["us-fl.some-rule"]  # entries taken away
    signed_by: "..."             # who answers for what it loosens,
    reason: "..."                # and why; both or neither

A rule with the id of a shipped one takes its place on the days it is in force itself (a calendar's new days are those
of the hours that close on them); any other is added. What would be looser afterwards is refused unless the overlay
says who signed for it and why, and its very content has been accepted (`heedline rules accept` puts that on the audit
log). Overlays are laid on one after the other, by file name, and the version of the packs names what they say.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType

from compliance.errors import HeedlineError
from compliance.jurisdictions.changes import Change, differences
from compliance.jurisdictions.loader import read_code, read_laws
from compliance.jurisdictions.model import ELSEWHERE, CallingHours, HolidayCalendar, Jurisdiction, Law, Packs
from compliance.jurisdictions.strict_yaml import Table, Value, read

_DAY = timedelta(days=1)


class OverlayRefused(HeedlineError):
    """An overlay would loosen a rule and nobody has signed for it, or the signature was not accepted."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """`digest`: SHA-256 (hex) of the file's content. `signed_by` and `reason`: empty where nobody signed."""

    file: str
    name: str
    digest: str
    signed_by: str
    reason: str
    jurisdiction: Jurisdiction
    removed: tuple[str, ...]


def parse_overlay(packs: Packs, content: bytes, file: str) -> Overlay:
    """The overlay in a file, to be laid over `packs`. Raises BadInput with file and line."""
    table = read(content, file)
    table.take("schema").whole(1, 1)
    name = table.take("overlay").text(120)
    signed_by, reason = table.maybe("signed_by"), table.maybe("reason")
    if (signed_by is None) != (reason is None):
        raise table.bad("signed_by and reason go together")
    removed = table.maybe("remove")
    jurisdiction = _jurisdiction(table, packs)
    table.done()
    shipped = packs.jurisdictions.get(jurisdiction.code)
    known = frozenset(law.entry.id for law in (() if shipped is None else shipped.laws))
    return Overlay(
        file=file,
        name=name,
        digest=hashlib.sha256(content).hexdigest(),
        signed_by="" if signed_by is None else signed_by.text(120),
        reason="" if reason is None else reason.text(256),
        jurisdiction=jurisdiction,
        removed=() if removed is None else tuple(_removed(item, known) for item in removed.items()),
    )


def _removed(item: Value, known: Collection[str]) -> str:
    text = item.text(80)
    if text not in known:
        raise item.bad(f"there is no rule {text!r} to take away")
    return text


def _jurisdiction(table: Table, packs: Packs) -> Jurisdiction:
    """The overlay's own part. A jurisdiction that the data does not hold says its name, and what it covers."""
    code = read_code(table.take("jurisdiction"))
    shipped = packs.jurisdictions.get(code)
    rules = table.maybe("rules")
    tables = () if rules is None else tuple(item.table() for item in rules.items())
    if shipped is not None:
        return replace(shipped, laws=read_laws(tables, code, shipped.of(HolidayCalendar)))
    covers = table.maybe("covers_subdivisions")
    return Jurisdiction(
        code=code,
        name=table.take("name").text(80),
        covers_subdivisions=covers is not None and covers.flag(),
        members=frozenset(),
        laws=read_laws(tables, code),
    )


def parse_overlays(packs: Packs, contents: Mapping[str, bytes]) -> tuple[Overlay, ...]:
    """All of them by file name, each read against what those before it leave. Raises BadInput with file and line."""
    overlays: list[Overlay] = []
    for file in sorted(contents):
        overlays.append(parse_overlay(packs, contents[file], file))
        packs = _with(packs, overlays[-1])
    return tuple(overlays)


def laid_over(packs: Packs, overlays: Sequence[Overlay], accepted: Collection[str] = frozenset()) -> Packs:
    """The packs with the overlays upon them, each upon those before it.

    `accepted`: the digests of the overlays whose loosening stands on the audit log. Raises OverlayRefused.
    """
    found = packs
    for overlay in overlays:
        upon = _with(found, overlay)
        loosening = tuple(change for change in differences(found, upon) if change.looser)
        if loosening:
            _refuse(overlay, loosening, accepted)
        found = upon
    if found is packs:
        return packs
    digest = hashlib.sha256("\n".join(overlay.digest for overlay in overlays).encode()).hexdigest()
    return replace(found, version=f"{packs.version}+h{digest[:12]}")


def effect(packs: Packs, overlay: Overlay) -> tuple[Change, ...]:
    """What the overlay changes in `packs`."""
    return differences(packs, _with(packs, overlay))


def loosens(packs: Packs, overlay: Overlay) -> bool:
    return any(change.looser for change in effect(packs, overlay))


def _refuse(overlay: Overlay, loosening: Sequence[Change], accepted: Collection[str]) -> None:
    if overlay.signed_by and overlay.digest in accepted:
        return
    change = loosening[0]
    what = f"{overlay.file}: loosens {change.id or change.code} ({change.looser[0]})"
    if not overlay.signed_by:
        raise OverlayRefused(f"{what}; a file that loosens must say signed_by and reason")
    raise OverlayRefused(f"{what}; signed, but not accepted as it stands: `heedline rules accept`")


def _with(packs: Packs, overlay: Overlay) -> Packs:
    code = overlay.jurisdiction.code
    shipped = packs.jurisdictions.get(code)
    laws = () if shipped is None else shipped.laws
    changed = replace(overlay.jurisdiction, laws=tuple(_laws(laws, overlay)))
    if code == ELSEWHERE and not changed.of(CallingHours):
        raise OverlayRefused(f"{overlay.file}: leaves no calling hours that hold elsewhere")
    jurisdictions: Mapping[str, Jurisdiction] = MappingProxyType({**packs.jurisdictions, code: changed})
    return replace(packs, jurisdictions=jurisdictions)


def _laws(shipped: Sequence[Law], overlay: Overlay) -> Iterator[Law]:
    over = overlay.jurisdiction.laws
    new_days = {
        law.days: new.days
        for law in shipped
        for new in over
        if isinstance(law, HolidayCalendar) and isinstance(new, HolidayCalendar) and law.entry.id == new.entry.id
    }
    for law in shipped:
        if law.entry.id in overlay.removed:
            continue
        for left in _outside(law, [new for new in over if new.entry.id == law.entry.id]):
            if isinstance(left, CallingHours) and left.calendar in new_days:
                yield replace(left, calendar=new_days[left.calendar])
            else:
                yield left
    yield from over


def _outside(law: Law, over: Sequence[Law]) -> Iterator[Law]:
    """The law on the days on which none of `over` is in force."""
    begins = law.entry.valid_from or date.min
    ends = law.entry.valid_to or date.max
    for first, last in sorted((new.entry.valid_from or date.min, new.entry.valid_to or date.max) for new in over):
        if first > begins:
            yield _dated(law, begins, min(ends, first - _DAY))
        if last >= ends:
            return
        begins = max(begins, last + _DAY)
    if begins <= ends:
        yield _dated(law, begins, ends)


def _dated(law: Law, first: date, last: date) -> Law:
    valid_from, valid_to = None if first == date.min else first, None if last == date.max else last
    if (valid_from, valid_to) == (law.entry.valid_from, law.entry.valid_to):
        return law
    return replace(law, entry=replace(law.entry, valid_from=valid_from, valid_to=valid_to))

"""Facts as JSON, made at random: right ones, and ones with something wrong at any place."""

import copy
from typing import Any

from hypothesis import strategies as st

from compliance.facts import CallKind, ConsentKind, Party, Purpose, ReassignedAnswer, RecordingPolicy
from compliance.terms import RelationshipKind

NUMBERS = ("+12125550123", " +1 (212) 555-0123", "+44 20 7946 0000", "+4930901820", "+33.1.99.00.12.34")
WRONG_NUMBERS = ("2125550123", "+1", "+999123456789", "+44 (0)20 7946 0000", "+1212555012x", "+" + "1" * 41)
REGIONS = ("US", "US-CA", "GB", "DE", "CA-BC", "AU-NSW")

texts = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=12)
instants = st.one_of(
    st.datetimes().filter(lambda at: 1900 <= at.year < 2200).map(lambda at: at.isoformat(timespec="seconds") + "Z"),
    st.sampled_from(("2026-11-21T17:00Z", "2026-11-21T17:00:00.5+05:30", "2024-02-29T23:59:59.123456-05:00")),
)
now = st.datetimes().filter(lambda at: 2000 <= at.year < 2200).map(lambda at: at.isoformat() + "+00:00")
dates = st.dates().map(lambda day: day.isoformat())
flags = st.booleans()


def _of(kind: type) -> st.SearchStrategy[str]:
    return st.sampled_from([str(one.value) for one in kind])  # type: ignore[attr-defined]


def _table(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(texts, values, max_size=3)


_consents = st.fixed_dictionaries(
    {"kind": _of(ConsentKind)},
    optional={
        "purpose": st.none() | _of(Purpose),
        "seller": st.none() | texts,
        **{name: st.none() | instants for name in ("obtained_at", "confirmed_at", "withdrawn_at", "expires_at")},
    },
)
_counts = st.integers(0, 10**12)
KEYS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.sampled_from(NUMBERS + WRONG_NUMBERS),
    "at": now,
    "call_kind": _of(CallKind),
    "purpose": _of(Purpose),
    "party": _of(Party),
    **dict.fromkeys(("region", "agent_region", "storage_region", "seller_region"), st.sampled_from(REGIONS)),
    **dict.fromkeys(("postal_code", "seller", "campaign", "topic", "caller_id"), texts),
    **dict.fromkeys(("internal_dnc", "double_opt_in", "in_flight"), flags),
    "registries": _table(st.fixed_dictionaries({"listed": flags, "version_date": dates})),
    "consents": st.lists(_consents, max_size=2),
    "relationship": st.fixed_dictionaries({"kind": _of(RelationshipKind), "at": instants}),
    **dict.fromkeys(("attempts", "refusals", "silent_calls"), st.lists(instants, max_size=2)),
    "reassigned": st.fixed_dictionaries(
        {"answer": _of(ReassignedAnswer), "checked_at": instants}, optional={"consent_date": st.none() | dates}
    ),
    "abandonment": st.fixed_dictionaries({"answered": _counts, "abandoned": _counts}),
    "switches": _table(
        flags | st.fixed_dictionaries({}, optional={"start": st.none() | instants, "end": st.none() | instants})
    ),
    "recording_policy": _of(RecordingPolicy),
    "prompts": _table(flags),
    "ring_seconds": st.integers(1, 60),
}
right_facts = st.fixed_dictionaries({}, optional={key: st.none() | value for key, value in KEYS.items()})

_odd = (
    st.none()
    | st.booleans()
    | st.integers(-2, 130)
    | st.sampled_from((10**12 + 1, 0.5, "", "x" * 201, "a\nb", "a\u200bb", "US-CA\n", "us", "live", "Live", "none"))
    | st.sampled_from(("2026-02-30", "2026-02-30T00:00:00Z", "2026-11-21T17:00:00", "2026-11-21t17:00:00z"))
    | st.sampled_from(("2026-W47-6T17:00:00Z", "1899-12-31T00:00:00Z", "1999-12-31T00:00:00Z", "2026-11-21T24:01Z"))
    | st.sampled_from(NUMBERS + WRONG_NUMBERS)
    | st.sampled_from(([], {}, [None], {"": True}, {"x": None}, {"kind": "express"}, [{}]))
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of a JSON value with every key or index of it."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


@st.composite
def wrong_facts(draw: st.DrawFn) -> Any:
    """Right facts with one value taken away, put in, or replaced; by chance they may be right again."""
    facts = copy.deepcopy(draw(right_facts))
    tables = [facts] + [where[key] for where, key in _places(facts) if isinstance(where[key], dict)]
    act = draw(st.sampled_from(("replace", "remove", "add", "set")))
    places = _places(facts)
    if act == "add":
        draw(st.sampled_from(tables))[draw(st.sampled_from(("who", "kind", "at", "", "start", "listed")))] = draw(_odd)
    elif act == "set" or not places:
        facts[draw(st.sampled_from(sorted(KEYS)))] = draw(_odd)
    else:
        where, key = draw(st.sampled_from(places))
        if act == "remove":
            del where[key]
        else:
            where[key] = draw(_odd)
    return facts

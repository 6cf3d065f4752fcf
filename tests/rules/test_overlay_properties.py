"""What may be laid over without a signature never allows a call that was denied, nor lets one be recorded more freely.

Laws, overlays and calls are made up; the gate is the real one, and knows nothing of the comparison.
"""

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance import Facts, Gate, Number, load_packs
from compliance.facts import (
    Abandonment,
    CallKind,
    Consent,
    ConsentKind,
    Party,
    Purpose,
    Reassigned,
    ReassignedAnswer,
    Registry,
    Relationship,
    RelationshipKind,
)
from compliance.jurisdictions import model
from compliance.jurisdictions.model import ELSEWHERE, EasterDay, Entry, FixedDay, Holiday, Jurisdiction, Law, Observed
from compliance.jurisdictions.overlay import Overlay, OverlayRefused, laid_over
from compliance.rules import SCREENING_RULES
from compliance.rules.ring_time import RingTime
from compliance.verdict import Confidence, RecordingMode
from tests.rules.hours_world import windows

AT = datetime(2027, 5, 3, 11, tzinfo=UTC)  # a Monday, 13:00 in Oslo
TODAY = AT.date()
DAY = timedelta(days=1)
RULES = (*SCREENING_RULES, RingTime())

few = st.sampled_from
kinds = st.none() | st.frozensets(few([CallKind.LIVE, CallKind.PRERECORDED]), min_size=1)
purposes = st.none() | st.frozensets(few([Purpose.TELEMARKETING, Purpose.SURVEY]), min_size=1)
parties = st.none() | st.frozensets(few(Party), min_size=1)
whens = st.just(model.ALWAYS) | st.builds(model.When, kinds, purposes, parties)
unlesses = st.just(model.NOTHING) | st.builds(
    model.Unless, st.none() | few([ConsentKind.EXPRESS, ConsentKind.EXPRESS_WRITTEN]), st.booleans()
)
spans = few([(None, None), (None, None), (TODAY, None), (None, TODAY), (TODAY, TODAY), (TODAY + DAY, None)])


def entry(name: str, span: tuple[date | None, date | None]) -> Entry:
    return Entry(name, "made up", "made up", Confidence.HOUSE, TODAY, *span, model.Scope.EVERYWHERE)


feasts = (
    Holiday("First of May", FixedDay(5, 1), Observed.NOT, Observed.MONDAY),  # a Saturday, so kept on the 3rd
    Holiday("Third of May", FixedDay(5, 3), Observed.NOT, Observed.NOT),
    Holiday("Fourth of May", FixedDay(5, 4), Observed.NOT, Observed.NOT),
    Holiday("Easter", EasterDay(0), Observed.NOT, Observed.NOT),
)
some_windows = few(
    ["", "08:00-21:00", "09:00-20:00", "12:00-14:00", "13:00-13:01", "06:00-22:00", "08:00-13:00 13:00-21:00"]
)
days = some_windows.map(windows)


def closed_on(
    week: model.Windows, special: bool, feast: model.Windows, eve: model.Windows, calendar: object
) -> dict[str, object]:
    found: dict[str, object] = {"week": (week,) * 7}
    return {**found, "holidays": feast, "eves": eve, "calendar": calendar} if special else found


hours = st.builds(closed_on, days, st.booleans(), days, days, st.lists(few(feasts), max_size=3, unique=True).map(tuple))
figures: dict[type[Law], st.SearchStrategy[dict[str, object]]] = {
    model.CallingHours: hours,
    model.RingTimeLaw: st.fixed_dictionaries({"min_seconds": st.integers(18, 22)}),
    model.AttemptCap: st.builds(
        lambda most, unit, length: {"max": most, "hours": None, "calendar_days": None, unit: length},
        st.integers(1, 4),
        few(["hours", "calendar_days"]),
        st.integers(1, 4),
    ),
    model.WaitingTime: st.fixed_dictionaries({"after": few(model.WaitAfter), "hours": st.integers(1, 72)}),
    model.AbandonmentLaw: st.fixed_dictionaries(
        {
            "max_per_mille": st.integers(20, 40),
            "period": few([model.AbandonmentPeriod.CALENDAR_MONTH, model.AbandonmentPeriod.CAMPAIGN_30_DAYS]),
            "connect_within_seconds": st.just(2),
        }
    ),
    model.RegistryLaw: st.fixed_dictionaries({"list": few(["no.a", "no.b"]), "max_age_days": st.integers(8, 12)}),
    model.ConsentLaw: st.fixed_dictionaries(
        {
            "kind": few([ConsentKind.IMPLIED, ConsentKind.EXPRESS, ConsentKind.EXPRESS_WRITTEN]),
            "renew_months": few([None, 1, 2, 12]),
        }
    ),
    model.RelationshipLaw: st.fixed_dictionaries(
        {"purchase_months": st.integers(0, 3), "inquiry_months": st.integers(0, 3)}
    ),
    model.ReassignedLaw: st.fixed_dictionaries({"max_age_days": st.integers(8, 12), "every_call": st.booleans()}),
    model.CallerIdLaw: st.fixed_dictionaries(
        {
            "forbidden_prefixes": st.lists(few(["+472", "+4721", "+4790"]), max_size=2).map(tuple),
            "required_prefixes": st.lists(few(["+472", "+4721", "+4790"]), max_size=2).map(tuple),
        }
    ),
    model.Prohibition: st.just({}),
    model.RecordingLaw: st.fixed_dictionaries(
        {
            "parties": st.just(model.Parties.ONE_PARTY),
            "mode": few(RecordingMode),
            "record_announcement": st.booleans(),
        }
    ),
}
WITHOUT_EXCEPTIONS = (
    model.RelationshipLaw,
    model.ReassignedLaw,
    model.CallerIdLaw,
    model.RingTimeLaw,
    model.RecordingLaw,
)


@st.composite
def laws(draw: st.DrawFn, name: str, topic: type[Law] | None = None) -> Law:
    topic = topic or draw(few(list(figures)))
    unless = model.NOTHING if topic in WITHOUT_EXCEPTIONS else draw(unlesses)
    return topic(entry=entry(name, draw(spans)), when=draw(whens), unless=unless, **draw(figures[topic]))


@st.composite
def worlds(draw: st.DrawFn, topic: type[Law]) -> tuple[tuple[Law, ...], Law]:
    """The laws of a country, and one laid over them: another version of the first, or one more."""
    first = draw(laws("no.x", topic))
    changed = draw(laws("no.x", topic))
    part = draw(
        few(["figures", "figures", "figures", "figures", "when", "unless", "entry", "all", "another", "none before"])
    )
    if part == "figures":
        over: Law = dataclasses.replace(changed, entry=first.entry, when=first.when, unless=first.unless)
    elif part in ("when", "unless", "entry"):
        fields = {field.name: getattr(first, field.name) for field in dataclasses.fields(first)}
        over = topic(**{**fields, part: getattr(changed, part)})
    else:
        over = draw(laws("no.new", topic)) if part == "another" else changed
    shipped: list[Law] = [] if part == "none before" else [first]
    if topic is model.RelationshipLaw:  # which permits nothing unless a law yields to it
        yields = model.Unless(relationship=True)
        shipped.append(model.Prohibition(entry=entry("no.other", (None, None)), unless=yields))
    elif draw(few([False, False, True])):
        shipped.append(draw(laws("no.other")))
    return tuple(shipped), over


HOUR = timedelta(hours=1)
GOOD = Facts(
    number=Number("+4721234567"),
    at=AT,
    call_kind=CallKind.LIVE,
    purpose=Purpose.TELEMARKETING,
    party=Party.CONSUMER,
    internal_dnc=False,
    agent_region="GB",
    switches={},
    caller_id="+4790123456",
    ring_seconds=22,
    registries={name: Registry(False, TODAY - 8 * DAY) for name in ("no.a", "no.b")},
    consents=(),
    attempts=(),
    refusals=(),
    silent_calls=(),
    reassigned=Reassigned(ReassignedAnswer.NO, AT - 8 * DAY, TODAY - 100 * DAY),
    abandonment=Abandonment(1000, 15),
)
"""Denied by few of the laws above: where none yields to consent, by none that is strict to the utmost."""

lists = st.builds(Registry, few([False, False, True]), few([TODAY - n * DAY for n in range(8, 13)]))
VARIED: dict[str, st.SearchStrategy[object]] = {
    "at": few(
        [AT - 5 * HOUR, AT - 4 * HOUR, AT - 2 * HOUR, AT + HOUR, AT + 7 * HOUR, AT + 8 * HOUR, AT + DAY, AT - DAY]
    ),
    "call_kind": few([None, CallKind.PRERECORDED]),
    "purpose": few([None, Purpose.SURVEY]),
    "party": few([None, Party.BUSINESS]),
    "caller_id": few(["+4721234500", "+4722345600"]),
    "ring_seconds": st.integers(18, 22),
    "registries": st.fixed_dictionaries({"no.a": lists, "no.b": lists}),
    "consents": st.builds(
        Consent,
        kind=few([ConsentKind.IMPLIED, ConsentKind.EXPRESS, ConsentKind.EXPRESS_WRITTEN]),
        obtained_at=few([AT - 10 * DAY, AT - 40 * DAY, AT - 80 * DAY]),
    ).map(lambda consent: (consent,)),
    "relationship": st.builds(Relationship, few(RelationshipKind), few([AT - n * DAY for n in (20, 50, 80)])),
    "attempts": st.lists(st.integers(0, 5).map(lambda hours: AT - hours * HOUR), min_size=1, max_size=4).map(tuple),
    "refusals": st.integers(1, 80).map(lambda hours: (AT - hours * HOUR,)),
    "silent_calls": st.integers(1, 80).map(lambda hours: (AT - hours * HOUR,)),
    "reassigned": st.builds(
        Reassigned,
        st.just(ReassignedAnswer.NO),
        few([AT - n * DAY for n in range(8, 13)]),
        st.just(TODAY - 100 * DAY),
    ),
    "abandonment": st.builds(Abandonment, st.just(1000), st.integers(19, 41)),
}


READS: dict[type[Law], tuple[str, ...]] = {
    model.CallingHours: ("at",),
    model.RingTimeLaw: ("ring_seconds",),
    model.AttemptCap: ("attempts",),
    model.WaitingTime: ("refusals", "silent_calls"),
    model.AbandonmentLaw: ("abandonment",),
    model.RegistryLaw: ("registries",),
    model.ConsentLaw: ("consents",),
    model.RelationshipLaw: ("relationship",),
    model.ReassignedLaw: ("reassigned", "consents"),
    model.CallerIdLaw: ("caller_id",),
    model.Prohibition: ("consents",),
    model.RecordingLaw: (),
}
"""The facts that decide by a law of that topic."""


@st.composite
def calls(draw: st.DrawFn, topic: type[Law]) -> Facts:
    """The good call with what the topic reads changed, and up to two more facts."""
    more = draw(st.lists(few(list(VARIED)), max_size=2, unique=True))
    return dataclasses.replace(GOOD, **{name: draw(VARIED[name]) for name in dict.fromkeys((*READS[topic], *more))})


def of(*laws: Law) -> Jurisdiction:
    return Jurisdiction("NO", "Norway", True, frozenset(), laws)


BASE = load_packs()


@pytest.mark.parametrize("topic", figures, ids=lambda topic: topic.__name__)
@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_overlay_that_needs_no_signature_allows_nothing_that_was_denied(topic: type[Law], data: st.DataObject) -> None:
    shipped, over = data.draw(worlds(topic))
    only = {ELSEWHERE: BASE.jurisdictions[ELSEWHERE], "GB": BASE.jurisdictions["GB"], "NO": of(*shipped)}
    packs = dataclasses.replace(BASE, jurisdictions=only)
    try:
        upon = laid_over(packs, [Overlay("ours.yaml", "ours", "0" * 64, "", "", of(over), ())])
    except OverlayRefused:
        return
    before, after = Gate(RULES, packs), Gate(RULES, upon)
    for facts in data.draw(st.lists(calls(topic), min_size=8, max_size=12)):
        old, new = before.check(facts), after.check(facts)
        assert old.allowed or not new.allowed, (facts, over)
        assert new.recording.mode.strictness >= old.recording.mode.strictness
        announced = new.recording.record_announcement or new.recording.mode is RecordingMode.NONE
        assert announced or not old.recording.record_announcement

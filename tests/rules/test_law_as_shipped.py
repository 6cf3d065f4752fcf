"""The law as shipped, entry by entry: just inside, on and just outside what each one says.

The cases are made from the data, so that an entry without a case can't be. What is expected is worked out here from
the figures of the entry, not by the rules.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from compliance import Facts, Number, load_packs
from compliance.case import Case, Denial, Rule
from compliance.facts import (
    Abandonment,
    CallKind,
    Consent,
    ConsentKind,
    Party,
    Purpose,
    Registry,
)
from compliance.jurisdictions.model import (
    AbandonmentLaw,
    AttemptCap,
    CallerIdLaw,
    ConsentLaw,
    Law,
    ObligationLaw,
    Prohibition,
    ReassignedLaw,
    RegistryLaw,
    RingTimeLaw,
    Scope,
    WaitAfter,
    WaitingTime,
)
from compliance.rules.abandonment import AbandonmentHeadroom
from compliance.rules.attempts import AttemptsLeft, WaitedLongEnough
from compliance.rules.caller_id import CallerIdShown
from compliance.rules.consent import ConsentGiven
from compliance.rules.prohibition import NotProhibited
from compliance.rules.reassigned import NotReassigned
from compliance.rules.registry import RegistryClear
from compliance.rules.ring_time import RingTime
from tests.rules.whole import AT, GOOD, LISTS, NOT_REASSIGNED, WHOLE, registries

PACKS = load_packs()
DAY, HOUR, TICK = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
NOBODY = "+12125550199"

NUMBERS = {
    "CA": "+14165550123",
    "CA-BC": "+16045550123",
    "GB": "+442071838750",
    "EU": "+4915112345678",
    "DE": "+4915112345678",
    "AT": "+431234567890",
    "CH": "+41446681800",
    "FR": "+33123456789",
    "ES": "+34912345678",
    "IT": "+390612345678",
    "NL": "+31201234567",
    "AU": "+61298765432",
    "NZ": "+6493001234",
    "IN": "+912212345678",
    "SG": "+6561234567",
}
"""A number in each jurisdiction; those of the United States are New York's with the state stated."""


def laws(topic: type[Law]) -> list[object]:
    found: list[object] = []
    for code, place in PACKS.jurisdictions.items():
        for law in place.of(topic):
            if law.entry.scope is Scope.EVERYWHERE and code != "default":
                dated = f"{law.entry.id}@{law.entry.valid_from or ''}"
                found.append(pytest.param(code, law, id=dated))
    return found


def instant(law: Law) -> datetime:
    """A noon on which the law is in force: that of the tests if it can be."""
    day = AT.date()
    if law.entry.valid_from is not None and day < law.entry.valid_from:
        day = law.entry.valid_from + DAY
    if law.entry.valid_to is not None and day > law.entry.valid_to:
        day = law.entry.valid_to - DAY
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def call(code: str, law: Law, **changes: object) -> Facts:
    """A call there that the law speaks of, with nothing against it yet."""
    kind = min(law.when.call_kinds, key=lambda item: item.value) if law.when.call_kinds else CallKind.LIVE
    purpose = min(law.when.purposes, key=lambda item: item.value) if law.when.purposes else Purpose.TELEMARKETING
    party = min(law.when.parties, key=lambda item: item.value) if law.when.parties else Party.CONSUMER
    where = {"number": Number("+12125550123"), "region": code} if code.startswith("US") else {}
    if not where:
        where = {"number": Number(NUMBERS[code])}
    return replace(
        GOOD, **{"at": instant(law), "call_kind": kind, "purpose": purpose, "party": party, **where, **changes}
    )


def by(law: Law, rule: Rule, facts: Facts) -> list[Denial]:
    """What the rule has against the call by this very law."""
    found = rule.check(Case.of(facts, PACKS))
    return [denial for denial in found if denial.reason.detail.startswith(f"{law.entry.id}: ")]


def others(law: Law) -> Iterator[dict[str, object]]:
    """For each scope of the law, a call just beside it."""
    scopes = [
        ("call_kind", law.when.call_kinds, CallKind),
        ("purpose", law.when.purposes, Purpose),
        ("party", law.when.parties, Party),
    ]
    for fact, named, kinds in scopes:
        outside = [kind for kind in kinds if named is not None and kind not in named]
        if outside:
            yield {fact: outside[0]}


def holds(code: str, law: Law, rule: Rule, **changes: object) -> None:
    """The law denies this call, citing itself; not the one beside its scope, nor the day before or after its time."""
    facts = call(code, law, **changes)
    (denial,) = by(law, rule, facts)
    assert denial.reason.citation == law.entry.citation
    assert denial.reason.confidence is law.entry.confidence
    for beside in others(law):
        assert not by(law, rule, replace(facts, **beside))
        unknown = dict.fromkeys(beside)
        assert rule.check(Case.of(replace(facts, **unknown), PACKS))
    shift_before, shift_after = 2 * DAY, 2 * DAY
    if law.entry.valid_from is not None:
        early = datetime.combine(law.entry.valid_from, datetime.min.time(), UTC) - shift_before
        assert not by(law, rule, replace(facts, at=early)) or _twin(code, law)
    if law.entry.valid_to is not None:
        late = datetime.combine(law.entry.valid_to, datetime.min.time(), UTC) + shift_after
        assert not by(law, rule, replace(facts, at=late)) or _twin(code, law)


def _twin(code: str, law: Law) -> bool:
    """The same rule with other dates."""
    return sum(other.entry.id == law.entry.id for other in PACKS.jurisdictions[code].laws) > 1


def stands(kind: ConsentKind, at: datetime) -> dict[str, object]:
    """Given to the seller of the good call, for every purpose."""
    return {"consents": tuple(Consent(kind, purpose, GOOD.seller, at - DAY) for purpose in Purpose)}


def yields_to_consent(code: str, law: Law, rule: Rule, **changes: object) -> None:
    """It yields to the consent it names and to no weaker one."""
    facts = call(code, law, **changes)
    assert facts.at is not None
    for kind in ConsentKind:
        enough = law.unless.consent is not None and list(ConsentKind).index(kind) >= list(ConsentKind).index(
            law.unless.consent
        )
        assert bool(by(law, rule, replace(facts, **stands(kind, facts.at)))) is not enough


# --- lists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "law"), laws(RegistryLaw))
def test_registry(code: str, law: RegistryLaw) -> None:
    rule, today = RegistryClear(), instant(law).date()

    def known(on_it: bool, days: int) -> dict[str, object]:
        return {"registries": {**registries(today), law.list: Registry(on_it, today - timedelta(days=days))}}

    holds(code, law, rule, **known(True, 1))
    holds(code, law, rule, registries={})
    holds(code, law, rule, registries=None)
    holds(code, law, rule, **known(False, -2))
    holds(code, law, rule, **known(False, law.max_age_days + 1))
    for days in (law.max_age_days - 1, 1):
        assert not by(law, rule, call(code, law, **known(False, days)))
    yields_to_consent(code, law, rule, **known(True, 1))
    assert law.list in LISTS


# --- consent and prohibition --------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "law"), laws(ConsentLaw))
def test_consent(code: str, law: ConsentLaw) -> None:
    rule, at = ConsentGiven(), instant(law)
    holds(code, law, rule, consents=())
    holds(code, law, rule, consents=None)
    for kind in ConsentKind:
        enough = list(ConsentKind).index(kind) >= list(ConsentKind).index(law.kind)
        assert bool(by(law, rule, call(code, law, **stands(kind, at)))) is not enough
    given = Consent(law.kind, call(code, law).purpose, GOOD.seller, at - DAY)
    ends = {"withdrawn_at": at, "expires_at": at}
    for name, end in ends.items():
        assert by(law, rule, call(code, law, consents=(replace(given, **{name: end}),)))
        assert not by(law, rule, call(code, law, consents=(replace(given, **{name: end + TICK}),)))
    if law.renew_months is not None:
        years, months = divmod(at.month - 1 - law.renew_months, 12)
        oldest = at.replace(year=at.year + years, month=months + 1, day=min(at.day, 28))
        assert not by(law, rule, call(code, law, consents=(replace(given, obtained_at=oldest),)))
        assert by(law, rule, call(code, law, consents=(replace(given, obtained_at=oldest - 2 * DAY),)))


@pytest.mark.parametrize(("code", "law"), laws(Prohibition))
def test_prohibition(code: str, law: Prohibition) -> None:
    holds(code, law, NotProhibited())
    yields_to_consent(code, law, NotProhibited())


# --- how often ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "law"), laws(AttemptCap))
def test_attempt_cap(code: str, law: AttemptCap) -> None:
    rule, at = AttemptsLeft(), instant(law)
    span = timedelta(hours=law.hours) if law.hours is not None else timedelta(days=law.calendar_days or 0)
    last = span - TICK if law.hours is not None else span - DAY
    over = span if law.hours is not None else span + DAY
    full = tuple(at - last * part / law.max for part in range(law.max))
    holds(code, law, rule, attempts=(*full[:-1], at - last))
    holds(code, law, rule, attempts=None)
    assert not by(law, rule, call(code, law, attempts=full[:-1]))
    assert not by(law, rule, call(code, law, attempts=(*full[:-1], at - over)))
    yields_to_consent(code, law, rule, attempts=full)


@pytest.mark.parametrize(("code", "law"), laws(WaitingTime))
def test_waiting_time(code: str, law: WaitingTime) -> None:
    rule, at = WaitedLongEnough(), instant(law)
    fact = "refusals" if law.after is WaitAfter.REFUSAL else "silent_calls"
    span = timedelta(hours=law.hours)
    holds(code, law, rule, **{fact: (at - span + TICK,)})
    assert not by(law, rule, call(code, law, **{fact: (at - span,)}))
    (denial,) = by(law, rule, call(code, law, **{fact: (at - HOUR,)}))
    assert denial.until == at - HOUR + span


# --- the call itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "law"), laws(AbandonmentLaw))
def test_abandonment(code: str, law: AbandonmentLaw) -> None:
    rule = AbandonmentHeadroom()
    holds(code, law, rule, abandonment=Abandonment(1000, law.max_per_mille + 1))
    holds(code, law, rule, abandonment=None)
    assert not by(law, rule, call(code, law, abandonment=Abandonment(1000, law.max_per_mille)))


@pytest.mark.parametrize(("code", "law"), laws(RingTimeLaw))
def test_ring_time(code: str, law: RingTimeLaw) -> None:
    holds(code, law, RingTime(), ring_seconds=law.min_seconds - 1)
    assert not by(law, RingTime(), call(code, law, ring_seconds=law.min_seconds))


@pytest.mark.parametrize(("code", "law"), laws(CallerIdLaw))
def test_caller_id(code: str, law: CallerIdLaw) -> None:
    rule = CallerIdShown()
    ours = next((f"{prefix}2345678" for prefix in law.required_prefixes), NOBODY)
    assert not by(law, rule, call(code, law, caller_id=ours))
    if law.required_prefixes:
        holds(code, law, rule, caller_id=NOBODY)
    for prefix in law.forbidden_prefixes:
        shown = prefix + "12345678"
        if not rule.needs(Case.of(call(code, law, caller_id=shown), PACKS)):
            holds(code, law, rule, caller_id=shown)


@pytest.mark.parametrize(("code", "law"), laws(ReassignedLaw))
def test_reassigned(code: str, law: ReassignedLaw) -> None:
    rule, at = NotReassigned(), instant(law)
    on_consent = {**stands(ConsentKind.EXPRESS_WRITTEN, at)}
    young = replace(NOT_REASSIGNED, checked_at=at - timedelta(days=law.max_age_days), consent_date=date(2020, 1, 1))
    facts = call(code, law, reassigned=None, **on_consent)
    assert by(law, rule, facts)
    assert by(law, rule, replace(facts, reassigned=replace(young, checked_at=young.checked_at - TICK)))
    assert not by(law, rule, replace(facts, reassigned=young))


@pytest.mark.parametrize(("code", "law"), laws(ObligationLaw))
def test_obligation(code: str, law: ObligationLaw) -> None:
    """Owed, and at least as strictly as the entry has it."""
    at = instant(law)
    facts = call(code, law, reassigned=NOT_REASSIGNED, **stands(ConsentKind.EXPRESS_WRITTEN, at))
    owed = {duty.kind: duty.params for duty in WHOLE.check(facts).obligations}
    assert law.obligation.kind in owed
    for name, value in law.obligation.params.items():
        now = owed[law.obligation.kind][name]
        if isinstance(value, int):
            assert isinstance(now, int)
            assert now >= value if name == "seconds" else now <= value
        else:
            assert set(str(value).split("; ")) <= set(str(now).split("; "))

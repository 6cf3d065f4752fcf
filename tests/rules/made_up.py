"""Made-up law on a real country whose own law is not in the data, and a call there that no rule has anything against.

Norway: one zone, no states. `ask` puts one rule before one spoiled fact.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from compliance import Facts, Number, RecordingPolicy
from compliance.case import Case, Denial, Rule
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
)
from compliance.jurisdictions import load_packs
from compliance.jurisdictions.model import (
    ELSEWHERE,
    Entry,
    Jurisdiction,
    Law,
    Packs,
    RelationshipLaw,
    Scope,
)
from compliance.verdict import Confidence

AT = datetime(2026, 11, 18, 12, tzinfo=UTC)
"""A Wednesday, one in the afternoon in Oslo."""

TODAY = date(2026, 11, 18)
TICK = timedelta(microseconds=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RELEASED = date(2026, 11, 1)

CALL = Facts(
    number=Number("+4721234567"),
    at=AT,
    call_kind=CallKind.LIVE,
    purpose=Purpose.TELEMARKETING,
    party=Party.CONSUMER,
    seller="Acme",
    campaign="spring",
    agent_region="NO",
    internal_dnc=False,
    registries={},
    consents=(),
    attempts=(),
    refusals=(),
    silent_calls=(),
    caller_id="+4722334455",
    abandonment=Abandonment(0, 0),
    switches={},
    storage_region="NO",
    seller_region="NO",
    recording_policy=RecordingPolicy.FOLLOW_LAW,
    in_flight=False,
    prompts={"nb": True},
    ring_seconds=25,
)


def entry(name: str = "no.law", first: date | None = None, last: date | None = None, **more: Scope) -> Entry:
    scope = more.get("scope", Scope.EVERYWHERE)
    return Entry(name, f"statute of {name}", "made up", Confidence.GENERAL_KNOWLEDGE, TODAY, first, last, scope)


def place(code: str, *laws: Law, members: frozenset[str] = frozenset()) -> Jurisdiction:
    return Jurisdiction(code, f"made-up {code}", code != "US", members, laws)


def packs_of(*places: Jurisdiction) -> Packs:
    found = {item.code: item for item in places}
    found[ELSEWHERE] = load_packs().jurisdictions[ELSEWHERE]
    return Packs("made up", RELEASED, MappingProxyType(found), 30)


def packs(*laws: Law) -> Packs:
    """Norway with these laws, and nothing else in the world."""
    return packs_of(place("NO", *laws))


def call(**changes: object) -> Facts:
    if isinstance(changes.get("number"), str):
        changes["number"] = Number(str(changes["number"]))
    return replace(CALL, **changes)


def ask(rule: Rule, where: Packs | Law, **changes: object) -> Sequence[Denial]:
    """What `rule` has against the good call with these facts changed; a law alone holds in Norway."""
    return rule.check(Case.of(call(**changes), where if isinstance(where, Packs) else packs(where)))


def allows(rule: Rule, where: Packs | Law, **changes: object) -> bool:
    return not ask(rule, where, **changes)


def detail(rule: Rule, where: Packs | Law, **changes: object) -> str:
    """The words of the only denial."""
    (denial,) = ask(rule, where, **changes)
    assert denial.reason.rule == rule.id
    assert denial.reason.citation
    return denial.reason.detail


def consent(kind: ConsentKind = ConsentKind.EXPRESS, **more: object) -> Consent:
    """Given a month ago, to the seller of the good call and for its purpose."""
    return Consent(kind, **{"purpose": Purpose.TELEMARKETING, "seller": "Acme", "obtained_at": AT - 30 * DAY, **more})


def listed(name: str = "no.list", version: date = TODAY - DAY) -> dict[str, Registry]:
    return {name: Registry(True, version)}


def clear(name: str = "no.list", version: date = TODAY - DAY) -> dict[str, Registry]:
    return {name: Registry(False, version)}


def checked(answer: str = "no", at: datetime = AT - DAY, since: date | None = date(2026, 1, 1)) -> Reassigned:
    return Reassigned(ReassignedAnswer(answer), at, since)


def relationship_law(months: int = 18, name: str = "no.relationship", inquiry: int = 3) -> RelationshipLaw:
    return RelationshipLaw(entry=entry(name), purchase_months=months, inquiry_months=inquiry)

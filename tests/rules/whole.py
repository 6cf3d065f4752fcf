"""A call that the whole gate allows under the law as shipped, to be spoiled one fact at a time.

To New York, live, to a consumer, of a telemarketer who has looked up every list and has no consent to show.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from compliance import Facts, Gate, Number, RecordingPolicy, Verdict, load_packs
from compliance.case import Case
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
from compliance.jurisdictions.model import RegistryLaw
from compliance.rules import AT_THE_DIAL, SCREENING_RULES

AT = datetime(2026, 11, 18, 17, tzinfo=UTC)
"""A Wednesday noon in New York."""

RULES = (*SCREENING_RULES, *AT_THE_DIAL)
WHOLE = Gate(RULES, load_packs())
SCREENING = Gate(SCREENING_RULES, load_packs())
LISTS = sorted({law.list for place in load_packs().jurisdictions.values() for law in place.of(RegistryLaw)})


def registries(version: date = AT.date() - timedelta(days=1), *on: str) -> dict[str, Registry]:
    """Every list of the data looked up; listed `on` these."""
    return {name: Registry(name in on, version) for name in LISTS}


MONTH = timedelta(days=30)
WRITTEN = Consent(ConsentKind.EXPRESS_WRITTEN, Purpose.TELEMARKETING, "Acme", AT - MONTH, AT - timedelta(days=29))
NOT_REASSIGNED = Reassigned(ReassignedAnswer.NO, AT - timedelta(days=1), (AT - 2 * MONTH).date())

GOOD = Facts(
    number=Number("+12125550123"),
    at=AT,
    call_kind=CallKind.LIVE,
    purpose=Purpose.TELEMARKETING,
    party=Party.CONSUMER,
    seller="Acme",
    campaign="spring",
    internal_dnc=False,
    registries=registries(),
    consents=(),
    attempts=(),
    refusals=(),
    silent_calls=(),
    caller_id="+12125550100",
    abandonment=Abandonment(1000, 10),
    switches={},
    agent_region="US-TX",
    storage_region="US-TX",
    seller_region="US-TX",
    recording_policy=RecordingPolicy.FOLLOW_LAW,
    in_flight=False,
    prompts={"en": True},
    ring_seconds=25,
)


def facts(**changes: object) -> Facts:
    """The good call with these facts changed; a number may be given as text."""
    if isinstance(changes.get("number"), str):
        changes["number"] = Number(str(changes["number"]))
    return replace(GOOD, **changes)


def case(**changes: object) -> Case:
    return Case.of(facts(**changes), load_packs())


def verdict(**changes: object) -> Verdict:
    return WHOLE.check(facts(**changes))


def denied_by(**changes: object) -> set[str]:
    return {reason.rule for reason in verdict(**changes).reasons}

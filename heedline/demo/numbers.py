"""Numbers nobody has, in a place where it is daytime: the demo keeps the law like everyone else.

All are reserved for fiction: NANP 555-0100 to 555-0199, Ofcom 020 7946 0xxx, ACMA 02 5550 xxxx. Between them some
place lies within the hours at every minute of the year, for half an hour to come; early on a Saturday or Sunday (UTC)
that is one where nobody may be sold anything just then, and the calls are informational instead. What the law wants
on file besides is there: the lists that it names, and consent where people may be called with it alone.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from compliance import DIALLING_RULES, Decision, Facts, Gate, Number, RecordingMode, RecordingPolicy, load_packs
from compliance.errors import HeedlineError
from compliance.facts import Abandonment, CallKind, Consent, ConsentKind, Party, Purpose, Registry

_AREA_CODES = ("212", "312", "303", "602", "907", "808")
OUR_REGION = "US-NY"
SELLER = "Acme Water"
CALLER_ID = "+12125550100"
LISTS = {"us.ftc.ndnc": "1", "us-co.dnc": "1", "gb.tps": "44"}
"""The do-not-call lists that a call to one of these numbers is looked up in, with the country code of their numbers."""

LISTED = (*(Number(f"+1{code}5550199") for code in _AREA_CODES), Number("+442079460999"))
"""On the lists: nobody calls them."""

CONSENTING = tuple(Number(f"+{start}{n:04d}") for start in ("44207946", "6125550") for n in range(400))
"""Whoever may be called with consent alone has given it, in writing."""

A_WHILE = timedelta(minutes=30)  # a session goes on
_PURPOSES = (Purpose.TELEMARKETING, Purpose.INFORMATIONAL)


def fictional(rng: random.Random) -> Iterator[Number]:
    """All that may be called at some hour, in random order a place."""
    blocks = [
        *([Number(f"+1{code}555{n:04d}") for n in range(101, 199)] for code in _AREA_CODES),
        [number for number in CONSENTING if number.e164.startswith("+44")],
        [number for number in CONSENTING if number.e164.startswith("+61")],
    ]
    for block in blocks:
        rng.shuffle(block)
        yield from block


def listed_as_of(now: datetime) -> datetime:
    """The day of the lists: yesterday's, since in the west today has not begun yet."""
    return now.astimezone(UTC) - timedelta(days=1)


def consented_at(now: datetime) -> datetime:
    return now - timedelta(hours=1)


def callable_now(gate: Gate, number: Number, now: datetime, purpose: Purpose = Purpose.TELEMARKETING) -> bool:
    """Whether the gate would allow it now, with nothing but a notice owed before recording."""
    version = listed_as_of(now).date()
    verdict = gate.check(
        Facts(
            number=number,
            at=now,
            call_kind=CallKind.LIVE,
            purpose=purpose,
            party=Party.CONSUMER,
            seller=SELLER,
            campaign="demo",
            agent_region=OUR_REGION,
            storage_region=OUR_REGION,
            seller_region=OUR_REGION,
            internal_dnc=False,
            registries={
                name: Registry(number in LISTED, version)
                for name, country in LISTS.items()
                if number.e164.startswith(f"+{country}")
            },
            consents=_consents(number, now),
            attempts=(),
            refusals=(),
            silent_calls=(),
            abandonment=Abandonment(0, 0),
            switches={},
            caller_id=CALLER_ID,
            recording_policy=RecordingPolicy.FOLLOW_LAW,
            in_flight=False,
            prompts={"en": True},
            ring_seconds=25,
        )
    )
    duty = verdict.recording
    return verdict.decision is Decision.ALLOW and duty.mode is RecordingMode.NOTICE and not duty.record_announcement


def _consents(number: Number, now: datetime) -> tuple[Consent, ...]:
    if number not in CONSENTING:
        return ()
    return (Consent(ConsentKind.EXPRESS_WRITTEN, Purpose.TELEMARKETING, SELLER, consented_at(now)),)


def purpose_at(now: datetime) -> Purpose:
    """What people may be called for, somewhere, from now on for a while: to be sold something, if that is lawful.

    Raises HeedlineError: nothing.
    """
    gate = _gate()
    for purpose in _PURPOSES:
        if any(_open(gate, number, now, purpose) for number in _one_a_place()):
            return purpose
    raise HeedlineError("there is no place with made-up numbers that may be called at this hour; try again later")


def pick(count: int, now: datetime, taken: frozenset[str] = frozenset(), seed: int | None = None) -> list[Number]:
    """Numbers that may be called for a while and are not in `taken` (E.164). Raises HeedlineError: too few are left."""
    gate, purpose = _gate(), purpose_at(now)
    found = []
    for number in fictional(random.Random(seed)):  # noqa: S311 - a choice of made-up numbers, no secret
        if number.e164 not in taken and _open(gate, number, now, purpose):
            found.append(number)
            if len(found) == count:
                return found
    raise HeedlineError("too few made-up numbers are left that may be called at this hour; remove ./var and try again")


def _open(gate: Gate, number: Number, now: datetime, purpose: Purpose) -> bool:
    return callable_now(gate, number, now, purpose) and callable_now(gate, number, now + A_WHILE, purpose)


@lru_cache(1)
def _gate() -> Gate:
    return Gate(DIALLING_RULES, load_packs())


def _one_a_place() -> tuple[Number, ...]:
    return (*(Number(f"+1{code}5550101") for code in _AREA_CODES), CONSENTING[0], CONSENTING[-1])

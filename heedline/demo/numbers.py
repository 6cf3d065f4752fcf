"""Numbers nobody has, in a place where it is daytime: the demo keeps the calling hours like everyone else.

All are reserved for fiction: NANP 555-0100 to 555-0199, Ofcom 020 7946 0xxx, ACMA 02 5550 xxxx. Between them
some place lies within the hours at every minute of the day.
"""

import random
from collections.abc import Iterator
from datetime import datetime

from compliance import DIALLING_RULES, Decision, Facts, Gate, Number, RecordingMode, RecordingPolicy, load_packs
from compliance.errors import HeedlineError
from compliance.facts import CallKind, Party, Purpose

_AREA_CODES = ("212", "312", "303", "602", "907", "808")
OUR_REGION = "US-NY"


def fictional(rng: random.Random) -> Iterator[Number]:
    """All of them, in random order a place."""
    blocks = [
        *([f"+1{code}555{n:04d}" for n in range(100, 200)] for code in _AREA_CODES),
        [f"+4420794601{n:02d}" for n in range(100)],
        [f"+6125550{n:04d}" for n in range(100)],
    ]
    for block in blocks:
        rng.shuffle(block)
        yield from (Number(number) for number in block)


def callable_now(gate: Gate, number: Number, now: datetime) -> bool:
    """Whether the gate would allow it now, with nothing but a notice owed before recording."""
    verdict = gate.check(
        Facts(
            number=number,
            at=now,
            call_kind=CallKind.LIVE,
            purpose=Purpose.TELEMARKETING,
            party=Party.CONSUMER,
            seller="Acme Water",
            campaign="demo",
            agent_region=OUR_REGION,
            storage_region=OUR_REGION,
            seller_region=OUR_REGION,
            internal_dnc=False,
            caller_id="+12125550100",
            recording_policy=RecordingPolicy.FOLLOW_LAW,
            in_flight=False,
            prompts={"en": True},
            ring_seconds=25,
        )
    )
    duty = verdict.recording
    return verdict.decision is Decision.ALLOW and duty.mode is RecordingMode.NOTICE and not duty.record_announcement


def pick(count: int, now: datetime, taken: frozenset[str] = frozenset(), seed: int | None = None) -> list[Number]:
    """Numbers that may be called now and are not in `taken` (E.164). Raises HeedlineError: not so many are left."""
    gate = Gate(DIALLING_RULES, load_packs())
    found = []
    for number in fictional(random.Random(seed)):  # noqa: S311 - a choice of made-up numbers, no secret
        if number.e164 not in taken and callable_now(gate, number, now):
            found.append(number)
            if len(found) == count:
                return found
    raise HeedlineError("no made-up number is left that may be called at this hour; remove ./var and try again")

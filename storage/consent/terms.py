"""What is said of a consent when it is given or taken back, checked before it is written."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from compliance.errors import BadInput
from compliance.number import Number
from compliance.terms import ConsentKind, Purpose
from storage.canonical import canonical
from storage.consent.wording import Wording

_CHANNEL = re.compile(r"[^\W\d_][\w -]{0,63}")
_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII)
_APART = re.compile(r"[ ().\-/]")
_LONGEST_NAME = 128
_OWN_DIGITS = 8  # the end of a number by which it can be found, however it is written
CLOCK_SKEW = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A consent as it was given. `at`: when the person gave it; `valid_until`: the first instant without it.

    `evidence`: what proves it, as JSON: form hash, IP, recording id, key press. `collected_by`: who asked for it.
    Raises BadInput: a field that can't be.
    """

    kind: ConsentKind
    purpose: Purpose
    seller: str
    channel: str
    at: datetime
    wording: Wording | None = None
    jurisdiction: str | None = None
    evidence: dict[str, object] = field(default_factory=dict)
    collected_by: str | None = None
    valid_until: datetime | None = None

    def __post_init__(self) -> None:
        _check(self.channel, self.jurisdiction, self.collected_by, self.seller)
        if self.valid_until is not None and self.valid_until <= self.at:
            raise BadInput("consent: valid_until must lie after the time it was given")


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """A consent taken back by any means. `purpose` and `seller` None: all of them, which is the safest reading.

    47 CFR 64.1200(a)(10): a revocation may come by any reasonable means, and reaches all further robocalls.
    Raises BadInput: a field that can't be.
    """

    channel: str
    at: datetime
    purpose: Purpose | None = None
    seller: str | None = None
    jurisdiction: str | None = None
    evidence: dict[str, object] = field(default_factory=dict)
    collected_by: str | None = None

    def __post_init__(self) -> None:
        _check(self.channel, self.jurisdiction, self.collected_by, self.seller)


def check_against(number: Number, terms: Grant | Withdrawal, now: datetime) -> None:
    """Raises BadInput: it lies in the future, or holds the person's number, which is kept sealed and nowhere else."""
    if terms.at > now + CLOCK_SKEW:
        raise BadInput("consent: its time lies in the future")
    without_number([terms.evidence, terms.collected_by, terms.seller, terms.channel], number)


def without_number(said: object, number: Number) -> None:
    """Raises BadInput: the person's number stands in it, however it is written."""
    if number.e164[-_OWN_DIGITS:] in _APART.sub("", canonical(said)):
        raise BadInput("consent: the evidence holds the number itself; leave it out, it is kept sealed")


def _check(channel: str, jurisdiction: str | None, collected_by: str | None, seller: str | None) -> None:
    if not _CHANNEL.fullmatch(channel):
        raise BadInput("consent channel: a word or two, as in web form or paper: letters, blanks and -, at most 64")
    if jurisdiction is not None and not _REGION.fullmatch(jurisdiction):
        raise BadInput("consent jurisdiction: an ISO 3166 code such as US-CA, US or DE")
    for name, text in (("collected_by", collected_by), ("seller", seller)):
        if text is not None and (not 1 <= len(text) <= _LONGEST_NAME or not text.isprintable()):
            raise BadInput(f"consent {name}: 1 to {_LONGEST_NAME} printable characters")

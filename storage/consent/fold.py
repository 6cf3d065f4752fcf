"""What a person's acts come to: which grants stand, and what has become of the others. Pure.

Acts are taken in the order in which they came to the ledger, whatever their clocks said:

- A grant stands from its own time. A pending one counts for nothing until it is confirmed.
- A confirmation confirms the grant it refers to; without one, the grants of its kind, purpose and seller.
- A withdrawal ends every grant in its scope that came before it in the ledger, or claims to be no younger than it:
  an old grant entered late does not undo a withdrawal. A refusal ends the same. No later confirmation revives it.

A withdrawal's scope is a purpose and a seller, each of them or ANY; a grant that names no seller is ended by a
withdrawal towards any one seller. Consents to be recorded are another matter and take no part.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from unicodedata import normalize

from compliance.facts import Consent
from compliance.terms import ConsentKind, Purpose

ANY = "any"
RECORDING = "recording"

_KINDS = {kind.value: kind for kind in ConsentKind}
_PURPOSES = {purpose.value: purpose for purpose in Purpose}


@dataclass(frozen=True, slots=True)
class Step:
    """What the fold needs of an act. `seller` None: of a grant, whoever; of a withdrawal, all."""

    id: str
    act: str
    kind: str
    purpose: str
    seller: str | None
    at: datetime
    valid_until: datetime | None
    pending: bool
    refers_to: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A grant and what has become of it; `pending`: it waits for its confirmation and counts for nothing."""

    id: str
    consent: Consent
    pending: bool

    def stands(self, at: datetime) -> bool:
        """Whether it counts at `at`; the instant of expiry is the first without it."""
        expires = self.consent.expires_at
        return not self.pending and self.consent.withdrawn_at is None and (expires is None or at < expires)


def fold(steps: Iterable[Step]) -> tuple[Held, ...]:
    """Every marketing grant, in order. `steps` in the order of the ledger."""
    held: list[Held] = []
    ended: list[Step] = []
    for step in steps:
        if step.kind == RECORDING:
            continue
        if step.act == "grant":
            grant = _granted(step)
            if grant is not None:
                late = [end for end in ended if step.at <= end.at and _within(grant.consent, end)]
                held.append(_withdrawn(grant, late[0].at) if late else grant)
        elif step.act == "confirm":
            held = [_confirmed(one, step.at) if _meant(one, step) else one for one in held]
        else:
            ended.append(step)
            held = [_withdrawn(one, step.at) if _within(one.consent, step) else one for one in held]
    return tuple(held)


def same_name(one: str, other: str) -> bool:
    """Of a seller or a topic: how it is written makes no other of it, when it is about what a person does not want."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return " ".join(normalize("NFKC", normalize("NFKC", name).casefold()).split())


def _granted(step: Step) -> Held | None:
    """None: a kind or purpose that no rule knows; it can't count (no purpose at all would count for any)."""
    kind, purpose = _KINDS.get(step.kind), _PURPOSES.get(step.purpose)
    if kind is None or purpose is None:
        return None
    consent = Consent(kind, purpose, step.seller, obtained_at=step.at, expires_at=step.valid_until)
    return Held(step.id, consent, step.pending)


def _meant(held: Held, confirmation: Step) -> bool:
    consent = held.consent
    if consent.withdrawn_at is not None or consent.confirmed_at is not None:
        return False
    if confirmation.refers_to is not None:
        return held.id == confirmation.refers_to
    return (
        not held.pending
        and consent.kind.value == confirmation.kind
        and consent.purpose is _PURPOSES.get(confirmation.purpose)
        and consent.seller == confirmation.seller
    )


def _within(consent: Consent, end: Step) -> bool:
    by_purpose = end.purpose == ANY or consent.purpose is _PURPOSES.get(end.purpose)
    by_seller = end.seller is None or consent.seller is None or same_name(consent.seller, end.seller)
    return by_purpose and by_seller


def _confirmed(held: Held, at: datetime) -> Held:
    return replace(held, pending=False, consent=replace(held.consent, confirmed_at=at))


def _withdrawn(held: Held, at: datetime) -> Held:
    if held.consent.withdrawn_at is not None:
        return held
    return replace(held, consent=replace(held.consent, withdrawn_at=at))

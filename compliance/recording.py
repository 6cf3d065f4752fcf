"""May we record, and how: the strictest answer of everyone who has a say.

A say have the law where the callee may be (every candidate), where the agent sits, where the audio is stored and
where the seller is, and the campaign's own policy, which can only tighten. What is not known is taken strictly:

| not known | counts as |
|---|---|
| where the callee is | consent is asked (`explicit`) |
| a jurisdiction the data does not hold | consent is asked (`explicit`) |
| which US state | all-party law: notice, and the announcement itself is recorded |
| where agent, storage or seller is | all-party law: notice |
| the campaign's policy | the law's mode |

The floor is `notice`, also where the law lets one party record.
"""

from dataclasses import dataclass
from datetime import UTC, date
from functools import lru_cache

from compliance.case import Case
from compliance.facts import RecordingPolicy
from compliance.jurisdictions import Packs
from compliance.verdict import Confidence, Reason, RecordingDuty, RecordingMode, strictest

_POLICY_MODE = {
    RecordingPolicy.NOTICE: RecordingMode.NOTICE,
    RecordingPolicy.EXPLICIT: RecordingMode.EXPLICIT,
    RecordingPolicy.NONE: RecordingMode.NONE,
}


@dataclass(frozen=True, slots=True)
class _Say:
    """One voice: the mode it asks for, and why."""

    mode: RecordingMode
    record_announcement: bool
    reason: Reason


def recording_duty(case: Case) -> RecordingDuty:
    """Never fails: what is unknown counts as the table above says.

    `reasons` are the voices that set the mode or want the announcement recorded.
    """
    facts = case.facts
    day = None if facts.at is None else facts.at.astimezone(UTC).date()
    others = (facts.agent_region, facts.storage_region, facts.seller_region)
    return _duty(case.packs, case.regions, others, facts.recording_policy, day)


@lru_cache(maxsize=1 << 12)
def _duty(
    packs: Packs,
    callee: frozenset[str],
    others: tuple[str | None, str | None, str | None],
    policy: RecordingPolicy | None,
    day: date | None,
) -> RecordingDuty:
    roles: dict[str, list[str]] = {region: ["callee"] for region in sorted(callee)}
    says: list[_Say] = [] if callee else [_unknown_place("callee", RecordingMode.EXPLICIT)]
    for role, other in zip(("agent", "storage", "seller"), others, strict=True):
        if other is None:
            says.append(_unknown_place(role, RecordingMode.NOTICE))
        else:
            roles.setdefault(other, []).append(role)
    for region, who in roles.items():
        says.extend(_of_region(packs, ", ".join(who), region, day))
    if policy is not None and policy in _POLICY_MODE:
        says.append(_of_policy(policy))
    mode = strictest(say.mode for say in says)
    announce = mode is not RecordingMode.NONE and any(say.record_announcement for say in says)
    deciding = [say for say in says if say.mode is mode or (announce and say.record_announcement)]
    return RecordingDuty(
        mode=mode,
        record_announcement=announce,
        jurisdictions=tuple(sorted(callee.union(other for other in others if other is not None))),
        reasons=tuple(dict.fromkeys(say.reason for say in deciding)),
    )


def _of_region(packs: Packs, roles: str, region: str, day: date | None) -> list[_Say]:
    laws = packs.recording_laws(region, day)
    if not laws:
        reason = Reason(
            "recording.no_data",
            "house rule: where the recording law is not in the data, consent is asked",
            f"{roles} in {region}: no recording law known",
            Confidence.HOUSE,
        )
        return [_Say(RecordingMode.EXPLICIT, False, reason)]
    return [
        _Say(
            law.mode,
            law.record_announcement,
            Reason(law.entry.id, law.entry.citation, f"{roles} in {region}: {law.parties.value}", law.entry.confidence),
        )
        for law in laws
    ]


def _unknown_place(role: str, mode: RecordingMode) -> _Say:
    reason = Reason(
        "recording.unknown_place",
        "house rule: an unknown jurisdiction counts as all-party",
        f"{role}: jurisdiction unknown",
        Confidence.HOUSE,
    )
    return _Say(mode, False, reason)


def _of_policy(policy: RecordingPolicy) -> _Say:
    reason = Reason(
        "recording.campaign_policy",
        "campaign setting, never looser than the law",
        f"campaign wants {policy.value}",
        Confidence.HOUSE,
    )
    return _Say(_POLICY_MODE[policy], False, reason)

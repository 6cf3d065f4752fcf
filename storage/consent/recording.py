"""An answer to being recorded: on file with the law it rests on, and in the audit log by its digest."""

import hashlib
from datetime import datetime

from compliance.verdict import RecordingDuty
from storage.audit import AuditTag
from storage.canonical import canonical
from storage.consent.act import Act
from storage.unit import Transaction


async def write_answer(
    tx: Transaction,
    act: Act,
    answer: str,
    *,
    party: str,
    attempt: str,
    purpose: str,
    duty: RecordingDuty | None,
    pack: str,
    evidence: dict[str, object],
    at: datetime,
) -> None:
    """`evidence`: what was asked and how it was answered. `duty`, `pack`: the verdict's; None: there was none.

    Raises LedgerConflict, BadInput as `Consents.add`.
    """
    proof: dict[str, object] = {
        **evidence,
        "answer": answer,
        "mode": duty.mode.value if duty else "",
        "jurisdictions": list(duty.jurisdictions) if duty else [],
        "pack": pack,
    }
    consent = await tx.consents.add(party, "recording", purpose, act, proof, attempt, at, "callee")
    # The log names the evidence by its digest: changed in the ledger later, it is no longer what was written.
    digest = hashlib.sha256(canonical(proof).encode()).hexdigest()
    data: dict[str, str | int | bool | None] = {
        "attempt": attempt,
        "consent": consent,
        "act": act,
        "evidence": digest,
    }
    await tx.audit.append(AuditTag.CONSENT_WRITTEN, at, data)

"""PURE RULES: may we call, what must we say, may we record.

The door: `Gate(DIALLING_RULES, load_packs()).check(facts)` gives a `Verdict`.
"""

from compliance.errors import BadInput, HeedlineError
from compliance.facts import Facts, RecordingPolicy
from compliance.facts_json import facts_from_dict
from compliance.gate import Gate
from compliance.jurisdictions import Packs, load_packs
from compliance.number import BadNumber, Number, parse_number, regions, zones
from compliance.rules import DIALLING_RULES, SCREENING_RULES
from compliance.verdict import (
    Confidence,
    Decision,
    Obligation,
    ObligationKind,
    Reason,
    RecordingDuty,
    RecordingMode,
    Verdict,
)

__all__ = [
    "DIALLING_RULES",
    "SCREENING_RULES",
    "BadInput",
    "BadNumber",
    "Confidence",
    "Decision",
    "Facts",
    "Gate",
    "HeedlineError",
    "Number",
    "Obligation",
    "ObligationKind",
    "Packs",
    "Reason",
    "RecordingDuty",
    "RecordingMode",
    "RecordingPolicy",
    "Verdict",
    "facts_from_dict",
    "load_packs",
    "parse_number",
    "regions",
    "zones",
]

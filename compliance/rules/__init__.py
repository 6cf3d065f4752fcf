"""The rules, one small class each.

`SCREENING_RULES` need only what is known of a number and its history, and can be asked of a list or a line of
facts. `DIALLING_RULES` are asked at the instant of dialling and also need what only the call system knows: how
long it will ring, whether a call to the number is under way, whether the prompts are there, where the recording
goes.
"""

from compliance.case import Rule
from compliance.rules.attempt_in_flight import NoAttemptInFlight
from compliance.rules.calling_hours import CallingHours
from compliance.rules.internal_dnc import InternalDnc
from compliance.rules.prompts_available import PromptsAvailable
from compliance.rules.recording_mode import RecordingEndsKnown, RecordingSetupKnown
from compliance.rules.ring_time import RingTime
from compliance.rules.valid_number import ValidNumber

SCREENING_RULES: tuple[Rule, ...] = (ValidNumber(), InternalDnc(), CallingHours(), RecordingEndsKnown())
DIALLING_RULES: tuple[Rule, ...] = (
    *SCREENING_RULES,
    RecordingSetupKnown(),
    RingTime(),
    NoAttemptInFlight(),
    PromptsAvailable(),
)

__all__ = [
    "DIALLING_RULES",
    "SCREENING_RULES",
    "CallingHours",
    "InternalDnc",
    "NoAttemptInFlight",
    "PromptsAvailable",
    "RecordingEndsKnown",
    "RecordingSetupKnown",
    "RingTime",
    "ValidNumber",
]

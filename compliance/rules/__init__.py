"""The rules, one small class each.

`SCREENING_RULES` need only what is known of a number and its history, and can be asked of a list or a line of
facts. `DIALLING_RULES` are asked at the instant of dialling and also need what only the call system knows
(`AT_THE_DIAL`): how long it will ring, whether a call to the number is under way, whether the prompts are there,
where the recording goes.
"""

from compliance.case import Rule
from compliance.rules.abandonment import AbandonmentHeadroom
from compliance.rules.attempt_in_flight import NoAttemptInFlight
from compliance.rules.attempts import AttemptsLeft, WaitedLongEnough
from compliance.rules.caller_id import CallerIdShown
from compliance.rules.calling_hours import CallingHours
from compliance.rules.consent import ConsentGiven, DoubleOptIn
from compliance.rules.internal_dnc import InternalDnc
from compliance.rules.jurisdiction_covered import JurisdictionCovered, PackAge
from compliance.rules.prohibition import NotProhibited
from compliance.rules.prompts_available import PromptsAvailable
from compliance.rules.reassigned import NotReassigned
from compliance.rules.recording_mode import RecordingEndsKnown, RecordingSetupKnown
from compliance.rules.registry import RegistryClear
from compliance.rules.ring_time import RingTime
from compliance.rules.switches import SwitchesOff
from compliance.rules.valid_number import ValidNumber

SCREENING_RULES: tuple[Rule, ...] = (
    ValidNumber(),
    JurisdictionCovered(),
    PackAge(),
    SwitchesOff(),
    InternalDnc(),
    RegistryClear(),
    NotProhibited(),
    ConsentGiven(),
    DoubleOptIn(),
    NotReassigned(),
    CallingHours(),
    AttemptsLeft(),
    WaitedLongEnough(),
    CallerIdShown(),
    AbandonmentHeadroom(),
    RecordingEndsKnown(),
)
AT_THE_DIAL: tuple[Rule, ...] = (RecordingSetupKnown(), RingTime(), NoAttemptInFlight(), PromptsAvailable())
DIALLING_RULES: tuple[Rule, ...] = (*SCREENING_RULES, *AT_THE_DIAL)

__all__ = ["AT_THE_DIAL", "DIALLING_RULES", "SCREENING_RULES"]

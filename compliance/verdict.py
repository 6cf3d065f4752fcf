"""What the gate answers: a decision with its reasons, what the call owes, and how it may be recorded.

    Verdict
    ├── decision            ALLOW or DENY
    ├── reasons             why not, one per rule that said no; empty on ALLOW
    ├── obligations         what the call flow must do if it is placed
    ├── recording           the mode, and whether the announcement itself must be on the recording
    ├── next_allowed_at     when asking again may help (UTC), or None: waiting alone changes nothing
    └── pack                version of the jurisdiction data that was used

`to_json` and `from_json` are inverse; the text is canonical (sorted keys, no spaces), so equal verdicts have
equal text.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from types import MappingProxyType

from compliance.errors import BadInput


class Decision(Enum):
    ALLOW = "allow"
    DENY = "deny"


class Confidence(Enum):
    """How well a citation was checked. `house` marks our own rule, stricter than or beside the law."""

    VERIFIED_PRIMARY = "verified_primary"
    VERIFIED_SECONDARY = "verified_secondary"
    GENERAL_KNOWLEDGE = "general_knowledge"
    CONFLICT = "conflict"
    HOUSE = "house"


class ObligationKind(Enum):
    """Everything a verdict can ask of the call flow; units stand in the parameter's name."""

    MIN_RING = "min_ring"  # seconds
    IDENTIFY = "identify"  # within_seconds
    ANNOUNCE_OPT_OUT = "announce_opt_out"  # within_seconds
    BEEP = "beep"  # every_seconds
    RECORD_ANNOUNCEMENT = "record_announcement"
    TRANSFER_LIMIT = "transfer_limit"  # within_seconds
    MESSAGE_CONTENT = "message_content"  # what the message of a call without an agent says, one key a part
    END_ON_REQUEST = "end_on_request"  # within_seconds of the person asking
    RELEASE_LINE = "release_line"  # within_seconds of the person hanging up
    LOG_CONSENT_USE = "log_consent_use"  # the use of the consent is itself put on file


class RecordingMode(Enum):
    """`notice`: after the notice has played to its end. `explicit`: after the callee pressed 1. `none`: never."""

    NOTICE = "notice"
    EXPLICIT = "explicit"
    NONE = "none"

    @property
    def strictness(self) -> int:
        return _STRICTNESS[self]


_STRICTNESS = {RecordingMode.NOTICE: 0, RecordingMode.EXPLICIT: 1, RecordingMode.NONE: 2}


def strictest(modes: Iterable[RecordingMode]) -> RecordingMode:
    """The strictest of the modes: none over explicit over notice. Raises ValueError when there is none."""
    return max(modes, key=lambda mode: mode.strictness)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule said what it said. `detail` is for a person and never holds a phone number."""

    rule: str
    citation: str
    detail: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Obligation:
    kind: ObligationKind
    params: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))

    def __hash__(self) -> int:
        return hash((self.kind, tuple(sorted(self.params.items()))))


@dataclass(frozen=True, slots=True)
class RecordingDuty:
    """How this call may be recorded.

    `jurisdictions` are all that were considered, sorted; `reasons` name the law or policy that set the mode.
    """

    mode: RecordingMode
    record_announcement: bool
    jurisdictions: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    decision: Decision
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    recording: RecordingDuty
    next_allowed_at: datetime | None
    pack: str

    @property
    def allowed(self) -> bool:
        return self.decision is Decision.ALLOW

    def to_dict(self) -> dict[str, object]:
        """The JSON-able form: keys decision, reasons, obligations, recording, next_allowed_at, pack."""
        return {
            "decision": self.decision.value,
            "reasons": [_reason_to_dict(reason) for reason in self.reasons],
            "obligations": [{"kind": item.kind.value, "params": dict(item.params)} for item in self.obligations],
            "recording": {
                "mode": self.recording.mode.value,
                "record_announcement": self.recording.record_announcement,
                "jurisdictions": list(self.recording.jurisdictions),
                "reasons": [_reason_to_dict(reason) for reason in self.recording.reasons],
            },
            "next_allowed_at": None if self.next_allowed_at is None else instant_text(self.next_allowed_at),
            "pack": self.pack,
        }

    def to_json(self) -> str:
        return canonical_json(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> "Verdict":
        """Raises BadInput: the text is not a verdict as `to_json` writes it."""
        try:
            data = json.loads(text)
            recording = data["recording"]
            at = data["next_allowed_at"]
            verdict = cls(
                decision=Decision(data["decision"]),
                reasons=tuple(_reason_from_dict(item) for item in data["reasons"]),
                obligations=tuple(_obligation_from_dict(item) for item in data["obligations"]),
                recording=RecordingDuty(
                    mode=RecordingMode(recording["mode"]),
                    record_announcement=_flag(recording["record_announcement"]),
                    jurisdictions=tuple(_text(item) for item in recording["jurisdictions"]),
                    reasons=tuple(_reason_from_dict(item) for item in recording["reasons"]),
                ),
                next_allowed_at=None if at is None else datetime.fromisoformat(_text(at)).astimezone(UTC),
                pack=_text(data["pack"]),
            )
        except (KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
            raise BadInput(f"verdict: not a stored verdict ({type(error).__name__}); was it edited?") from None
        if verdict.to_dict() != data:
            raise BadInput("verdict: holds keys or values no verdict has; was it edited?")
        return verdict


canonical_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
"""One text for one value: sorted keys, no spaces."""


def instant_text(at: datetime) -> str:
    """ISO 8601 in UTC with a Z, as every JSON of ours writes an instant. Raises BadInput: `at` has no time zone."""
    if at.tzinfo is None:
        raise BadInput("time: has no time zone; give it with an offset or Z")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _reason_to_dict(reason: Reason) -> dict[str, str]:
    return {
        "rule": reason.rule,
        "citation": reason.citation,
        "detail": reason.detail,
        "confidence": reason.confidence.value,
    }


def _reason_from_dict(data: Mapping[str, object]) -> Reason:
    return Reason(
        rule=_text(data["rule"]),
        citation=_text(data["citation"]),
        detail=_text(data["detail"]),
        confidence=Confidence(data["confidence"]),
    )


def _obligation_from_dict(data: Mapping[str, object]) -> Obligation:
    params = data["params"]
    if not isinstance(params, dict):
        raise TypeError("params")
    return Obligation(ObligationKind(data["kind"]), MappingProxyType({_text(k): _param(v) for k, v in params.items()}))


def _param(value: object) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError("param")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("flag")
    return value

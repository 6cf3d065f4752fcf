"""Who may do what: one table from action to roles. What does not stand in it is denied."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from compliance.errors import BadInput


class Role(Enum):
    """An office. The administrator runs the machine and hears nobody: playing and exporting are others' work."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    COMPLIANCE_OFFICER = "compliance_officer"
    ADMIN = "admin"

    @classmethod
    def parse(cls, text: str) -> "Role":
        """Raises BadInput: no role has that name."""
        try:
            return cls(text)
        except ValueError:
            raise BadInput(f"role {text[:40]!r}: one of {', '.join(role.value for role in cls)}") from None


class Action(Enum):
    """What needs a role. The value is what `heedline` calls it."""

    LIST_RECORDINGS = "list recordings"
    PLAY_RECORDING = "play a recording"
    EXPORT_RECORDING = "export a recording"
    EXPORT_DNC = "export the do-not-call list"
    GRANT_ROLE = "grant or revoke a role"
    LOOSEN_RULES = "accept rules that loosen others"


ALLOWED: Mapping[Action, frozenset[Role]] = MappingProxyType(
    {
        Action.LIST_RECORDINGS: frozenset({Role.SUPERVISOR, Role.COMPLIANCE_OFFICER, Role.ADMIN}),
        Action.PLAY_RECORDING: frozenset({Role.SUPERVISOR, Role.COMPLIANCE_OFFICER}),
        Action.EXPORT_RECORDING: frozenset({Role.COMPLIANCE_OFFICER}),
        Action.EXPORT_DNC: frozenset({Role.COMPLIANCE_OFFICER}),
        Action.GRANT_ROLE: frozenset({Role.ADMIN}),
        Action.LOOSEN_RULES: frozenset({Role.COMPLIANCE_OFFICER}),
    }
)


@dataclass(frozen=True)
class AccessDecision:
    """`by` is the role that allowed it, None when denied; `reason` is for a person."""

    allowed: bool
    by: Role | None
    reason: str


def decide(roles: Iterable[Role], action: Action) -> AccessDecision:
    """Whether one of the roles allows the action."""
    fitting = ALLOWED.get(action, frozenset())
    held = [role for role in Role if role in set(roles) & fitting]
    if held:
        return AccessDecision(True, held[0], f"{held[0].value} may {action.value}")
    needed = " or ".join(role.value for role in Role if role in fitting) or "nobody's role"
    return AccessDecision(False, None, f"to {action.value} takes {needed}")

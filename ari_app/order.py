"""An order: everything fixed when a call is asked for. It is the first line of the call's story."""

from dataclasses import asdict, dataclass
from typing import Any, cast

from ari_app.call import Placement, Plan
from compliance.number import Number
from storage.ledger.campaigns import Campaign

KIND = "Ordered"


@dataclass(frozen=True)
class Order:
    """`agent_channel`: the agent dialled from the phone, and this channel of theirs is up already."""

    attempt: str
    party: str
    number: Number
    campaign: Campaign
    agent: str
    plan: Plan
    agent_channel: str = ""

    def to_json(self) -> dict[str, object]:
        """For the story; the number stays with the party, encrypted."""
        return {"agent": self.agent, "agent_channel": self.agent_channel, "plan": asdict(self.plan)}


def plan_from_json(data: dict[str, object]) -> Plan:
    """Read back `to_json()["plan"]`. Raises ValueError, TypeError or KeyError: not one of ours."""
    fields = dict(cast("dict[str, Any]", data["plan"]))
    return Plan(**{**fields, "placement": Placement(fields["placement"])})


def plan_of(campaign: Campaign, agent_ring_seconds: int, agent_called_us: bool) -> Plan:
    return Plan(
        placement=Placement(campaign.placement),
        recording_required=campaign.recording_required,
        ends_on_refusal=campaign.on_refusal == "end",
        ring_seconds=campaign.ring_seconds,
        agent_ring_seconds=agent_ring_seconds,
        agent_called_us=agent_called_us,
    )

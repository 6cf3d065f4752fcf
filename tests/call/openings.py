"""How stories begin: the way to a phase, told once."""

from collections.abc import Callable
from typing import Any

from ari_app.call import Placement, Plan
from ari_app.call.events import Leg
from compliance.verdict import RecordingMode

from .switch import Switch, plan

NOTICE, EXPLICIT, NONE = RecordingMode.NOTICE, RecordingMode.EXPLICIT, RecordingMode.NONE


def dialling(mode: RecordingMode = NOTICE, *, announce: bool = False, **of: Any) -> Switch:
    return Switch(plan(**of), mode, announce=announce).start()


def dialling_in_bridge(mode: RecordingMode = NOTICE, *, announce: bool = False, **of: Any) -> Switch:
    return Switch(plan(Placement.IN_BRIDGE, **of), mode, announce=announce).start().answer(Leg.AGENT)


def prompted(of: Plan, mode: RecordingMode = NOTICE, *, announce: bool = False) -> Switch:
    call = Switch(of, mode, announce=announce).start()
    if of.placement is Placement.IN_BRIDGE:
        call.answer(Leg.AGENT)
    return call.answer(Leg.CALLEE)


def greeted(of: Plan | None = None, mode: RecordingMode = NOTICE, *, announce: bool = False) -> Switch:
    """The callee has answered and is being told who calls."""
    call = Switch(of or plan(), mode, announce=announce, identify=True).start()
    if call.plan.placement is Placement.IN_BRIDGE:
        call.answer(Leg.AGENT)
    return call.answer(Leg.CALLEE)


def greeted_in_bridge(mode: RecordingMode = NOTICE, *, announce: bool = False, **of: Any) -> Switch:
    return greeted(plan(Placement.IN_BRIDGE, **of), mode, announce=announce)


def noticed(**of: Any) -> Switch:
    return prompted(plan(**of))


def noticed_in_bridge(**of: Any) -> Switch:
    return prompted(plan(Placement.IN_BRIDGE, **of))


def questioned(given: Plan | None = None, **of: Any) -> Switch:
    return prompted(given or plan(**of), EXPLICIT)


def asked_in_bridge(**of: Any) -> Switch:
    return prompted(plan(Placement.IN_BRIDGE, **of), EXPLICIT)


def on_tape(**of: Any) -> Switch:
    return prompted(plan(**of), announce=True)


def on_tape_in_bridge(**of: Any) -> Switch:
    return prompted(plan(Placement.IN_BRIDGE, **of), announce=True)


def waiting(**of: Any) -> Switch:
    """The notice has been heard; the agent's phone rings."""
    return noticed(**of).prompt_ends()


def talking(**of: Any) -> Switch:
    """On tape, with the notice heard more than a grace ago."""
    return waiting(**of).answer(Leg.AGENT).wait(10.1)


def talking_in_bridge(**of: Any) -> Switch:
    return noticed_in_bridge(**of).prompt_ends().wait(10.1)


def talking_unrecorded(**of: Any) -> Switch:
    return dialling(NONE, **of).answer(Leg.CALLEE).answer(Leg.AGENT)


def manual(mode: RecordingMode = NOTICE, **of: Any) -> Switch:
    return Switch(plan(agent_called_us=True, **of), mode).start()


def denied_manual() -> Switch:
    return Switch(plan(agent_called_us=True), denied="calling_hours").start()


Begin = Callable[..., Switch]

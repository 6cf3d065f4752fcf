"""PURE: what happens in a call. Events in, commands out; see `flow.TABLE`."""

from ari_app.call.call import Call, Phase, Placement, Plan, Status, Tape
from ari_app.call.flow import TABLE, decide, fold

__all__ = ["TABLE", "Call", "Phase", "Placement", "Plan", "Status", "Tape", "decide", "fold"]

"""What the PBX reports, as what happened in the call: the causes of calls that were never answered."""

import pytest

from ari_app.call.events import Failure
from ari_app.switchboard import OUR_BRIDGE, OUR_PLAYBACK, OURS, failure_of

# Measured on 22.10.1: what chan_pjsip makes of a far end's answer.
CAUSES = [
    (17, True, Failure.BUSY),  # 486
    (17, False, Failure.BUSY),
    (21, True, Failure.REJECTED),  # 603, 403
    (18, False, Failure.NO_ANSWER),  # 408
    (19, True, Failure.NO_ANSWER),  # our dial time-out while it rang
    (19, False, Failure.UNREACHABLE),  # the same, and nothing ever rang: nobody is there
    (16, True, Failure.NO_ANSWER),
    (34, False, Failure.CONGESTION),  # 503
    (38, False, Failure.CONGESTION),  # 500
    (1, False, Failure.UNREACHABLE),  # 404
    (127, False, Failure.UNREACHABLE),
]


@pytest.mark.parametrize(("cause", "rang", "failure"), CAUSES)
def test_the_cause_says_why_nobody_answered(cause: int, rang: bool, failure: Failure) -> None:
    assert failure_of(cause, rang) is failure


ATTEMPT = "01M7ZVFSAMGH5PJ44AYQJW7RTK"


def test_only_our_own_names_are_taken_for_ours() -> None:
    assert OURS.fullmatch(f"{ATTEMPT}-callee")
    assert OUR_BRIDGE.fullmatch(f"{ATTEMPT}-bridge")
    assert OUR_PLAYBACK.fullmatch(f"{ATTEMPT}-play-12")
    for stranger in (
        f"{ATTEMPT}-callee\n",
        f"x{ATTEMPT}-callee",
        f"{ATTEMPT}-boss",
        "1795291534.7",
        f"{ATTEMPT}-callee;2",
    ):
        assert not OURS.fullmatch(stranger)

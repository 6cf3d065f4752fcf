"""What goes wrong in the wrong order: late answers, stale timers, failures where nobody expects them."""


from ari_app.call import Phase
from ari_app.call import commands as c
from ari_app.call import events as e
from ari_app.call.events import Answer, Leg, Prompt, Timer

from .openings import (
    asked_in_bridge,
    noticed_in_bridge,
    questioned,
)
from .switch import Switch

CALLEE, AGENT = Leg.CALLEE, Leg.AGENT


# ── prompts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nine_before_the_prompt_is_reported_to_have_started_stops_it_all_the_same() -> None:
    call = Switch()
    call.slow.add(c.PlayPrompt)
    call.start().answer(CALLEE).press(CALLEE, "9")
    assert c.StopPrompt() in call.commands
    assert call.playing == (Prompt.OPTOUT_DONE, CALLEE)


def test_a_bare_nine_is_no_opt_out_for_ever_when_the_end_of_the_question_is_reported_late() -> None:
    call = asked_in_bridge()
    call.slow.add(c.StopPrompt)
    call.press(CALLEE, "1")
    assert call.call.phase is Phase.TALKING
    call.let_go().wait(10.1).press(CALLEE, "9")
    assert call.call.phase is Phase.TALKING
    assert call.keys_heard[AGENT] == "9"


def test_a_bare_nine_counts_after_a_notice_whose_end_was_never_reported() -> None:
    call = noticed_in_bridge().wait(61).press(CALLEE, "9")
    assert call.ledger.opted_out == ["callee_key_9"]


def test_a_stale_prompt_timer_does_not_cut_the_wait_for_a_key() -> None:
    call = questioned().prompt_ends().happens(e.TimerFired(Timer.PROMPT))
    assert call.call.phase is Phase.ASKING
    assert call.press(CALLEE, "1").ledger.consents == [Answer.GRANTED]


def test_a_stale_silence_timer_does_not_talk_into_the_question_put_again() -> None:
    call = questioned().prompt_ends().lose_link().restore_link().wait(5.1)
    assert call.playing == (Prompt.CONSENT_ASK, CALLEE)
    assert call.call.asked == 1

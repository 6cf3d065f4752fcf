"""From what the PBX reports to what happened in which call."""

import re
from dataclasses import dataclass, field

from ari_app.ari.events import (
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHangupRequest,
    ChannelStateChange,
    PlaybackFinished,
    PlaybackStarted,
    StasisEnd,
    StasisStart,
)
from ari_app.ari.events import Event as AriEvent
from ari_app.call.call import Status
from ari_app.call.events import Digit, Failure, Leg, LegAnswered, LegFailed, LegRinging, PromptStarted
from ari_app.live import LiveCall

OURS = re.compile(r"([0-7][0-9A-HJKMNP-TV-Z]{25})-(callee|agent)")
OUR_PLAYBACK = re.compile(r"([0-7][0-9A-HJKMNP-TV-Z]{25})-play-[0-9]+")
OUR_BRIDGE = re.compile(r"([0-7][0-9A-HJKMNP-TV-Z]{25})-bridge")

# Q.850 causes as chan_pjsip maps SIP answers to them; measured on 22.10.1.
_BUSY = {17}
_NO_ANSWER = {18, 19, 16}
_REJECTED = {21}
_CONGESTION = {34, 38, 41, 42, 44}


def failure_of(cause: int, rang: bool) -> Failure:
    """Why a dialled leg never answered. A time-out without a single ring is a far end that isn't there."""
    if cause in _BUSY:
        return Failure.BUSY
    if cause in _NO_ANSWER:
        return Failure.NO_ANSWER if rang or cause != 19 else Failure.UNREACHABLE
    if cause in _REJECTED:
        return Failure.REJECTED
    if cause in _CONGESTION:
        return Failure.CONGESTION
    return Failure.UNREACHABLE


@dataclass
class Switchboard:
    """Which channel is which leg of which call."""

    calls: dict[str, LiveCall] = field(default_factory=dict)
    phones: dict[str, tuple[LiveCall, Leg]] = field(default_factory=dict)  # channels a phone opened: not our ids

    def add(self, call: LiveCall) -> None:
        self.calls[call.id] = call
        if call.order.agent_channel:
            self.phones[call.order.agent_channel] = (call, Leg.AGENT)

    def remove(self, call: LiveCall) -> None:
        self.calls.pop(call.id, None)
        self.phones.pop(call.order.agent_channel, None)

    def leg(self, channel: str) -> tuple[LiveCall, Leg] | None:
        ours = OURS.fullmatch(channel)
        if ours is None:
            return self.phones.get(channel)
        call = self.calls.get(ours[1])
        return None if call is None else (call, Leg(ours[2]))

    def route(self, event: AriEvent) -> None:
        """Tell the call concerned, in the order the PBX said it."""
        match event:
            case PlaybackStarted(playback=playback) | PlaybackFinished(playback=playback):
                ours = OUR_PLAYBACK.fullmatch(playback.id)
                call = self.calls.get(ours[1]) if ours else None
                if call is not None:
                    _prompt(call, event)
            case (
                StasisStart(channel=channel)
                | StasisEnd(channel=channel)
                | ChannelStateChange(channel=channel)
                | ChannelDtmfReceived(channel=channel)
                | ChannelHangupRequest(channel=channel)
                | ChannelDestroyed(channel=channel)
            ):
                found = self.leg(channel.id)
                if found is not None:
                    _leg_event(*found, event)
            case _:
                pass


def _prompt(call: LiveCall, event: PlaybackStarted | PlaybackFinished) -> None:
    line = call.tools.line
    if isinstance(event, PlaybackStarted):
        prompt = line.prompt_started(event.playback.id)
        if prompt is not None:
            call.post(PromptStarted(prompt))
        return
    finished = line.prompt_finished(event.playback.id, event.playback.state)
    if finished is not None:
        call.post(finished)


def _leg_event(call: LiveCall, leg: Leg, event: AriEvent) -> None:
    line = call.tools.line
    match event:
        case StasisStart(channel=channel):
            line.in_stasis(leg, channel.name)
        case ChannelStateChange(channel=channel) if channel.state == "Ringing":
            line.rang.add(leg)
            call.post(LegRinging(leg))
        case ChannelStateChange(channel=channel) if channel.state == "Up":
            call.post(LegAnswered(leg))
        case ChannelDtmfReceived(digit=digit):
            call.post(Digit(leg, digit))
        case ChannelHangupRequest() if call.call.leg(leg) is Status.UP:
            # Before the prompt it cut short is reported as failed: who hung up must not look like a broken prompt.
            line.gone(leg)
        case ChannelDestroyed(cause=cause):
            match call.call.leg(leg):
                case Status.UP:
                    line.gone(leg)
                case Status.IDLE | Status.DIALLED:
                    call.post(LegFailed(leg, failure_of(cause, leg in line.rang)))
                case Status.GONE:
                    pass
        case StasisEnd() if call.order.agent_channel:
            # A phone's own channel lives on in its dialplan for a moment; for the call it is over.
            if leg is Leg.AGENT:
                line.gone(leg)
        case _:
            pass

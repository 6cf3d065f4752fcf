"""One call's line: its channels, bridge and prompts at the PBX.

Facts of Asterisk it builds on: a channel may be dialled only after its StasisStart *event* (the reply to `create`
comes too early: 409); a playback that we stop ends as "done" too, so what we stopped is remembered; keys are
absorbed by the bridge and still reported; `create` for an endpoint that can't be reached answers 500.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from ari_app.ari import AriClient
from ari_app.ari.errors import AriError, AriUnavailable, Conflict, NotFound, ServerFault
from ari_app.call.events import BridgeFailed, Event, Failure, Leg, LegFailed, LegGone, Prompt, PromptFinished, Timer
from ari_app.prompts import PromptAudio, Prompts
from compliance.errors import HeedlineError

log = logging.getLogger(__name__)

APP = "heedline"
STASIS_PATIENCE_S = 3.0
PROMPT_MARGIN_S = 3.0


def channel_id(attempt: str, leg: Leg) -> str:
    return f"{attempt}-{leg}"


def bridge_id(attempt: str) -> str:
    return f"{attempt}-bridge"


def playback_id(attempt: str, number: int) -> str:
    return f"{attempt}-play-{number}"


@dataclass(frozen=True)
class Where:
    """How a leg is dialled. `caller_id` is the number shown to that leg."""

    endpoint: str
    ring_seconds: int
    caller_id: str


@dataclass
class _Playing:
    playback: str
    prompt: Prompt
    stopped: bool = False


class Line:
    """The doing half of one call's commands that go to the PBX; what comes of them is `post`ed as events."""

    def __init__(
        self,
        client: AriClient,
        prompts: Prompts,
        attempt: str,
        language: str,
        post: Callable[[Event], None],
        arm: Callable[[Timer, float], None],
        disarm: Callable[[Timer], None],
        plays: int = 0,
    ) -> None:
        """plays: how many prompts this call has played already (before a restart)."""
        self._ari = client
        self._prompts = prompts
        self._attempt = attempt
        self._language = language
        self._post = post
        self._arm = arm
        self._disarm = disarm
        self.channels = {leg: channel_id(attempt, leg) for leg in Leg}
        self.names: dict[Leg, str] = {}  # what AMI calls them
        self.rang: set[Leg] = set()
        self._bridge_made = False
        self._joined: set[Leg] = set()
        self._playing: _Playing | None = None
        self._plays = plays
        self._leg_turn = {leg: asyncio.Lock() for leg in Leg}
        self._called_off: set[Leg] = set()
        self._gone: set[Leg] = set()
        self._stasis: dict[Leg, asyncio.Event] = {leg: asyncio.Event() for leg in Leg}

    # ── dialling ────────────────────────────────────────────────────────────────────────────────────────────────

    async def dial(self, leg: Leg, where: Where, may: Callable[[], bool] = lambda: True) -> None:
        """Create the channel under our own id, so that asking twice can't make two calls, and ring it.

        `may` is asked in the instant before it rings; a no is the leg's failure.
        """
        async with self._leg_turn[leg]:
            await self._dial(leg, where, may)

    async def _dial(self, leg: Leg, where: Where, may: Callable[[], bool]) -> None:
        channel = self.channels[leg]
        if leg in self._called_off:
            return
        try:
            made = await self._ari.channels.create(
                endpoint=where.endpoint,
                app=APP,
                appArgs=f"dialled,{leg}",
                channelId=channel,
                variables={"CALLERID(num)": where.caller_id, "CALLERID(name)": ""},
            )
            self.names[leg] = made.name
            async with asyncio.timeout(STASIS_PATIENCE_S):
                await self._stasis[leg].wait()
            if leg in self._called_off:
                return  # hung up meanwhile: whoever did is waiting for us to let go of the channel
            if not may():
                log.error("%s: not dialled: since the gate was asked too much time has passed", self._attempt)
                self._post(LegFailed(leg, Failure.INTERRUPTED))
                await self._hang_up(leg)
                return
            await self._ari.channels.dial(channelId=channel, timeout=where.ring_seconds)
        except AriUnavailable:
            self._post(LegFailed(leg, Failure.INTERRUPTED))
            await self._hang_up(leg)
        except (AriError, TimeoutError) as error:
            log.warning("%s: the %s could not be dialled: %s", self._attempt, leg, error)
            self._post(LegFailed(leg, Failure.UNREACHABLE))
            if leg in self.names or not isinstance(error, ServerFault):  # a 500 to `create` alone left no channel
                await self._hang_up(leg)

    def in_stasis(self, leg: Leg, name: str) -> None:
        self.names[leg] = name
        self._stasis[leg].set()

    def gone(self, leg: Leg) -> None:
        """Tell the call, once, whoever noticed it first."""
        if leg not in self._gone:
            self._gone.add(leg)
            self._post(LegGone(leg))

    async def hang_up(self, leg: Leg) -> None:
        """Also while it is being dialled: then it never rings."""
        self._called_off.add(leg)
        self._stasis[leg].set()
        async with self._leg_turn[leg]:
            await self._hang_up(leg)

    async def call_off(self) -> None:
        """The call is over: what is still being dialled never rings, whatever the look at the PBX said of it."""
        self._called_off.update(Leg)
        for leg in Leg:
            if self._leg_turn[leg].locked():
                await self.hang_up(leg)

    async def _hang_up(self, leg: Leg) -> None:
        try:
            await self._ari.channels.hangup(channelId=self.channels[leg])
        except NotFound:
            self.gone(leg)
        except AriError as error:
            log.warning("%s: hang-up of the %s: %s", self._attempt, leg, error)

    # ── the bridge ──────────────────────────────────────────────────────────────────────────────────────────────

    async def bridge(self, leg: Leg) -> None:
        if leg in self._joined:
            return
        try:
            if not self._bridge_made:
                await self._make_bridge()
            await self._ari.bridges.addChannel(
                bridgeId=bridge_id(self._attempt), channel=[self.channels[leg]], absorbDTMF=True
            )
        except NotFound:
            return  # the leg has just gone; its LegGone is on the way
        except AriError as error:
            if not isinstance(error, AriUnavailable):
                self._post(BridgeFailed(str(error)))
            return
        self._joined.add(leg)

    async def _make_bridge(self) -> None:
        try:
            await self._ari.bridges.createWithId(bridgeId=bridge_id(self._attempt), type="mixing")
        except Conflict:
            pass  # made before we were restarted
        self._bridge_made = True

    async def unbridge(self, leg: Leg) -> None:
        self._joined.discard(leg)
        try:
            await self._ari.bridges.removeChannel(bridgeId=bridge_id(self._attempt), channel=[self.channels[leg]])
        except AriError as error:
            log.debug("%s: unbridge: %s", self._attempt, error)

    async def take_down(self) -> None:
        if not self._bridge_made:
            return
        try:
            await self._ari.bridges.destroy(bridgeId=bridge_id(self._attempt))
        except AriError as error:
            log.debug("%s: bridge not destroyed: %s", self._attempt, error)

    async def send_digits(self, leg: Leg, digits: str) -> None:
        try:
            await self._ari.channels.sendDTMF(channelId=self.channels[leg], dtmf=digits)
        except AriError as error:
            log.debug("%s: keys not passed on: %s", self._attempt, error)

    # ── prompts ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def play(self, prompt: Prompt, to: Leg | None) -> PromptAudio | None:
        """Start a prompt; its audio (with text hash and version, for the evidence), or None if it can't sound."""
        self._plays += 1
        playback = playback_id(self._attempt, self._plays)
        try:
            audio = self._prompts.media(prompt.value, self._language)
            self._playing = _Playing(playback, prompt)
            self._arm(Timer.PROMPT, audio.seconds + PROMPT_MARGIN_S)
            media = [audio.uri]
            if to is None:
                await self._ari.bridges.playWithId(bridgeId=bridge_id(self._attempt), playbackId=playback, media=media)
            else:
                await self._ari.channels.playWithId(channelId=self.channels[to], playbackId=playback, media=media)
        except AriUnavailable:
            return None  # the link is lost: what is to sound is decided again when it is back
        except Exception as error:
            if isinstance(error, NotFound) and to is not None:
                return None  # the leg has just gone: its LegGone is on the way, and if not, the prompt's timer runs
            log.error("%s: prompt %s can't be played: %s", self._attempt, prompt, error)
            self._silent()
            self._post(PromptFinished(prompt, complete=False))
            return None
        return audio

    async def tell(self, leg: Leg, prompt: Prompt) -> None:
        """A word to one leg in the middle of the talk. Nothing waits for its end: the playback has no id of ours."""
        try:
            media = [self._prompts.media(prompt.value, self._language).uri]
            await self._ari.channels.play(channelId=self.channels[leg], media=media)
        except HeedlineError as error:
            log.warning("%s: %s not said to the %s: %s", self._attempt, prompt, leg, error)

    async def beep(self) -> None:
        """To both, into the talk, which goes on."""
        try:
            await self._ari.bridges.play(bridgeId=bridge_id(self._attempt), media=[self._prompts.beep()])
        except HeedlineError as error:
            log.warning("%s: no beep: %s", self._attempt, error)

    async def stop_prompt(self) -> None:
        playing = self._playing
        if playing is None:
            return
        playing.stopped = True
        try:
            await self._ari.playbacks.stop(playbackId=playing.playback)
        except AriError as error:
            log.debug("%s: prompt not stopped: %s", self._attempt, error)

    def prompt_started(self, playback: str) -> Prompt | None:
        return self._playing.prompt if self._playing and self._playing.playback == playback else None

    def prompt_finished(self, playback: str, state: str) -> PromptFinished | None:
        """What a PlaybackFinished means; None for one that is not the prompt of the moment."""
        playing = self._playing
        if playing is None or playing.playback != playback:
            return None
        self._silent()
        return PromptFinished(playing.prompt, complete=state == "done" and not playing.stopped)

    def _silent(self) -> None:
        self._playing = None
        self._disarm(Timer.PROMPT)

    # ── after a lost link ───────────────────────────────────────────────────────────────────────────────────────

    async def seen_again(self, names: dict[Leg, str], joined: set[Leg], bridge: bool) -> None:
        """What the PBX says stands now; anything else we believed is forgotten.

        A prompt may still be sounding whose end we shall not be told: it is stopped, or the one that is to sound
        now would wait behind it.
        """
        self.names.update(names)
        self._joined = set(joined)
        self._bridge_made = bridge
        if self._playing is not None:
            self._silent()
        for number in (self._plays, self._plays + 1):  # the last one may not have reached the story
            try:
                await self._ari.playbacks.stop(playbackId=playback_id(self._attempt, number))
            except NotFound:
                continue
            except AriError as error:
                log.debug("%s: old prompt not stopped: %s", self._attempt, error)
        self._plays += 1

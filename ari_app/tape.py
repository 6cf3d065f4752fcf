"""One call's recording: the recorder makes it durable and opens the spool file, then MixMonitor writes into it.

Left of the stereo file is what comes from the callee's channel, right what goes to it (MixMonitor's option D).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from ari_app.ami import AmiClient, AmiError
from ari_app.call.events import (
    Event,
    RecordingFailed,
    RecordingPaused,
    RecordingResumed,
    RecordingSealed,
    RecordingStarted,
)
from compliance.errors import HeedlineError
from storage.ids import new_id
from storage.vault.client import RecorderClient

log = logging.getLogger(__name__)

RATE = 8000  # samples a second: the rate of G.711, which every leg speaks


class Tape:
    """Start, pause, resume and stop queue behind each other, so that a stop never overtakes its start."""

    def __init__(
        self, attempt: str, ami: AmiClient, recorder: RecorderClient, spool: Path, post: Callable[[Event], None]
    ) -> None:
        self._attempt = attempt
        self._ami = ami
        self._recorder = recorder
        self._spool = spool
        self._post = post
        self._turn = asyncio.Lock()
        self._channel = ""
        self.recording: str | None = None

    def take_over(self, recording: str | None) -> None:
        """After a restart: the recording that is open."""
        self.recording = recording

    def listen_on(self, channel_name: str) -> None:
        """What AMI calls the callee's channel now."""
        self._channel = channel_name

    async def start(
        self, channel_name: str, callee_muted: bool, first: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """`first` must be done before anything is recorded: what it raises (HeedlineError), the recording fails of."""
        async with self._turn:
            if self.recording is not None:
                await self._stop_listening()
                await self._close("replaced", crashed=True)
            recording = new_id()
            try:
                if first is not None:
                    await first()
                spool = f"{recording}.raw"
                await self._recorder.open(
                    recording=recording,
                    attempt=self._attempt,
                    spool=spool,
                    rate=RATE,
                    at=_now(),
                    barred=callee_muted,
                )
                self.recording, self._channel = recording, channel_name
                await self._ami.mix_monitor(channel_name, str(self._spool / spool), "D")
                if callee_muted:
                    await self._ami.mute_mix_monitor(channel_name, "read", True)
            except HeedlineError as error:
                log.error("%s: recording did not start: %s", self._attempt, error)
                await self._stop_listening()
                await self._close("did not start", crashed=True)
                self._post(RecordingFailed(str(error)))
                return
            self._post(RecordingStarted(recording))

    async def unmute_callee(self, first: Callable[[], Awaitable[None]]) -> None:
        """`first` as for `start`."""
        async with self._turn:
            try:
                await first()
                if self.recording is not None:
                    await self._recorder.admit(recording=self.recording, at=_now())
            except HeedlineError as error:
                log.error("%s: the callee is not recorded: %s", self._attempt, error)
                self._post(RecordingFailed(str(error)))
                return
            await self._muted("read", on=False, then=None)

    async def pause(self) -> None:
        """Silence in both directions while the time line goes on (card numbers, say)."""
        async with self._turn:
            await self._muted("both", on=True, then=RecordingPaused())

    async def resume(self) -> None:
        async with self._turn:
            await self._muted("both", on=False, then=RecordingResumed())

    async def _muted(self, direction: str, *, on: bool, then: Event | None) -> None:
        if self.recording is None:
            self._post(RecordingFailed("there is no recording to mute"))
            return
        try:
            await self._ami.mute_mix_monitor(self._channel, direction, on)
            if isinstance(then, RecordingPaused):
                await self._recorder.pause(recording=self.recording, at=_now())
            elif isinstance(then, RecordingResumed):
                await self._recorder.resume(recording=self.recording, at=_now())
        except HeedlineError as error:
            log.error("%s: recording not muted or unmuted: %s", self._attempt, error)
            if on:
                # What is said now must not be recorded, and Asterisk could not be told: the recorder can.
                await self._close("could not be paused", crashed=True, cut=True)
                await self._stop_listening()
            self._post(RecordingFailed(str(error)))
            return
        if then is not None:
            self._post(then)

    async def stop(self, crashed: bool) -> None:
        async with self._turn:
            if self.recording is None:
                self._post(RecordingSealed(0))
                return
            await self._stop_listening()
            seconds = await self._close("crashed" if crashed else "ended", crashed=crashed)
            if seconds is None:
                self._post(RecordingFailed("not sealed yet: the recorder seals it when it is back"))
            else:
                self._post(RecordingSealed(round(seconds * 1000)))

    async def _stop_listening(self) -> None:
        if not self._channel:
            return
        try:
            await self._ami.stop_mix_monitor(self._channel)
        except AmiError as error:
            log.debug("%s: MixMonitor was over: %s", self._attempt, error)

    async def _close(self, reason: str, *, crashed: bool, cut: bool = False) -> float | None:
        """Seal; None if the recorder can't now. Then it finds the recording open, and seals it, when it is back.

        cut: what is not sealed yet never will be.
        """
        recording, self.recording = self.recording, None
        if recording is None:
            return None
        try:
            return await self._recorder.close_recording(
                recording=recording, at=_now(), crashed=crashed, cut=cut, reason=reason
            )
        except HeedlineError as error:
            log.error("%s: recording %s not sealed yet: %s", self._attempt, recording, error)
            return None


def _now() -> datetime:
    return datetime.now(UTC)

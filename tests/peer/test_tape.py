"""A call's recording when AMI or the recorder fails it: what may not be recorded is not."""

from datetime import datetime
from pathlib import Path
from typing import cast

from ari_app.ami import AmiClient, AmiDown
from ari_app.call.events import Event, RecordingFailed, RecordingStarted
from ari_app.tape import Tape
from storage.errors import DatabaseBusy
from storage.ids import new_id
from storage.vault.client import RecorderClient


class Doors:
    """Both ends of a tape: what it asked for, in order; `broken` names what fails."""

    def __init__(self, *broken: str) -> None:
        self.asked: list[str] = []
        self.broken = broken

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.broken:
            raise AmiDown(f"{what}: no connection")

    async def mix_monitor(self, channel: str, path: str, options: str) -> None:
        self._ask("monitor")

    async def mute_mix_monitor(self, channel: str, direction: str, on: bool) -> None:
        self._ask(f"{'mute' if on else 'unmute'} {direction}")

    async def stop_mix_monitor(self, channel: str) -> None:
        self._ask("stop")

    async def open(self, *, recording: str, attempt: str, spool: str, rate: int, at: datetime, barred: bool) -> None:
        self._ask("open barred" if barred else "open")

    async def admit(self, *, recording: str, at: datetime) -> None:
        self._ask("admit")

    async def pause(self, *, recording: str, at: datetime) -> None:
        self._ask("pause")

    async def resume(self, *, recording: str, at: datetime) -> None:
        self._ask("resume")

    async def close_recording(self, *, recording: str, at: datetime, crashed: bool, cut: bool, reason: str) -> float:
        self._ask("close cut" if cut else "close")
        return 1.0


def tape(doors: Doors, posted: list[Event]) -> Tape:
    ami, recorder = cast(AmiClient, doors), cast(RecorderClient, doors)
    return Tape(new_id(), ami, recorder, Path("/spool"), posted.append)


async def granted() -> None:
    """The notice is on file."""


async def refused() -> None:
    raise DatabaseBusy("ledger: busy")


async def test_the_callee_is_admitted_only_once_the_notice_is_on_file() -> None:
    doors, posted = Doors(), list[Event]()
    mine = tape(doors, posted)
    await mine.start("PJSIP/callee-1", callee_muted=True)
    assert doors.asked == ["open barred", "monitor", "mute read"]
    assert isinstance(posted[0], RecordingStarted)
    await mine.unmute_callee(refused)
    await mine.pause()
    await mine.resume()  # asked for before the call had heard of the failure: the recorder still bars the callee
    assert "admit" not in doors.asked
    await mine.unmute_callee(granted)
    assert doors.asked[-2:] == ["admit", "unmute read"]


async def test_a_pause_that_cannot_be_done_throws_away_what_is_not_sealed() -> None:
    doors, posted = Doors("mute both", "stop"), list[Event]()
    mine = tape(doors, posted)
    await mine.start("PJSIP/callee-1", callee_muted=False)
    await mine.pause()
    assert doors.asked == ["open", "monitor", "mute both", "close cut", "stop"]
    assert isinstance(posted[-1], RecordingFailed)
    await mine.resume()
    assert "unmute both" not in doors.asked


async def test_a_pause_that_the_recorder_could_not_note_ends_the_recording() -> None:
    doors, posted = Doors("pause"), list[Event]()
    mine = tape(doors, posted)
    await mine.start("PJSIP/callee-1", callee_muted=False)
    await mine.pause()
    assert doors.asked[-2:] == ["close cut", "stop"]

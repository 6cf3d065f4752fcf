"""What stops a recording stops the call that must be recorded, and only that one: on real phones, one fault after
another, each with a call that must be recorded and one that need not be."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from compliance.errors import HeedlineError
from heedline.demo.sound import load, tone_seconds
from heedline.demo.world import AGENT_HZ
from storage.ledger.recordings import RecordingState
from tests.pbx.centre import LOOK_S, Centre, Lane, open_centre, seed_of

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="module")]
SEED = seed_of(__name__)
SPOOL_MB = 4
VAULT_MB = 2


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose vault is a disk of two megabytes, where we may mount one."""
    folder = tmp_path_factory.mktemp("sick")
    vault = folder / "vault"
    vault.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={VAULT_MB}m,mode=0700", "heedline-test", str(vault)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(vault)], check=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre(home: Path) -> AsyncIterator[Centre]:
    extra = f"[recording]\nspool_megabytes = {SPOOL_MB}\n"
    async with open_centre(home, 2, seed=SEED, extra=extra) as opened:
        yield opened


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Not a byte is free on that file system."""
    filler = folder / "something-else"
    with filler.open("wb") as file:
        room = os.statvfs(folder)
        os.posix_fallocate(file.fileno(), 0, max(1, room.f_bavail * room.f_frsize))
    try:
        yield
    finally:
        filler.unlink()


async def talking(centre: Centre) -> tuple[Lane, Lane]:
    """Two calls that are recorded: the first must be, the second may go on without."""
    must, may = centre.lanes
    must.reset()
    may.reset()
    await asyncio.gather(must.place("notice"), may.place("optional"))
    await asyncio.gather(must.talking(), may.talking())
    return must, may


async def goes_on_unrecorded(lane: Lane) -> None:
    """Both still talk; then the callee hangs up."""
    await lane.centre.become(lane.attempt, "talking")
    await asyncio.sleep(1.0)
    await lane.callee.hang_up()
    ended = await lane.centre.world.ended(lane.attempt)
    assert ended.disposition == "completed"
    call = lane.callee.calls[-1]
    await call.ended()
    assert tone_seconds(load(call.heard), AGENT_HZ) > 0.8, "the callee did not hear the agent"


async def ended_for(lane: Lane, reason: str) -> None:
    """The call was ended, and its disposition says of what."""
    ended = await lane.centre.world.ended(lane.attempt, 20.0)
    assert ended.disposition == "recording_failed"
    assert reason in (ended.detail or "")
    await lane.callee.calls[-1].ended()
    for recording in await lane.centre.recordings_of(lane.attempt):
        assert recording.state is RecordingState.FAILED


async def denied_for(lane: Lane, reason: str) -> None:
    """It is not even dialled."""
    await lane.place("notice")
    ended = await lane.centre.world.ended(lane.attempt)
    assert ended.disposition == "denied"
    story = await lane.centre.world.story(lane.attempt)
    told = " ".join(str(line.data.get("reason", "")) for line in story)
    assert reason in told
    assert lane.invites == 0


async def unrecorded_talk(lane: Lane) -> None:
    await lane.place("optional")
    await lane.until("LegAnswered", leg="agent")
    await goes_on_unrecorded(lane)
    for recording in await lane.centre.recordings_of(lane.attempt):
        assert lane.centre.seal_holds(recording).seconds == 0.0  # begun, and given up before Asterisk could write


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small tmpfs")
async def test_the_vaults_disk_is_full(centre: Centre) -> None:
    must, may = await talking(centre)
    with full(centre.world.home.vault):
        await ended_for(must, "disk_full")
        await goes_on_unrecorded(may)
    await centre.quiet()


async def test_the_spool_is_full(centre: Centre) -> None:
    must, may = await talking(centre)
    with full(centre.world.pbx.spool):
        ended = await centre.world.ended(must.attempt, 20.0)
        assert (ended.disposition, ended.detail) == ("recording_failed", "spool_full")
        await goes_on_unrecorded(may)
        must.reset()
        await must.place("notice")
        ended = await centre.world.ended(must.attempt)
        assert ended.disposition == "recording_failed"
        assert "spool_full" in (ended.detail or "")
        call = must.callee.calls[-1]
        await call.ended()
        assert tone_seconds(load(call.heard), AGENT_HZ) < 0.2, "they talked, unrecorded"
    await centre.quiet()


async def test_asterisk_can_not_write_the_spool_file_though_it_says_success(centre: Centre) -> None:
    must, may = centre.lanes
    must.reset()
    may.reset()
    async with centre.ari() as client:
        await client.asterisk.unloadModule(moduleName="format_sln.so")
        try:
            await asyncio.gather(must.place("notice"), may.place("optional"))
            await ended_for(must, "no_audio")
            await goes_on_unrecorded(may)
        finally:
            await client.asterisk.loadModule(moduleName="format_sln.so")
    await centre.quiet()
    must.reset()
    await must.place("notice")
    await must.talking()
    await must.callee.hang_up()
    assert (await centre.world.ended(must.attempt)).disposition == "completed"


async def test_the_recorder_is_down_when_the_call_is_to_be_placed(centre: Centre) -> None:
    world, old = centre.world, centre.process("recorder")
    assert world.server is not None
    must, may = centre.lanes
    must.reset()
    may.reset()
    world.server.send_signal(signal.SIGSTOP)  # so that nobody starts it again
    try:
        world.kill("recorder")
        await _until_trouble(centre, "the recorder is not running")
        await denied_for(must, "the recorder is not running")
        await unrecorded_talk(may)
    finally:
        world.server.send_signal(signal.SIGCONT)
    await centre.back("recorder", old)


async def test_the_manager_interface_is_down(centre: Centre) -> None:
    world, old = centre.world, centre.process("conductor")
    must, may = centre.lanes
    must.reset()
    may.reset()
    conf = world.pbx.layout.etc / "manager.conf"
    text = conf.read_text()
    conf.write_text(text.replace("enabled = yes", "enabled = no"))
    try:
        _reload_manager(centre)
        world.kill("conductor")  # an open session outlives the reload
        await _until_trouble(centre, "(AMI) is not connected")
        await denied_for(must, "(AMI) is not connected")
        await unrecorded_talk(may)
    finally:
        conf.write_text(text)
        _reload_manager(centre)
    await centre.back("conductor", old)


async def _until_trouble(centre: Centre, what: str) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                health = await centre.world.conductor.health()
                if health["ready"] and what in str(health["recording_trouble"]):
                    return
            except HeedlineError:
                pass  # it is being started again
            await asyncio.sleep(LOOK_S)


def _reload_manager(centre: Centre) -> None:
    pbx = centre.world.pbx
    command = [*pbx.asterisk.command, "-C", str(pbx.layout.etc / "asterisk.conf"), "-rx", "manager reload"]
    subprocess.run(command, check=True, capture_output=True, timeout=20)

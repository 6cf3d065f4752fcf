"""What can't be cured by starting again ends `heedline serve` with one clear line: no crash loop, nothing left over."""

import asyncio
import datetime
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from heedline.secrets import write_private
from heedline.tls import ensure_certificate
from tests.pbx.centre import Centre, Lane, open_centre, seed_of
from tests.pbx.promises import promises_hold

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="module")]
SEED = seed_of(__name__)
SOON_S = 30.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    async with open_centre(tmp_path_factory.mktemp("startup"), 1, seed=SEED) as opened:
        yield opened


async def test_the_ari_password_is_wrong_after_a_crash_in_mid_call(centre: Centre) -> None:
    world, lane = centre.world, centre.lanes[0]
    server = world.server
    assert server is not None
    await lane.place("notice")
    await lane.talking()
    secret = world.home.secrets / "ari.password"
    password = secret.read_bytes()
    write_private(secret, b"not-the-one-asterisk-has\n", replace=True)
    world.kill("conductor")
    async with asyncio.timeout(SOON_S):
        status = await server.wait()
    assert status not in (0, 78)
    assert "ARI" in world.last_words(), world.last_words()
    assert "password" in world.last_words() or "401" in world.last_words()
    starts = (world.home.log / "conductor.log").read_text().count("CRITICAL heedline.processes")
    assert starts == 1, f"it was tried {starts} times"
    assert world.pbx.running is None, "the PBX was left running with nobody to control it"
    await _phones_are_let_go(lane)
    write_private(secret, password, replace=True)
    await world.serve()
    await world.ended(lane.attempt)
    assert len(await promises_hold(lane)) == 1, "what was recorded until then is sealed at the next start"
    await world.stop()


async def _phones_are_let_go(lane: Lane) -> None:
    """The PBX hung them up in good order: nobody goes on talking, unrecorded and out of control."""
    await lane.callee.calls[-1].ended()
    await lane.agent.calls[-1].ended()


async def test_serve_says_so_at_once_when_the_certificate_has_expired(centre: Centre) -> None:
    world = centre.world
    assert world.pbx.running is None
    for file in world.home.tls.iterdir():
        file.unlink()
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=20 * 366)
    ensure_certificate(world.home, world.settings.pbx.sip_address, past)
    status, said = await _serve(world.home.path)
    assert status != 0
    assert "expired" in said
    assert "heedline init" in said
    assert "Traceback" not in said
    assert world.pbx.running is None


async def _serve(home: Path) -> tuple[int | None, str]:
    command = [sys.executable, "-m", "heedline", "serve", "--home", str(home)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(SOON_S):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, said.decode()

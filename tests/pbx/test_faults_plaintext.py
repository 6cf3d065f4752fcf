"""No plaintext audio on any disk, during a call or after it; the phones' own files show that it would be seen."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from heedline.demo.plaintext import files_below, found_in
from storage.vault.kernel import RAMFS_MAGIC, TMPFS_MAGIC, file_system_magic
from tests.pbx.centre import Centre, open_centre, seed_of
from tests.pbx.moments import see_through

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="module")]
SEED = seed_of(__name__)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    async with open_centre(tmp_path_factory.mktemp("plaintext"), 2, seed=SEED) as opened:
        yield opened


async def test_the_tone_is_in_no_file_during_the_talk_nor_after_it_nor_after_a_crash(centre: Centre) -> None:
    world, (lane, crashed) = centre.world, centre.lanes
    home, spool = world.home.path, world.pbx.spool
    assert file_system_magic(spool) in (TMPFS_MAGIC, RAMFS_MAGIC)
    await lane.place("notice")
    await crashed.place("notice")
    await lane.talking()
    await crashed.talking()
    old = centre.process("recorder")
    world.kill("recorder")
    await centre.back("recorder", old)
    kept = [home / "phones", home / "prompts"]  # what the phones heard, and what everybody may hear
    assert found_in(files_below([home], but=[*kept, spool])) == []
    await see_through(lane)
    await see_through(crashed)
    await centre.quiet()
    for each in (lane, crashed):
        await each.callee.calls[-1].ended()
        await each.agent.calls[-1].ended()
    assert found_in(files_below([home, spool], but=kept)) == []
    for each in (lane, crashed):
        ears = {each.callee.calls[-1].heard, each.agent.calls[-1].heard}
        assert set(found_in(ears)) == ears, "the search finds nothing even where the tone is"

"""kill -9 of the recorder in mid-call, ten times: it goes on where it was, and not a sample is missing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.pbx.centre import Centre, open_centre, seed_of
from tests.pbx.moments import TALK, blows, finish, strike_at
from tests.pbx.promises import all_promises_hold, talk_was_kept_whole

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="module")]
LANES = 4
SEED = seed_of(__name__)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    async with open_centre(tmp_path_factory.mktemp("kill"), LANES, seed=SEED) as opened:
        yield opened


@pytest.mark.parametrize("blow", range(10))
async def test_killed_in_mid_call_nothing_promised_is_lost(centre: Centre, blow: int) -> None:
    pairs, rng = await blows(centre, blow, SEED)
    old = centre.process("recorder")
    await strike_at(pairs, rng, lambda: centre.world.kill("recorder"))
    await centre.back("recorder", old)
    await finish(pairs, rng)
    kept = await all_promises_hold(pairs)
    for lane, moment in pairs:
        if moment.name in TALK:
            await talk_was_kept_whole(lane, kept[lane.attempt])

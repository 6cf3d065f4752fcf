"""The ledger is locked for ten seconds, and a conductor is killed while it waits for it, on real calls."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio

from compliance.errors import HeedlineError
from heedline.demo.sound import find_prompt, load
from storage.ledger.dnc import DncEntry
from storage.ledger.journal import OptOutJournal
from tests.pbx.centre import LOOK_S, Centre, Lane, open_centre, seed_of
from tests.pbx.moments import see_through
from tests.pbx.promises import promises_hold

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="module")]
SEED = seed_of(__name__)
LOCKED_S = 10.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    async with open_centre(tmp_path_factory.mktemp("ledger"), 4, seed=SEED) as opened:
        yield opened


@contextmanager
def locked(centre: Centre) -> Iterator[None]:
    """Nobody else can write into the ledger."""
    holder = sqlite3.connect(centre.world.home.database, isolation_level=None, timeout=5)
    try:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()


def journal_has(centre: Centre, lane: Lane) -> bool:
    kept = OptOutJournal(centre.world.home.optout_journal).kept()
    return lane.attempt in {opt_out.attempt for opt_out in kept}


async def listed(lane: Lane) -> DncEntry | None:
    async with lane.centre.world.database.read() as tx:
        return await tx.dnc.check(lane.number)


async def test_ten_seconds_of_a_locked_ledger_at_every_step_of_a_call(centre: Centre) -> None:
    placing, opting_out, consenting, ending = centre.lanes
    for lane in centre.lanes:
        lane.reset()
    await opting_out.place("notice")
    await ending.place("notice")
    await ending.talking()
    await opting_out.talking()
    await consenting.place("explicit")
    await consenting.until("PromptStarted", prompt="consent_ask")
    with locked(centre):
        locked_for = asyncio.create_task(asyncio.sleep(LOCKED_S))
        await opting_out.callee.press("*9")
        await consenting.callee.press("1")
        await ending.callee.hang_up()
        with pytest.raises(HeedlineError, match=r"lock|busy"):
            await placing.place("notice")
        await locked_for
        assert await centre.phase(opting_out.attempt) == "opting_out"
    await centre.world.ended(opting_out.attempt)
    await see_through(consenting)
    await centre.world.ended(ending.attempt)
    assert placing.invites == 0, "called without a durable attempt"
    assert await centre.attempts_of(placing.number) == []
    assert (await centre.world.attempt(opting_out.attempt)).disposition == "opted_out"
    assert (await centre.world.attempt(ending.attempt)).disposition == "completed"
    for lane in (opting_out, consenting, ending):
        await promises_hold(lane)
    placing.reset()
    await placing.place("notice")
    await see_through(placing)
    await promises_hold(placing)
    await centre.quiet()


async def test_killed_between_the_key_and_its_commit_nothing_was_promised(centre: Centre) -> None:
    lane = centre.lanes[0]
    lane.reset()
    await lane.place("notice")
    await lane.until("PromptStarted", prompt="notice")
    old = centre.process("conductor")
    with locked(centre):
        await lane.callee.press("9")
        await centre.become(lane.attempt, "opting_out")
        centre.world.kill("conductor")
        kept = journal_has(centre, lane)  # on a machine so slow that the journal came first
        while centre.process("conductor") == old:
            await asyncio.sleep(LOOK_S)
    await centre.back("conductor", old)
    assert (await listed(lane) is not None) == kept
    if kept:
        return
    assert not [line for line in await centre.world.story(lane.attempt) if line.data.get("prompt") == "optout_done"]
    await centre.become(lane.attempt, "notice")  # said again from its start, and the key is asked for again
    await lane.callee.press("9")
    await centre.world.ended(lane.attempt)
    assert await listed(lane)
    await promises_hold(lane)


async def test_killed_while_the_ledger_stays_locked_the_opt_out_is_in_the_journal_and_is_kept(centre: Centre) -> None:
    lane, world = centre.lanes[1], centre.world
    lane.reset()
    await lane.place("notice")
    await lane.until("PromptStarted", prompt="notice")
    old = centre.process("conductor")
    with locked(centre):
        await lane.callee.press("9")
        async with asyncio.timeout(10):
            while not journal_has(centre, lane):
                await asyncio.sleep(LOOK_S)
        world.kill("conductor")
        await lane.callee.hang_up()
        while centre.process("conductor") == old:
            await asyncio.sleep(LOOK_S)
    await centre.back("conductor", old)
    await world.ended(lane.attempt)
    entry = await listed(lane)
    assert entry is not None
    assert entry.attempt_id == lane.attempt
    assert not journal_has(centre, lane)
    await promises_hold(lane)
    await centre.quiet()


async def test_killed_between_commit_and_confirmation_it_is_confirmed_and_listed_once(centre: Centre) -> None:
    lane, world = centre.lanes[0], centre.world
    lane.reset()
    await lane.place("notice")
    await lane.talking()
    old, pbx = centre.process("conductor"), centre.process("pbx")
    try:
        with locked(centre):
            await lane.callee.press("*9")
            await centre.become(lane.attempt, "opting_out")
            os.kill(pbx, signal.SIGSTOP)  # from here on no prompt can begin
        while await listed(lane) is None:
            await asyncio.sleep(0.002)
        world.kill("conductor")
    finally:
        os.kill(pbx, signal.SIGCONT)
    await centre.back("conductor", old)
    await world.ended(lane.attempt)
    assert (await world.attempt(lane.attempt)).disposition == "opted_out"
    await promises_hold(lane)
    call = lane.callee.calls[-1]
    await call.ended()
    confirmation = load(world.home.prompts / "own" / "en" / "optout_done.wav")
    assert find_prompt(load(call.heard), confirmation).whole, "the callee was not told"
    await centre.quiet()

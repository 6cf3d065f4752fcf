"""What the tests of crashes and faults share: a call centre with lanes, moments at which to strike, promises to hold.

A lane is an agent's phone and a callee's; each lane's numbers ring its own callee, so that one blow hits several
calls at once and the INVITEs a callee's phone saw can be counted for each attempt.
"""

import asyncio
import contextlib
import hashlib
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from ari_app.ari import AriClient
from ari_app.speech import NARROW, WIDE, resample, speak, to_wav
from ari_app.wording import language_of
from compliance import Number
from compliance.errors import HeedlineError
from heedline.custody import key_provider, trusted
from heedline.demo.numbers import OUR_REGION, pick
from heedline.demo.phone import Answer, Phone, PhoneCall
from heedline.demo.sound import Sound, load, tone_seconds, tone_spans
from heedline.demo.world import AGENT_HZ, CALLEE_HZ, Ports, World
from heedline.pbx import ARI_USER
from heedline.pbx.spool import is_ram, release_ram_spool
from heedline.processes.supervisor import MOST_IN_A_ROW, SOON_S
from storage.ledger.attempts import Attempt, AttemptState
from storage.ledger.campaigns import Campaign
from storage.ledger.events import CallEvent
from storage.ledger.recordings import Recording, RecordingState
from storage.vault import keys, manifest
from storage.vault.blobs import FolderBlobs, manifest_name, opened, segment_name
from storage.vault.keyring import private_half
from storage.vault.random_access import ChunkReader
from tests.pbx.switch import free_ports

PORTS = free_ports()
LOOK_S = 0.05  # another process's state gives no sign
RESTART_S = 30.0
GAP_S = 0.1  # what a jitter buffer may do on a busy machine
LENGTH_S = 0.3
SPEECH_S = 0.6  # no vowel is as long
BLOCK_S = 32768 / 4 / 8000  # Asterisk writes 32 KiB at a time
TALK = ("talk", "talk in bridge")
SELLER = "Acme Water"
CALLER_ID = "+12125550100"
SHORT = {  # so that a call takes two seconds, not eight
    "notice": "This call is recorded.",
    "consent_ask": "May we record this call?",
    "reprompt": "Press 1 or 2.",
    "optout_done": "You have been removed from our list.",
}


def _campaign(name: str, recording: str, placement: str, *, required: bool) -> Campaign:
    return Campaign(
        name=name,
        seller=SELLER,
        purpose="telemarketing",
        caller_id=CALLER_ID,
        placement=placement,
        recording=recording,
        recording_required=required,
    )


CAMPAIGNS = (
    _campaign("notice", "notice", "before_agent", required=True),
    _campaign("optional", "notice", "before_agent", required=False),
    _campaign("explicit", "explicit", "before_agent", required=False),
    _campaign("bridge", "notice", "in_bridge", required=True),
)


@dataclass
class Lane:
    """An agent and a callee who only ever talk to each other, and the numbers that ring that callee."""

    centre: "Centre"
    agent: Phone
    callee: Phone
    numbers: Iterator[Number]
    number: Number = field(default_factory=lambda: Number(CALLER_ID))
    attempt: str = ""
    invites_before: int = 0
    placing: "asyncio.Task[str] | None" = None
    ended_by: str = ""  # what the people did once they talked

    async def place(self, campaign: str) -> str:
        """Ask for a call to a number that was never called."""
        self.number, self.attempt = next(self.numbers), ""
        self.invites_before = self.callee.invites
        self.attempt = await self.centre.world.place(self.number.e164, campaign, self.agent.name)
        return self.attempt

    def place_soon(self, campaign: str) -> None:
        """The same, not waited for: whether the answer still comes is not known."""
        self.placing = asyncio.create_task(self.place(campaign))

    @property
    def invites(self) -> int:
        """INVITEs the callee's phone got since the call was asked for."""
        return self.callee.invites - self.invites_before

    def reset(self) -> None:
        self.attempt, self.placing, self.ended_by = "", None, ""
        for phone in (self.agent, self.callee):
            phone.answer = Answer.ACCEPT

    async def until(self, kind: str, seconds: float = 20.0, **data: object) -> None:
        await self.centre.world.until(self.attempt, kind, seconds, **data)

    async def talking(self) -> None:
        """Until both are on the line and it is recorded."""
        await self.until("RecordingStarted")
        await self.until("LegAnswered", leg="agent")


@dataclass
class Centre:
    """A world of lanes."""

    world: World
    lanes: list[Lane]
    born: float = 0.0  # when the last killed process was back (the loop's clock)

    async def outlive(self) -> None:
        """Until the process that was started last counts as one that keeps running: five that don't end `serve`."""
        await asyncio.sleep(max(0.0, self.born + SOON_S + 0.2 - asyncio.get_running_loop().time()))

    async def attempts_of(self, number: Number) -> list[Attempt]:
        async with self.world.database.read() as tx:
            party = await tx.parties.find(number)
            return [a for a in await tx.attempts.list(200) if a.party_id == party]

    async def recordings_of(self, attempt: str) -> list[Recording]:
        async with self.world.database.read() as tx:
            return list(await tx.recordings.of_attempt(attempt))

    async def phase(self, attempt: str) -> str:
        """Of a live call; empty when it is none, or nobody answers."""
        with contextlib.suppress(HeedlineError):
            for call in await self.world.conductor.calls():
                if call["attempt"] == attempt:
                    return str(call["phase"])
        return ""

    async def become(self, attempt: str, phase: str, seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            while await self.phase(attempt) != phase:
                await asyncio.sleep(LOOK_S)

    def process(self, name: str) -> int:
        """The id of the process that does that work now; 0: none does."""
        if name == "pbx":
            running = self.world.pbx.running
            return running.pid if running else 0
        try:
            return self.world.pid(name)
        except ValueError:  # it has just been started, and is about to write its id
            return 0

    async def back(self, name: str, old: int, seconds: float = RESTART_S) -> None:
        """Until another process does that work and calls can be placed and recorded. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while self.process(name) in (0, old):
                await asyncio.sleep(LOOK_S)
            await self.world.ready()
        self.born = asyncio.get_running_loop().time()
        if name == "pbx":
            await asyncio.gather(*(replug(phone) for phone in self.world.phones.values()))

    @asynccontextmanager
    async def ari(self) -> AsyncIterator[AriClient]:
        pbx = self.world.pbx
        async with AriClient(pbx.ari_url.removesuffix("/ari"), ARI_USER, pbx.ari_password) as client:
            yield client

    async def left_at_the_pbx(self) -> list[str]:
        """Channels and bridges that are there."""
        async with self.ari() as client:
            channels, bridges = await client.channels.list(), await client.bridges.list()
        return [channel.id for channel in channels] + [bridge.id for bridge in bridges]

    async def quiet(self, seconds: float = 10.0) -> None:
        """Until no call goes on and nothing is left at the PBX or in the spool. Raises AssertionError."""
        left: list[str] = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    left = [str(call["attempt"]) for call in await self.world.conductor.calls()]
                    left += await self.left_at_the_pbx() + [file.name for file in self.world.pbx.spool.iterdir()]
                    if not left:
                        return
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise AssertionError(f"left over: {left}") from None

    async def audio(self, recording: Recording) -> tuple[Sound, Sound]:
        """What the callee said and what was said to the callee, opened as the custodian would."""
        assert recording.manifest is not None
        written = manifest.parse(recording.manifest, recording.id)
        blobs, parts = FolderBlobs(self.world.home.vault), []
        async with self.world.database.read() as tx:
            wraps = {wrap.segment: wrap for wrap in await tx.wraps.of(recording.id)}
            keks = {wrap.kek_id: await tx.keks.get(wrap.kek_id) for wrap in wraps.values()}
        for entry in written.segments:
            wrap, kek = wraps[entry.number], keks[wraps[entry.number].kek_id]
            private = private_half(kek, key_provider(self.world.home))
            place = keys.Place(recording.id, entry.number, kek.id)
            dek = keys.unwrap(wrap.wrapped, private, keys.algorithm_named(wrap.algorithm), place)
            with opened(blobs, segment_name(recording.id, entry.number)) as blob:
                name = segment_name(recording.id, entry.number)
                reader = ChunkReader(dek, blob.read_at, blob.size, name, torn=not entry.complete)
                parts.append(reader.read(0, entry.plaintext))
        samples = np.frombuffer(b"".join(parts), "<i2").reshape(-1, 2) / 32768
        return Sound(samples[:, 0], 8000), Sound(samples[:, 1], 8000)

    def seal_holds(self, recording: Recording) -> manifest.Manifest:
        """Sealed, or never written; the manifest is this node's, and says of every segment what lies in the vault."""
        name, blobs = manifest_name(recording.id), FolderBlobs(self.world.home.vault)
        with opened(blobs, name) as blob:
            written = manifest.from_file(blob.read_at(0, manifest.LONGEST + 1), trusted(self.world.home), name)
        for entry in written.segments:
            with opened(blobs, segment_name(recording.id, entry.number)) as blob:
                assert hashlib.sha256(blob.read_at(0, blob.size)).digest() == entry.sha256
        unwritten = written.seconds == 0.0 and [gap.kind for gap in written.gaps] == [manifest.GapKind.NO_AUDIO]
        sealed = RecordingState.FAILED if unwritten else RecordingState.SEALED
        assert recording.state is sealed, f"recording {recording.id} is {recording.state.value}: {recording.reason}"
        return written


async def replug(phone: Phone) -> None:
    """A phone whose PBX has crashed: its calls are over for it only when it is started again."""
    await phone.__aexit__(None, None, None)
    await phone.__aenter__()


def short_prompts(folder: Path) -> None:
    """The admin's own recordings, which are played instead of the long ones."""
    own = folder / "own" / "en"
    own.mkdir(parents=True, exist_ok=True)
    for name, words in SHORT.items():
        if not (own / f"{name}.wav").exists():
            samples = resample(speak(language_of("en"), words), WIDE, NARROW)
            (own / f"{name}.txt").write_text(words)
            (own / f"{name}.wav").write_bytes(to_wav(samples, NARROW))


@asynccontextmanager
async def open_centre(
    folder: Path, lanes: int, *, ports: Ports = PORTS, numbers: int = 16, extra: str = "", seed: int = 0
) -> AsyncIterator[Centre]:
    """A running world with that many lanes, `numbers` to call for each; all of it is gone in the end."""
    agents = tuple(f"agent{n}" for n in range(lanes))
    callees = tuple(f"callee{n}" for n in range(lanes))
    picked = pick(lanes * numbers, datetime.now(UTC), seed=seed)
    shares = [picked[n::lanes] for n in range(lanes)]
    routes = "".join(
        f'[[routes]]\nprefix = "{number.e164}"\nendpoint = "PJSIP/{callee}"\n'
        for callee, share in zip(callees[1:], shares[1:], strict=True)
        for number in share
    )
    regions = "".join(f'{key}_region = "{OUR_REGION}"\n' for key in ("agent", "storage", "seller"))
    short_prompts(folder / "prompts")
    world = World(folder, ports, agents=agents, callees=callees, extra=f"{extra}[call]\n{regions}{routes}")
    try:
        async with world:
            for campaign in CAMPAIGNS:
                await world.campaign(campaign)
            centre = Centre(world, [])
            for agent, callee, share in zip(agents, callees, shares, strict=True):
                centre.lanes.append(Lane(centre, world.phones[agent], world.phones[callee], iter(share)))
            yield centre
    finally:
        if is_ram(world.pbx.spool):  # with what a test that failed has left in it
            for file in world.pbx.spool.iterdir():
                file.unlink()
            release_ram_spool(world.home, world.settings)


def seed_of(name: str) -> int:
    """Of this run; set the variable to repeat one. Printed, so that a failure shows it."""
    seed = int(os.environ.get("HEEDLINE_TEST_SEED") or random.randrange(2**32))
    print(f"HEEDLINE_TEST_SEED={seed}  ({name})")
    return seed


# ── the people's parts ──────────────────────────────────────────────────────────────────────────────────────────


def ringing(phone: Phone) -> PhoneCall | None:
    """The call that rings there now."""
    last = phone.calls[-1] if phone.calls else None
    return last if last is not None and not last.is_answered and not last.is_ended else None


async def see_through(lane: Lane, *, star_nine: bool = False, seconds: float = 60.0) -> None:
    """Whatever still rings is answered; once they talk, they talk a second; then one of them ends it."""
    picked_up: set[int] = set()
    lane.agent.answer = lane.callee.answer = Answer.ACCEPT
    world = lane.centre.world
    async with asyncio.timeout(seconds):
        while (await world.attempt(lane.attempt)).state is not AttemptState.ENDED:
            for phone in (lane.callee, lane.agent):
                call = ringing(phone)
                if call is not None and id(call) not in picked_up:
                    picked_up.add(id(call))
                    await phone.accept()
            if not lane.ended_by and await lane.centre.phase(lane.attempt) == "talking":
                await asyncio.sleep(1.0)
                lane.ended_by = "*9" if star_nine else "hang-up"
                await (lane.agent.press("*9") if star_nine else lane.callee.hang_up())
            await asyncio.sleep(LOOK_S)


Step = Callable[[Lane], Awaitable[None]]


async def nothing(lane: Lane) -> None:
    """Nothing leads up to it, or nothing more is done."""


@dataclass(frozen=True)
class Moment:
    """`prepare` leads up to it and holds there; `strike` is begun `lead` seconds before the blow."""

    name: str
    prepare: Step = nothing
    strike: Step = nothing
    lead: float = 0.0


async def _gate(lane: Lane) -> None:
    lane.place_soon("notice")


async def _agent_first(lane: Lane) -> None:
    lane.place_soon("bridge")


async def _ringing(lane: Lane) -> None:
    lane.callee.answer = Answer.IGNORE
    await lane.place("notice")
    await lane.until("LegRinging", leg="callee")


async def _prompt(lane: Lane) -> None:
    await lane.place("notice")
    await lane.until("PromptStarted", prompt="notice")


async def _question(lane: Lane) -> None:
    await lane.place("explicit")
    await lane.until("PromptStarted", prompt="consent_ask")


async def _agent_ringing(lane: Lane) -> None:
    lane.agent.answer = Answer.IGNORE
    await lane.place("notice")
    await lane.until("LegRinging", leg="agent")


async def _talk(lane: Lane) -> None:
    await lane.place("notice")
    await lane.talking()


async def _talk_in_bridge(lane: Lane) -> None:
    await lane.place("bridge")
    await lane.talking()


async def _pause(lane: Lane) -> None:
    await _talk(lane)
    await lane.agent.press("*1")
    await lane.until("RecordingPaused")


async def _confirmation(lane: Lane) -> None:
    await _prompt(lane)
    await lane.callee.press("9")
    await lane.until("PromptStarted", prompt="optout_done")


async def _nine(lane: Lane) -> None:
    await lane.callee.press("9")


async def _one(lane: Lane) -> None:
    await lane.callee.press("1")


async def _star_nine(lane: Lane) -> None:
    await lane.callee.press("*9")


async def _callee_hangs_up(lane: Lane) -> None:
    await lane.callee.hang_up()


KEY_S = 0.19  # from the press to the event: the phone holds a key 180 ms (measured)
MOMENTS = (
    Moment("gate", strike=_gate, lead=0.03),
    Moment("agent first", strike=_agent_first, lead=0.08),
    Moment("dialling", strike=_gate, lead=0.10),
    Moment("ringing", _ringing),
    Moment("prompt", _prompt),
    Moment("key just pressed", _prompt, _nine, lead=KEY_S),
    Moment("consent", _question, _one, lead=KEY_S),
    Moment("agent ringing", _agent_ringing),
    Moment("talk", _talk),
    Moment("talk in bridge", _talk_in_bridge),
    Moment("pause", _pause),
    Moment("opt-out commit", _talk, _star_nine, lead=0.3 + KEY_S),
    Moment("confirmation", _confirmation),
    Moment("ending", _talk, _callee_hangs_up),
)


async def strike_at(pairs: list[tuple[Lane, Moment]], rng: random.Random, blow: Callable[[], None]) -> datetime:
    """Bring every lane to its moment, then strike, up to 80 ms later; returns when it was."""
    await asyncio.gather(*(moment.prepare(lane) for lane, moment in pairs))
    longest = max(moment.lead for _, moment in pairs)

    async def act(lane: Lane, moment: Moment) -> None:
        await asyncio.sleep(longest - moment.lead)
        await moment.strike(lane)

    acts = [asyncio.create_task(act(lane, moment)) for lane, moment in pairs]
    await asyncio.sleep(longest + rng.uniform(0.0, 0.08))
    struck = datetime.now(UTC)
    blow()
    await asyncio.gather(*acts, return_exceptions=True)  # the other end of a call may be gone by now
    for lane, _ in pairs:
        if lane.placing is not None:
            # Nobody answered any more: what became of the request, the ledger knows.
            await asyncio.gather(lane.placing, return_exceptions=True)
    return struck


async def blows(centre: Centre, blow: int, seed: int) -> tuple[list[tuple[Lane, Moment]], random.Random]:
    """Which moments the calls of that blow are hit at: over ten blows every moment comes about as often."""
    if blow % (MOST_IN_A_ROW - 1) == 0:
        await centre.outlive()
    order = random.Random(seed)
    deck: list[Moment] = []
    while len(deck) < (blow + 1) * len(centre.lanes):
        deck += order.sample(MOMENTS, len(MOMENTS))
    for lane in centre.lanes:
        lane.reset()
    hand = deck[blow * len(centre.lanes) : (blow + 1) * len(centre.lanes)]
    print("hit at:", ", ".join(moment.name for moment in hand))
    return list(zip(centre.lanes, hand, strict=True)), random.Random(seed + blow)


async def finish(pairs: list[tuple[Lane, Moment]], rng: random.Random) -> None:
    """Every call is brought to its end by the people, then nothing is left anywhere."""
    through = []
    for lane, _ in pairs:
        found = await lane.centre.attempts_of(lane.number)
        if found:
            lane.attempt = found[0].id
            through.append(see_through(lane, star_nine=rng.random() < 0.3))
    await asyncio.gather(*through)
    await pairs[0][0].centre.quiet()


# ── what must hold afterwards ───────────────────────────────────────────────────────────────────────────────────


async def promises_hold(lane: Lane) -> list[Recording]:
    """Of the lane's last call, once it is over; returns its recordings."""
    centre, world = lane.centre, lane.centre.world
    attempts = await centre.attempts_of(lane.number)
    assert lane.invites <= 1, f"the callee was called {lane.invites} times"
    if not attempts:
        assert not lane.attempt, "an attempt that was promised is not in the ledger"
        assert lane.invites == 0, "called without an attempt in the ledger"
        return []
    assert len(attempts) == 1, "asked for once, planned twice"
    attempt = attempts[0]
    assert attempt.state is AttemptState.ENDED
    assert attempt.disposition
    story = await world.story(attempt.id)
    confirmed = any(line.kind == "Said" and line.data["prompt"] == "optout_done" for line in story)
    async with world.database.read() as tx:
        listed = await tx.dnc.check(lane.number)
        added = len(await tx.dnc.history(lane.number))
        consents = [act for act in await tx.consents.of(attempt.party_id) if act.act == "grant"]
    assert listed or not confirmed, "an opt-out was confirmed and is not in the list"
    assert added <= 1, f"listed {added} times"
    assert listed or attempt.disposition != "opted_out"
    assert attempt.disposition == "opted_out" or lane.ended_by != "*9", f"*9 in the talk: {attempt.disposition}"
    recordings = await centre.recordings_of(attempt.id)
    for recording in recordings:
        centre.seal_holds(recording)
        assert any(act.at <= recording.started for act in consents), "recorded before notice or consent was on file"
    for act in consents:
        assert act.evidence.get("text_hash"), f"a consent without what was said: {act.evidence}"
        assert act.evidence.get("jurisdictions"), f"a consent without the law it rests on: {act.evidence}"
    return recordings


async def all_promises_hold(pairs: list[tuple[Lane, Moment]]) -> dict[str, list[Recording]]:
    """Of every call that was hit, each told apart by its moment when one is broken."""
    found, broken = {}, []
    for lane, moment in pairs:
        try:
            found[lane.attempt] = await promises_hold(lane)
        except AssertionError as error:
            broken.append(f"{moment.name} ({lane.attempt}): {error}")
    assert not broken, "; ".join(broken)
    return found


# ── what was heard and kept ─────────────────────────────────────────────────────────────────────────────────────


def gaps(sound: Sound, hz: float) -> list[str]:
    """Where a tone that should sound without a break does not; speech before and after it may resemble it shortly."""
    spans = tone_spans(sound, hz, gap=GAP_S)
    while spans and spans[0].seconds < SPEECH_S:
        spans = spans[1:]
    while spans and spans[-1].seconds < SPEECH_S:
        spans = spans[:-1]
    return [f"{before.end:.2f}–{after.start:.2f} s" for before, after in pairwise(spans)]


async def talked_about(lane: Lane) -> float:
    """Seconds from the start of the recording to the end of the talk, by the story."""
    story = await lane.centre.world.story(lane.attempt)
    start = next(line.at for line in story if line.kind == "RecordingStarted")
    end = next(line.at for line in story if line.at > start and _ends_talk(line))
    return (end - start).total_seconds()


def _ends_talk(line: CallEvent) -> bool:
    return line.kind == "LegGone" or (line.kind == "Digit" and line.data["digit"] == "9")


async def talk_was_kept_whole(lane: Lane, recordings: list[Recording]) -> None:
    """Nobody noticed: each heard the other without a break, and the recording is whole and as long as the talk."""
    for phone, hz in ((lane.agent, CALLEE_HZ), (lane.callee, AGENT_HZ)):
        heard = load(phone.calls[-1].heard)
        assert tone_seconds(heard, hz) > 1.0, f"{phone.name} did not hear the other"
        if not (phone is lane.callee and lane.ended_by == "*9"):  # a key takes its own audio away for its length
            assert not gaps(heard, hz), f"{phone.name} heard a break at {gaps(heard, hz)}"
    assert len(recordings) == 1
    callee, _ = await lane.centre.audio(recordings[0])
    assert not gaps(callee, CALLEE_HZ), f"the recording has a hole at {gaps(callee, CALLEE_HZ)}"
    assert abs(callee.seconds - tone_seconds(callee, CALLEE_HZ)) < LENGTH_S, "the callee is not on all of it"
    talk = await talked_about(lane)
    assert abs(callee.seconds - talk) < LENGTH_S, f"{callee.seconds:.2f} s recorded of {talk:.2f} s"


async def lost_at_most_the_unflushed_second(lane: Lane, recordings: list[Recording], struck: datetime) -> None:
    """Asterisk was killed at `struck`: all but the block it had not written yet is sealed, and marked."""
    assert len(recordings) == 1
    recording = recordings[0]
    assert lane.centre.seal_holds(recording).crashed or recording.state is RecordingState.FAILED, "no mark of the crash"
    story = await lane.centre.world.story(lane.attempt)
    start = next(line.at for line in story if line.kind == "RecordingStarted")
    talk = (struck - start).total_seconds()
    callee, _ = await lane.centre.audio(recording)
    assert talk - BLOCK_S - LENGTH_S < callee.seconds < talk + LENGTH_S, f"{callee.seconds:.2f} s kept of {talk:.2f} s"
    assert not gaps(callee, CALLEE_HZ)

"""A call centre for the tests of crashes and faults: lanes of an agent's phone and a callee's.

Each lane's numbers ring its own callee, so that one blow hits several calls at once and the INVITEs a callee's phone
saw can be counted for each attempt.
"""

import asyncio
import contextlib
import hashlib
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ari_app.ari import AriClient
from ari_app.speech import NARROW, WIDE, resample, speak, to_wav
from ari_app.wording import language_of
from compliance import Number
from compliance.errors import HeedlineError
from heedline.custody import key_provider, trusted
from heedline.demo.numbers import OUR_REGION, pick
from heedline.demo.phone import Answer, Phone
from heedline.demo.sound import Sound
from heedline.demo.world import Ports, World
from heedline.pbx import ARI_USER
from heedline.pbx.spool import is_ram, release_ram_spool
from heedline.processes.supervisor import SOON_S
from storage.ledger.attempts import Attempt
from storage.ledger.campaigns import Campaign
from storage.ledger.recordings import Recording, RecordingState
from storage.vault import keys, manifest
from storage.vault.blobs import FolderBlobs, manifest_name, opened, segment_name
from storage.vault.keyring import private_half
from storage.vault.random_access import ChunkReader
from tests.pbx.switch import free_ports

PORTS = free_ports()
LOOK_S = 0.05  # another process's state gives no sign
RESTART_S = 30.0
SELLER = "Acme Water"
CALLER_ID = "+12125550100"
SHORT = {  # so that a call takes three seconds, not ten
    "greeting": "Acme Water, with an offer.",
    "greeting_opt_out": "Acme Water. Press 9 to be removed.",
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

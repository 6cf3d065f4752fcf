"""The conductor: all calls of one PBX. It hears the PBX, tells each call what happened to it, and places new ones.

    place ─► plan the attempt (durable) ─► LiveCall ─► gate ─► commit ─► dial …
    StasisStart(manual) ─► the same, with the agent's leg already up

It has no audio and no private key. When it can't hear the PBX, can't write its story or can't keep up, it places
no call.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ari_app.ami import AmiClient
from ari_app.ari import AriClient, AriSession, LinkDown, LinkUp
from ari_app.ari.errors import AriError
from ari_app.ari.events import BadEvent, StasisStart
from ari_app.books import Books
from ari_app.call import Call, Phase
from ari_app.call.events import HangupRequested, Leg, RecordingFailed
from ari_app.errors import AgentBusy, ConductorDown, NoSuchAgent, NoSuchCall
from ari_app.line import APP, Line, Where
from ari_app.live import Instruments, LiveCall
from ari_app.manual import taken
from ari_app.order import Order, plan_of
from ari_app.phones import Phones
from ari_app.prompts import Prompts
from ari_app.reconcile import look, sweep, tell
from ari_app.recovery import recover
from ari_app.schedule import start_due
from ari_app.story import Story
from ari_app.switchboard import Switchboard
from ari_app.tape import Tape
from ari_app.wording import Seller
from compliance.errors import HeedlineError
from compliance.gate import Gate
from compliance.number import Number, parse_number
from compliance.terms import Purpose
from storage.database import Database
from storage.dossier import Dossier
from storage.ledger.campaigns import Campaign
from storage.ledger.journal import OptOutJournal
from storage.vault.client import RecorderClient

log = logging.getLogger(__name__)

# Asterisk need not send what no call looks at: each of these would be parsed for nothing, several a call.
UNHEARD = (
    "ChannelVarset",
    "ChannelDialplan",
    "ChannelConnectedLine",
    "ChannelCallerId",
    "ChannelCreated",
    "ChannelEnteredBridge",
    "ChannelLeftBridge",
    "BridgeCreated",
    "BridgeDestroyed",
    "Dial",
    "DeviceStateChanged",
    "PeerStatusChange",
    "ContactStatusChange",
    "EndpointStateChange",
)
SCHEDULE_S = 1.0
AMI_MOMENT_S = 2.0
LOOKS, LOOK_AGAIN_S = 10, 0.5


@dataclass(frozen=True)
class Setup:
    """What the conductor is told about its surroundings.

    `agents`: agent's name → the endpoint their phone is dialled at. `route`: number → endpoint, None where no
    route is set up. `manual_campaign`: under which calls dialled on an agent's phone are made; empty: none may be.
    """

    agents: Mapping[str, str]
    route: Callable[[Number], str | None]
    spool: Path
    optout_journal: Path
    agent_ring_seconds: int
    manual_campaign: str = ""
    default_region: str = "US"


@dataclass
class Conductor:
    client: AriClient
    ami: AmiClient
    database: Database
    recorder: RecorderClient
    prompts: Prompts
    gate: Gate
    dossier: Dossier
    setup: Setup
    board: Switchboard = field(default_factory=Switchboard)

    def __post_init__(self) -> None:
        self._story = Story(self.database)
        self.journal = OptOutJournal(self.setup.optout_journal)
        self.phones = Phones(self.setup.agents, lambda: self.client.endpoints.listByTech(tech="PJSIP"))
        self._reserved: dict[str, str] = {}  # agent → attempt
        self._closing = False
        self._ready = asyncio.Event()
        self._session: AriSession | None = None
        self._nudge = asyncio.Event()
        self._errands: set[asyncio.Task[None]] = set()
        self._voices: set[tuple[str, str, str, str]] = set()

    # ── running ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Until cancelled. Raises AriError when the PBX refuses us for good; calls go on at the PBX."""
        await recover(self)
        try:
            async with AriSession(self.client, APP, disallow=UNHEARD) as session, asyncio.TaskGroup() as group:
                self._session = session
                group.create_task(self._hear_recorder(), name="recorder events")
                group.create_task(self._schedule(), name="schedule")
                await self._hear(session)
        except Exception as error:
            # Said here, for what comes now may take a while, and our caller says one line only.
            log.error("the conductor stops", exc_info=error)
            raise
        finally:
            self._ready.clear()
            for call in list(self.board.calls.values()):
                await call.abandon()
            await self._story.close()

    async def _hear(self, session: AriSession) -> None:
        async for item in session:
            match item:
                case LinkUp():
                    await self._link_up()
                case LinkDown(reason=reason):
                    self._ready.clear()
                    log.error("the link to the PBX is lost (%s): no call is placed until it is back", reason)
                case StasisStart(channel=channel, args=args) if args[:1] in (("manual",), ("feature",), ("inbound",)):
                    self._beside(taken(self, channel.id, channel.name, args))
                case BadEvent(fault=fault):
                    # Something happened that we could not read: ask how things stand rather than guess.
                    log.error("an event of the PBX could not be read (%s): looking at the PBX again", fault)
                    await self._link_up()
                case event:
                    self.board.route(event)

    def _beside(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _link_up(self) -> None:
        self._ready.clear()
        if self.board.calls:
            await self._ami_first()
        for attempt in range(LOOKS):
            try:
                truth = await look(self.client)
                for call in list(self.board.calls.values()):
                    call.post(await tell(call, truth))
                await sweep(self.client, truth, self.board)
            except AriError as error:
                log.error("could not look at the PBX after connecting: %s", error)
                if attempt + 1 == LOOKS:
                    raise  # connected, and still not to be asked: whoever keeps us running starts us anew
                await asyncio.sleep(LOOK_AGAIN_S)
                continue
            break
        self._ready.set()
        self._nudge.set()

    async def _ami_first(self) -> None:
        """What a call is told now may start or mute its recording at once: give AMI a moment to be back as well."""
        try:
            async with asyncio.timeout(AMI_MOMENT_S):
                await self.ami.fully_booted.wait()
        except TimeoutError:
            log.warning("AMI is not back: calls that must be recorded may end")

    @property
    def trouble(self) -> str:
        """Why no call can be placed now; empty when one can."""
        if self._closing:
            return "Heedline is being stopped"
        if not self._ready.is_set():
            return "the PBX is not connected"
        if self._story.full:
            return "the ledger has not been writable for long"
        return ""

    def recording_trouble(self) -> str:
        """Why no call can be recorded now; empty when one can."""
        if not self.ami.connected:
            return "heedline.recording: the PBX's manager interface (AMI) is not connected"
        if not self.recorder.connected:
            return "heedline.recording: the recorder is not running"
        return ""

    # ── placing calls ───────────────────────────────────────────────────────────────────────────────────────────

    async def place(self, number: str, campaign: str, agent: str, by: str, not_before: datetime | None = None) -> str:
        """Plan a call, durably, and start it when its time has come; returns the attempt's id.

        Raises BadNumber, NoSuchCampaign, NoSuchAgent, AgentBusy, ConductorDown, DatabaseBusy.
        """
        self._agent_endpoint(agent)
        parsed = parse_number(number, self.setup.default_region)
        if not_before is not None and not_before > _now():
            attempt = (await self.plan(parsed, campaign, agent, by, not_before))[0]
            self._nudge.set()
            return attempt
        with self.reservation(agent):
            attempt, party, settings = await self.plan(parsed, campaign, agent, by, _now())
            plan = plan_of(settings, self.setup.agent_ring_seconds, agent_called_us=False)
            self.start(Order(attempt, party, parsed, settings, agent, plan))
        return attempt

    async def plan(
        self, number: Number, campaign: str, agent: str, by: str, not_before: datetime
    ) -> tuple[str, str, Campaign]:
        """The attempt, durable; the party; the campaign as it stands. Raises NoSuchCampaign, DatabaseBusy."""
        async with self.database.begin() as tx:
            settings = await tx.campaigns.get(campaign)
            party = await tx.parties.ensure(number)
            attempt = await tx.attempts.plan(party, campaign, agent, not_before, by)
        await self.voice(settings)
        return attempt, party, settings

    async def voice(self, campaign: Campaign) -> None:
        """Render what the campaign will say, once; a file that is missing later denies its calls."""
        voice = (campaign.seller, campaign.caller_id, campaign.purpose, campaign.language)
        prompts = self._prompts_of(campaign)
        if voice not in self._voices:
            try:
                await asyncio.to_thread(prompts.render, campaign.language)
            except HeedlineError as error:
                log.error("campaign %s: prompts not rendered: %s", campaign.name, error)
                return
            self._voices.add(voice)

    def _prompts_of(self, campaign: Campaign) -> Prompts:
        return self.prompts.of_seller(Seller(campaign.seller, campaign.caller_id, Purpose(campaign.purpose)))

    def _agent_endpoint(self, agent: str) -> str:
        if agent not in self.setup.agents:
            raise NoSuchAgent(f"agent {agent[:31]!r}: no phone of that name is set up; see [[phones]] in heedline.toml")
        return self.setup.agents[agent]

    def is_free(self, agent: str) -> bool:
        return agent not in self._reserved

    @contextmanager
    def reservation(self, agent: str) -> Iterator[None]:
        """The agent is kept for a call that is being planned; `equip` puts the attempt's name on it."""
        if self.trouble:
            raise ConductorDown(f"no call can be placed: {self.trouble}")
        if agent in self._reserved:
            raise AgentBusy(f"agent {agent}: is on another call")
        self._reserved[agent] = ""
        try:
            yield
        finally:
            if self._reserved.get(agent) == "":
                del self._reserved[agent]

    def start(self, order: Order, seq: int = 0, call: Call | None = None) -> LiveCall:
        """Bring a call to life: a new one, or one that was going on when a conductor died."""
        live = self.equip(order, seq, call)
        live.begin()
        return live

    def equip(self, order: Order, seq: int = 0, call: Call | None = None, plays: int = 0) -> LiveCall:
        """A live call with line, tape and books, on the switchboard, not running yet."""
        prompts = self._prompts_of(order.campaign)
        live = LiveCall(order, self._story, lambda leg: self._where(order, leg), self._ended, seq, call)
        line = Line(
            self.client, prompts, order.attempt, order.campaign.language, live.post, live.arm, live.disarm, plays
        )
        if order.agent_channel:
            line.channels[Leg.AGENT] = order.agent_channel
        tape = Tape(order.attempt, self.ami, self.recorder, self.setup.spool, live.post)
        books = Books(
            self.database,
            self.gate,
            prompts,
            order,
            self.dossier,
            self.recording_trouble,
            lambda: self.phones.trouble(order),
            self.journal,
            live.post,
        )
        live.equip(Instruments(line, tape, books))
        self._reserved[order.agent] = order.attempt
        self.board.add(live)
        return live

    def _where(self, order: Order, leg: Leg) -> Where:
        campaign = order.campaign
        if leg is Leg.AGENT:
            return Where(self._agent_endpoint(order.agent), self.setup.agent_ring_seconds, campaign.caller_id)
        return Where(self.setup.route(order.number) or "", campaign.ring_seconds, campaign.caller_id)

    def _ended(self, call: LiveCall) -> None:
        self.board.remove(call)
        if self._reserved.get(call.order.agent) == call.id:
            del self._reserved[call.order.agent]
        self._nudge.set()

    # ── a call by its id ────────────────────────────────────────────────────────────────────────────────────────

    def call(self, attempt: str) -> LiveCall:
        """Raises NoSuchCall."""
        if attempt not in self.board.calls:
            raise NoSuchCall(f"call {attempt[:26]!r}: not going on; see `heedline calls list`")
        return self.board.calls[attempt]

    # ── beside the calls ────────────────────────────────────────────────────────────────────────────────────────

    async def _hear_recorder(self) -> None:
        async for event in self.recorder.watch():
            for call in self.board.calls.values():
                if call.tools.tape.recording == event.recording:
                    # A seal we have not asked for is a recorder that gave up: nobody wrote any more.
                    call.post(RecordingFailed(event.error or "sealed by the recorder unasked"))

    async def _schedule(self) -> None:
        """Start planned calls when their time has come and their agent is free."""
        while True:
            await self._ready.wait()
            try:
                await start_due(self)
            except HeedlineError as error:
                log.warning("planned calls wait: %s", error)
            self._nudge.clear()
            try:
                async with asyncio.timeout(SCHEDULE_S):
                    await self._nudge.wait()
            except TimeoutError:
                continue

    async def hang_up_all(self, by: str, closing: bool = False) -> None:
        """End every call in good order and wait for the last. `closing`: and none is placed any more."""
        self._closing = self._closing or closing
        calls = [call for call in self.board.calls.values() if call.call.phase is not Phase.ENDED]
        for call in calls:
            call.post(HangupRequested(by))
        await asyncio.gather(*(call.ended.wait() for call in calls))


def _now() -> datetime:
    return datetime.now(UTC)

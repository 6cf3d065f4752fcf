"""A dialplan of the administrator on the real PBX: it dials only what the gate allows, whatever becomes of Heedline."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from ari_app.ari import AriClient
from ari_app.ari.errors import NotFound
from compliance import Number
from heedline.demo.carrier import Carrier, Refusal
from heedline.demo.numbers import pick
from heedline.demo.sound import tone_seconds, tone_spans, write_tone
from heedline.demo.world import AGENT_HZ, CALLEE_HZ, World
from heedline.pbx import ARI_USER
from heedline.secrets import read_password
from heedline.story import story_lines
from storage.ledger.attempts import Attempt, AttemptState
from storage.ledger.campaigns import Campaign
from storage.ledger.recordings import RecordingState
from tests.pbx.centre import Centre
from tests.pbx.switch import free_port, free_ports

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="module")]

BOUND_S = 3.0
NOTICE_HZ = 600.0
VARIABLES = ("DECISION", "REASON", "ATTEMPT", "RECORDING", "NUMBER", "CALLERID", "RING", "OPTOUT", "DNC", "CONSENT")
SHOP = Campaign(name="shop", seller="Acme Water", purpose="telemarketing", caller_id="+12125550100")
TO = '${IF($["${TO}" = ""]?callee:${TO})}'
CARRIER = '[[phones]]\nname = "carrier"\nrole = "far_end"\ntransport = "udp"\n'
DIALPLAN = """
[shop]
exten => _+X.,1,Answer()
 same => n,Gosub(heedline-gate,s,1(${EXTEN},shop))
 same => n,GotoIf($["${HEEDLINE_DECISION}" != "allow"]?no)
 same => n,Set(CALLERID(num)=${HEEDLINE_CALLERID})
 same => n,Dial(PJSIP/callee,${HEEDLINE_RING},U(shop-callee))
 same => n,Hangup()
 same => n(no),Set(OUTCOME=denied)
 same => n,Wait(60)

[shop-callee]
exten => s,1,GotoIf($["${HEEDLINE_RECORDING}" = "none"]?end)
 same => n,Playback(NOTICE)
 same => n,GotoIf($["${PLAYBACKSTATUS}" != "SUCCESS"]?end)
 same => n,Gosub(heedline-record,s,1(notice,our-notice v1))
 same => n(end),Return()

[announced]
exten => _+X.,1,Answer()
 same => n,Gosub(heedline-gate,s,1(${EXTEN},shop))
 same => n,GotoIf($["${HEEDLINE_DECISION}" != "allow"]?no)
 same => n,Dial(PJSIP/callee,${HEEDLINE_RING},U(announced-callee))
 same => n(no),Hangup()

[announced-callee]
exten => s,1,Gosub(heedline-record,s,1(announcement,our-notice v1))
 same => n,Playback(NOTICE)
 same => n,GotoIf($["${PLAYBACKSTATUS}" != "SUCCESS"]?end)
 same => n,Gosub(heedline-record,s,1(notice,our-notice v1))
 same => n(end),Return()

[only-ask]
exten => _+X.,1,Gosub(heedline-gate,s,1(${EXTEN},shop))
 same => n,Set(OUTCOME=${HEEDLINE_DECISION})
 same => n,Wait(60)

[remove-me]
exten => _+X.,1,Gosub(heedline-optout,s,1(${EXTEN}))
 same => n,AGI(${HEEDLINE_AGI}/dnc_check,${EXTEN})
 same => n,Gosub(heedline-gate,s,1(${EXTEN},shop))
 same => n,Set(OUTCOME=${HEEDLINE_DECISION})
 same => n,Wait(60)

[agree]
exten => _+X.,1,AGI(${HEEDLINE_AGI}/consent,grant,${EXTEN},shop,express_written,our-question v1,1)
 same => n,Set(OUTCOME=${HEEDLINE_CONSENT})
 same => n,Wait(60)

[early]
exten => _+X.,1,Gosub(heedline-gate,s,1(${EXTEN},strict))
 same => n,Gosub(heedline-record,s,1(notice,our-notice v1))
 same => n,Set(OUTCOME=${HEEDLINE_RECORD})
 same => n,Wait(60)

[moved]
exten => _+X.,1,Set(__FORWARD_CONTEXT=elsewhere)
 same => n,Set(TO=carrier)
 same => n,Goto(our-agents,${EXTEN},1)

[elsewhere]
exten => _[a-z].,1,Dial(PJSIP/callee,20)

[far]
exten => answer,1,Answer()
 same => n,Wait(60)
"""


def guide(sound: Path) -> str:
    """The example of the administrator's guide, with this PBX's phones and sound in it."""
    text = (Path(__file__).resolve().parents[2] / "asterisk_conf" / "README.md").read_text()
    block = next(part for part in text.split("```") if "[our-agents]" in part)
    for name in ("our-notice)", "our-question,1", "our-you-have-been-removed)", "our-this-call-is-not-allowed)"):
        assert name in block
        block = block.replace(name, f"{sound}{name.removeprefix('our-').lstrip('abcdefghijklmnopqrstuvwxyz-')}")
    for theirs, ours in (("_1NXXNXXXXXX", "_+X."), ("spring", "strict"), ("${HEEDLINE_NUMBER}@our-trunk", TO)):
        assert theirs in block
        block = block.replace(theirs, ours)
    return block


@dataclass
class Shop:
    """The world with its dialplan, and numbers that may be called."""

    world: World
    ari: AriClient
    numbers: Iterator[Number]
    agi: str
    called: int = field(default=0)

    @asynccontextmanager
    async def asking(
        self, context: str, number: Number | None = None, endpoint: str = "Local/answer@far/n"
    ) -> "AsyncIterator[Asked]":
        """A channel that has run through a context."""
        self.called += 1
        asked = Asked(self, f"shop-{self.called}", number or next(self.numbers))
        began = asyncio.get_running_loop().time()
        await self.ari.channels.originateWithId(
            channelId=asked.channel, endpoint=endpoint, context=context, extension=asked.number.e164, priority=1
        )
        try:
            if endpoint.startswith("Local"):
                await asked.until("OUTCOME", 10.0)
                asked.took = asyncio.get_running_loop().time() - began
            yield asked
        finally:
            await asked.hang_up()

    async def attempt(self, number: Number) -> Attempt:
        """The newest to the number."""
        async with self.world.database.read() as tx:
            party = await tx.parties.find(number)
            return next(one for one in await tx.attempts.list(200) if one.party_id == party)

    async def over(self, number: Number, seconds: float = 15.0) -> Attempt:
        async with asyncio.timeout(seconds):
            while (found := await self.attempt(number)).state is not AttemptState.ENDED:
                await asyncio.sleep(0.05)
        return found


@dataclass
class Asked:
    shop: Shop
    channel: str
    number: Number
    took: float = 0.0

    async def get(self, name: str) -> str:
        try:
            return await self.shop.ari.channels.getChannelVar(channelId=self.channel, variable=name)
        except NotFound:
            return ""

    async def until(self, name: str, seconds: float) -> str:
        async with asyncio.timeout(seconds):
            while not (found := await self.get(name)):
                await asyncio.sleep(0.02)
        return found

    async def heedline(self, name: str) -> str:
        return await self.get(f"HEEDLINE_{name}")

    async def hang_up(self) -> None:
        try:
            await self.shop.ari.channels.hangup(channelId=self.channel)
        except NotFound:
            return


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder = tmp_path_factory.mktemp("agi")
    port = free_port()
    local = folder / "pbx" / "demo" / "local"
    for each in (folder / "pbx", folder / "pbx" / "demo", local):
        each.mkdir(mode=0o700)
    notice = folder / "notice"
    write_tone(notice.with_suffix(".wav"), NOTICE_HZ, 1.0)
    (local / "extensions.conf").write_text(DIALPLAN.replace("NOTICE)", f"{notice})") + guide(notice))
    regions = "".join(f'{key}_region = "US-NY"\n' for key in ("agent", "storage", "seller"))
    extra = f"sip_udp_port = {free_port()}\n[agi]\nport = {port}\n[call]\n{regions}{CARRIER}"
    async with World(folder, free_ports(), extra=extra) as world:
        pbx = world.pbx
        await world.campaign(SHOP)
        await world.campaign(Campaign(**{**vars(SHOP), "name": "strict", "recording": "explicit"}))
        async with AriClient(pbx.ari_url.removesuffix("/ari"), ARI_USER, pbx.ari_password) as ari:
            yield Shop(world, ari, iter(pick(20, datetime.now(UTC))), f"agi://127.0.0.1:{port}")


async def test_an_allowed_call_is_dialled_recorded_and_told_to_its_end(shop: Shop) -> None:
    world = shop.world
    invites = world.callee.invites
    async with shop.asking("shop", endpoint="PJSIP/agent") as asked:
        call = await world.callee.called()
        await call.answered()
        await asyncio.sleep(3.5)  # the notice, then they talk
        during = await shop.attempt(asked.number)
        assert during.state is AttemptState.DIALLING
        assert during.verdict is not None
        assert during.verdict.allowed
        await world.callee.hang_up()
        await call.ended()
        attempt = await shop.over(asked.number)
    assert world.callee.invites == invites + 1
    assert (attempt.disposition, attempt.id) == ("completed", during.id)
    async with world.database.read() as tx:
        (recording,) = await tx.recordings.of_attempt(attempt.id)
        act = (await tx.consents.of(attempt.party_id))[-1]
    assert (act.kind, act.act, act.evidence["prompt"]) == ("recording", "grant", "our-notice v1")
    assert act.at <= recording.started
    centre = Centre(world, [])
    assert recording.state is RecordingState.SEALED
    centre.seal_holds(recording)
    said, heard = await centre.audio(recording)
    assert tone_seconds(said, CALLEE_HZ) > 1.5
    assert tone_seconds(heard, AGENT_HZ) > 1.5
    assert list(world.pbx.spool.iterdir()) == []
    story = "\n".join(story_lines(await world.story(attempt.id)))
    for words in ("the gate allows it", "the attempt is durable", "recording runs", "is sealed"):
        assert words in story


async def test_the_announcement_is_on_the_recording_and_the_callee_only_after_its_last_word(shop: Shop) -> None:
    world = shop.world
    async with shop.asking("announced", endpoint="PJSIP/agent") as asked:
        call = await world.callee.called()
        await call.answered()
        attempt = await shop.attempt(asked.number)
        await world.until(attempt.id, "RecordingStarted")
        await asyncio.sleep(3.0)  # the notice, into which the callee talks; then both do
        await world.callee.hang_up()
        await call.ended()
        await shop.over(asked.number)
    async with world.database.read() as tx:
        (recording,) = await tx.recordings.of_attempt(attempt.id)
    said, heard = await Centre(world, []).audio(recording)
    (notice,) = tone_spans(heard, NOTICE_HZ)
    talk = tone_spans(said, CALLEE_HZ)[0]
    assert notice.seconds > 0.9
    assert notice.end - 0.02 <= talk.start < notice.end + 0.5
    assert tone_seconds(heard.part(notice.end), AGENT_HZ) > 1.0


async def test_the_guides_dialplan_records_once_the_callee_has_pressed_the_key(shop: Shop) -> None:
    world = shop.world
    async with shop.asking("our-agents", endpoint="PJSIP/agent") as asked:
        call = await world.callee.called()
        await call.answered()
        await asyncio.sleep(0.7)
        await world.callee.press("1")
        await asyncio.sleep(2.0)  # they talk
        await world.callee.hang_up()
        await call.ended()
        attempt = await shop.over(asked.number)
    assert attempt.disposition == "completed"
    async with world.database.read() as tx:
        (recording,) = await tx.recordings.of_attempt(attempt.id)
        act = (await tx.consents.of(attempt.party_id))[-1]
    assert (act.evidence["key"], act.evidence["mode"]) == ("1", "explicit")
    assert act.at <= recording.started
    said, _ = await Centre(world, []).audio(recording)
    assert tone_seconds(said, CALLEE_HZ) > 1.0


async def test_the_guides_dialplan_lets_the_callee_out_for_good(shop: Shop) -> None:
    world = shop.world
    async with shop.asking("our-agents", endpoint="PJSIP/agent") as asked:
        call = await world.callee.called()
        await call.answered()
        await asyncio.sleep(0.7)
        await world.callee.press("9")
        await call.ended()
        attempt = await shop.over(asked.number)
    assert attempt.disposition == "opted_out"
    async with world.database.read() as tx:
        assert await tx.dnc.check(asked.number) is not None
        assert list(await tx.recordings.of_attempt(attempt.id)) == []
    async with shop.asking("only-ask", asked.number) as again:
        assert await again.heedline("DECISION") == "deny"


async def test_the_guides_dialplan_calls_nobody_else_where_the_far_end_has_moved(shop: Shop) -> None:
    world, invites = shop.world, shop.world.callee.invites
    password = read_password(world.home, "phone-carrier.password")
    registrar = f"127.0.0.1:{world.settings.pbx.sip_udp_port}"
    async with Carrier("carrier", password, registrar, Refusal.MOVED) as carrier:
        async with shop.asking("moved", endpoint="PJSIP/agent") as asked:
            async with asyncio.timeout(10):
                while not carrier.invites:
                    await asyncio.sleep(0.02)
            attempt = await shop.over(asked.number)
        assert len(carrier.invites) == 1
    assert attempt.disposition != "completed"
    assert world.callee.invites == invites


async def test_a_denied_call_is_not_dialled_and_says_why(shop: Shop) -> None:
    invites = shop.world.callee.invites
    async with shop.asking("shop", Number("+12125550199")) as asked:  # on the national list
        assert await asked.get("OUTCOME") == "denied"
        assert await asked.heedline("DECISION") == "deny"
        assert await asked.heedline("ATTEMPT") == ""
        reason = await asked.heedline("REASON")
    attempt = await shop.attempt(asked.number)
    assert attempt.disposition == "denied"
    assert attempt.verdict is not None
    assert reason
    assert reason.split(":")[0] == attempt.verdict.reasons[0].rule
    assert not set(reason) & set("\"'$[]{}(),|&\\")
    assert shop.world.callee.invites == invites


async def test_what_the_gate_sets_is_there_for_the_dialplan(shop: Shop) -> None:
    async with shop.asking("only-ask") as asked:
        said = {name: await asked.heedline(name) for name in VARIABLES}
        attempt = await shop.attempt(asked.number)
        assert said["DECISION"] == "allow"
        assert said["ATTEMPT"] == attempt.id
        assert said["NUMBER"] == asked.number.e164
        assert (said["CALLERID"], said["RING"], said["RECORDING"]) == (SHOP.caller_id, str(SHOP.ring_seconds), "notice")
        assert asked.took < 1.0
        async with shop.asking("only-ask", asked.number) as second:
            assert await second.heedline("DECISION") == "deny", "one call at a time"
        assert (await shop.attempt(asked.number)).disposition == "denied"
    assert (await shop.world.ended(attempt.id, 10.0)).disposition == "not_dialled"


async def test_who_asks_to_be_removed_is_never_called(shop: Shop) -> None:
    async with shop.asking("remove-me") as asked:
        assert await asked.heedline("OPTOUT") == "done"
        assert await asked.heedline("DNC") == "listed"
        assert await asked.heedline("DECISION") == "deny"
        assert "dnc.internal" in await asked.heedline("REASON")
    async with shop.world.database.read() as tx:
        assert await tx.dnc.check(asked.number) is not None


async def test_a_consent_is_on_file_with_its_evidence(shop: Shop) -> None:
    async with shop.asking("agree") as asked:
        assert await asked.get("OUTCOME") == "done"
    async with shop.world.database.read() as tx:
        party = await tx.parties.find(asked.number)
        assert party is not None
        act = (await tx.consents.of(party))[-1]
    assert (act.act, act.kind, act.seller) == ("grant", "express_written", SHOP.seller)
    assert (act.evidence["words"], act.evidence["key"]) == ("our-question v1", "1")


async def test_nothing_is_recorded_on_a_notice_where_a_key_is_wanted(shop: Shop) -> None:
    async with shop.asking("early") as asked:
        assert await asked.heedline("RECORDING") == "explicit"
        assert await asked.get("OUTCOME") == "failed"
        assert "key" in await asked.heedline("REASON")
        attempt = await shop.attempt(asked.number)
        async with shop.world.database.read() as tx:
            assert list(await tx.recordings.of_attempt(attempt.id)) == []


@asynccontextmanager
async def pointed_at(shop: Shop, port: int) -> AsyncIterator[None]:
    await shop.ari.asterisk.setGlobalVar(variable="HEEDLINE_AGI", value=f"agi://127.0.0.1:{port}")
    try:
        yield
    finally:
        await shop.ari.asterisk.setGlobalVar(variable="HEEDLINE_AGI", value=shop.agi)


async def test_with_heedline_away_the_answer_is_no(shop: Shop) -> None:
    async with pointed_at(shop, free_port()), shop.asking("only-ask") as asked:
        assert await asked.heedline("DECISION") == "deny"
        assert await asked.heedline("REASON") == "Heedline did not answer"


async def test_a_heedline_that_hangs_means_no_within_the_bound(shop: Shop) -> None:
    hung = shop.world.pid("agi")
    os.kill(hung, signal.SIGSTOP)
    try:
        async with shop.asking("only-ask") as asked:
            assert await asked.heedline("DECISION") == "deny"
            assert BOUND_S - 0.5 < asked.took < BOUND_S + 1.0
    finally:
        os.kill(hung, signal.SIGCONT)
    async with shop.asking("only-ask") as asked:
        assert await asked.heedline("DECISION") == "allow"


ALLOW = b'SET VARIABLE HEEDLINE_DECISION "allow"\n'


HTTP = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "stays"), [(b"", False), (HTTP, False), (b"\xff\xfe what\n", False), (ALLOW, False), (ALLOW, True)]
)
async def test_something_else_at_that_port_means_no(shop: Shop, said: bytes, stays: bool) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await (reader.read() if stays else asyncio.sleep(0.05))
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = int(server.sockets[0].getsockname()[1])
        async with pointed_at(shop, port), shop.asking("only-ask") as asked:
            assert await asked.heedline("DECISION") == "deny"
            assert asked.took < BOUND_S + 1.0


async def test_killed_it_is_back_and_forgets_no_call(shop: Shop) -> None:
    async with shop.asking("only-ask") as asked:
        assert await asked.heedline("DECISION") == "allow"
        old = shop.world.pid("agi")
        os.kill(old, signal.SIGKILL)
        await asked.hang_up()  # nobody is there to be told
        async with asyncio.timeout(20):
            while (await shop.attempt(asked.number)).state is not AttemptState.ENDED:
                await asyncio.sleep(0.1)
    assert (await shop.attempt(asked.number)).disposition == "interrupted"
    async with shop.asking("only-ask") as again:
        assert await again.heedline("DECISION") == "allow"


async def test_a_conductor_that_starts_anew_leaves_the_dialplans_calls_alone(shop: Shop) -> None:
    async with shop.asking("only-ask") as asked:
        shop.world.kill("conductor")
        await asyncio.sleep(0.5)
        await shop.world.ready()
        assert (await shop.attempt(asked.number)).state is AttemptState.DIALLING

"""The ground both sides run on: one home, one Asterisk build, the same endpoints, prompts and RAM spool.

`bare` starts the PBX alone, for the dialplan; `heedline` starts `heedline serve`. Each starts Asterisk afresh.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ari_app.prompts import Prompts
from ari_app.wording import PromptId, Seller
from bench.sound import CONFIRMATION_HZ, NOTICE_HZ, write_prompt
from compliance import DIALLING_RULES, Gate, Number, load_packs
from compliance.errors import HeedlineError
from compliance.terms import Purpose
from heedline.demo.numbers import callable_now, fictional
from heedline.demo.world import MADE_BY_THE_DEMO, Ports, World
from heedline.pbx import Instance
from heedline.secrets import write_private
from storage.ledger.campaigns import Campaign

# Not sales: no law then wants said who calls before the prompt, which the dialplan beside it would not do either.
CAMPAIGN = Campaign(
    name="bench",
    seller="Acme Water",
    purpose=Purpose.INFORMATIONAL.value,
    caller_id="+12125550100",
    recording="explicit",
    recording_required=False,
)
PROMPT_S = 20.0
CONTEXT = "bench"
OWN_PROMPTS = {
    PromptId.NOTICE: (NOTICE_HZ, PROMPT_S),
    PromptId.CONSENT_ASK: (NOTICE_HZ, PROMPT_S),
    PromptId.OPTOUT_DONE: (CONFIRMATION_HZ, 3.0),
}

# What a phone's endpoint has in asterisk_conf/pjsip.conf.j2, without the phone: a trunk to SIPp, one to the probe.
_TRUNK = """
[{name}]
type = endpoint
context = from-far-end
transport = transport-udp
aors = {name}
disallow = all
allow = ulaw
dtmf_mode = rfc4733
rtp_symmetric = yes
direct_media = no
rtp_timeout = 30
rtp_keepalive = 15
max_video_streams = 0
max_audio_streams = 1
tos_audio = ef
send_connected_line = no

[{name}]
type = aor
contact = sip:127.0.0.1:{port}
"""
_AGENT = """
[{name}](+type=aor)
contact = sip:{name}@127.0.0.1:{port}
qualify_frequency = 0
"""
# Prompt, key, MixMonitor, bridge: as little dialplan as does the same job.
_DIALPLAN = """
[{context}]
exten => call,1,Read(KEY,{prompt},1,,1,10)
 same => n,GotoIf($["${{KEY}}" != "1"]?end)
 same => n,MixMonitor({spool}/${{UNIQUEID}}.raw,D)
 same => n,Dial(PJSIP/${{AGENT}},20)
 same => n(end),Hangup()
"""


@dataclass(frozen=True)
class BenchPorts:
    """Everything the bench listens on; RTP of Asterisk takes `rtp` to `rtp + 1199`."""

    base: int = 9400
    rtp: int = 24000
    callee_media: int = 10000
    agent_media: int = 14000
    probe_media: int = 18000

    def beside(self) -> "BenchPorts":
        """For a second ground at the same time."""
        return BenchPorts(
            self.base + 20, self.rtp + 1200, self.callee_media + 2000, self.agent_media + 2000, self.probe_media + 2000
        )

    @property
    def callee(self) -> int:
        return self.base + 10

    @property
    def agent(self) -> int:
        return self.base + 11

    @property
    def probe(self) -> int:
        return self.base + 12


class Ground(World):
    """`agents` SIPp agents a000, a001, …; every number rings a SIPp callee, but those in `probes` the probe."""

    def __init__(self, folder: Path, ports: BenchPorts, agents: int, probes: int = 0) -> None:
        base = ports.base
        super().__init__(folder, Ports(base, base + 1, base + 2, ports.rtp), "bench", agents=(), callees=())
        self.bench_ports = ports
        self.names = tuple(f"a{n:03d}" for n in range(agents))
        numbers = tuple(_numbers(agents, agents + probes))
        self.numbers, self.probes = numbers[:agents], numbers[agents:]

    def _toml(self) -> str:
        ports = self.bench_ports
        phones = "".join(f'[[phones]]\nname = "{name}"\ntransport = "udp"\n' for name in self.names)
        routes = '[[routes]]\nprefix = "+"\nendpoint = "PJSIP/{number}@sipp"\n'
        routes += "".join(
            f'[[routes]]\nprefix = "{number.e164}"\nendpoint = "PJSIP/{{number}}@probe"\n' for number in self.probes
        )
        # The first line is how the demo's world knows settings that it may replace: both sides use one home.
        return f"""\
{MADE_BY_THE_DEMO}
[pbx]
instance = "bench"
ari_port = {ports.base}
ami_port = {ports.base + 1}
sip_tls_port = {ports.base + 2}
sip_udp_port = {ports.base + 3}
rtp_start = {ports.rtp}
rtp_end = {ports.rtp + 1199}
[call]
agent_region = "US-NY"
storage_region = "US-NY"
seller_region = "US-NY"
{phones}{routes}"""

    async def prepare(self) -> None:
        """Home, prompts of tones, endpoints and dialplan."""
        for prompt, (hertz, seconds) in OWN_PROMPTS.items():
            own = self.home.prompts / "own" / "en" / f"{prompt}.wav"
            write_prompt(own, hertz, seconds)
            own.with_suffix(".txt").write_text(f"a tone of {hertz} Hz\n")
        await super().prepare()
        prompts = Prompts(self.home.prompts, Seller(CAMPAIGN.seller, CAMPAIGN.caller_id, Purpose(CAMPAIGN.purpose)))
        await asyncio.to_thread(prompts.render, "en")
        question = prompts.media(PromptId.CONSENT_ASK, "en").uri.removeprefix("sound:")
        ports, pbx = self.bench_ports, self.pbx
        pbx.layout.make()
        trunks = _TRUNK.format(name="sipp", port=ports.callee) + _TRUNK.format(name="probe", port=ports.probe)
        agents = "".join(_AGENT.format(name=name, port=ports.agent) for name in self.names)
        write_private(pbx.layout.local / "pjsip.conf", (trunks + agents).encode(), replace=True)
        dialplan = _DIALPLAN.format(context=CONTEXT, prompt=question, spool=pbx.spool)
        write_private(pbx.layout.local / "extensions.conf", dialplan.encode(), replace=True)

    @contextlib.asynccontextmanager
    async def bare(self) -> AsyncIterator[Instance]:
        """The PBX alone."""
        await self.prepare()
        instance = self.pbx
        await instance.up()
        try:
            yield instance
        finally:
            for leftover in instance.spool.glob("*.raw"):
                leftover.unlink()
            await instance.down()

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator["Ground"]:
        """`heedline serve`, with the campaign."""
        async with self:
            await self.campaign(CAMPAIGN)
            yield self

    def pids(self, serving: bool) -> dict[str, int]:
        """Process ids by name; without `serving` there is only the PBX."""
        running = self.pbx.running
        if running is None:
            raise RuntimeError("the PBX is not running")
        pids = {"asterisk": running.pid}
        if serving:
            pids |= {name: self.pid(name) for name in ("conductor", "recorder")}
        return pids


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _numbers(least: int, most: int) -> Iterator[Number]:
    """Made-up numbers that may be called at this hour. Raises HeedlineError: there are too few."""
    now = datetime.now(UTC)
    gate, count = Gate(DIALLING_RULES, load_packs()), 0
    for number in fictional(random.Random(7)):
        if count < most and callable_now(gate, number, now, Purpose(CAMPAIGN.purpose)):
            count += 1
            yield number
    if count < least:
        raise HeedlineError(f"only {count} made-up numbers may be called at this hour; ask for fewer calls")

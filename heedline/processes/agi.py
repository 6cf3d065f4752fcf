"""The AGI process: composes what a dialplan may ask for and listens for Asterisk's AGI()."""

import asyncio
import logging
import resource
from ipaddress import ip_address

from agi import AgiServer, Desk, Door, look_after
from ari_app.ari import AriClient
from compliance import SCREENING_RULES, Gate, Packs, load_packs
from compliance.case import Rule
from compliance.errors import BadInput, HeedlineError
from compliance.rules import AT_THE_DIAL
from compliance.rules.rules_refused import RulesRefused
from heedline.bootstrap import open_database, open_dossier, open_registries
from heedline.home import Home
from heedline.overlays import packs_of
from heedline.pbx import ARI_USER, Instance
from heedline.settings import Settings
from storage.database import Database
from storage.ledger.journal import OptOutJournal
from storage.vault.client import RecorderClient

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 2_000
_OTHER_FILES = 200

DIALPLAN_RULES = tuple(rule for rule in (*SCREENING_RULES, *AT_THE_DIAL) if rule.id != "prompts")
"""Everything but our own prompts: a dialplan plays its own."""


class AgiPortTaken(HeedlineError):
    """Something else listens there."""


async def run_agi(home: Home, settings: Settings) -> None:
    """Until cancelled. Raises BadInput: it is switched off; AgiPortTaken; and the ledger's errors."""
    wanted = settings.agi
    if not wanted.port:
        raise BadInput("agi.port is 0: the AGI door is off; name a port in heedline.toml, 4573 say")
    instance = Instance(home, settings)
    database = await open_database(home, settings)
    recorder = RecorderClient(home.recorder_socket)
    try:
        async with AriClient(f"http://127.0.0.1:{settings.pbx.ari_port}", ARI_USER, instance.ari_password) as client:

            async def channels() -> frozenset[str]:
                return frozenset(channel.id for channel in await client.channels.list())

            packs, rules = await rules_of(home, database)
            desk = Desk(
                database,
                open_dossier(home, settings, database, packs),
                open_registries(home),
                Gate(rules, packs),
                packs,
                recorder,
                OptOutJournal(home.dialplan_optout_journal),
                instance.spool,
                channels if all(ip_address(peer).is_loopback for peer in wanted.peers) else None,
                settings.call.default_region,
            )
            peers = frozenset(wanted.peers)
            server = AgiServer(wanted.address, wanted.port, max_connections=_room(), peers=peers)
            Door(desk).open(server)
            await _serve(server, desk)
    finally:
        await recorder.close()
        await database.close()


def _room() -> int:
    """Connections that leave the ledger, the journal and the lists the files they need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(MOST_CONNECTIONS, soft - _OTHER_FILES))


async def rules_of(home: Home, database: Database) -> tuple[Packs, tuple[Rule, ...]]:
    """An overlay that can't be taken stops the calls, not the opt-outs: then the gate denies, and the rest goes on."""
    try:
        return await packs_of(home, database), DIALPLAN_RULES
    except HeedlineError as error:
        log.critical("every call of the dialplan is denied until this is mended and the door started again: %s", error)
        return load_packs(), (RulesRefused(str(error)),)


async def _serve(server: AgiServer, desk: Desk) -> None:
    try:
        await server.__aenter__()
    except OSError as error:
        raise AgiPortTaken(f"agi.address, agi.port: can't listen there: {error.strerror}") from None
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(look_after(desk), name="calls of the dialplan")
            group.create_task(_hear_recorder(desk.recorder), name="recorder events")
    finally:
        await server.__aexit__(None, None, None)


async def _hear_recorder(recorder: RecorderClient) -> None:
    """Keeps known whether the recorder is there."""
    async for event in recorder.watch():
        if event.event == "failed":
            log.error("recording %s: %s", event.recording, event.error)

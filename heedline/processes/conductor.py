"""The conductor process: composes what the calls need and listens on its socket."""

import asyncio
import logging

from ari_app.ami import AmiClient, AmiError, AmiRefused
from ari_app.ari import AriClient
from ari_app.conductor import Conductor, Setup
from ari_app.control import serve
from ari_app.prompts import Prompts
from compliance import DIALLING_RULES, Gate, Number
from heedline.bootstrap import open_database, open_dossier
from heedline.home import Home
from heedline.overlays import packs_of
from heedline.pbx import Instance
from heedline.settings import Settings
from storage.vault.client import RecorderClient

log = logging.getLogger(__name__)

AMI_PATIENCE_S = 30.0
USER = "heedline"


def route_of(settings: Settings, number: Number) -> str | None:
    """The endpoint of the longest prefix that fits; None where no route is set up."""
    fitting = [route for route in settings.routes if number.e164.startswith(route.prefix)]
    if not fitting:
        return None
    best = max(fitting, key=lambda route: len(route.prefix))
    return best.endpoint.replace("{number}", number.e164)


def setup_of(home: Home, settings: Settings) -> Setup:
    call = settings.call
    return Setup(
        agents={phone.name: f"PJSIP/{phone.name}" for phone in settings.phones if phone.role == "agent"},
        route=lambda number: route_of(settings, number),
        spool=Instance(home, settings).spool,
        optout_journal=home.optout_journal,
        agent_ring_seconds=call.agent_ring_seconds,
        manual_campaign=call.manual_campaign,
        default_region=call.default_region,
    )


async def run_conductor(home: Home, settings: Settings) -> None:
    """Until cancelled. Raises HeedlineError: it can't do its work at all."""
    instance = Instance(home, settings)
    database = await open_database(home, settings)
    recorder = RecorderClient(home.recorder_socket)
    ami = AmiClient("127.0.0.1", instance.ami_port, USER, instance.ami_password)
    try:
        async with AriClient(f"http://127.0.0.1:{settings.pbx.ari_port}", USER, instance.ari_password) as client:
            packs = await packs_of(home, database)
            gate, dossier = Gate(DIALLING_RULES, packs), open_dossier(home, settings, database, packs)
            prompts, setup = Prompts(home.prompts), setup_of(home, settings)
            conductor = Conductor(client, ami, database, recorder, prompts, gate, dossier, setup)
            runner = await serve(conductor, home.conductor_socket)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_keep_ami(ami), name="ami")
                    group.create_task(conductor.run(), name="conductor")
            finally:
                await runner.cleanup()
    finally:
        await ami.close()
        await recorder.close()
        await database.close()


async def _keep_ami(ami: AmiClient) -> None:
    """Until the first log-in; the client keeps the connection from then on. Without it nothing is recorded."""
    while True:
        try:
            await ami.connect(patience=AMI_PATIENCE_S)
        except AmiRefused:
            raise
        except AmiError as error:
            log.error("no recording is possible: %s", error)
            continue
        return

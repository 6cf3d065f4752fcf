"""The conductor's own interface: HTTP on a Unix socket of mode 0600, for the CLI, the agent's screen and the CRM.

    GET  /health                                      what runs, what is missing
    POST /calls        {number, campaign, agent, by, not_before?}       → 201 {attempt}
    GET  /calls                                       the live calls
    POST /drain        {by, closing?}                 hang up every call, answer when the last has ended;
                                                      closing: none is placed any more
    POST /calls/{attempt}/{hangup|optout|pause|resume}   {by}           → 202; an opt-out is durable by then

Who may open the socket may place calls; every one of them still goes through the gate.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ari_app.call.call import Status
from ari_app.call.events import HangupRequested, PauseRequested, ResumeRequested
from ari_app.conductor import Conductor
from ari_app.errors import NoSuchCall
from ari_app.live import LiveCall
from compliance.errors import BadInput, HeedlineError

MAX_BODY = 16 * 1024
Text = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x20-\x7e]+$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CallBody(_Body):
    number: Text
    campaign: Text
    agent: Text
    by: Text
    not_before: datetime | None = None


class ActBody(_Body):
    by: Text


class DrainBody(_Body):
    by: Text
    closing: bool = False


Body = TypeVar("Body", bound=_Body)


def application(conductor: Conductor) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_errors])

    async def health(_: web.Request) -> web.Response:
        return web.json_response(
            {
                "ready": not conductor.trouble,
                "trouble": conductor.trouble,
                "recording_trouble": conductor.recording_trouble(),
                "calls": len(conductor.board.calls),
                "rules": conductor.gate.pack,
            }
        )

    async def place(request: web.Request) -> web.Response:
        body = await _read(request, CallBody)
        if body.not_before is not None and body.not_before.tzinfo is None:
            raise BadInput("not_before: must say its time zone, as in 2026-03-01T09:00:00-05:00")
        attempt = await conductor.place(body.number, body.campaign, body.agent, body.by, body.not_before)
        return web.json_response({"attempt": attempt}, status=201)

    async def calls(_: web.Request) -> web.Response:
        return web.json_response({"calls": [_summary(call) for call in conductor.board.calls.values()]})

    async def act(request: web.Request) -> web.Response:
        by = (await _read(request, ActBody)).by
        call = conductor.call(request.match_info["attempt"])
        match request.match_info["act"]:
            case "hangup":
                call.post(HangupRequested(by))
            case "optout":
                if call.call.callee is not Status.UP:
                    raise HeedlineError(f"call {call.id}: the callee is not on the line; use `heedline dnc add`")
                await call.opt_out(by)
            case "pause":
                call.post(PauseRequested())
            case _:
                call.post(ResumeRequested())
        return web.json_response({"attempt": call.id}, status=202)

    async def drain(request: web.Request) -> web.Response:
        body = await _read(request, DrainBody)
        await conductor.hang_up_all(body.by, body.closing)
        return web.json_response({"calls": 0})

    app.router.add_get("/health", health)
    app.router.add_post("/drain", drain)
    app.router.add_get("/calls", calls)
    app.router.add_post("/calls", place)
    app.router.add_post("/calls/{attempt:[0-9A-Z]{26}}/{act:hangup|optout|pause|resume}", act)
    return app


def _summary(call: LiveCall) -> dict[str, object]:
    return {
        "attempt": call.id,
        "campaign": call.order.campaign.name,
        "agent": call.order.agent,
        "phase": call.call.phase.value,
        "callee": call.call.callee.value,
        "recording": call.call.tape.value,
        "recording_id": call.tools.tape.recording,
    }


async def _read(request: web.Request, kind: type[Body]) -> Body:
    try:
        return kind.model_validate(json.loads(await request.text()))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(f"{'.'.join(str(part) for part in first['loc']) or 'body'}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise BadInput("body: not JSON") from None


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except HeedlineError as error:
        status = 404 if isinstance(error, NoSuchCall) else 400 if isinstance(error, BadInput) else 409
        return web.json_response({"error": str(error)}, status=status)
    except web.HTTPException as error:
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        message = f"{request.method} of this path: {error.reason}; see docs/control-api.md"
        return web.json_response({"error": message}, status=error.status, headers=allowed)


async def serve(conductor: Conductor, socket: Path) -> web.AppRunner:
    """Listen; the runner's `cleanup()` ends it."""
    runner = web.AppRunner(application(conductor), access_log=None)
    await runner.setup()
    await asyncio.to_thread(socket.unlink, missing_ok=True)
    before = os.umask(0o177)  # not for an instant may anybody else connect
    try:
        await web.UnixSite(runner, str(socket)).start()
    finally:
        os.umask(before)
    return runner

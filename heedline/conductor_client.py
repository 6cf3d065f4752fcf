"""The conductor's socket, from the other side: for the CLI, the supervisor and the demo."""

import asyncio
from pathlib import Path
from typing import cast

import aiohttp

from ari_app.errors import ConductorDown
from compliance.errors import BadInput, HeedlineError

TIMEOUT_S = 20.0
_RETRY_S = 0.1  # between two tries while the conductor starts: a socket that is not there yet gives no sign


class ConductorClient:
    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def health(self) -> dict[str, object]:
        return await self._ask("GET", "/health")

    async def calls(self) -> list[dict[str, object]]:
        return cast("list[dict[str, object]]", (await self._ask("GET", "/calls"))["calls"])

    async def place(self, number: str, campaign: str, agent: str, by: str, not_before: str | None = None) -> str:
        """Ask for a call; the attempt's id. Raises ConductorDown, BadInput, HeedlineError as the conductor says."""
        body: dict[str, object] = {"number": number, "campaign": campaign, "agent": agent, "by": by}
        if not_before is not None:
            body["not_before"] = not_before
        return str((await self._ask("POST", "/calls", body))["attempt"])

    async def act(self, attempt: str, act: str, by: str) -> None:
        """`hangup`, `optout`, `pause` or `resume` a live call."""
        await self._ask("POST", f"/calls/{attempt}/{act}", {"by": by})

    async def drain(self, by: str, *, closing: bool = False) -> None:
        """Hang up every call and wait for the last; with `closing` none is placed any more."""
        await self._ask("POST", "/drain", {"by": by, "closing": closing})

    async def wait_ready(self) -> None:
        """Until calls can be placed and recorded."""
        while True:
            try:
                health = await self.health()
                if health["ready"] and not health["recording_trouble"]:
                    return
            except ConductorDown:
                pass
            await asyncio.sleep(_RETRY_S)

    async def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
        connector = aiohttp.UnixConnector(str(self._socket))
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.request(method, f"http://conductor{path}", json=body) as reply,
            ):
                answer = await reply.json()
                status = reply.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            raise ConductorDown("the conductor does not answer; is `heedline serve` running?") from None
        if status >= 400:
            message = str(answer.get("error", status))
            raise BadInput(message) if status == 400 else HeedlineError(message)
        return cast("dict[str, object]", answer)

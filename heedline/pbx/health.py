"""Is the PBX ready for calls: AMI says FullyBooted, ARI answers a ping with the password we have."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass

import aiohttp
from aiohttp import encode_basic_auth

from heedline.pbx.render import AMI_USER, ARI_USER

_LINES = 200  # a greeting, an answer and an event are some twenty lines; more is not an AMI

_REFUSED = "the password is refused; was it renewed since the PBX started? `heedline pbx down`, then `up`"


@dataclass(frozen=True)
class Health:
    """What was found; `problem` is one line, empty when both are well."""

    ari: bool
    ami: bool
    problem: str = ""
    refused: bool = False  # a password is wrong: asking again will not help

    @property
    def ok(self) -> bool:
        return self.ari and self.ami


async def probe(ari_port: int, ami_port: int, ari_password: str, ami_password: str, seconds: float = 3.0) -> Health:
    """Ask both on loopback at once, each within `seconds`."""
    ari, ami = await asyncio.gather(
        _bounded(_ari(ari_port, ari_password), seconds), _bounded(_ami(ami_port, ami_password), seconds)
    )
    problems = [f"{name}: {said}" for name, said in (("ARI", ari), ("AMI", ami)) if said]
    return Health(not ari, not ami, "; ".join(problems), _REFUSED in (ari, ami))


async def _bounded(question: Coroutine[None, None, str], seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            return await question
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except (OSError, aiohttp.ClientError) as error:
        return f"not reachable ({type(error).__name__})"


async def _ari(port: int, password: str) -> str:
    headers = {"Authorization": encode_basic_auth(ARI_USER, password)}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"http://127.0.0.1:{port}/ari/asterisk/ping", allow_redirects=False) as answer,
    ):
        if answer.status == 401:
            return _REFUSED
        return "" if answer.status == 200 else f"HTTP status {answer.status}"


async def _ami(port: int, password: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=8192)
    try:
        if not (await reader.readline()).startswith(b"Asterisk Call Manager/"):
            return "what listens there is no AMI"
        writer.write(f"Action: Login\r\nUsername: {AMI_USER}\r\nSecret: {password}\r\n\r\n".encode())
        await writer.drain()
        for _ in range(_LINES):
            line = await reader.readline()
            if line == b"Event: FullyBooted\r\n":
                return ""
            if line == b"Response: Error\r\n":
                return _REFUSED
            if not line:
                return "closed the connection"
        return "never said FullyBooted"
    except ValueError:
        return "a line beyond 8 KiB"
    finally:
        writer.close()

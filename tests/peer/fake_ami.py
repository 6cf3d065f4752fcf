"""A manager interface played from a script: logs clients in, keeps every line, answers as told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Reply = Callable[[dict[str, str]], bytes | None]


def success(action: dict[str, str]) -> bytes:
    return f"Response: Success\r\nActionID: {action['ActionID']}\r\nMessage: ok\r\n\r\n".encode()


@dataclass
class FakeAmi:
    """``answer`` gets each action but Login and returns what to send, or None to stay silent."""

    port: int = 0
    secret: str = "right"
    answer: Reply = success
    fully_booted: bool = True
    actions: list[dict[str, str]] = field(default_factory=list)
    logins: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def names(self) -> list[str]:
        """Actions received, without logins and pings."""
        return [a["Action"] for a in self.actions if a["Action"] not in ("Login", "Ping")]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                action = dict(line.split(": ", 1) for line in block.decode().split("\r\n") if ": " in line)
                await self._take(action, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
        except asyncio.CancelledError:
            # asyncio's streams (3.11) report a cancelled server task as an error of theirs.
            writer.close()

    async def _take(self, action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        async with self.changed:
            self.actions.append(action)
            if action["Action"] == "Login":
                self.logins += 1
                if action["Secret"] != self.secret:
                    writer.write(f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: no\r\n\r\n".encode())
                    writer.close()
                else:
                    self.writers.append(writer)
                    writer.write(success(action))
                    if self.fully_booted:
                        writer.write(b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n")
            elif (answer := self.answer(action)) is not None:
                writer.write(answer)
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait for something the peer has seen."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(condition)

    def hang_up(self) -> None:
        """Drop every client."""
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


@asynccontextmanager
async def fake_ami(**options: object) -> AsyncIterator[FakeAmi]:
    peer = FakeAmi(**options)  # type: ignore[arg-type]
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = int(server.sockets[0].getsockname()[1])
    try:
        yield peer
    finally:
        server.close()
        peer.hang_up()

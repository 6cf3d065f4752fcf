"""The stage a demo plays on: who says what happened, what was claimed, and whether it held."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ari_app.prompts import Prompts
from ari_app.wording import Seller
from compliance import Number
from heedline.demo.phone import Phone
from heedline.demo.sound import Heard, Sound, find_prompt, load
from heedline.demo.world import World
from heedline.story import is_small_talk, story_line
from storage.ledger.attempts import Attempt
from storage.ledger.events import CallEvent

SELLER = Seller("Acme Water", "+12125550100")


@dataclass(frozen=True)
class Claim:
    """One thing the demo says of Heedline. `measured` is the figure or fact it rests on."""

    scenario: str
    text: str
    held: bool
    measured: str


@dataclass(frozen=True)
class Played:
    """A call that is over: its attempt and its story."""

    attempt: Attempt
    story: tuple[CallEvent, ...]

    def at(self, kind: str, **data: object) -> datetime:
        """When the first line of that kind with these data was told. Raises LookupError: never."""
        for line in self.story:
            if line.kind == kind and data.items() <= line.data.items():
                return line.at
        raise LookupError(f"the story of {self.attempt.id} has no {kind} {data}")

    def has(self, kind: str, **data: object) -> bool:
        return any(line.kind == kind and data.items() <= line.data.items() for line in self.story)

    def recording(self) -> str:
        """The id of its recording. Raises LookupError: it has none."""
        line = next((line for line in self.story if line.kind == "RecordingStarted"), None)
        if line is None:
            raise LookupError(f"attempt {self.attempt.id} was not recorded")
        return str(line.data["recording"])


@dataclass
class Stage:
    world: World
    numbers: Iterator[Number]
    say: Callable[[str], None]
    claims: list[Claim] = field(default_factory=list)
    scenario: str = ""

    def claim(self, text: str, held: bool, measured: str = "") -> None:
        self.claims.append(Claim(self.scenario, text, held, measured))
        self.say(f"    {'✓' if held else '✗'} {text}" + (f"  ({measured})" if measured else ""))

    def begin(self, title: str) -> None:
        self.scenario = title
        self.say("")
        self.say(f"▶ {title}")

    @asynccontextmanager
    async def call(self, campaign: str, number: Number | None = None) -> AsyncIterator[str]:
        """Place a call and tell its story line by line while the block plays the people's parts; ends with the call."""
        for phone in self.world.phones.values():
            phone.forget()
        attempt = await self.world.place((number or next(self.numbers)).e164, campaign)
        telling = asyncio.create_task(self._tell(attempt))
        try:
            yield attempt
            await self.world.ended(attempt)
            await telling
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self, attempt: str) -> None:
        start: datetime | None = None
        async for line in self.world.told(attempt):
            start = start or line.at
            if is_small_talk(line):
                continue
            self.say(f"    {story_line(line, start)}"[:150])

    async def played(self, attempt: str) -> Played:
        return Played(await self.world.attempt(attempt), await self.world.story(attempt))

    def prompt(self, name: str, language: str = "en") -> Sound:
        """A prompt as an 8 kHz channel hears it."""
        return load(Prompts(self.world.home.prompts, SELLER).media(name, language).file)

    def heard(self, phone: Phone, prompt: str, call: int = -1) -> Heard:
        """Whether and how much of a prompt that phone heard in its last (or that) call."""
        return find_prompt(load(phone.calls[call].heard), self.prompt(prompt))

    @property
    def exports(self) -> Path:
        folder = self.world.home.path / "exports"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def milliseconds(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds() * 1000

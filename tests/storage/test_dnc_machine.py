"""The do-not-call ledger against the simplest model of it, through any order of adds, removals and replays."""

import asyncio
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from compliance.number import Number
from storage.audit import CheckpointSigner, verify
from storage.database import Database, sqlite_url, upgrade
from storage.errors import LedgerConflict, NotListed
from storage.ledger.optout import opt_out, take_off
from storage.numbers import NumberKeys
from tests.storage.builders import campaign

NUMBERS = [Number(f"+1212555010{n}") for n in range(3)]
KEYS = NumberKeys(b"l" * 32, b"s" * 32)
SIGNER = CheckpointSigner("heedline/main/audit", b"n" * 32)
TEMPLATE = tempfile.TemporaryDirectory()
asyncio.run(upgrade(sqlite_url(Path(TEMPLATE.name) / "ledger.sqlite3")))
some_number = st.sampled_from(NUMBERS)


class DncMachine(RuleBasedStateMachine):
    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(shutil.copy(Path(TEMPLATE.name) / "ledger.sqlite3", self.folder.name))
        self.loop = asyncio.new_event_loop()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.listed: set[Number] = set()
        self.acts = dict.fromkeys(NUMBERS, 0)
        self.pending = dict.fromkeys(NUMBERS, 0)
        self.told: dict[str, Number] = {}
        self.reopen(first=True)

    def run(self, work):  # type: ignore[no-untyped-def]
        self.now += timedelta(seconds=1)
        return self.loop.run_until_complete(work)

    @initialize()
    def a_campaign(self) -> None:
        async def work() -> None:
            async with self.db.begin() as tx:
                await tx.campaigns.add(campaign())

        self.run(work())

    @rule(target=attempts, number=some_number)
    def plan(self, number: Number) -> tuple[str, Number]:
        async def work() -> str:
            async with self.db.begin() as tx:
                party = await tx.parties.ensure(number)
                return await tx.attempts.plan(party, "spring", None, self.now, "test")

        self.pending[number] += 1
        return self.run(work()), number

    @rule(attempt=attempts)
    def press_nine(self, attempt: tuple[str, Number]) -> None:
        attempt_id, number = attempt
        created = number not in self.listed and attempt_id not in self.told
        if created:
            self.told[attempt_id] = number
        self.check_opt_out(number, attempt_id, created)

    @rule(attempt=attempts, number=some_number)
    def press_nine_under_a_wrong_number(self, attempt: tuple[str, Number], number: Number) -> None:
        if self.told.get(attempt[0], number) == number or number in self.listed:
            return
        with pytest.raises(LedgerConflict):
            self.run(self.opt_out(number, attempt[0]))

    @rule(number=some_number)
    def ask_the_office(self, number: Number) -> None:
        self.check_opt_out(number, None, number not in self.listed)

    @rule(number=some_number)
    def remove(self, number: Number) -> None:
        async def work() -> None:
            async with self.db.begin() as tx:
                await take_off(tx, number, reason="asked", who="ann", at=self.now)

        if number in self.listed:
            self.run(work())
            self.listed.remove(number)
            self.acts[number] += 1
        else:
            with pytest.raises(NotListed):
                self.run(work())

    @rule(attempt=consumes(attempts))
    def forget(self, attempt: tuple[str, Number]) -> None:
        """No more is heard of that attempt."""

    @rule()
    def reopen(self, first: bool = False) -> None:
        if not first:
            self.loop.run_until_complete(self.db.close())
        self.db = self.loop.run_until_complete(Database.open(sqlite_url(self.file), KEYS, SIGNER))

    @invariant()
    def the_list_is_the_models(self) -> None:
        async def work() -> None:
            async with self.db.read() as tx:
                entries = await tx.dnc.list()
                assert sorted([await tx.dnc.number(entry.id) for entry in entries]) == sorted(self.listed)
                for number in NUMBERS:
                    history = await tx.dnc.history(number)
                    assert len(history) == self.acts[number]
                    assert [entry.act for entry in history] == ["add", "revoke"] * (len(history) // 2) + ["add"] * (
                        len(history) % 2
                    )
                    assert (await tx.dnc.check(number) is not None) == (number in self.listed)
                assert (await verify(tx, (SIGNER.key,))).sound

        self.loop.run_until_complete(work())

    def check_opt_out(self, number: Number, attempt_id: str | None, created: bool) -> None:
        listed = created or number in self.listed
        done = self.run(self.opt_out(number, attempt_id))
        assert done.created == created
        assert done.cancelled == (self.pending[number] if listed else 0)
        if listed:
            self.pending[number] = 0
        if created:
            self.listed.add(number)
            self.acts[number] += 1

    async def opt_out(self, number: Number, attempt_id: str | None):  # type: ignore[no-untyped-def]
        async with self.db.begin() as tx:
            return await opt_out(
                tx, number, source="callee", channel="dtmf", reason="9", who="c", at=self.now, attempt_id=attempt_id
            )

    def teardown(self) -> None:
        self.loop.run_until_complete(self.db.close())
        self.loop.close()
        self.folder.cleanup()


DncMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestDncLedger = DncMachine.TestCase

"""Consents on PostgreSQL: the migration with rows in it, and what must hold on any database."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from storage import migrations
from storage.audit import CheckpointSigner
from storage.consent.opt_in import Why
from storage.consent.proof import prove, written
from storage.consent.verify import verify
from storage.database import Database, upgrade
from storage.numbers import NumberKeys
from tests.storage.builders import CALLEE, planned
from tests.storage.test_consent_ledger import recorded, standing, withdrawn
from tests.storage.test_consent_migration import ROWS, at_0001
from tests.storage.test_consent_opt_in import asked, shown, typed
from tests.storage.test_consent_proof import KEYS, PROOFS
from tests.storage.test_postgresql import pg as pg
from tests.storage.test_postgresql import url as url


def _old(connection: Connection) -> None:
    connection.exec_driver_sql("DROP SCHEMA public CASCADE")
    connection.exec_driver_sql("CREATE SCHEMA public")
    at_0001(connection)
    connection.exec_driver_sql("INSERT INTO parties VALUES ('p', '\\x00', NULL, 1), ('q', '\\x01', NULL, 1)")
    connection.exec_driver_sql(ROWS.format(party="p"))


async def test_old_acts_keep_every_field_and_get_their_place(url: str, keys: NumberKeys) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(_old)
    await engine.dispose()
    assert (await upgrade(url)).after == migrations.HEAD
    db = await Database.open(url, keys)
    async with db.read() as tx:
        assert [(act.id, act.position, act.pending) for act in await tx.consents.of("p")] == [
            ("c1", 0, False),
            ("c2", 1, False),
        ]
        found = await tx.scalar(text("SELECT count(*) FROM pg_trigger WHERE tgname = 'consents_append_only'"))
    await db.close()
    assert found == 1


async def test_a_persons_consents_on_postgresql(pg: Database, signer: CheckpointSigner, now: datetime) -> None:
    made = await asked(pg, now)
    wrong = f"{(int(made.code) + 1) % 10**8:08}"
    assert await typed(pg, wrong, now) is Why.WRONG_CODE
    said = await asyncio.gather(*(shown(pg, made.token, now) for _ in range(3)))
    assert sorted(str(why) for why in said) == sorted(["None", str(Why.USED), str(Why.USED)])
    party = await recorded(pg, now)
    attempt = await planned(pg, now)
    for _ in range(2):
        async with pg.begin() as tx:
            assert await tx.consents.use(party, attempt, now) == 2
    assert await withdrawn(pg, now + timedelta(days=1)) == (True, 2)
    assert {consent.withdrawn_at for consent in await standing(pg, party, now + timedelta(days=2))} == {
        now + timedelta(days=1)
    }
    signed = await prove(pg, CALLEE, keys=KEYS, signer=signer, proofs=PROOFS, by="a", now=now + timedelta(days=3))
    assert verify(written(signed), signer.key).findings == ()

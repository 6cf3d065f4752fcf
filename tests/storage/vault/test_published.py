"""A KEK that somebody put into the ledger is sealed to by nobody."""

from dataclasses import replace
from typing import Any

import pytest

from storage.ids import new_id
from storage.ledger.recordings import Kek
from storage.vault import keys
from storage.vault.errors import BadWrap, NoKek, RecorderError
from storage.vault.published import public_half, sealed_by
from storage.vault.signing import Signer
from tests.storage.vault.world import SETTINGS, SIGNER, TRUSTED, World, now


def month() -> str:
    return keys.expiry_month(now(), SETTINGS.retention_days)


async def put(world: World, signer: Signer | None, **changes: Any) -> Kek:
    """A stranger's KEK, the newest of the month."""
    _, public = keys.generate(keys.DEFAULT)
    kek = Kek(new_id(), "main", "standard", month(), keys.DEFAULT.value, public, b"x", "keyfile", now())
    if signer is not None:
        kek = replace(kek, public=sealed_by(kek, signer))
    kek = replace(kek, **changes)
    async with world.db.begin() as tx:
        await tx.keks.add(kek)
    return kek


@pytest.mark.parametrize("signer", [None, Signer("stranger", b"s" * 32)])
async def test_recordings_are_sealed_to_the_newest_that_is_ours(
    world: World, signer: Signer | None, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = await put(world, signer)
    async with world.serving() as client:
        recording = await world.begin(client)
    async with world.db.read() as tx:
        wraps = await tx.wraps.of(recording)
    assert wraps
    assert stranger.id not in {wrap.kek_id for wrap in wraps}
    assert f"KEK {stranger.id}: not published by anybody trusted here" in caplog.text
    assert public_half(await _kek(world, wraps[0].kek_id), TRUSTED)


async def test_with_none_of_ours_nothing_is_recorded_and_publishing_ahead_makes_one(world: World) -> None:
    async with world.db.begin() as tx:
        for kek in await tx.keks.living("main", "standard", month()):
            await tx.keks.destroy(kek.id)
    await put(world, Signer("stranger", b"s" * 32))
    async with world.serving() as client:
        with pytest.raises(RecorderError, match="keys publish"):
            await world.begin(client)
        await world.keyring().publish_ahead(now(), SETTINGS.retention_days)
        await world.begin(client)


@pytest.mark.parametrize("change", [{"month": "2099-01"}, {"retention_class": "long"}, {"id": new_id()}])
async def test_a_signature_is_of_one_kek_in_its_place(world: World, change: dict[str, str]) -> None:
    moved = await put(world, SIGNER, **change)
    with pytest.raises(BadWrap):
        public_half(moved, TRUSTED)


async def test_nothing_is_wrapped_anew_to_a_stranger(world: World) -> None:
    async with world.db.read() as tx:
        (mine,) = await tx.keks.living("main", "standard", month())
    await put(world, Signer("stranger", b"s" * 32))
    with pytest.raises(NoKek):
        await world.keyring().rewrap(mine.id, now(), "cli:test")


async def _kek(world: World, kek: str) -> Kek:
    async with world.db.read() as tx:
        return await tx.keks.get(kek)

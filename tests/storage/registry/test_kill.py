"""Killed at any moment, an import leaves the old list or the new, whole, and the next import works."""

import errno
import os
from datetime import date
from time import monotonic

import pytest

from compliance.number import Number
from storage.registry import registries as registries_module
from tests.storage.registry.world import FTC, World, flat, killed_at

OLD, NEW = [2125550001, 2125550002], [2125550002, 2125550003]


def test_killed_at_every_step_of_an_import_the_old_or_the_new_list_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries_module, "LOOK_EVERY_S", 0.0)
    world.take(flat(OLD), version_date=date(2026, 11, 1))
    registries = world.open()
    step, swapped = 0, 0
    while killed_at(step, lambda: world.take(flat(NEW))):
        found = [n for n in range(2125550000, 2125550009) if registries.check(Number(f"+1{n}"))[FTC].listed]
        assert found in (OLD, NEW), step
        assert (found == NEW) >= swapped, "what stood once does not go back"
        swapped = int(found == NEW)
        step += 1
    assert step >= 6
    assert registries.check(Number("+12125550003"))[FTC].listed
    assert len(world.indexes()) == 1
    world.take(flat(NEW))
    others = sorted(file.name for file in world.registry.iterdir() if file.suffix != ".idx")
    assert others == ["changes", "current", "lock"]


def test_a_swap_that_was_not_announced_is_seen_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the swap and the count: the running process looks at the folder itself, once a second."""
    monkeypatch.setattr(registries_module, "LOOK_EVERY_S", 0.05)
    world.take(flat(OLD), version_date=date(2026, 11, 1))
    registries, asked = world.open(), Number("+12125550003")
    assert killed_at(0, lambda: world.take(flat(NEW)), ("pwrite",))
    patience = monotonic() + 10
    while not registries.check(asked)[FTC].listed:
        assert monotonic() < patience
    assert not registries.check(Number("+12125550001"))[FTC].listed


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_full_disk_leaves_the_old_list_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    world.take(flat(OLD), version_date=date(2026, 11, 1))
    before = {file: file.stat().st_size for file in world.registry.iterdir()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space"):
            world.take(flat(NEW))
    assert {file: file.stat().st_size for file in world.registry.iterdir()} == before
    assert world.listed("+12125550001")
    world.take(flat(NEW))
    assert world.listed("+12125550003")

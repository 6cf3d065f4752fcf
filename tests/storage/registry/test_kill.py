"""Killed at any moment, an import leaves the old list or the new, whole, and the next import works."""

from datetime import date

from compliance.number import Number
from tests.storage.registry.world import FTC, World, flat, killed_at

OLD, NEW = [2125550001, 2125550002], [2125550002, 2125550003]


def test_killed_at_every_step_of_an_import_the_old_or_the_new_list_stands(world: World) -> None:
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
    assert sorted(file.name for file in world.registry.iterdir() if file.suffix != ".idx") == ["current", "lock"]

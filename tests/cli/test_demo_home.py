"""The demo writes a home of its own and nobody else's."""

import asyncio
from pathlib import Path

import pytest

from compliance.errors import BadInput
from heedline.demo.world import World
from heedline.home import Home
from heedline.initialise import DEFAULT_SETTINGS
from heedline.processes.lifetime import AlreadyRunning, only_one


async def test_the_demo_leaves_a_home_with_settings_of_its_own_alone(tmp_path: Path) -> None:
    file = tmp_path / "heedline.toml"
    file.write_text('[call]\nagent_region = "US-CA"\n')
    with pytest.raises(BadInput, match="--home"):
        await World(tmp_path).prepare()
    assert file.read_text() == '[call]\nagent_region = "US-CA"\n'
    assert [entry.name for entry in tmp_path.iterdir()] == ["heedline.toml"]


async def test_the_demo_takes_a_home_as_init_made_it_and_its_own(tmp_path: Path) -> None:
    (tmp_path / "heedline.toml").write_text(DEFAULT_SETTINGS)
    for _ in range(2):
        await World(tmp_path).prepare()
        assert (tmp_path / "heedline.toml").read_text().startswith("# Made by the demo")


class Interrupted(World):
    """Ctrl-C comes while the processes start."""

    async def serve(self) -> None:
        self.server = self.started = await asyncio.create_subprocess_exec("sleep", "60")
        raise asyncio.CancelledError


async def test_what_is_interrupted_while_it_starts_is_stopped(tmp_path: Path) -> None:
    world = Interrupted(tmp_path)
    with pytest.raises(asyncio.CancelledError):
        await world.__aenter__()
    assert world.started.returncode is not None


async def test_two_do_not_serve_one_home(tmp_path: Path) -> None:
    with only_one(Home(tmp_path), "supervisor"), pytest.raises(AlreadyRunning):
        await World(tmp_path).serve()

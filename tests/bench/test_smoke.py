"""Every part of `make bench` runs, at a size that takes seconds: the real Asterisk, SIPp and Heedline's processes."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.pbx,
    pytest.mark.skipif(os.geteuid() != 0, reason="SIPp presses keys through a raw socket"),
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp (sip-tester)"),
]
EXPECTED = {
    "cost": ("CPU a recorded call", "whole life"),
    "setups": ("calls set up a second", "failed of"),
    "latency": ("answer → first prompt frame", "key 9 → ledger commit", "commit → confirmation frame"),
    "gate": ("the gate at the dial, median", "the gate at the dial, p99"),
    "registry": ("list imported", "index on disk", "memory of a process", "look-up, p99", "bulk, against grep"),
    "verdicts": ("full verdicts a second a core", "against reading and writing JSON"),
}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name: Asterisk's control socket must fit into 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="hb-") as folder:
        yield Path(folder)


async def bench(place: Path, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench", "--port", "9450", "--rtp", "24000", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(place)},
    )
    said, progress = await process.communicate()
    return process.returncode or 0, said.decode(), progress.decode()


@pytest.mark.parametrize("part", EXPECTED)
@pytest.mark.timeout(170)
async def test_a_part_measures_what_it_says_and_leaves_nothing(part: str, place: Path) -> None:
    status, said, progress = await bench(place, "--tiny", "--json", "--only", part)
    assert status in (0, 1), progress
    figures = json.loads(said)["figures"]
    for what in EXPECTED[part]:
        assert any(figure["what"].startswith(what) and figure["value"] >= 0 for figure in figures), figures
    assert (status == 1) == any(figure["held"] is False for figure in figures)
    assert list(place.iterdir()) == []


async def test_a_part_nobody_knows_is_refused(place: Path) -> None:
    status, said, progress = await bench(place, "--only", "luck")
    assert (status, said) == (2, "")
    assert "luck" in progress

"""The demo's own command line: exports and proofs are made as a person would make them."""

import asyncio
import sys
from dataclasses import dataclass

from compliance.errors import HeedlineError
from heedline.demo.sound import Sound, load
from heedline.demo.stage import Stage

OFFICER = "demo-officer"
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit status."""

    status: int
    out: str
    error: str


async def heedline(stage: Stage, *arguments: str) -> Said:
    """Run `heedline …` in the stage's home."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "heedline",
        *arguments,
        "--home",
        str(stage.world.home.path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, error = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Said(process.returncode or 0, out.decode(errors="replace"), error.decode(errors="replace"))


async def exported(stage: Stage, recording: str) -> tuple[Sound, Sound]:
    """Export to WAV as the officer; the left side (callee) and the right (what the callee heard).

    Raises HeedlineError: the export was refused or failed.
    """
    file = stage.exports / f"{recording}.wav"
    said = await heedline(
        stage, "recordings", "export", recording, str(file), "--as", OFFICER, "--reason", "shown in the demo"
    )
    if said.status:
        raise HeedlineError(f"export of {recording}: {said.error.strip()}")
    return load(file, 0), load(file, 1)

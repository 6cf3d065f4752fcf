"""The rules this home calls by: the shipped ones, with the overlays in its `rules.d/` upon them.

Read once by each process, as it starts. An overlay that can't be read, or that loosens a rule without an acceptance
on the audit log, stops the process: nothing is called by rules nobody is sure of.
"""

import asyncio
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from compliance.errors import BadInput
from compliance.jurisdictions import Packs, load_packs
from compliance.jurisdictions.overlay import Overlay, laid_over, parse_overlays
from compliance.jurisdictions.strict_yaml import MAX_BYTES
from heedline.bootstrap import open_database
from heedline.home import Home
from heedline.settings import Settings
from storage.audit import AuditTag
from storage.audit.entry import entry_hash
from storage.database import Database

SUFFIX = ".yaml"
_MEANT = (".yaml", ".yml")
MOST = 200


def read_rules(path: Path) -> bytes:
    """A file of rules. Raises BadInput: no plain file, too long, or a name that can't be one; OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except ValueError:
        raise BadInput(f"{str(path)[:80]!r}: no name for a file") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # asked before `open`, which names a folder by its descriptor
        os.close(descriptor)
        raise BadInput(f"{path}: not a plain file")
    with open(descriptor, "rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise BadInput(f"{path}: longer than {MAX_BYTES} bytes")
    return content


def overlay_files(home: Home) -> Mapping[str, bytes]:
    """File name → content of every overlay of the home; none where there is no such folder.

    Raises BadInput: too many, or a file whose rules would go unseen for its name.
    """
    try:
        there = sorted(os.listdir(home.rules))
    except FileNotFoundError:
        return {}
    names = [name for name in there if name.endswith(SUFFIX)]
    unseen = next((name for name in there if name not in names and name.casefold().endswith(_MEANT)), None)
    if unseen is not None:
        raise BadInput(f"{home.rules / unseen}: an overlay is a file named …{SUFFIX}; rename it, or take it out")
    if len(names) > MOST:
        raise BadInput(f"{home.rules}: more than {MOST} files; put rules of one jurisdiction into one")
    return {name: read_rules(home.rules / name) for name in names}


def overlays_of(home: Home) -> tuple[Overlay, ...]:
    """Raises BadInput: one of them is malformed."""
    return parse_overlays(load_packs(), overlay_files(home))


async def packs_of(home: Home, database: Database) -> Packs:
    """The rules of the home. Raises BadInput, OverlayRefused: this home may not call."""
    overlays = overlays_of(home)
    signed = any(overlay.signed_by for overlay in overlays)
    return laid_over(load_packs(), overlays, await accepted(database) if signed else frozenset())


def packs_at(home: Home) -> Packs:
    """The same for a command that has no ledger open; it is opened only if an overlay has been signed for."""
    overlays = overlays_of(home)
    if not any(overlay.signed_by for overlay in overlays):
        return laid_over(load_packs(), overlays)

    async def ask() -> Packs:
        database = await open_database(home, Settings.load(home.settings_file))
        try:
            return await packs_of(home, database)
        finally:
            await database.close()

    return asyncio.run(ask())


async def accepted(database: Database) -> frozenset[str]:
    """The digests of the overlays that were accepted. An entry that does not fit its own hash accepts nothing."""
    found: set[str] = set()
    async with database.read() as tx:
        entries = await tx.audit.tagged(AuditTag.RULES_LOOSENED)
    for entry in entries:
        if entry.hash == entry_hash(entry.seq, entry.at_us, entry.tag, entry.data, entry.previous):
            found.add(str(json.loads(entry.data)["overlay"]))
    return frozenset(found)

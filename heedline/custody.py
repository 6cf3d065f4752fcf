"""The keys of recordings, composed from a home: who signs, who seals KEKs, whose signatures count.

secrets/node.key         signs manifests and wrapped keys (the recorder)
secrets/kek-seal.key     seals the private halves of KEKs (the custodian; the recorder never reads it)
secrets/custodian.key    signs the KEKs that are published, and keys that were wrapped anew (the custodian)
trusted/<name>.pub       public keys whose signatures count: this node's, the custodian's, other nodes'
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from heedline.bootstrap import open_database
from heedline.home import Home
from heedline.secrets import ensure_folder, ensure_secret, read_secret, write_private
from heedline.settings import Settings
from storage.database import Database
from storage.errors import StorageError
from storage.ledger.recordings import Kek
from storage.vault.keyring import Keyring
from storage.vault.providers import KeyfileProvider, KeyProvider
from storage.vault.signing import Signer, Trusted, read_public

log = logging.getLogger(__name__)

NODE, SEAL, CUSTODIAN = "node.key", "kek-seal.key", "custodian.key"
PUBLISH_EVERY_S = 6 * 3600.0


def node_signer(home: Home, settings: Settings) -> Signer:
    """Raises SecretMissing, SecretExposed."""
    return Signer(settings.node, read_secret(home, NODE))


def custodian_signer(home: Home) -> Signer:
    """Raises SecretMissing, SecretExposed."""
    return Signer("custodian", read_secret(home, CUSTODIAN))


def key_provider(home: Home) -> KeyProvider:
    """Raises SecretMissing, SecretExposed."""
    return KeyfileProvider(read_secret(home, SEAL))


def keyring(home: Home, settings: Settings, db: Database) -> Keyring:
    signer, provider = custodian_signer(home), key_provider(home)
    return Keyring(db, provider, settings.tenant, settings.recording.retention_class, signer, trusted(home))


def trusted_folder(home: Home) -> Path:
    return home.path / "trusted"


def trusted(home: Home, more: Iterable[Path] = ()) -> Trusted:
    """The public keys that count here: those in `trusted/`, and the files named. Raises BadInput."""
    files = [*sorted(trusted_folder(home).glob("*.pub")), *more]
    return Trusted(read_public(file) for file in files)


def ensure_custody(home: Home, settings: Settings) -> None:
    """Make the keys that are missing, and put our public ones among the trusted."""
    for name in (NODE, SEAL, CUSTODIAN):
        ensure_secret(home, name)
    ensure_folder(trusted_folder(home))
    for signer in (node_signer(home, settings), custodian_signer(home)):
        write_private(trusted_folder(home) / f"{signer.name}.pub", signer.public_line().encode(), replace=True)


async def publish_ahead(home: Home, settings: Settings, now: datetime) -> list[Kek]:
    """Publish the KEKs that recordings of the coming months will need. Harmless to repeat."""
    db = await open_database(home, settings)
    try:
        return await keyring(home, settings, db).publish_ahead(now, settings.recording.retention_days)
    finally:
        await db.close()


async def keep_published(home: Home, settings: Settings) -> None:
    """Publish ahead now and every six hours, until cancelled."""
    while True:
        try:
            await publish_ahead(home, settings, datetime.now(UTC))
        except StorageError as error:
            log.error("no KEKs published, tried again later: %s", error)
        await asyncio.sleep(PUBLISH_EVERY_S)

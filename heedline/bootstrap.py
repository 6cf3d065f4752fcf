"""Composition: the only place that knows which keys and which database a Heedline runs on."""

import os

from compliance.errors import BadInput
from compliance.jurisdictions import Packs
from heedline.home import Home
from heedline.secrets import read_secret
from heedline.settings import Settings
from storage.audit import CheckpointSigner, origin_of
from storage.database import Database, Upgraded, sqlite_url, upgrade
from storage.dossier import Dossier, Places
from storage.engines import sqlite_file
from storage.numbers import KEY_BYTES, NumberKeys
from storage.registry import Registries


def database_url(home: Home, settings: Settings) -> str:
    """Where the ledger is: the settings' database, else SQLite in the home."""
    return settings.database_url or sqlite_url(home.database)


async def make_ledger(home: Home, settings: Settings) -> Upgraded:
    """Make the ledger, or bring it to this Heedline's schema. One that is gone is not made anew, empty, in silence.

    Raises BadInput: there was one. StorageError.
    """
    url = database_url(home, settings)
    file = sqlite_file(url)
    if file is not None and home.ledger_made.exists() and not file.exists():
        raise BadInput(
            f"{file}: the ledger that was here is gone, and with it who must not be called. Put its newest backup back "
            f"(docs/recovery.md). To begin anew with an empty do-not-call list, remove {home.ledger_made} first"
        )
    done = await upgrade(url)
    if file is not None:
        home.ledger_made.touch(mode=0o600)
    return done


def number_keys(home: Home) -> NumberKeys:
    """The two keys of the phone numbers. Raises SecretMissing, SecretExposed."""
    return NumberKeys(read_secret(home, "number-lookup.key"), read_secret(home, "number-seal.key"))


def registry_key(home: Home) -> bytes:
    """The key that seals this home's registries. Raises SecretMissing, SecretExposed."""
    return read_secret(home, "registry.key")


def open_registries(home: Home) -> Registries:
    """The do-not-call lists of this home. Raises SecretMissing, SecretExposed, RegistryDamaged."""
    return Registries.open(home.registry, registry_key(home))


def checkpoint_signer(home: Home, settings: Settings) -> CheckpointSigner:
    """This node's signature under the audit log of its tenant. Raises SecretMissing, SecretExposed."""
    return CheckpointSigner(origin_of(settings.tenant), read_secret(home, "node.key"))


async def open_database(home: Home, settings: Settings) -> Database:
    """The ledger, with the keys of this home; its audit log is checkpointed as it grows.

    Raises SecretMissing, SecretExposed, DatabaseMissing, SchemaTooOld, SchemaTooNew, DatabaseBusy.
    """
    return await Database.open(database_url(home, settings), number_keys(home), checkpoint_signer(home, settings))


def open_dossier(home: Home, settings: Settings, database: Database, packs: Packs) -> Dossier:
    """All that is on file about a number, for the gate. Raises SecretMissing, SecretExposed, RegistryDamaged."""
    call = settings.call
    places = Places(agent=call.agent_region, storage=call.storage_region, seller=call.seller_region)
    return Dossier(database, open_registries(home), places, packs)


async def open_for_proof(url: str) -> Database:
    """A ledger to be proved, with no secret of ours: its number keys are thrown away and open no number.

    Raises DatabaseMissing, SchemaTooOld, SchemaTooNew, DatabaseBusy, DatabaseFailed.
    """
    return await Database.open(url, NumberKeys(os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)))

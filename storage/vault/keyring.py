"""Publishing, rotating, re-wrapping and destroying KEKs. Runs beside the custodian; never in the recorder."""

from dataclasses import replace
from datetime import datetime

from storage.audit import AuditTag
from storage.database import Database
from storage.ids import new_id
from storage.ledger.recordings import Kek, Wrap
from storage.unit import Transaction
from storage.vault import keys
from storage.vault.errors import BadWrap, KekDestroyed, NoKek
from storage.vault.providers import KeyProvider
from storage.vault.published import newest_genuine, public_half, sealed_by
from storage.vault.signing import Signer, Trusted

MONTHS_AHEAD = 3
_PAGE = 200


def private_half(kek: Kek, provider: KeyProvider) -> bytes:
    """The KEK's private key. Raises KekDestroyed; BadWrap: sealed by another provider or key."""
    if kek.sealed_private is None:
        raise KekDestroyed(f"KEK {kek.id} of {kek.month} was destroyed; what it wrapped is erased for good")
    if kek.provider != provider.name:
        raise BadWrap(f"KEK {kek.id} is sealed by provider {kek.provider!r}, not by {provider.name!r}")
    return provider.open(kek.id, kek.sealed_private)


class Keyring:
    """The KEKs of one tenant and retention class."""

    def __init__(
        self, db: Database, provider: KeyProvider, tenant: str, retention_class: str, signer: Signer, trusted: Trusted
    ) -> None:
        """signer: the custodian's key, which publishes KEKs and signs what is wrapped anew."""
        self._db, self._provider, self._signer, self._trusted = db, provider, signer, trusted
        self._tenant, self._class = tenant, retention_class

    async def publish(self, month: str, now: datetime, algorithm: keys.Algorithm = keys.DEFAULT) -> Kek:
        """A new KEK for a month; recordings are sealed to the newest from now on (rotation)."""
        async with self._db.begin() as tx:
            return await self._publish(tx, month, now, algorithm)

    async def publish_ahead(self, now: datetime, retention_days: int, months: int = MONTHS_AHEAD) -> list[Kek]:
        """Publish what is missing for recordings begun from now through the coming months. Harmless to repeat."""
        published = []
        async with self._db.begin() as tx:
            for month in keys.months_from(keys.expiry_month(now, retention_days), months + 1):
                if newest_genuine(await tx.keks.living(self._tenant, self._class, month), self._trusted) is None:
                    published.append(await self._publish(tx, month, now, keys.DEFAULT))
        return published

    async def _publish(self, tx: Transaction, month: str, now: datetime, algorithm: keys.Algorithm) -> Kek:
        private, public = keys.generate(algorithm)
        kek_id = new_id(now)
        sealed = self._provider.seal(kek_id, private)
        kek = Kek(kek_id, self._tenant, self._class, month, algorithm.value, public, sealed, self._provider.name, now)
        kek = replace(kek, public=sealed_by(kek, self._signer))
        await tx.keks.add(kek)
        await tx.audit.append(AuditTag.KEK_CREATED, now, {"kek": kek_id, "month": month})
        return kek

    async def destroy(self, kek_id: str, now: datetime, by: str, reason: str) -> bool:
        """Destroy a KEK's private half: all it wrapped is erased. False when that was done before."""
        async with self._db.begin() as tx:
            await tx.keks.get(kek_id)
            if not await tx.keks.destroy(kek_id):
                return False
            data = {"by": by, "kek": kek_id, "reason": reason}
            await tx.audit.append(AuditTag.KEK_DESTROYED, now, data)
        return True

    async def rewrap(self, old_id: str, now: datetime, by: str) -> int:
        """Wrap all that is wrapped to a KEK to the newest of its month instead; returns how many data keys.

        Needs no audio. What no trusted key has signed is not signed anew: that would launder a wrap that somebody
        put there. The audit entry is committed before a key is opened; a crash in between leaves a part
        done, and doing it again does the rest. Raises NoKek: there is no newer one; KekDestroyed; BadWrap.
        """
        async with self._db.begin() as tx:
            old = await tx.keks.get(old_id)
            new = newest_genuine(await tx.keks.living(old.tenant, old.retention_class, old.month), self._trusted)
            if new is None or new.id == old.id:
                raise NoKek(f"no newer KEK for {old.month}; publish one with `heedline keys publish` first")
            data = {"by": by, "from_kek": old.id, "to_kek": new.id}
            await tx.audit.append(AuditTag.KEYS_REWRAPPED, now, data)
        private = private_half(old, self._provider)
        done = 0
        while True:
            async with self._db.begin() as tx:
                page = await tx.wraps.of_kek(old.id, _PAGE)
                for wrap in page:
                    await self._move(tx, wrap, private, new)
            done += len(page)
            if len(page) < _PAGE:
                return done

    async def _move(self, tx: Transaction, wrap: Wrap, private: bytes, new: Kek) -> None:
        here = keys.Place(wrap.recording_id, wrap.segment, wrap.kek_id)
        there = keys.Place(wrap.recording_id, wrap.segment, new.id)
        before, algorithm = keys.algorithm_named(wrap.algorithm), keys.algorithm_named(new.algorithm)
        keys.check(wrap.wrapped, before, here, self._trusted)
        dek = keys.unwrap(wrap.wrapped, private, before, here)
        wrapped = keys.wrap(dek, public_half(new, self._trusted), algorithm, there, self._signer)
        await tx.wraps.add(wrap.recording_id, wrap.segment, new.id, algorithm.value, wrapped)
        await tx.wraps.remove(wrap)

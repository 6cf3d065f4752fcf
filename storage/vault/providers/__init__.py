"""Key providers: whoever seals the private halves of KEKs. Offered: `keyfile`."""

from storage.vault.providers.keyfile import KeyfileProvider
from storage.vault.providers.port import KeyProvider

__all__ = ["KeyProvider", "KeyfileProvider"]

"""What a key provider does."""

from typing import Protocol


class KeyProvider(Protocol):
    """Seals the private halves of KEKs, and opens them again. Only the custodian's side ever holds one."""

    @property
    def name(self) -> str:
        """What the ledger notes beside each KEK, so that the right provider opens it."""

    def seal(self, kek_id: str, private: bytes) -> bytes:
        """The private half, sealed for exactly that KEK."""

    def open(self, kek_id: str, sealed: bytes) -> bytes:
        """The private half. Raises BadWrap: another key, changed bytes, or those of another KEK."""

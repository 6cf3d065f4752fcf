"""Recordings, segments, wraps, KEKs and pauses in the ledger."""

from storage.unit import Transaction


class Recordings:
    """Recordings and their segments."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx


class Wraps:
    """Wrapped data keys, one a segment and KEK."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx


class Keks:
    """Key-encryption keys, one a tenant, retention class and month."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx


class Pauses:
    """Spans in which recording was paused."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

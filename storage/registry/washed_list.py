"""A list that is washed, as the gate asks it: each number is answered by the newest result it was sent for."""

from compliance.facts import Registry
from storage.registry import washes
from storage.registry.index import Index
from storage.registry.version import ListVersion


class WashedList:
    """One list's results, opened."""

    def __init__(self, index: Index, version: ListVersion) -> None:
        self.index, self.version = index, version

    def answer(self, number: int, offset: int) -> Registry | None:
        """For the number at `offset` of block `number`; None: it was never sent, so nothing is known of it."""
        plain = self.index.get(number)
        found = None if plain is None else washes.find(plain, offset)
        return None if found is None else Registry(*found)

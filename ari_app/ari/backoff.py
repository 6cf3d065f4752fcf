"""How long to wait before the next try at a lost connection. Pure: the random source comes in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling ceiling with full jitter below it, and a floor so that nobody spins.

    ``first`` and ``most`` are seconds. The first try comes soon: most losses are a restart of the PBX.
    """

    first: float = 0.2
    most: float = 5.0

    def delays(self, random: Callable[[], float]) -> Iterator[float]:
        """Endless waits in seconds; ``random`` gives numbers in [0, 1)."""
        ceiling = self.first
        while True:
            yield self.first / 2 + random() * (ceiling - self.first / 2)
            ceiling = min(self.most, ceiling * 2)

"""Inclusion proofs for many entries of one RFC 6962 tree, with each node hashed once.

Splitting at the largest power of two (RFC 6962 2.1) gives the same tree as pairing neighbours level by level and
taking a last one without a neighbour up unchanged.
"""

from collections.abc import Sequence

from storage.merkle import node_hash


class Levels:
    """All nodes of a tree over leaf hashes: 64 bytes a leaf."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            above = [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
            self._levels.append([*above, below[-1]] if len(below) % 2 else above)

    def path(self, index: int) -> list[bytes]:
        """The audit path of a leaf, nearest sibling first. Raises IndexError."""
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(f"leaf {index} of {len(self._levels[0])}")
        found: list[bytes] = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                found.append(level[sibling])
            index >>= 1
        return found

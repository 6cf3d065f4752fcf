"""RFC 6962 Merkle trees: one implementation for the audit log and for the chunks of a segment.

    leaf  = SHA-256(0x00 || data)
    node  = SHA-256(0x01 || left || right)
    root of nothing = SHA-256("")

Pure. `Tree` grows one leaf at a time in O(log n) memory (the stack of full subtrees), all that a root needs;
the proofs of RFC 6962 section 2.1 work on the whole list of leaf hashes.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree that remembers only what its root needs."""

    def __init__(self) -> None:
        self._size = 0
        # (number of leaves, hash) of full subtrees, from the left and largest to the right and smallest
        self._stack: list[tuple[int, bytes]] = []

    @property
    def size(self) -> int:
        return self._size

    @classmethod
    def restore(cls, size: int, peaks: Sequence[bytes]) -> "Tree":
        """The tree of `size` leaves whose `peaks` were kept. Raises ValueError: their count does not fit."""
        tree = cls()
        sizes = [1 << bit for bit in range(size.bit_length() - 1, -1, -1) if size >> bit & 1]
        if len(peaks) != len(sizes) or any(len(peak) != HASH_BYTES for peak in peaks):
            raise ValueError(f"a tree of {size} leaves has {len(sizes)} peaks of {HASH_BYTES} bytes")
        tree._size = size
        tree._stack = list(zip(sizes, peaks, strict=True))
        return tree

    def peaks(self) -> list[bytes]:
        """The roots of the full subtrees, largest first: all that `restore` needs."""
        return [value for _, value in self._stack]

    def append(self, data: bytes) -> None:
        self.append_leaf(leaf_hash(data))

    def append_leaf(self, leaf: bytes) -> None:
        """Append a leaf that is hashed already."""
        leaves, value = 1, leaf
        while self._stack and self._stack[-1][0] == leaves:
            _, left = self._stack.pop()
            leaves, value = leaves * 2, node_hash(left, value)
        self._stack.append((leaves, value))
        self._size += 1

    def root(self) -> bytes:
        """The root over all leaves so far; the tree may grow on."""
        if not self._stack:
            return EMPTY_ROOT
        value = self._stack[-1][1]
        for _, left in reversed(self._stack[:-1]):
            value = node_hash(left, value)
        return value


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.append_leaf(leaf)
    return tree.root()


def _split(count: int) -> int:
    """The largest power of two below `count` (count > 1): where RFC 6962 splits a list."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of leaf `index` (RFC 6962 2.1.1), nearest sibling first."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root(leaves[:split])]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether `leaf` stands at `index` of the tree with `size` leaves (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            value = node_hash(sibling, value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and hmac.compare_digest(value, expected)


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Proof that the tree over `leaves` extends the tree over its first `old_size` (RFC 6962 2.1.2)."""
    if not 0 < old_size <= len(leaves):
        raise IndexError(f"old size {old_size} of {len(leaves)}")
    return _subproof(leaves, old_size, whole=True)


def _subproof(leaves: Sequence[bytes], old: int, whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    split = _split(len(leaves))
    if old <= split:
        return [*_subproof(leaves[:split], old, whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], old - split, whole=False), root(leaves[:split])]


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree `new_root` extends the tree `old_root` (RFC 9162 2.1.4.2)."""
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and hmac.compare_digest(old_root, new_root)
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_value = new_value = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_value, new_value = node_hash(sibling, old_value), node_hash(sibling, new_value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_value = node_hash(new_value, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and hmac.compare_digest(old_value, old_root) and hmac.compare_digest(new_value, new_root)

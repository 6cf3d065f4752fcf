"""The Merkle code against the definition of RFC 6962 section 2.1, written down a second time."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import merkle


def _by_definition(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + _by_definition(leaves[:split]) + _by_definition(leaves[split:])).digest()


def _leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def test_known_roots_of_the_certificate_transparency_test_vectors() -> None:
    inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    tree = merkle.Tree()
    for text in inputs:
        tree.append(bytes.fromhex(text))
    assert tree.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("count", range(70))
def test_the_growing_tree_has_the_root_of_the_definition(count: int) -> None:
    assert merkle.root(_leaves(count)) == _by_definition(_leaves(count))


@given(st.integers(1, 90).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_an_inclusion_proof_holds_for_its_leaf_and_for_no_other(case: tuple[int, int]) -> None:
    size, index = case
    leaves = _leaves(size)
    proof = merkle.inclusion_proof(leaves, index)
    assert merkle.verify_inclusion(leaves[index], index, size, proof, merkle.root(leaves))
    other = merkle.leaf_hash(b"something else")
    assert not merkle.verify_inclusion(other, index, size, proof, merkle.root(leaves))
    assert not merkle.verify_inclusion(leaves[index], index, size, [*proof, other], merkle.root(leaves))
    if proof:
        assert not merkle.verify_inclusion(leaves[index], index, size, proof[:-1], merkle.root(leaves))


@given(st.integers(1, 90).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size))))
def test_a_consistency_proof_holds_for_a_prefix_and_not_for_a_rewritten_one(case: tuple[int, int]) -> None:
    size, old = case
    leaves = _leaves(size)
    proof = merkle.consistency_proof(leaves, old)
    old_root, new_root = merkle.root(leaves[:old]), merkle.root(leaves)
    assert merkle.verify_consistency(old, old_root, size, new_root, proof)
    rewritten = merkle.root([merkle.leaf_hash(b"rewritten"), *leaves[1:old]])
    assert not merkle.verify_consistency(old, rewritten, size, new_root, proof)

"""What a look-up says, and what it says when the files are not what they should be."""

import json
import os
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.errors import BadInput
from compliance.facts import Registry
from compliance.number import Number
from storage.registry import Registries, RegistryBusy, RegistryDamaged, block
from storage.registry import registries as registries_module
from storage.registry.catalogue import locked
from tests.storage.registry.world import FTC, TODAY, World, flat, killed_at


def test_a_list_says_nothing_of_numbers_it_does_not_cover(world: World) -> None:
    assert world.open().check(Number("+12125550123")) == {}
    assert world.open().lists() == ()
    world.take(flat([2125550123, 6465550000]))
    assert world.open().check(Number("+12125550123")) == {FTC: Registry(True, TODAY)}
    assert world.open().check(Number("+12125550124")) == {FTC: Registry(False, TODAY)}
    assert world.open().check(Number("+12129990000")) == {FTC: Registry(False, TODAY)}
    assert world.open().check(Number("+13055550123")) == {}
    assert world.open().check(Number("+442125550123")) == {}


def test_lists_answer_side_by_side(world: World) -> None:
    world.take(flat([5125550123]), coverage="all")
    world.take("5125550123\n5125550124\n", "us-tx.dnc", coverage="512,210", version_date=date(2026, 10, 1))
    found = world.open().check(Number("+15125550124"))
    assert found == {FTC: Registry(False, TODAY), "us-tx.dnc": Registry(True, date(2026, 10, 1))}
    assert [version.list for version in world.open().lists()] == ["us-tx.dnc", FTC]
    world.drop(FTC)
    assert list(world.open().check(Number("+15125550124"))) == ["us-tx.dnc"]
    with pytest.raises(BadInput, match="no version"):
        world.drop(FTC)


def test_an_import_by_another_process_is_seen_at_the_next_question(world: World) -> None:
    world.take(flat([2125550123]))
    registries, asked = world.open(), Number("+12125550124")
    assert not registries.check(asked)[FTC].listed
    assert not killed_at(-1, lambda: world.take(flat([2125550123, 2125550124])))
    assert registries.check(asked)[FTC].listed
    assert not killed_at(-1, lambda: world.drop(FTC))
    assert registries.check(asked) == {}
    assert world.indexes() == []


def test_while_lists_are_swapped_every_answer_is_of_one_version(world: World) -> None:
    """Each version lists one number of two; both or none would be half of two versions."""
    world.take(flat([2125550001]), version_date=date(2026, 11, 1))
    registries = world.open()
    child = os.fork()
    if child == 0:
        for turn in range(30):
            world.take(flat([2125550000 + turn % 2]), version_date=date(2026, 11, 1))
        os._exit(0)
    seen = set()
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        numbers = np.array([12125550000, 12125550001], np.uint64)
        seen.add(tuple(registries.sweep(numbers)[FTC].listed.tolist()))
    assert seen <= {(True, False), (False, True)}
    assert registries.check(Number("+12125550001"))[FTC].listed


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_changed_byte_is_found_and_none_is_an_answer(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    world = World(tmp_path_factory.mktemp("w"))
    world.take(flat(range(2125550000, 2125552000, 2)))
    (index,) = world.indexes()
    content = bytearray(index.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    index.write_bytes(content)
    with pytest.raises(RegistryDamaged, match="import the list again"):
        Registries.open(world.registry, world.key).check(Number("+12125550123"))


@pytest.mark.parametrize("length", [0, 1, 39, 100, -1, -8, -17])
def test_a_cut_file_does_not_open(world: World, length: int) -> None:
    world.take(flat([2125550123]))
    (index,) = world.indexes()
    index.write_bytes(index.read_bytes()[:length])
    with pytest.raises(RegistryDamaged):
        world.open()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"us.ftc.ndnc": "../x"}', b"\xff", b'{"a": 1}'])
def test_a_damaged_catalogue_is_an_error_and_not_an_empty_registry(
    world: World, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries_module, "LOOK_EVERY_S", 0.0)
    world.take(flat([2125550123]))
    registries = world.open()
    (world.registry / "current").write_bytes(content)
    for _ in range(2):
        with pytest.raises(RegistryDamaged):
            registries.check(Number("+12125550123"))


def test_another_lists_index_is_not_taken_for_this_one(world: World) -> None:
    world.take(flat([2125550123]))
    current = world.registry / "current"
    (entry,) = json.loads(current.read_text()).values()
    current.write_text(json.dumps({"ca.dncl": entry}))
    with pytest.raises(RegistryDamaged, match=r"ca\.dncl"):
        world.open()
    current.write_text(json.dumps({FTC: "01ARZ3NDEKTSV4RRFFQ69G5FAV.idx"}))
    with pytest.raises(RegistryDamaged, match="not there"):
        world.open()


def test_what_can_not_be_read_at_all_is_an_error_of_the_registry(world: World) -> None:
    world.take(flat([2125550123]))
    (index,) = world.indexes()
    index.unlink()
    index.mkdir()
    with pytest.raises(RegistryDamaged, match="Is a directory"):
        world.open()


def test_the_file_is_noise_to_whoever_has_another_key(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other", b"o" * 32)
    other.folder.mkdir()
    text = flat(range(2125550000, 2125559000))
    for one in (world, world, other):
        one.take(text, version_date=date(2026, 11, 1 + len(world.indexes())))
    mine, theirs = world.indexes()[0].read_bytes(), other.indexes()[0].read_bytes()
    with pytest.raises(RegistryDamaged, match="another registry key"):
        Registries.open(world.registry, other.key)
    assert len(mine) == pytest.approx(len(theirs), abs=64)
    for content in (mine, theirs):
        assert b"2125550" not in content
        assert b"ftc" not in content
        bits = np.unpackbits(np.frombuffer(content, np.uint8))
        assert abs(float(bits.mean()) - 0.5) < 0.03
    pieces = {mine[at : at + 16] for at in range(8, len(mine) - 8, 16)}
    assert not any(theirs[at : at + 16] in pieces for at in range(8, len(theirs) - 24))


def test_only_one_imports_at_a_time(world: World) -> None:
    with locked(world.registry), pytest.raises(RegistryBusy, match="under way"):
        world.take(flat([2125550123]))
    world.take(flat([2125550123]))


@given(st.sets(st.integers(0, 9999), min_size=1, max_size=1500))
@settings(max_examples=80, deadline=None)
def test_a_block_holds_what_was_put_into_it_in_either_form(offsets: set[int]) -> None:
    flags = np.zeros(block.SIZE, np.uint8)
    flags[list(offsets)] = 1
    plain = block.encode(np.packbits(flags, bitorder="little"), len(offsets))
    assert len(plain) == (block.BITMAP if len(offsets) >= 625 else 2 * len(offsets))
    assert block.count(plain) == len(offsets)
    assert np.flatnonzero(np.unpackbits(block.decode(plain), bitorder="little")).tolist() == sorted(offsets)
    assert all(block.has(plain, n) == (n in offsets) for n in [*range(0, 10_000, 97), *sorted(offsets)[:200]])
    assert block.encode(block.decode(plain), len(offsets)) == plain


@given(
    st.sets(st.integers(2_120_000_000, 2_139_999_999), max_size=300),
    st.lists(st.integers(2_110_000_000, 2_150_000_000)),
)
@settings(max_examples=30, deadline=None)
def test_many_at_once_are_answered_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int], asked: list[int]
) -> None:
    world = World(tmp_path_factory.mktemp("w"))
    world.take(flat(sorted(numbers)), coverage="212,213", allow_shrink=True)
    registries = world.open()
    asked = [*asked, *sorted(numbers)[:50]]
    swept = registries.sweep(np.array([10**10 + n for n in asked], np.uint64))[FTC]
    for place, number in enumerate(asked):
        one = registries.check(Number(f"+1{number}")).get(FTC)
        assert (one is not None) == swept.covered[place] == (212 <= number // 10**7 <= 213)
        assert (one is not None and one.listed) == swept.listed[place] == (number in numbers)

"""Change lists: to the version they were made from, whole, and to no other."""

from datetime import date

import pytest

from storage.registry import BadLine, BadList
from storage.registry.detect import Format
from tests.storage.registry.world import TODAY, World, flat

BEFORE = date(2026, 11, 10)
LISTED = (2125550123, 2125550124, 6465550000)


@pytest.fixture
def standing(world: World) -> World:
    world.take(flat(LISTED), version_date=BEFORE)
    return world


@pytest.mark.parametrize(
    "text",
    [
        "212,5550199,2026-11-12,A\n212,5550123,2026-11-13,D\n",
        "2125550199,11/12/2026,add\n2125550123,11/13/2026,DELETE\n",
        "A,20261112,212,5550199\r\nD,20261113,212,5550123\r\n",
        '"2125550199","2026-11-12","a"\n"2125550123","2026-11-13","d"\n',
        "2125550199 2026-11-12 A\n2125550123 2026-11-13 D\n\n",
    ],
)
def test_a_change_list_adds_and_deletes_in_whatever_order_its_fields_stand(standing: World, text: str) -> None:
    version = standing.take(text, after=BEFORE).version
    assert (version.numbers, version.lines, version.format) == (3, 2, "changes")
    assert (version.version_date, version.predecessor) == (TODAY, BEFORE)
    assert standing.listed("+12125550199")
    assert standing.listed("+12125550123") is False
    assert standing.listed("+12125550124")
    assert standing.listed("+16465550000")
    assert standing.listed("+13055550000") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("212,5550124,2026-11-12,A\n", "line 1: adds a number that is listed"),
        ("212,5550199,2026-11-12,D\n", "line 1: deletes a number that is not listed"),
        ("212,5550199,2026-11-12,A\n212,5550199,2026-11-13,D\n", "line 2: a number that an earlier line changed"),
        ("212,5550199,2026-11-12,A\n212,5550199,2026-11-12,A\n", "line 2: a number that an earlier line changed"),
        ("212,5550199,2026-11-12,A\n2026-11-12,212,5550198,A\n", "line 2: .*order of the first"),
        ("212,5550199,2026-11-12,A\n212,5550198,2026-11-12,X\n", "line 2"),
        ("212,5550199,2026-11-12,A\n212,5550198,2026-02-30,A\n", "line 2"),
        ("212,5550199,2026-11-21,A\n", "line 1: its date is after"),
        ("5550199,212,2026-11-12,A\n", "line 1"),
        ("305,5550199,2026-11-12,A\n", "does not cover"),
        ("212,5550199,2026-11-12,A\n\n212,5550198,2026-11-12,A\n", "line 2: empty"),
    ],
)
def test_what_contradicts_the_standing_list_refuses_the_whole_file(standing: World, text: str, said: str) -> None:
    before = standing.indexes()
    with pytest.raises(BadList, match=said):
        standing.take(text, after=BEFORE)
    assert standing.indexes() == before
    assert standing.listed("+12125550199") is False


def test_without_its_predecessor_a_change_list_is_refused(world: World) -> None:
    text = "212,5550199,2026-11-12,A\n"
    for arguments, said in (({}, "--after"), ({"after": BEFORE}, "none stands")):
        with pytest.raises(BadList, match=said):
            world.take(text, **arguments)
    world.take(flat(LISTED), version_date=date(2026, 11, 11))
    with pytest.raises(BadList, match="that of 2026-11-11 stands"):
        world.take(text, after=BEFORE)
    with pytest.raises(BadList, match="this is none"):
        world.take(flat(LISTED), after=BEFORE)


def test_told_twice_the_same_change_list_changes_nothing(standing: World) -> None:
    text = "212,5550199,2026-11-12,A\n"
    first = standing.take(text, after=BEFORE)
    again = standing.take(text, after=BEFORE)
    assert (again.same, again.version) == (True, first.version)
    with pytest.raises(BadList, match="stands; import the full list"):
        standing.take("212,5550198,2026-11-12,A\n", after=BEFORE)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_change_list_makes_no_old_list_young(standing: World, text: str) -> None:
    """A download that failed."""
    with pytest.raises(BadList, match="empty; if nothing has changed"):
        standing.take(text, after=BEFORE, format=Format.CHANGES)


def test_a_change_list_that_empties_an_area_is_asked_about(world: World) -> None:
    world.take(flat(range(2125550000, 2125551000)), version_date=BEFORE)
    text = "".join(f"{number} 2026-11-12 D\n" for number in range(2125550000, 2125550200))
    with pytest.raises(BadList, match="more than a tenth"):
        world.take(text, after=BEFORE)
    world.take(text, after=BEFORE, allow_shrink=True)
    assert world.listed("+12125550000") is False


def test_changes_are_read_line_by_line_through_a_byte_that_is_none(standing: World) -> None:
    with pytest.raises(BadLine, match="line 2: not UTF-8"):
        standing.take(b"212,5550199,2026-11-12,A\n212,55501\xff98,2026-11-12,A\n", after=BEFORE)

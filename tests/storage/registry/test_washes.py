"""Lists that nobody is handed: what was sent to be washed, less what came back."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.errors import BadInput
from compliance.facts import Registry
from compliance.number import Number, parse_number
from storage.registry import BadList, Format, Prepared
from storage.registry import registries as registries_module
from tests.storage.registry.world import TODAY, World, flat, killed_at

LIST = "it.rpo"
A, B, C = "+393331234561", "+393331234562", "+390612345678"
SENT = f"{A}\n{B}\n{C}\n"


def wash(world: World, sent: str | bytes, returned: str | bytes, list_id: str = LIST, **more: Any) -> Prepared:
    return world.take(returned, list_id, submitted=(world.write(sent, "sent.csv"),), **more)


def known(world: World, list_id: str = LIST) -> dict[str, Registry | None]:
    registries = world.open()
    return {e164: registries.check(Number(e164)).get(list_id) for e164 in (A, B, C, "+393331234563")}


def test_who_came_back_is_clear_who_did_not_is_listed_and_who_was_not_sent_is_unknown(world: World) -> None:
    version = wash(world, SENT, f"{B}\n").version
    assert (version.numbers, version.lines, version.format) == (2, 4, "washed")
    assert [source.file for source in version.sources] == ["sent.csv", "list.txt"]
    listed, clear = Registry(True, TODAY), Registry(False, TODAY)
    assert known(world) == {A: listed, B: clear, C: listed, "+393331234563": None}
    assert world.open().check(Number("+442079460000")) == {}


def test_each_number_is_answered_by_its_newest_wash_in_whatever_order_they_are_imported(world: World) -> None:
    first, second, third = date(2026, 11, 1), date(2026, 11, 8), date(2026, 11, 12)
    wash(world, f"{A}\n{B}\n", f"{A}\n{B}\n", version_date=second)
    wash(world, f"{B}\n{C}\n", f"{C}\n", version_date=third)
    version = wash(world, SENT, f"{B}\n", version_date=first).version
    assert (version.version_date, version.coverage.prefixes) == (third, frozenset())
    assert known(world) == {A: Registry(False, second), B: Registry(True, third), C: Registry(False, third)} | {
        "+393331234563": None
    }
    assert [(one.day, one.numbers, one.listed) for one in version.washes] == [(second, 1, 0), (third, 2, 1)]


def test_of_two_washes_of_one_day_the_one_that_forbids_holds(world: World) -> None:
    wash(world, SENT, f"{A}\n{B}\n")
    wash(world, f"{A}\n{B}\n", f"{B}\n")
    wash(world, f"{A}\n", f"{A}\n")
    assert known(world)[A] == Registry(True, TODAY)
    assert known(world)[B] == Registry(False, TODAY)


def test_the_same_wash_again_changes_nothing_and_of_another_day_it_does(world: World) -> None:
    wash(world, SENT, f"{B}\n", version_date=date(2026, 11, 5))
    assert wash(world, SENT, f"{B}\n", version_date=date(2026, 11, 5)).same
    wash(world, f"{C}\n", f"{C}\n")
    wash(world, SENT, f"{A}\n", version_date=date(2026, 11, 6))
    assert not wash(world, SENT, f"{A}\n", version_date=date(2026, 11, 7)).same
    assert known(world)[A] == Registry(False, date(2026, 11, 7))


def test_answers_of_more_than_a_year_ago_are_not_kept(world: World) -> None:
    wash(world, f"{A}\n", f"{A}\n", version_date=date(2025, 11, 18))
    assert known(world)[A] is not None
    assert [one.numbers for one in wash(world, f"{B}\n", f"{B}\n").version.washes] == [1]
    assert known(world)[A] is None


@pytest.mark.parametrize(
    ("list_id", "text", "e164"),
    [
        ("it.rpo", "0039 06 1234 5678", C),
        ("it.rpo", "06-12345678", C),
        ("it.rpo", "333 1234561", A),
        ("it.rpo", "3911234567", "+393911234567"),
        ("sg.dnc", "61234567", "+6561234567"),
        ("sg.dnc", '"65 81234567"', "+6581234567"),
        ("au.dncr", "0412 345 678", "+61412345678"),
        ("au.dncr", "61291234567", "+61291234567"),
    ],
)
def test_a_number_is_the_one_that_will_be_dialled(world: World, list_id: str, text: str, e164: str) -> None:
    wash(world, f"\ufeffPhone\r\n{text}\r\n\r\n", f"{e164}\n", list_id)
    assert parse_number(e164) == Number(e164)
    assert world.listed(e164, list_id) is False


def test_lines_that_repeat_a_number_count_it_once(world: World) -> None:
    version = wash(world, f"{A}\n{B}\n{A}\n", f"{A}\n{A}\n").version
    assert (version.lines, version.numbers, version.washes[0].numbers) == (5, 1, 2)


@pytest.mark.parametrize(
    ("sent", "returned", "said"),
    [
        (SENT, f"{A}\n+393331234569\n", "list.txt: line 2: .*not among"),
        (SENT, f"Number\n{A}\n+393331234569\n", "list.txt: line 3: .*not among"),
        (SENT, f"{A},N\n", "list.txt: line 1: no number"),
        (SENT, f"{A}\n\n{B}\n", "list.txt: line 2: empty"),
        (SENT, f"{A}\n33312\n", "list.txt: line 2: no number"),
        (SENT, "+4420794600\n", "list.txt: line 1: no number"),
        (SENT + "x\n", f"{A}\n", "sent.csv: line 4: no number"),
        (SENT, f"{A}\xff\n".encode("latin-1"), "list.txt: line 1: not UTF-8"),
        (SENT, "", "nobody in it"),
        ("Number\n", "", "--submitted"),
        ("".join(f"3331234{n:03d}\n" for n in range(100)),) * 2 + ("all 100",),
    ],
)
def test_a_result_that_can_not_be_one_of_what_was_sent_is_refused(
    world: World, sent: str, returned: str | bytes, said: str
) -> None:
    wash(world, f"{B}\n", f"{B}\n", version_date=date(2026, 11, 1))
    before = world.indexes()
    with pytest.raises(BadList, match=said) as refused:
        wash(world, sent, returned)
    assert "33312345" not in str(refused.value)
    assert world.indexes() == before
    assert known(world)[A] is None


def test_a_result_in_which_all_or_none_are_registered_is_asked_about(world: World) -> None:
    many = "".join(f"3331234{n:03d}\n" for n in range(100))
    assert wash(world, many, many, allow_shrink=True).version.numbers == 0
    assert wash(world, SENT, "", allow_shrink=True).version.numbers == 3


def test_a_list_is_taken_as_what_it_is(world: World) -> None:
    with pytest.raises(BadInput, match="--submitted"):
        world.take(SENT, LIST)
    wrong: list[dict[str, Any]] = [{"coverage": "all"}, {"column": "x"}, {"after": TODAY}, {"format": Format.FLAT}]
    for more in wrong:
        with pytest.raises(BadInput, match=r"it\.rpo"):
            wash(world, SENT, SENT, **more)
    wrong = [{"format": Format.WASHED}, {"submitted": (world.write("212,5550123\n"),)}]
    for more in wrong:
        with pytest.raises(BadInput, match="handed out"):
            world.take(flat([2125550123]), **more)


def test_the_day_of_a_result_is_the_operators(world: World) -> None:
    evening = datetime(2026, 11, 21, 14, tzinfo=UTC)  # in Sydney it is one in the morning of the 22nd, in Rome three
    wash(world, "0412345678\n", "0412345678\n", "au.dncr", at=evening, version_date=date(2026, 11, 22))
    for list_id, number in (("it.rpo", "3331234561\n"), ("sg.dnc", "61234567\n")):
        with pytest.raises(BadList, match="future"):
            wash(world, number, number, list_id, at=evening, version_date=date(2026, 11, 22))


def test_killed_at_every_step_a_wash_is_there_whole_or_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries_module, "LOOK_EVERY_S", 0.0)
    old, new = date(2026, 11, 1), TODAY
    wash(world, f"{A}\n{B}\n", f"{A}\n", version_date=old)
    registries, step = world.open(), 0
    before, after = (Registry(False, old), Registry(True, old), None), (Registry(True, new),) * 2 + (None,)
    while killed_at(step, lambda: wash(world, f"{A}\n{B}\n", "", allow_shrink=True)):
        found = tuple(registries.check(Number(e164)).get(LIST) for e164 in (A, B, C))
        assert found in (before, after), step
        step += 1
    assert step >= 6
    assert tuple(known(world)[e164] for e164 in (A, B, C)) == after
    assert len(world.indexes()) == 1


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 20), st.dictionaries(st.integers(0, 30), st.booleans(), min_size=1)), max_size=6)
)
def test_washes_add_up_as_a_plain_table_does(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, dict[int, bool]]]
) -> None:
    """Numbers on both sides of a block's end."""
    world, table = World(tmp_path_factory.mktemp("w")), dict[int, tuple[date, bool]]()
    for day, answers in runs:
        lines = {
            number: f"333123{9985 + number:04d}" if number < 15 else f"333124{number - 15:04d}" for number in answers
        }
        clear = "".join(f"{lines[number]}\n" for number, listed in answers.items() if not listed)
        of = date(2026, 11, day)
        wash(world, "\n".join(lines.values()), clear, version_date=of, allow_shrink=True)
        for number, listed in answers.items():
            table[number] = max(table.get(number, (of, listed)), (of, listed))
    registries = world.open()
    for number in range(31):
        e164 = Number(f"+39333123{9985 + number:04d}" if number < 15 else f"+39333124{number - 15:04d}")
        wanted = table.get(number)
        assert registries.check(e164) == ({} if wanted is None else {LIST: Registry(wanted[1], wanted[0])})

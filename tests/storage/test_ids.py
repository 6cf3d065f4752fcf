from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.ids import is_id, new_id
from storage.instant import from_us, to_us

INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))


@given(INSTANTS, INSTANTS)
def test_ids_sort_by_the_time_they_were_made(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    if later - earlier >= timedelta(milliseconds=2):
        assert new_id(earlier) < new_id(later)
    assert is_id(new_id(one))


def test_ids_of_one_instant_differ() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert len({new_id(at) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "text", ["", "8" * 26, "0" * 25, "0" * 27, "o" * 26, "0" * 25 + "U", "0" * 25 + "\n", "../" * 9]
)
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_comes_back_to_the_microsecond(at: datetime) -> None:
    assert from_us(to_us(at)) == at


def test_an_instant_needs_a_zone() -> None:
    elsewhere = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    assert to_us(elsewhere) == to_us(datetime(2026, 1, 1, 7, tzinfo=UTC))
    with pytest.raises(ValueError, match="time zone"):
        to_us(datetime(2026, 1, 1))

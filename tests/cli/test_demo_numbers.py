"""The demo and the tests on the real PBX can call somebody lawfully at every hour, on Sundays and holidays too."""

from datetime import UTC, datetime, timedelta

import pytest

from compliance.terms import Purpose
from heedline.demo.numbers import LISTED, pick, purpose_at

WEEKS = [
    datetime(2026, 11, 21, tzinfo=UTC),
    datetime(2026, 12, 24, tzinfo=UTC),  # Christmas on a Friday
    datetime(2027, 3, 26, tzinfo=UTC),  # Easter, and the clocks change in Europe
    datetime(2027, 7, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("start", WEEKS, ids=lambda start: f"{start:%Y-%m-%d}")
def test_somebody_may_be_called_at_every_hour_of_the_week(start: datetime) -> None:
    found = [purpose_at(start + timedelta(minutes=20 * step)) for step in range(7 * 24 * 3)]
    assert found.count(Purpose.TELEMARKETING) > 6 * 24 * 3 - 40, "sales at nearly all of them"


@pytest.mark.parametrize("hour", [0, 5, 8, 11, 16])
def test_enough_numbers_are_picked_and_none_that_is_listed(hour: int) -> None:
    now = datetime(2026, 11, 22, hour, tzinfo=UTC)
    picked = pick(60, now, seed=1)
    assert len(set(picked)) == 60
    assert not set(picked) & set(LISTED)

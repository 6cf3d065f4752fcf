"""Instants: aware UTC datetimes in Python, integer microseconds since the epoch in the database."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch, exactly (no float on the way).

    Raises ValueError: the datetime is naive; it would mean another instant on another machine.
    """
    if moment.tzinfo is None:
        raise ValueError("a naive datetime is no instant: give it a time zone")
    return (moment - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The aware UTC datetime of so many microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=microseconds)

"""Answer files of the reassigned-numbers database: number, date of consent, and yes, no or no_data in each line.

The names and order of the columns are not public, so fields are known by their form; a first line without a digit is
taken for a header. Source: 47 CFR 64.1200(l), (m); https://www.reassigned.us/resources/faq
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

from compliance.facts import Reassigned, ReassignedAnswer
from storage.registry.errors import BadLine
from storage.registry.records import date_of, filled, lines, number_of

_ANSWERS = {
    "yes": ReassignedAnswer.YES,
    "no": ReassignedAnswer.NO,
    "no_data": ReassignedAnswer.NO_DATA,
    "no data": ReassignedAnswer.NO_DATA,
}


def read_answers(name: str, chunks: Iterator[bytes], checked: date) -> dict[int, Reassigned]:
    """By E.164 digits. `checked`: the day of the query; its first instant counts, so that an answer never looks newer.

    Raises BadLine: not such a line, a date of consent after the query, two answers for one number.
    """
    checked_at = datetime.combine(checked, time(), UTC)
    found: dict[int, Reassigned] = {}
    for line, text in filled(name, lines(name, chunks)):
        if line == 1 and not any(char.isdigit() for char in text):
            continue
        number, answer = _read(text, checked_at)
        if number is None or answer is None:
            raise BadLine(name, line, "no number, date of consent, and yes, no or no_data")
        if answer.consent_date is not None and answer.consent_date > checked:
            raise BadLine(name, line, f"a consent dated after the query of {checked}")
        if found.setdefault(number, answer) != answer:
            raise BadLine(name, line, "another answer for a number of an earlier line; ask once a number")
    return found


def _read(text: str, checked_at: datetime) -> tuple[int | None, Reassigned | None]:
    numbers: list[int] = []
    dates: list[date] = []
    answers: list[ReassignedAnswer] = []
    parts = [part.strip().strip('"').strip() for part in text.split(",")]
    for part in parts:
        number, day = number_of(part, "1"), date_of(part)
        if number is not None:
            numbers.append(number)
        elif day is not None:
            dates.append(day)
        elif part.casefold() in _ANSWERS:
            answers.append(_ANSWERS[part.casefold()])
    if (len(numbers), len(dates), len(answers), len(parts)) != (1, 1, 1, 3):
        return None, None
    return numbers[0], Reassigned(answers[0], checked_at, dates[0])

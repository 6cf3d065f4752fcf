"""What a dialplan hands over, checked."""

import re
from collections.abc import Mapping

from agi.errors import BadAgi
from storage.audit import without_numbers
from storage.ids import is_id

_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_KEY = re.compile(r"[0-9*#A-D]")
_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def exactly(arguments: tuple[str, ...], *names: str, optional: int = 0) -> tuple[str, ...]:
    """The arguments, as many as there are names; those left out at the end are empty, if they may be.

    A comma in an argument makes one more of it, which is refused here. Raises BadAgi.
    """
    least = len(names) - optional
    if not least <= len(arguments) <= len(names):
        raise BadAgi(f"AGI: {least} to {len(names)} arguments are expected ({', '.join(names)}), not {len(arguments)}")
    found = tuple(argument.strip() for argument in arguments)
    if not all(found[:least]):
        raise BadAgi(f"AGI: an argument is empty; {', '.join(names[:least])} must be given")
    return found + ("",) * (len(names) - len(found))


def attempt_id(text: str) -> str:
    """Raises BadAgi."""
    if not is_id(text):
        raise BadAgi("AGI: the attempt is none; it is what the gate set as HEEDLINE_ATTEMPT")
    return text


def words_id(text: str) -> str:
    """The name of a prompt or text and its state, as `our-notice v3`. Raises BadAgi."""
    if not _NAMES.fullmatch(text):
        raise BadAgi("AGI: the name of what was said: 1 to 64 letters, digits, blanks and . _ -")
    if without_numbers(text) != text:
        raise BadAgi("AGI: the name of what was said may not hold a phone number")
    return text


def key(text: str) -> str:
    """One key of a telephone. Raises BadAgi."""
    if not _KEY.fullmatch(text):
        raise BadAgi("AGI: the key that was pressed: one of 0-9 * # A-D")
    return text


def channel_of(headers: Mapping[str, str]) -> str:
    """Asterisk's unique id of the channel. Raises BadAgi."""
    found = headers.get("agi_uniqueid", "")
    if not _CHANNEL.fullmatch(found):
        raise BadAgi("AGI: agi_uniqueid is missing")
    return found

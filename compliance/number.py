"""Telephone numbers: strict parsing, masked printing.

A number is held as E.164 and prints masked, so that a log line or a traceback never shows it; whoever needs
the digits asks for `.e164` by name. Where a number may lie is answered by `compliance.whereabouts`, whose two
questions (`regions`, `zones`) are offered here as well.
"""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, ValidationResult

from compliance import whereabouts
from compliance.errors import BadInput

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_NANP = re.compile(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}", re.ASCII)
_WRITTEN = re.compile(r"\+?[0-9 ().\-/]{2,40}", re.ASCII)
_NOT_DIGIT = re.compile(r"[^0-9]")


class BadNumber(BadInput):
    """The text is no telephone number. The message never repeats the text."""


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Number:
    """A telephone number in E.164. `str` and `repr` are masked: "+1•••••0123"."""

    e164: str

    def __post_init__(self) -> None:
        if not isinstance(self.e164, str) or _E164.fullmatch(self.e164) is None:
            raise BadNumber("number: not E.164 (+ and 7 to 15 digits)")

    def __str__(self) -> str:
        keep = 4 if len(self.e164) >= 11 else 2
        return f"{self.e164[:2]}•••••{self.e164[-keep:]}"

    def __repr__(self) -> str:
        return f"Number({self})"


def parse_number(text: str, default_region: str | None = None) -> Number:
    """The number that `text` writes, in international form, or in national form of `default_region` ("US").

    ASCII digits with blanks, dots, dashes, slashes and brackets; no letters, no extension, no "(0)". The length
    must be possible in the numbering plan; whether it may be dialled is a rule's question, not a parser's.

    Raises BadNumber: anything else. BadInput: `default_region` is no region.
    """
    if not isinstance(text, str):
        raise BadNumber("number: must be text")
    if _NANP.fullmatch(text) is not None:
        return Number(text)
    written = text.strip(" ")
    if _WRITTEN.fullmatch(written) is None:
        raise BadNumber("number: write it in international form, + and digits, e.g. +1 212 555 0123")
    international = written.startswith("+")
    if default_region is not None and default_region not in phonenumbers.SUPPORTED_REGIONS:
        raise BadInput(f"region {default_region[:8]!r}: not a country code such as US or GB")
    if not international and default_region is None:
        raise BadNumber("number: has no country code; begin it with + or name the region")
    try:
        parsed = phonenumbers.parse(written, None if international else default_region)
    except NumberParseException as error:
        raise BadNumber(f"number: {_why(error)}") from None
    if phonenumbers.is_possible_number_with_reason(parsed) != ValidationResult.IS_POSSIBLE:
        raise BadNumber("number: too long, too short or incomplete for its country")
    e164 = _e164(parsed)
    # libphonenumber drops a trunk prefix ("+44 (0)20 …"); what was written must be what is dialled.
    if international and _NOT_DIGIT.sub("", written) != e164[1:]:
        raise BadNumber("number: leave out the trunk prefix, e.g. +44 20 7946 0000")
    # Nor may its international form be read as another one: of "000000" in Germany a zero would be taken away again.
    if not international and _e164(phonenumbers.parse(e164, None)) != e164:
        raise BadNumber("number: too long, too short or incomplete for its country")
    return Number(e164)


def regions(number: Number) -> frozenset[str]:
    """Every region the number may belong to: "US-CA" where the state is known, else "US", "GB" …; empty: unknown."""
    return whereabouts.whereabouts(number.e164).regions


def zones(number: Number) -> frozenset[str]:
    """Every IANA time zone its subscriber may live in; empty: unknown."""
    return whereabouts.whereabouts(number.e164).zones


def _e164(parsed: phonenumbers.PhoneNumber) -> str:
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def _why(error: NumberParseException) -> str:
    if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        return "unknown country code"
    if error.error_type == NumberParseException.TOO_LONG:
        return "too many digits"
    return "too few digits"

"""Canonical JSON (RFC 8785, the part without floats): equal values have equal bytes.

Keys are ASCII, so sorting by code point and by UTF-16 unit are the same; integers stay within 2^53 - 1, which
every JSON reader keeps exactly; floats are refused, since two writers may print one differently.
"""

import json
from collections.abc import Mapping
from typing import cast

from compliance.errors import BadInput

LARGEST_INTEGER = 2**53 - 1
_DEPTH = 8


def canonical(value: object) -> str:
    """The one JSON text of the value.

    Raises BadInput: a float, an integer beyond 2^53 - 1, a key that is not ASCII text, a lone surrogate, any
    other type, or nesting deeper than 8.
    """
    _check(value, _DEPTH)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def parse_object(text: str) -> dict[str, object]:
    """The object that canonical text of ours holds. Raises BadInput: it is no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("stored JSON: damaged; run `heedline audit verify`") from None
    if not isinstance(value, dict):
        raise BadInput("stored JSON: not an object; run `heedline audit verify`")
    return cast(dict[str, object], value)


def _check(value: object, depth: int) -> None:
    if depth < 0:
        raise BadInput("JSON value: nested too deeply")
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise BadInput("JSON value: an integer beyond 2^53 - 1")
    elif isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise BadInput("JSON value: text with a lone surrogate")
    elif isinstance(value, Mapping) and isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise BadInput("JSON value: keys are ASCII text")
            _check(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item, depth - 1)
    else:
        raise BadInput(f"JSON value: {type(value).__name__} has no canonical form")

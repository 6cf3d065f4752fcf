"""Reading canonical JSON strictly: one way to write a value, and nothing else is accepted.

Whatever byte of a canonical text is changed, either the value changes (and a signature or a key breaks) or the
text is refused here.
"""

import json

from compliance.errors import BadInput
from storage.canonical import LARGEST_INTEGER, canonical

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]


def encode(value: Json) -> bytes:
    """The canonical bytes of the value (`storage.canonical`)."""
    return canonical(value).encode()


def decode(data: bytes, limit: int) -> dict[str, Json]:
    """The object written in `data`.

    Raises ValueError, TypeError: over `limit` bytes, not JSON, not an object, or not in canonical form.
    """
    if len(data) > limit:
        raise ValueError(f"{len(data)} bytes, at most {limit} are read")
    try:
        value: Json = json.loads(data.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
        if not isinstance(value, dict):
            raise TypeError("not an object")
        if encode(value) != data:
            raise ValueError("not in canonical form")
    except (RecursionError, BadInput) as error:
        raise ValueError(str(error) or "nested too deeply") from None
    return value


def _no_float(text: str) -> Json:
    raise ValueError(f"a number that is no integer: {text[:20]}")


class Fields:
    """Strict access to the fields of one object: right type, within bounds, none missing, none left over."""

    def __init__(self, value: Json, where: str) -> None:
        if not isinstance(value, dict):
            raise TypeError(f"{where}: not an object")
        self._left = dict(value)
        self._where = where

    def _take(self, key: str) -> Json:
        if key not in self._left:
            raise ValueError(f"{self._where}: {key} is missing")
        return self._left.pop(key)

    def text(self, key: str, longest: int = 64) -> str:
        value = self._take(key)
        if not isinstance(value, str) or len(value) > longest:
            raise ValueError(f"{self._where}: {key} is not a text of at most {longest} characters")
        return value

    def integer(self, key: str, lowest: int = 0, highest: int = LARGEST_INTEGER) -> int:
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise ValueError(f"{self._where}: {key} is not an integer of {lowest} to {highest}")
        return value

    def optional_integer(self, key: str) -> int | None:
        if self._left.get(key, 0) is None:
            self._take(key)
            return None
        return self.integer(key)

    def flag(self, key: str) -> bool:
        value = self._take(key)
        if not isinstance(value, bool):
            raise TypeError(f"{self._where}: {key} is not true or false")
        return value

    def digest(self, key: str) -> bytes:
        """32 bytes in lower-case hexadecimal."""
        text = self.text(key)
        if len(text) != 64 or text.strip("0123456789abcdef"):
            raise ValueError(f"{self._where}: {key} is not 64 hexadecimal digits")
        return bytes.fromhex(text)

    def items(self, key: str, most: int) -> list[Json]:
        value = self._take(key)
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"{self._where}: {key} is not a list of at most {most}")
        return value

    def end(self) -> None:
        """Refuse what has not been asked for."""
        if self._left:
            raise ValueError(f"{self._where}: unknown field {sorted(self._left)[0][:32]!r}")

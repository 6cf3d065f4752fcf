"""The exact words a person agreed to, with their language and version."""

import hashlib
import re
from dataclasses import dataclass

from compliance.errors import BadInput
from storage.canonical import canonical

LONGEST_TEXT = 16_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}", re.ASCII)
_LONGEST_VERSION = 64


@dataclass(frozen=True)
class Wording:
    """`language`: a tag of BCP 47, as en or zh-Hant. `version`: the admin's own name for this state of the text.

    Raises BadInput: no text or more than LONGEST_TEXT characters, control characters but line breaks and tabs, a
    language that is no tag, a version that is not 1 to 64 printable characters.
    """

    language: str
    version: str
    text: str

    def __post_init__(self) -> None:
        if not _LANGUAGE.fullmatch(self.language) or len(self.language) > 16:
            raise BadInput("consent text: language must be a tag such as en or zh-Hant")
        if not 1 <= len(self.version) <= _LONGEST_VERSION or not self.version.isprintable():
            raise BadInput(f"consent text: version must be 1 to {_LONGEST_VERSION} printable characters")
        if not self.text.strip() or len(self.text) > LONGEST_TEXT:
            raise BadInput(f"consent text: 1 to {LONGEST_TEXT} characters")
        if any((ord(char) < 32 and char not in "\n\r\t") or "\ud800" <= char <= "\udfff" for char in self.text):
            raise BadInput("consent text: holds control characters; give plain text")

    @property
    def hash(self) -> bytes:
        """SHA-256 over the canonical JSON of language, text and version."""
        fields = {"language": self.language, "text": self.text, "version": self.version}
        return hashlib.sha256(canonical(fields).encode()).digest()

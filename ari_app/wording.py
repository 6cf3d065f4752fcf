"""What the prompts say: texts in `asterisk_conf/prompts/<language>.yaml`, read strictly."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from compliance.errors import BadInput
from compliance.jurisdictions.strict_yaml import Value, read
from compliance.terms import Purpose


class PromptId(StrEnum):
    """Every prompt there is; a language that misses one is refused."""

    GREETING = "greeting"  # who calls, within the seconds the law gives
    GREETING_OPT_OUT = "greeting_opt_out"  # the same where no notice follows that offers 9
    NOTICE = "notice"
    CONSENT_ASK = "consent_ask"
    REPROMPT = "reprompt"
    CONSENT_REFUSED = "consent_refused"
    OPTOUT_DONE = "optout_done"
    CALL_DENIED = "call_denied"  # heard by the agent
    AGENT_UNAVAILABLE = "agent_unavailable"  # 47 CFR 64.1200(a)(7)(i)
    RECORDING_PAUSED = "recording_paused"  # heard by the agent
    RECORDING_RESUMED = "recording_resumed"  # heard by the agent


PLACEHOLDERS: Mapping[PromptId, frozenset[str]] = {
    PromptId.GREETING: frozenset({"purpose", "seller"}),
    PromptId.GREETING_OPT_OUT: frozenset({"purpose", "seller"}),
    PromptId.AGENT_UNAVAILABLE: frozenset({"seller", "number"}),
}
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
_VOICE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,12}){0,3}")
# No brackets: `[[…]]` is phoneme input to espeak-ng.
_SPEAKABLE = re.compile(r"[\w .,;:!?¿¡'’&()/-]*")
_SELLER = re.compile(r"[\w][\w .,'’&/-]{0,79}")
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


class UnknownLanguage(BadInput):
    """There are no prompts in that language."""


@dataclass(frozen=True)
class Seller:
    """Who calls and why, as greetings and `agent_unavailable` must say it; `number` (E.164) is where to reach them."""

    name: str
    number: str
    purpose: Purpose = Purpose.TELEMARKETING

    def __post_init__(self) -> None:
        if not _SELLER.fullmatch(self.name):
            raise BadInput("seller: 1 to 80 letters, digits, spaces and . , ' & / - to be spoken in a prompt")
        if not _NUMBER.fullmatch(self.number):
            raise BadInput(
                f"seller {self.name!r}: the number to call back must be 3 to 15 digits, + before them if any"
            )

    @property
    def spoken_number(self) -> str:
        """Digit by digit, in groups: `1, 2 0 2, 5 5 5, 0 1 2 3`."""
        digits = self.number.lstrip("+")
        groups = [digits[-4:], digits[-7:-4], digits[-10:-7], digits[:-10]] if len(digits) > 7 else [digits]
        return ", ".join(" ".join(group) for group in reversed(groups) if group)


@dataclass(frozen=True)
class Wording:
    """One prompt in one language, ready to be said."""

    id: PromptId
    language: str
    version: int
    text: str

    @property
    def hash(self) -> str:
        """SHA-256 (hex) over id, language, version and text as canonical JSON: what the evidence of a call names."""
        content = {"id": self.id.value, "language": self.language, "version": self.version, "text": self.text}
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Language:
    """One file: its voice and its texts."""

    code: str
    voice: str
    words_per_minute: int
    version: int
    purposes: Mapping[Purpose, str]
    texts: Mapping[PromptId, str]

    def wording(self, prompt: PromptId, seller: Seller | None = None) -> Wording:
        """Raises BadInput: the text names the seller and none is given."""
        text = self.texts[prompt]
        if PLACEHOLDERS.get(prompt):
            if seller is None:
                raise BadInput(f"prompt {prompt}: says who called; give the seller's name and number")
            text = text.replace("{purpose}", self.purposes[seller.purpose])
            text = text.replace("{number}", seller.spoken_number).replace("{seller}", seller.name)
        return Wording(prompt, self.code, self.version, text)


@cache
def languages() -> Mapping[str, Language]:
    """By code, as shipped. Raises BadInput: a file is malformed."""
    folder = files("asterisk_conf") / "prompts"
    found = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yaml"):
            language = parse_language(file.read_bytes(), file.name)
            found[language.code] = language
    return found


def language_of(code: str) -> Language:
    """Raises UnknownLanguage."""
    language = languages().get(code)
    if language is None:
        raise UnknownLanguage(f"language {code[:20]!r}: there are prompts in {', '.join(languages())} only")
    return language


def parse_language(content: bytes, file: str) -> Language:
    """Raises BadInput with file and line: unknown or missing key, prompt or placeholder; unspeakable text."""
    table = read(content, file)
    code = _matching(table.take("language"), _LANGUAGE, "a language code such as en")
    if file.rpartition("/")[2] != f"{code}.yaml":
        raise table.bad(f"holds language {code}; name it {code}.yaml")
    voice = _matching(table.take("voice"), _VOICE, "a voice of `espeak-ng --voices`")
    words_per_minute = table.take("words_per_minute").whole(80, 300)
    version = table.take("version").whole(1, 1_000_000)
    reasons = table.take("purposes").table()
    rows = table.take("texts").table()
    table.done()
    purposes = {purpose: _words(reasons.take(purpose.value), purpose.value) for purpose in Purpose}
    reasons.done()
    texts = {prompt: _text(rows.take(prompt.value), prompt) for prompt in PromptId}
    rows.done()
    return Language(code, voice, words_per_minute, version, purposes, texts)


def _matching(value: Value, pattern: re.Pattern[str], what: str) -> str:
    text = value.text(40)
    if not pattern.fullmatch(text):
        raise value.bad(f"{text!r} is not {what}")
    return text


def _text(value: Value, prompt: PromptId) -> str:
    text = value.text(300)
    named = frozenset(_PLACEHOLDER.findall(text))
    wanted = PLACEHOLDERS.get(prompt, frozenset())
    if named != wanted:
        raise value.bad(
            f"{prompt} names {sorted(named) or 'nothing'} in braces; it must name {sorted(wanted) or 'nothing'}"
        )
    return _speakable(value, _PLACEHOLDER.sub("", text), prompt) and text


def _words(value: Value, name: str) -> str:
    return _speakable(value, value.text(60), name)


def _speakable(value: Value, text: str, name: str) -> str:
    if not _SPEAKABLE.fullmatch(text):
        raise value.bad(f"{name}: letters, digits and . , ; : ! ? ' & ( ) / - only")
    return text

"""Prompts: text, language and version become audio, kept by content hash.

    <folder>/<hash>.wav, <hash>.wav16     rendered by espeak-ng; the hash is over text and voice
    <folder>/<hash>.wav                   a copy of a recording of the admin's own; the hash is over its bytes
    <folder>/own/<language>/<id>.wav      put there by the admin (8 kHz, mono, 16 bit), with
    <folder>/own/<language>/<id>.txt      the words it says: they are evidence

A file that was played once is never changed under its name, so the evidence of an old call can still be heard.
"""

import hashlib
import math
import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ari_app import speech
from ari_app.wording import PLACEHOLDERS, Language, PromptId, Seller, Wording, language_of
from compliance.errors import BadInput, HeedlineError

RENDERER = 1  # raised when the way to render changes, so that files of the old way are not taken for new ones
_WORDS_AT_MOST = 2000


class PromptMissing(HeedlineError):
    """The audio is not there: no call may be dialled that would need it."""


@dataclass(frozen=True)
class PromptAudio:
    """What to play, and what the evidence says of it."""

    id: PromptId
    language: str
    version: int  # of the texts; 0: a recording of the admin's own
    uri: str  # for ARI's `media`
    file: Path  # what an 8 kHz channel hears
    seconds: float
    text_hash: str
    audio_hash: str  # SHA-256 (hex) of `file`


@dataclass(frozen=True)
class _Own:
    wording: Wording
    recording: speech.Recording
    audio_hash: str


class _File(NamedTuple):
    """A file as long as it stays the same one."""

    path: Path
    inode: int
    modified_ns: int
    size: int


def _file(path: Path) -> _File:
    """Raises FileNotFoundError."""
    status = path.stat()
    return _File(path, status.st_ino, status.st_mtime_ns, status.st_size)


_BEEP = "beep"
_GREETINGS = (PromptId.GREETING, PromptId.GREETING_OPT_OUT)


class Prompts:
    """The prompts of one home. Safe to use from several threads."""

    def __init__(self, folder: Path, seller: Seller | None = None) -> None:
        self.folder = folder
        self.seller = seller
        self._place = folder.resolve()
        self._known: dict[_File, tuple[str, float]] = {}
        self._owned: dict[tuple[PromptId, str, _File, _File], _Own] = {}
        self._lock = threading.Lock()

    def of_seller(self, seller: Seller) -> "Prompts":
        """The same folder, with who calls: `agent_unavailable` says it. What is known of the files is shared."""
        of_seller = Prompts(self.folder, seller)
        of_seller._known, of_seller._owned, of_seller._lock = self._known, self._owned, self._lock
        return of_seller

    def ids(self) -> tuple[PromptId, ...]:
        """All prompts that can be said here: without a seller, those that name one are left out."""
        return tuple(prompt for prompt in PromptId if self.seller is not None or not PLACEHOLDERS.get(prompt))

    def render(self, language: str) -> list[PromptId]:
        """Make what is missing in one language, own recordings checked and copied; says what it made. Blocks.

        Raises UnknownLanguage; BadInput naming a recording that can't be used; SpeechFailed.
        """
        known = language_of(language)
        made = []
        self.folder.mkdir(parents=True, exist_ok=True)
        for prompt in self.ids():
            own = self._own(known, prompt)
            if own is not None:
                target = self._path(own.audio_hash)
                if not self._whole(target):
                    _write(target, own.recording.content)
                    made.append(prompt)
                continue
            wording = known.wording(prompt, self.seller)
            narrow = self._path(_recipe(known, wording))
            wide = narrow.with_suffix(".wav16")
            if not (self._whole(narrow) and self._whole(wide)):
                spoken = speech.speak(known, wording.text)
                _write(wide, speech.to_wav(spoken, speech.WIDE))
                _write(narrow, speech.to_wav(speech.resample(spoken, speech.WIDE, speech.NARROW), speech.NARROW))
                made.append(prompt)
        self._render_beep()
        return made

    def _render_beep(self) -> None:
        narrow = self._path(_BEEP)
        wide = narrow.with_suffix(".wav16")
        if not (self._whole(narrow) and self._whole(wide)):
            _write(wide, speech.to_wav(speech.beep(), speech.WIDE))
            _write(narrow, speech.to_wav(speech.resample(speech.beep(), speech.WIDE, speech.NARROW), speech.NARROW))

    def beep(self) -> str:
        """What to play as the beep of a recording, as a media URI. Raises PromptMissing."""
        file = self._path(_BEEP)
        if not self._whole(file):
            raise PromptMissing("the beep: no audio; run `heedline prompts render`")
        return f"sound:{file.with_suffix('')}"

    def available(self, language: str) -> dict[str, bool]:
        """Which prompts of the language can be played now; all False for a language there is none of."""
        return {prompt.value: self._has(prompt, language) for prompt in self.ids()}

    def complete(self, language: str) -> bool:
        """Whether a call in that language may be dialled: every prompt can be played."""
        return all(self.available(language).values())

    def media(self, prompt: PromptId | str, language: str) -> PromptAudio:
        """What to play.

        Raises UnknownLanguage, PromptMissing, BadInput (no such prompt; an own recording that can't be used).
        """
        known = language_of(language)
        try:
            prompt = PromptId(prompt)
        except ValueError:
            raise BadInput(f"prompt {str(prompt)[:40]!r}: there are {', '.join(PromptId)}") from None
        own = self._own(known, prompt)
        wording = own.wording if own else known.wording(prompt, self.seller)
        file = self._path(own.audio_hash if own else _recipe(known, wording))
        try:
            audio_hash, seconds = self._measure(file)
        except FileNotFoundError:
            raise PromptMissing(f"prompt {prompt} in {language}: no audio; run `heedline prompts render`") from None
        except BadInput as error:
            raise PromptMissing(f"prompt {prompt} in {language}: {error}; run `heedline prompts render`") from None
        if own and audio_hash != own.audio_hash:
            raise PromptMissing(f"prompt {prompt} in {language}: the copy has changed; run `heedline prompts render`")
        return PromptAudio(
            id=prompt,
            language=known.code,
            version=wording.version,
            uri=f"sound:{file.with_suffix('')}",
            file=file,
            seconds=seconds,
            text_hash=wording.hash,
            audio_hash=audio_hash,
        )

    def greeting_seconds(self, language: str) -> float:
        """The longest that saying who calls takes; infinite while a greeting can't be played."""
        try:
            return max(self.media(greeting, language).seconds for greeting in _GREETINGS)
        except HeedlineError:
            return math.inf

    def wording(self, prompt: PromptId, language: str) -> Wording:
        """What the prompt says: the admin's own words where there is an own recording. Raises as `media`."""
        known = language_of(language)
        own = self._own(known, prompt)
        return own.wording if own else known.wording(prompt, self.seller)

    def _has(self, prompt: PromptId, language: str) -> bool:
        try:
            self.media(prompt, language)
        except HeedlineError:
            return False
        return True

    def _path(self, digest: str) -> Path:
        return self._place / f"{digest}.wav"

    def _whole(self, file: Path) -> bool:
        """Writing is atomic, so a file that is there and is not empty is whole."""
        return file.is_file() and file.stat().st_size > 44

    def _measure(self, file: Path) -> tuple[str, float]:
        """Hash and seconds, remembered for as long as the file stays the same one."""
        key = _file(file)
        with self._lock:
            if key not in self._known:
                recording = speech.read_recording(file)
                self._known[key] = (hashlib.sha256(recording.content).hexdigest(), recording.seconds)
            return self._known[key]

    def _own(self, language: Language, prompt: PromptId) -> _Own | None:
        file = self._place / "own" / language.code / f"{prompt}.wav"
        if not file.is_file():
            return None
        words = file.with_suffix(".txt")
        try:
            key = (prompt, language.code, _file(file), _file(words))
        except FileNotFoundError:
            speech.read_recording(file)
            raise BadInput(f"{words}: not there; write down what {file.name} says, it is kept as evidence") from None
        with self._lock:
            if key not in self._owned:
                self._owned[key] = self._read_own(language, prompt, file, words)
            return self._owned[key]

    def _read_own(self, language: Language, prompt: PromptId, file: Path, words: Path) -> _Own:
        recording = speech.read_recording(file)
        try:
            text = " ".join(words.read_text("utf-8").split())
        except FileNotFoundError:
            raise BadInput(f"{words}: not there; write down what {file.name} says, it is kept as evidence") from None
        except UnicodeDecodeError:
            raise BadInput(f"{words}: not UTF-8") from None
        if not text or len(text) > _WORDS_AT_MOST or not text.isprintable():
            raise BadInput(f"{words}: must be 1 to {_WORDS_AT_MOST} printable characters, what {file.name} says")
        return _Own(Wording(prompt, language.code, 0, text), recording, hashlib.sha256(recording.content).hexdigest())


def _recipe(language: Language, wording: Wording) -> str:
    """Name of a rendered file: what is said, and how."""
    recipe = f"{RENDERER}\0{wording.hash}\0{language.voice}\0{language.words_per_minute}"
    return hashlib.sha256(recipe.encode()).hexdigest()


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, readable for Asterisk, which may run as another user; a prompt is no secret."""
    scratch = file.parent / f".{secrets.token_hex(8)}"
    try:
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.rename(file)
    finally:
        scratch.unlink(missing_ok=True)

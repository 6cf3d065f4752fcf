"""Text in any script for a PDF: fonts of the system by coverage, shaped by HarfBuzz, right-to-left lines in order.

Nothing is bundled. Tried in this order: DejaVu Sans, Noto Sans and its families for single scripts, Droid Sans
Fallback (Chinese, Japanese, Korean), anything else that is there, and last the Vera that comes with reportlab (Latin).
A character that no font has is written as [U+0928]: seen to be missing, never a blank box. The order of words follows
the Unicode bidirectional algorithm (UAX 9) as far as whole words go.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")
_FIRST = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansArabic-Regular.ttf",
    "DroidSansFallbackFull.ttf",
)
_MOST_FONTS = 400
_RIGHT_TO_LEFT = ("R", "AL")

Run = tuple[str, str]
"""A font's name and text that it has glyphs for."""


class Typeface:
    """The fonts of one document; each is opened when a character first needs it."""

    def __init__(self, folders: tuple[str, ...] = FOLDERS) -> None:
        self._candidates = _font_files(folders)
        self._opened: list[tuple[str, frozenset[int]]] = []
        self._of: dict[str, str | None] = {}
        self._open(self._candidates)  # the first sets Latin text

    def runs(self, word: str) -> list[Run]:
        """The word cut where the font changes; a combining mark stays with what it belongs to."""
        found: list[Run] = []
        for character in word:
            font = self._font_for(character, found[-1][0] if found else None)
            shown = character
            if font is None:
                font, shown = self._opened[0][0], f"[U+{ord(character):04X}]"
            if found and found[-1][0] == font:
                found[-1] = (font, found[-1][1] + shown)
            else:
                found.append((font, shown))
        return found

    def width(self, runs: list[Run], size: float) -> float:
        """Points, shaped."""
        return sum(shaped(font, text, size)[1] for font, text in runs)

    def _font_for(self, character: str, current: str | None) -> str | None:
        code = ord(character)
        if current is not None and any(name == current and code in has for name, has in self._opened):
            return current
        if character not in self._of:
            while not any(code in has for _, has in self._opened) and self._open(self._candidates):
                pass
            self._of[character] = next((name for name, has in self._opened if code in has), None)
        return self._of[character]

    def _open(self, files: Iterator[Path]) -> bool:
        """Open the next font that can be; False when there is none left."""
        for file in files:
            opened = _opened(file)
            if opened is not None:
                self._opened.append(opened)
                return True
        return False


@lru_cache(maxsize=4096)
def shaped(font: str, text: str, size: float) -> tuple[str, float]:
    """The text as HarfBuzz shapes it in that font, for a text object, and its width in points."""
    from reportlab.lib.abag import ABag
    from reportlab.pdfbase.pdfmetrics import stringWidth
    from reportlab.pdfbase.ttfonts import shapeFragWord

    width = float(stringWidth(text, font, size))
    fragment = (ABag(fontName=font, fontSize=size), text)
    done = shapeFragWord([width, fragment], features={"kern": True, "liga": True})[1][1]
    advances = getattr(done, "__shapeData__", None)
    if advances is None:
        return text, width
    return done, float(sum(glyph.x_advance for glyph in advances)) * size / 1000


@lru_cache(maxsize=512)
def _opened(file: Path) -> tuple[str, frozenset[int]] | None:
    """Its name here and the characters it has; None: not a TrueType font that reportlab can embed."""
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    try:
        font = TTFont(str(file), str(file))
    except (TTFError, OSError, ValueError, KeyError, IndexError, ArithmeticError):
        return None
    registerFont(font)
    return str(file), frozenset(font.face.charToGlyph)


def _font_files(folders: tuple[str, ...]) -> Iterator[Path]:
    found = [file for folder in folders for file in sorted(Path(folder).rglob("*.ttf"))]
    regular = [file for file in found if "-" not in file.stem or file.stem.endswith("-Regular")]

    def rank(file: Path) -> tuple[int, int, str]:
        place = _FIRST.index(file.name) if file.name in _FIRST else len(_FIRST)
        return place, 0 if file.name.startswith("NotoSans") else 1, file.name

    yield from sorted(regular, key=rank)[:_MOST_FONTS]
    import reportlab

    yield Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"


def lines(typeface: Typeface, text: str, size: float, width: float) -> Iterator[tuple[list[list[Run]], bool]]:
    """The text broken into lines of at most `width` points: words from left to right as they are drawn, and whether
    the line is set to the right."""
    for paragraph in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        rightward = _base(paragraph)
        line: list[str] = []
        used = 0.0
        for word in _words(typeface, paragraph.replace("\t", "    "), size, width):
            room = typeface.width(typeface.runs(word), size)
            if line and used + room > width:
                yield _drawn(typeface, line, rightward), rightward
                line, used = [], 0.0
                word = word.lstrip(" ")
                room = typeface.width(typeface.runs(word), size)
            if word:
                line.append(word)
                used += room
        yield _drawn(typeface, line, rightward), rightward


def _words(typeface: Typeface, paragraph: str, size: float, width: float) -> Iterator[str]:
    """Words with the blanks before them. What can be broken anywhere (Chinese, Japanese, a very long word) is."""
    word = ""
    for character in paragraph:
        breakable = unicodedata.east_asian_width(character) in "WF"
        if word and (breakable or (character == " " and not word.isspace()) or _wide(word[-1])):
            yield word
            word = ""
        word += character
        if len(word) > 8 and typeface.width(typeface.runs(word), size) > width:
            yield word[:-1]
            word = character
    if word:
        yield word


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _direction(word: str) -> str | None:
    """The word's own direction by its first strong character; None: digits and signs go with their neighbours."""
    for character in word:
        kind = unicodedata.bidirectional(character)
        if kind in _RIGHT_TO_LEFT:
            return "R"
        if kind == "L":
            return "L"
    return None


def _base(paragraph: str) -> bool:
    return _direction(paragraph) == "R"


def _drawn(typeface: Typeface, words: list[str], rightward: bool) -> list[list[Run]]:
    """The words of a line in the order in which they are drawn from left to right."""
    groups: list[tuple[str, list[str]]] = []
    for word in words:
        direction = _direction(word) or ("R" if rightward and not groups else groups[-1][0] if groups else "L")
        if groups and groups[-1][0] == direction:
            groups[-1][1].append(word)
        else:
            groups.append((direction, [word]))
    ordered = reversed(groups) if rightward else iter(groups)
    drawn: list[list[Run]] = []
    for direction, group in ordered:
        # A blank lies on the side from which its word is read; before a group, from which the line is read.
        bare = [(word.lstrip(" "), word[: len(word) - len(word.lstrip(" "))]) for word in group]
        before, bare[0] = bare[0][1], (bare[0][0], "")
        if direction == "R":
            parts = [part for word, blanks in reversed(bare) for part in (word, blanks)]
        else:
            parts = [part for word, blanks in bare for part in (blanks, word)]
        parts = [*parts, before] if rightward else [before, *parts]
        drawn.extend(typeface.runs(part) for part in parts if part)
    return drawn

"""A plain A4 document: headings, pairs, paragraphs, boxed words; pages are numbered and break by themselves."""

from io import BytesIO

from storage.consent.typeface import Run, Typeface, lines, shaped

_WIDTH, _HEIGHT = 595.28, 841.89  # A4 in points
_LEFT, _TOP, _BOTTOM = 56.0, 60.0, 64.0
_NAMES = 118.0
_LEADING = 1.38
GREY = 0.38


class Sheet:
    """`foot`: stands on every page."""

    def __init__(self, title: str, foot: str, typeface: Typeface) -> None:
        from reportlab.pdfgen.canvas import Canvas

        self._out = BytesIO()
        self.canvas = Canvas(self._out, pagesize=(_WIDTH, _HEIGHT), pageCompression=1)
        self.canvas.setTitle(title)
        self.canvas.setCreator("Heedline")
        self._typeface = typeface
        self._foot = foot
        self._page = 1
        self._y = _HEIGHT - _TOP

    def heading(self, text: str, size: float = 13) -> None:
        self._room(size * 4)
        self._y -= size * 0.9
        self._text(text, _LEFT, _WIDTH - 2 * _LEFT, size, 0)
        self._y -= size * 0.45
        self.canvas.setLineWidth(0.5)
        self.canvas.setStrokeGray(0.7)
        self.canvas.line(_LEFT, self._y, _WIDTH - _LEFT, self._y)
        self._y -= size * 0.15

    def paragraph(self, text: str, size: float = 9.5, gray: float = 0) -> None:
        self._text(text, _LEFT, _WIDTH - 2 * _LEFT, size, gray)
        self._y -= size * 0.35

    def pair(self, name: str, value: object, size: float = 9.5) -> None:
        """A name and its value; nothing when there is none."""
        if value is None or value == "":
            return
        self._room(size * _LEADING)
        top, page = self._y, self._page
        self._text(name, _LEFT, _NAMES - 8, size, GREY)
        if self._page == page:
            self._y = top
        self._text(str(value), _LEFT + _NAMES, _WIDTH - 2 * _LEFT - _NAMES, size, 0)

    def words(self, caption: str, text: str, size: float = 10) -> None:
        """Words that somebody agreed to: set apart by a line along their side."""
        self._text(caption, _LEFT + _NAMES, _WIDTH - 2 * _LEFT - _NAMES, 8, GREY)
        self._text(text, _LEFT + _NAMES + 10, _WIDTH - 2 * _LEFT - _NAMES - 10, size, 0, bar=_LEFT + _NAMES)
        self._y -= size * 0.5

    def keep(self, points: float) -> None:
        """So much stays together: on a new page when this one has no room for it."""
        self._room(points)

    def gap(self, points: float = 6) -> None:
        self._y -= points

    def attach(self, name: str, content: bytes) -> None:
        """Embed a file (ISO 32000-1, 7.11.4), uncompressed, so that it can be taken out without a PDF library."""
        from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFStream, PDFString

        document = self.canvas._doc
        kind = {"Type": PDFName("EmbeddedFile"), "Subtype": PDFName("application/json")}
        stream = document.Reference(PDFStream(PDFDictionary(kind), content, filters=[]))
        spec = PDFDictionary(
            {
                "Type": PDFName("Filespec"),
                "F": PDFString(name),
                "UF": PDFString(name),
                "EF": PDFDictionary({"F": stream}),
                "AFRelationship": PDFName("Source"),
            }
        )
        names = PDFDictionary({"Names": PDFArray([PDFString(name), document.Reference(spec)])})
        document.Catalog.Names = PDFDictionary({"EmbeddedFiles": names})

    def finished(self) -> bytes:
        self._end_page()
        self.canvas.save()
        return self._out.getvalue()

    def _text(self, text: str, x: float, width: float, size: float, gray: float, bar: float | None = None) -> None:
        for words, rightward in lines(self._typeface, text, size, width):
            self._room(size * _LEADING)
            self._y -= size * _LEADING
            self.canvas.setFillGray(gray)
            start = x + width - sum(self._typeface.width(word, size) for word in words) if rightward else x
            for word in words:
                start = self._word(word, start, size)
            if bar is not None:
                self.canvas.setStrokeGray(0.6)
                self.canvas.setLineWidth(1.5)
                self.canvas.line(bar, self._y - size * 0.3, bar, self._y + size * (_LEADING - 0.3))

    def _word(self, runs: list[Run], x: float, size: float) -> float:
        for font, text in runs:
            glyphs, width = shaped(font, text, size)
            line = self.canvas.beginText(x, self._y)
            line.setFont(font, size)
            line.textLine(glyphs)
            self.canvas.drawText(line)
            x += width
        return x

    def _room(self, points: float) -> None:
        if self._y - points < _BOTTOM:
            self._end_page()
            self.canvas.showPage()
            self._page += 1
            self._y = _HEIGHT - _TOP

    def _end_page(self) -> None:
        kept, self._y = self._y, _BOTTOM - 20
        for runs, _ in lines(self._typeface, f"{self._foot} · page {self._page}", 7.5, _WIDTH - 2 * _LEFT):
            x = _LEFT
            self.canvas.setFillGray(GREY)
            for run in runs:
                x = self._word(run, x, 7.5)
            self._y -= 10
        self._y = kept

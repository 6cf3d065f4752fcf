"""The pages of a proof: every script, nothing lost without a sign, and the signed JSON inside."""

from datetime import datetime
from pathlib import Path

import pytest

from storage.audit import CheckpointSigner
from storage.consent.pdf import attached, rendered
from storage.consent.proof import prove, written
from storage.consent.signed import BadProof
from storage.consent.typeface import Typeface, lines, shaped
from storage.consent.verify import verify
from storage.consent.wording import Wording
from storage.database import Database
from tests.storage.builders import CALLEE
from tests.storage.test_consent_ledger import recorded
from tests.storage.test_consent_proof import KEYS, PROOFS, lived

HEBREW = "שלום Acme Corp וגם 12"
DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


def drawn(typeface: Typeface, text: str, width: float = 400) -> list[str]:
    return ["".join(t for word in words for _, t in word) for words, _ in lines(typeface, text, 10, width)]


async def test_the_pdf_holds_the_signed_document(db: Database, signer: CheckpointSigner, now: datetime) -> None:
    await lived(db, now)
    many = "ψήφος 電話 הסכמה मैं सहमत हूँ ) ( \\ endstream >> 😀\n" * 60
    await recorded(db, now, wording=Wording("mul", "1", many))
    signed = await prove(db, CALLEE, keys=KEYS, signer=signer, proofs=PROOFS, by="ann", now=now)
    content = written(signed)
    pdf = rendered(signed, content, str(signer.key))
    assert attached(pdf) == content
    assert verify(attached(pdf), signer.key).findings == ()
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 4
    for other in (b"%PDF-1.4\n", pdf.replace(b"/EmbeddedFile", b"/EmbeddedFyle")):
        with pytest.raises(BadProof):
            attached(other)


def test_a_character_that_no_font_has_is_written_by_its_number() -> None:
    typeface = Typeface(folders=())  # only what comes with reportlab
    assert drawn(typeface, "Ünë हाँ") == ["Ünë [U+0939][U+093E][U+0901]"]


def test_words_break_at_the_width_and_a_long_one_is_cut() -> None:
    typeface = Typeface(folders=())
    text = "a word and " + "x" * 200 + "\n\nend"
    shown = drawn(typeface, text, 120)
    assert shown[-2:] == ["", "end"]
    assert "".join(shown).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    for line in shown:
        assert typeface.width(typeface.runs(line), 10) <= 120


@pytest.mark.skipif(not DEJAVU.exists(), reason="the font is not on this machine (package fonts-dejavu-core)")
def test_what_is_read_from_the_right_is_drawn_from_the_right_and_latin_in_it_from_the_left() -> None:
    typeface = Typeface((str(DEJAVU.parent),))
    ((words, rightward),) = list(lines(typeface, HEBREW, 10, 400))
    assert rightward
    assert ["".join(text for _, text in word) for word in words] == [
        "12",
        " ",
        "וגם",
        " ",
        "Acme",
        " ",
        "Corp",
        " ",
        "שלום",
    ]
    ((words, rightward),) = list(lines(typeface, "to שלום עולם now", 10, 400))
    assert not rightward
    assert "".join(text for word in words for _, text in word) == "to עולם שלום now"


@pytest.mark.skipif(not DEJAVU.exists(), reason="the font is not on this machine (package fonts-dejavu-core)")
def test_arabic_letters_are_joined() -> None:
    Typeface((str(DEJAVU.parent),))  # opens the font
    alone = sum(shaped(str(DEJAVU), letter, 10)[1] for letter in "سلام")
    glyphs, width = shaped(str(DEJAVU), "سلام", 10)
    assert width < alone * 0.8
    assert glyphs != "سلام"

"""The pages of docs/jurisdictions say each rule once, with where it was read, and stale ones are found."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from compliance.jurisdictions import load_packs

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("jurisdiction_docs", ROOT / "tools" / "jurisdiction_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_rule_stands_on_its_page_with_its_citation_source_confidence_and_date(tool: Any) -> None:
    pages = tool.pages()
    for code, jurisdiction in load_packs().jurisdictions.items():
        text = pages[tool.page_name(code)]
        assert tool.NOT_ADVICE in text
        for entry in (law.entry for law in jurisdiction.laws):
            versions = [law.entry for law in jurisdiction.laws if law.entry.id == entry.id]
            assert text.count(f"### {entry.id}\n") == len(versions), entry.id
            assert f"| citation | {tool.plain(entry.citation)} |" in text
            assert f"| source | {tool.sources(entry.source)} |" in text
            assert f"| confidence | {tool.CONFIDENCE[entry.confidence]}; as of {entry.as_of} |" in text
            assert all(str(day) in text for day in (entry.valid_from, entry.valid_to) if day is not None)


def test_every_page_is_in_the_index(tool: Any) -> None:
    pages = tool.pages()
    assert "not legal advice" in pages[tool.INDEX]
    for code in load_packs().jurisdictions:
        assert f"({tool.page_name(code)})" in pages[tool.INDEX]


def test_pages_that_are_missing_changed_or_nobodys_are_found(tool: Any, tmp_path: Path) -> None:
    pages = {"a.md": "A\n", "b.md": "B\n"}
    assert tool.stale(tmp_path, pages) == ["a.md", "b.md"]
    (tmp_path / "a.md").write_text("A\n")
    (tmp_path / "b.md").write_text("C\n")
    (tmp_path / "gone.md").write_text("G\n")
    assert tool.stale(tmp_path, pages) == ["b.md", "gone.md"]


def test_nothing_in_the_data_is_taken_for_markup(tool: Any) -> None:
    assert tool.plain("a|b *c* <d> `e` [f](g)") == r"a\|b \*c\* \<d\> \`e\` \[f\](g)"
    assert tool.sources("see https://example.org/a_b ; and *x*") == r"see <https://example.org/a_b> ; and \*x\*"

"""The documented flow is the flow that runs."""

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from ari_app.call import TABLE, Phase, endings

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("call_diagram", ROOT / "tools" / "call_diagram.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load()


def test_the_diagrams_in_the_docs_are_those_of_the_table() -> None:
    document = tool.TARGET.read_text(encoding="utf-8")
    assert tool.renewed(document) == document, "run python tools/call_diagram.py"


def test_check_tells_a_stale_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "call-flow.md"
    monkeypatch.setattr(tool, "TARGET", stale)
    stale.write_text(f"{tool.BEGIN}\nold\n{tool.END}\n", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["call_diagram.py", "--check"])
    assert tool.main() == 1
    assert "stale" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["call_diagram.py"])
    assert tool.main() == 0
    monkeypatch.setattr("sys.argv", ["call_diagram.py", "--check"])
    assert tool.main() == 0


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers missing"):
        tool.renewed("# nothing here\n")


def test_every_row_is_drawn_once() -> None:
    drawn = Counter[str]()
    for line in tool.generated().splitlines():
        if "-->" in line:
            drawn.update(line.split(": ", 1)[1].split("<br/>"))
        elif line.startswith("| ") and not line.startswith("| while"):
            drawn[line.split("|")[2].strip()] += 1
    wanted = Counter[str]()
    for row in TABLE:
        edges = len(row.phases) if row.to is not None and len(row.phases) <= tool.FEW else 1
        wanted[tool.label(row)] += edges
    assert drawn == wanted


def test_every_disposition_and_phase_of_the_code_is_in_the_prose_or_the_diagrams() -> None:
    document = tool.TARGET.read_text(encoding="utf-8")
    assert [phase for phase in Phase if phase.value not in document] == []
    source = Path(endings.__file__).read_text(encoding="utf-8")
    named = {part.split('"')[1] for part in source.split('_end(call, event, "')[1:] for part in ['"' + part]}
    assert named
    assert [disposition for disposition in named if f"`{disposition}`" not in document] == []

"""docs/gate.md has every rule, in the order in which they are asked."""

import inspect
from pathlib import Path

from compliance.case import Rule
from tests.rules.whole import RULES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "gate.md"


def row(rule: Rule) -> str:
    says = (inspect.getdoc(type(rule)) or "").split("\n\n")[0].replace("\n", " ")
    return f"| `{rule.id}` | {says} | {rule.citation} |"


def test_rules_stand_in_the_document_as_they_are() -> None:
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition("<!-- the rules: held by")
    table, end, _ = rest.partition("<!-- the rules: end -->")
    assert end
    assert table.strip().splitlines()[3:] == [row(rule) for rule in RULES]

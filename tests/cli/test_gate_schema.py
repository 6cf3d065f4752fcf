"""The JSON Schemas of docs/schemas say what the gate takes and gives: no more, no less."""

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from jsonschema import Draft202012Validator, FormatChecker

from compliance import SCREENING_RULES, BadInput, Facts, Gate, load_packs
from compliance.facts import CallKind, Consent
from compliance.facts_json import facts_from_dict
from compliance.facts_line import facts_from_line, verdict_line
from compliance.verdict import Confidence, Decision, ObligationKind, RecordingMode
from tests.cli.gate_facts import KEYS, right_facts, wrong_facts
from tests.rules.test_facts_json import FULL

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schemas"
GATE = Gate(SCREENING_RULES, load_packs())
FORMATS = FormatChecker(formats=())


@FORMATS.checks("printable")
def printable(value: object) -> bool:
    return not isinstance(value, str) or value.isprintable()


@FORMATS.checks("date", raises=ValueError)
def day(value: object) -> bool:
    return not isinstance(value, str) or (len(value) == 10 and bool(date.fromisoformat(value)))


@FORMATS.checks("date-time", raises=ValueError)
def moment(value: object) -> bool:
    return not isinstance(value, str) or (value.isprintable() and datetime.fromisoformat(value).tzinfo is not None)


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FORMATS)


FACTS, VERDICT = validator("facts"), validator("verdict")


def line(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()


def taken(data: object) -> Facts | None:
    """As the line reader takes it, which must be as the reader of objects does."""
    try:
        slow = facts_from_dict(data, "x:1")
    except BadInput as refused:
        with pytest.raises(BadInput, match=re.escape(str(refused))):
            facts_from_line(line(data), "x:1")
        return None
    for text in (line(data), json.dumps(data).encode(), json.dumps(data, separators=(",", ":")).encode()):
        assert facts_from_line(text, "x:1") == slow
    return slow


def complaints(schema: Draft202012Validator, data: object) -> list[str]:
    return [error.message for error in schema.iter_errors(data)]


@given(right_facts)
@example(FULL.to_dict())
@example(dict.fromkeys(KEYS))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_right_facts_are_valid_and_are_taken(data: dict[str, Any]) -> None:
    assert complaints(FACTS, data) == []
    facts = taken(data)
    assert facts is not None
    verdict = GATE.check(facts)
    assert complaints(VERDICT, json.loads(verdict_line(verdict))) == []
    assert verdict_line(verdict).decode() == verdict.to_json()


@given(wrong_facts())
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_facts_are_valid_exactly_when_they_are_taken(data: Any) -> None:
    assert (complaints(FACTS, data) == []) == (taken(data) is not None)


def test_the_schema_names_every_key_and_every_word() -> None:
    facts, verdict = FACTS.schema, VERDICT.schema
    assert set(facts["properties"]) == set(Facts.__dataclass_fields__) == set(KEYS)
    assert facts["properties"]["call_kind"]["enum"] == [*(kind.value for kind in CallKind), None]
    assert set(facts["$defs"]["consent"]["properties"]) == set(Consent.__dataclass_fields__)
    said = verdict["$defs"]
    assert said["obligation"]["properties"]["kind"]["enum"] == [kind.value for kind in ObligationKind]
    assert said["reason"]["properties"]["confidence"]["enum"] == [one.value for one in Confidence]
    assert verdict["properties"]["decision"]["enum"] == [one.value for one in Decision]
    assert verdict["properties"]["recording"]["properties"]["mode"]["enum"] == [one.value for one in RecordingMode]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"decision": "deny"},
        {"decision": "maybe"},
        {"who": "x"},
        {"next_allowed_at": "tomorrow"},
        {"obligations": [{"kind": "whistle", "params": {}}]},
        {"reasons": [{"rule": "x", "citation": "y", "detail": "z"}]},
    ],
)
def test_what_no_verdict_says_is_not_valid(spoilt: dict[str, Any]) -> None:
    said = GATE.check(FULL).to_dict() | {"decision": "allow", "reasons": [], "next_allowed_at": None}
    assert complaints(VERDICT, said) == []
    assert complaints(VERDICT, said | spoilt)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"internal_dnc": true, "internal_dnc": false}', "key 'internal_dnc' is given twice"),
        ('{"internal_dnc" :true,"internal_dnc":false}', "'internal_dnc' is given twice"),
        ('{"\\u0069nternal_dnc":true,"internal_dnc":false}', "'internal_dnc' is given twice"),
        ('{"seller":"a\\u0022:b","internal_dnc":true,"internal_dnc":false}', "'internal_dnc' is given twice"),
        ('{"internal_dnc"\t:true,"internal_dnc":false}', "'internal_dnc' is given twice"),
        ('{"internal_dnc"\n:true,"internal_dnc":false}', "'internal_dnc' is given twice"),
        ('{"prompts":{"en":true,"en":false}}', "'en' is given twice"),
        ('{"who":1}', "unknown key 'who'"),
        ('{"consents":[{"kind":"express","who":1}]}', "consents.[0]: unknown key 'who'"),
        ('{"ring_seconds":25.0}', "ring_seconds: must be a whole number"),
        ('{"ring_seconds":NaN}', "NaN is no JSON"),
        ('{"ring_seconds":-Infinity}', "-Infinity is no JSON"),
        ('{"ring_seconds":' + "9" * 5000 + "}", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"number":"+12125550123"', "not JSON (Expecting ',' delimiter at character 25)"),
        ("[]", "must be an object"),
        ("{} {}", "not JSON"),
        ("\ufeff{}", "not JSON"),
    ],
)
def test_a_line_that_is_not_right_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        facts_from_line(text.encode(), "facts.jsonl:17")
    assert str(caught.value).startswith("facts.jsonl:17: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("text", [b"\xff\xfe{\x00}\x00", b'{"seller":"\xed\xa0\x80"}', b'{"seller":"\xe9"}'])
def test_what_is_not_utf8_is_refused(text: bytes) -> None:
    with pytest.raises(BadInput, match="x:1: not UTF-8"):
        facts_from_line(text, "x:1")

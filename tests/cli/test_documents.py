"""The documents are held against the program, and the one that holds them does find what is wrong."""

import importlib.util
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ari_app.conductor import Conductor
from ari_app.control import MAX_BODY, application

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("check_docs", ROOT / "tools" / "check_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_document_holds(tool: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main() == 0, capsys.readouterr().err


def test_a_setting_that_is_missing_or_has_another_default_is_found(tool: Any) -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    assert tool.settings_page(text) == []
    assert any("pbx.ari_port = 8088" in line for line in tool.settings_page(text.replace("`8088`", "`8089`")))
    assert any("tenant" in line for line in tool.settings_page(text.replace("| `tenant` |", "| tenant |")))


def test_a_request_nobody_answers_is_found(tool: Any) -> None:
    text = (ROOT / "docs" / "control-api.md").read_text()
    assert tool.control_page(text) == []
    assert len(tool.control_page(text.replace("### POST /drain", "### POST /drown"))) == 2


def test_a_block_of_settings_that_cannot_be_read_is_found(tool: Any) -> None:
    assert len(list(tool.snippets("```toml\n[pbx]\nsip_port = 1\n```\n"))) == 1
    assert len(list(tool.snippets("   ```toml\n   pbx\n   ```\n"))) == 1
    assert list(tool.snippets("```toml\n[pbx]\nari_port = 8089\n```\n")) == []


def test_commands_that_cannot_be_typed_are_found(tool: Any) -> None:
    assert tool.problem("heedline dnc nonsense", set())
    assert tool.problem("heedline dnc add --nonsense", set())
    assert tool.problem("make nonsense", {"check"})
    assert not tool.problem("heedline dnc remove NUMBER --reason TEXT", set())


@pytest.fixture
async def client() -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(application(cast(Conductor, None)))) as found:  # what is refused reaches no call
        yield found


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/calls", "{", 400),
        ("POST", "/calls", '{"number": "+12125550123"}', 400),
        ("POST", "/calls", '{"number": "1", "campaign": "c", "agent": "a", "by": "x", "more": 1}', 400),
        ("POST", "/calls", '{"number": "1", "campaign": "c", "agent": "a\\n", "by": "x"}', 400),
        ("POST", "/calls", " " * (MAX_BODY + 1), 413),
        ("PUT", "/calls", "{}", 405),
        ("GET", "/nowhere", "", 404),
        ("POST", "/calls/x/hangup", '{"by": "crm"}', 404),
    ],
)
async def test_what_the_control_socket_refuses_says_so_as_the_page_does(
    client: TestClient[Any, Any], method: str, path: str, body: str, status: int
) -> None:
    page = (ROOT / "docs" / "control-api.md").read_text()
    reply = await client.request(method, path, data=body)
    assert reply.status == status
    assert re.search(rf"^\| {status} \|", page, re.MULTILINE)
    error = (await reply.json())["error"]
    assert "\n" not in error
    assert "2125550123" not in error

"""The table of operations against what the running PBX says of itself."""

import importlib.util
import inspect
import json
from pathlib import Path

import aiohttp
import pytest

from ari_app.ari import AriClient
from ari_app.ari.operations import OPERATIONS, Resources
from ari_app.ari.swagger import BadSwagger, operations_of, resources_of
from heedline.pbx import ARI_USER
from tests.peer.conftest import RealPbx

ROOT = Path(__file__).resolve().parents[2]


async def documents(pbx: RealPbx) -> dict[str, object]:
    headers = {"Authorization": aiohttp.encode_basic_auth(ARI_USER, pbx.instance.ari_password)}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def read(name: str) -> object:
            async with session.get(f"{pbx.instance.ari_url}/api-docs/{name}.json") as answer:
                assert answer.status == 200, name
                return json.loads(await answer.read())

        return {name: await read(name) for name in resources_of(await read("resources"))}


@pytest.mark.pbx
async def test_the_table_holds_every_operation_the_running_pbx_documents(pbx: RealPbx) -> None:
    served = [op for name, doc in (await documents(pbx)).items() for op in operations_of(name, doc)]
    assert list(OPERATIONS) == served
    assert len(served) == 109


def test_every_operation_is_a_method_under_its_own_name_with_its_own_arguments() -> None:
    client = AriClient("http://127.0.0.1:1", "u", "p")
    for op in OPERATIONS:
        method = getattr(getattr(client, op.resource), op.name)
        arguments = inspect.signature(method).parameters
        assert {name.rstrip("_") for name in arguments} == {p.name for p in op.params}, op.full_name
        required = {name.rstrip("_") for name, a in arguments.items() if a.default is inspect.Parameter.empty}
        assert required == {p.name for p in op.params if p.required}, op.full_name


@pytest.mark.pbx
async def test_the_generator_writes_exactly_the_checked_in_file(pbx: RealPbx) -> None:
    spec = importlib.util.spec_from_file_location("generate_ari", ROOT / "tools" / "generate_ari.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    written = generator.render(await documents(pbx))
    assert written == Path(inspect.getfile(Resources)).read_text()


def test_the_table_holds_none_of_asterisks_prose() -> None:
    for op in OPERATIONS:
        for text in (op.name, op.path, op.reply, *(p.name for p in op.params)):
            assert " " not in text


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"apis": [{"path": "/x", "operations": [{}]}]},
        {
            "apis": [
                {"path": "/x/{id}", "operations": [{"nickname": "n", "httpMethod": "GET", "responseClass": "void"}]}
            ]
        },
        {"apis": [{"path": 5, "operations": []}]},
        {
            "apis": [
                {
                    "path": "/x",
                    "operations": [
                        {
                            "nickname": "n",
                            "httpMethod": "GET",
                            "responseClass": "void",
                            "parameters": [{"name": "a", "paramType": "cookie", "dataType": "string"}],
                        }
                    ],
                }
            ]
        },
    ],
)
def test_a_document_of_another_form_is_refused(document: object) -> None:
    with pytest.raises(BadSwagger):
        operations_of("x", document)

"""Asterisk's Swagger 1.1 documents, read into facts.

An :class:`Operation` keeps what a client must know (name, method, path, parameters, reply type) and none of
Asterisk's prose. The generator writes them into ``operations.py``; a test compares that file with what the
running PBX serves at ``/ari/api-docs``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from compliance.errors import BadInput


class Kind(Enum):
    """Where a parameter travels, in the words of the documents."""

    PATH = "path"
    QUERY = "query"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: ``type`` is string, boolean, int, long, containers (wrapped in its name) or object."""

    name: str
    kind: Kind
    type: str
    multiple: bool
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One ARI operation; ``reply`` is Asterisk's response class ("void", "Channel", "List[Bridge]" ...)."""

    resource: str
    name: str
    method: str
    path: str
    reply: str
    websocket: bool
    params: tuple[Param, ...]

    @property
    def full_name(self) -> str:
        return f"{self.resource}.{self.name}"


class BadSwagger(BadInput):
    """A document is not of the form Asterisk 22 serves."""


def operations_of(resource: str, document: object) -> tuple[Operation, ...]:
    """Every operation of one resource's document, in the order of the document.

    :raises BadSwagger: naming the resource and the place
    """
    found = []
    for api in _list(_dict(document, resource).get("apis"), resource):
        entry = _dict(api, resource)
        path = _text(entry.get("path"), resource)
        for item in _list(entry.get("operations"), path):
            found.append(_operation(resource, path, _dict(item, path)))
    return tuple(found)


def resources_of(document: object) -> tuple[str, ...]:
    """Names of the resources listed in ``resources.json`` ("/api-docs/channels.{format}" → "channels")."""
    paths = (
        _text(_dict(api, "index").get("path"), "index") for api in _list(_dict(document, "index").get("apis"), "index")
    )
    return tuple(path.rsplit("/", 1)[-1].removesuffix(".{format}") for path in paths)


def event_fields(document: object) -> dict[str, dict[str, str]]:
    """Event type → its own fields → Asterisk's name of their type, of ``events.json``."""
    models = _dict(_dict(document, "events").get("models"), "events")
    event = _dict(models.get("Event"), "Event")
    kinds = _list(event.get("subTypes"), "Event.subTypes")
    found = {}
    for kind in kinds:
        name = _text(kind, "Event.subTypes")
        properties = _dict(_dict(models.get(name), name).get("properties"), name)
        found[name] = {key: _text(_dict(value, name).get("type"), name) for key, value in properties.items()}
    return found


def _operation(resource: str, path: str, item: Mapping[str, object]) -> Operation:
    name = _text(item.get("nickname"), path)
    params = tuple(_param(_dict(p, path), path) for p in _list(item.get("parameters", []), path))
    named = {p.name for p in params if p.kind is Kind.PATH}
    holes = {part[1:-1] for part in path.split("/") if part.startswith("{")}
    if named != holes:
        raise BadSwagger(f"{resource}.{name}: path and path parameters differ")
    return Operation(
        resource=resource,
        name=name,
        method=_text(item.get("httpMethod"), path),
        path=path,
        reply=_text(item.get("responseClass"), path),
        websocket=item.get("upgrade") == "websocket",
        params=params,
    )


def _param(item: Mapping[str, object], path: str) -> Param:
    kind = _text(item.get("paramType"), path)
    if kind not in {k.value for k in Kind}:
        raise BadSwagger(f"{path}: unknown kind of parameter")
    return Param(
        name=_text(item.get("name"), path),
        kind=Kind(kind),
        type=_text(item.get("dataType"), path),
        multiple=item.get("allowMultiple") is True,
        # Some path parameters of the real documents leave "required" out.
        required=item.get("required") is True or kind == "path",
    )


def _dict(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BadSwagger(f"{where}: got {type(value).__name__}, expected an object")
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise BadSwagger(f"{where}: got {type(value).__name__}, expected a list")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise BadSwagger(f"{where}: got {type(value).__name__}, expected a text")
    return value

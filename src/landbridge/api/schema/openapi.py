"""The OpenAPI 3.1 document, made from the table.

Rules this module keeps:
- Every schema is made from the table; a mistake is corrected there.
- Request schemas describe the documented form of a value, not every spelling that is accepted
  ("1450" for 1450, a bare string for a list of one).
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from landbridge.api.schema import quotas
from landbridge.api.schema.catalogue import PLANNED, RESOURCES
from landbridge.api.schema.field_types import Dictionary
from landbridge.api.schema.resource import REQUIRED, UNSET, Attribute, Resource
from landbridge.impact.steps import Disruption

Node = dict[str, Any]

_ERRORS: Final = {
    "400": "Something in the request is invalid; the message names the attribute.",
    "401": "No token, or none that is good.",
    "403": "The policy forbids it.",
    "404": "There is no such object, or it is not the caller's.",
    "405": "The path has no such method; see Allow.",
    "409": "It is in use, or collides with another object, or the quota is used up.",
    "412": "If-Match: the object has another revision_number by now.",
    "408": "The rest of the request did not arrive in time.",
    "413": "The body is too large.",
    "414": "Path and query are too long.",
    "429": "The caller has too much open at a time; see Retry-After.",
    "431": "The head of the request is too large.",
    "503": "The database or the identity service is away or busy; see Retry-After.",
}
EVENT_STREAM: Final = "text/event-stream"
_ID: Final[Node] = {
    "name": "id", "in": "path", "required": True, "schema": {"type": "string"},
}  # fmt: skip
_IF_MATCH: Final[Node] = {
    "name": "If-Match",
    "in": "header",
    "description": "revision_number=N: only if the object still has this revision.",
    "schema": {"type": "string", "examples": ["revision_number=3"]},
}


def document() -> Node:
    paths: dict[str, Node] = {}
    for resource in RESOURCES:
        paths[resource.path] = _collection(resource)
        paths[f"{resource.path}/{{id}}"] = {"parameters": [_ID], **_item(resource)}
    paths |= {f"{resource.path}/{{id}}/plan": _plan(resource) for resource in PLANNED}
    paths |= _interfaces() | _quotas() | _discovery() | _inspection() | _overview()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "landbridge",
            "version": version("landbridge"),
            "description": "Site-to-site IPsec by the OpenStack Networking VPN API.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}
            },
            "schemas": _schemas(),
        },
    }


def _schemas() -> Node:
    schemas: Node = {"Error": _error_schema()}
    for resource in RESOURCES:
        schemas[resource.name] = _object({a.name: _shown(a) for a in resource.attributes})
        schemas[f"{resource.name}_create"] = _create(resource)
        schemas[f"{resource.name}_update"] = _update(resource)
    return schemas


def _shown(attribute: Attribute) -> Node:
    """What an answer holds: types without limits, null where it may be."""
    declared = attribute.type.schema()["type"]
    types = declared if isinstance(declared, list) else [declared]
    return {"type": sorted({*types, "null"}), "description": attribute.about}


def _create(resource: Resource) -> Node:
    sent = [a for a in resource.attributes if a.post]
    required = [a.name for a in sent if a.required]
    schema = _object({a.name: _sent(a) for a in sent})
    return schema | ({"required": required} if required else {}) | {"additionalProperties": False}


def _update(resource: Resource) -> Node:
    schema = _object({a.name: _sent(a, default=False) for a in resource.attributes if a.put})
    return schema | {"additionalProperties": False}


def _sent(attribute: Attribute, *, default: bool = True) -> Node:
    node = {**attribute.type.schema(), "description": attribute.about}
    given = attribute.default is not REQUIRED and attribute.default is not UNSET
    if default and given and not isinstance(attribute.type, Dictionary):
        node["default"] = attribute.default
    return node


def _collection(resource: Resource) -> Node:
    many = _object(
        {
            resource.collection: {"type": "array", "items": _schema(resource.name)},
            f"{resource.collection}_links": {"type": "array", "items": {"type": "object"}},
        }
    )
    listed = _operation(f"List {resource.collection}", "200", many)
    listed["parameters"] = _list_parameters(resource)
    created = _operation(f"Create: {resource.about}", "201", _wrapped(resource))
    created["requestBody"] = _body(resource, "create")
    return {"get": listed, "post": created}


def _item(resource: Resource) -> Node:
    shown = _operation(f"Show a {resource.name}", "200", _wrapped(resource))
    shown["parameters"] = [_query("fields", "An attribute to show; may be repeated.")]
    updated = _operation(f"Update a {resource.name}", "200", _wrapped(resource))
    updated |= {"requestBody": _body(resource, "update"), "parameters": [_IF_MATCH]}
    deleted = _operation(f"Delete a {resource.name}", "204", None)
    deleted["parameters"] = [_IF_MATCH]
    return {"get": shown, "put": updated, "delete": deleted}


def _plan(resource: Resource) -> Node:
    text: Node = {"type": "string"}
    disruption: Node = {**text, "enum": [each.value for each in Disruption]}
    step = _object({"step": text, "about": text, "disruption": disruption})
    effect = _object(
        {"resource": text, "attribute": text, "changes": text, "disruption": disruption}
    )
    collision = _object({"id": text, "message": text})
    connection = _object(
        {
            "id": text,
            "name": text,
            "disruption": disruption,
            "steps": {"type": "array", "items": step},
            "attributes": {"type": "array", "items": effect},
            "collisions": {"type": "array", "items": collision},
        }
    )
    answer = {
        resource.name: _schema(resource.name),
        "connections": {"type": "array", "items": connection},
    }
    about = f"What an update of a {resource.name} would answer and cost; changes nothing"
    planned = _operation(about, "200", _object({"plan": _object(answer)}))
    planned |= {"requestBody": _body(resource, "update"), "parameters": [_IF_MATCH]}
    return {"parameters": [_ID], "post": planned}


def _list_parameters(resource: Resource) -> list[Node]:
    sortable = [a.name for a in resource.attributes if a.sort]
    controls = [
        _query("fields", "An attribute to show; may be repeated."),
        _query("sort_key", f"One of {', '.join(sortable)}; one sort_dir for each."),
        _query("sort_dir", "asc or desc."),
        _query("limit", "How many at most; 0: all."),
        _query("marker", "The id of the last object of the page before."),
        _query("page_reverse", "True: the page before the marker."),
        _query("search", "A text that the name, the description or an address has in it."),
    ]
    filters = [
        _query(a.name, f"Filter: {a.about} Repeated: any of them.")
        for a in resource.attributes
        if a.filter
    ]
    return [*controls, *filters]


def _inspection() -> Node:
    thing: Node = {"type": "object"}
    told = _object({"history": {"type": "array", "items": thing}})
    history = _operation("The last events of a connection, newest first", "200", told)
    history["parameters"] = [_query("limit", "How many at most.")]
    diagnosis = _operation(
        "Ask the gateway to look closely at a connection", "200", _object({"diagnostics": thing})
    )
    stream = _operation("What happens to the VPN resources, as it happens", "200", None)
    stream["responses"]["200"]["content"] = {EVENT_STREAM: {"schema": {"type": "string"}}}
    stream["parameters"] = [
        {**_query("Last-Event-ID", "Where the listener goes on from."), "in": "header"},
        _query("last_event_id", "The same, for those who cannot send a header."),
    ]
    path = "/v2.0/vpn/ipsec-site-connections/{id}"
    return {
        f"{path}/history": {"parameters": [_ID], "get": history},
        f"{path}/diagnostics": {"parameters": [_ID], "get": diagnosis},
        "/landbridge/v1/events": {"get": stream},
    }


def _overview() -> Node:
    thing: Node = {"type": "object"}
    many: Node = {"type": "array", "items": thing}
    counted = _object(
        {"connections": many, "changed_in_last_hour": {"type": "integer"}, "events": many}
    )
    summary = _operation(
        "The connections of the project by state, and what has changed in the last hour",
        "200",
        _object({"summary": counted}),
    )
    gateways = _operation(
        "The gateways and their leases, for administrators", "200", _object({"gateways": many})
    )
    return {
        "/landbridge/v1/summary": {"get": summary},
        "/landbridge/v1/gateways": {"get": gateways},
    }


def _interfaces() -> Node:
    subnet_or_port = _object({"subnet_id": {"type": "string"}, "port_id": {"type": "string"}})
    paths = {}
    for action in ("add_router_interface", "remove_router_interface"):
        operation = _operation(action.replace("_", " "), "200", {"type": "object"})
        operation["requestBody"] = _content(subnet_or_port)
        paths[f"/v2.0/routers/{{id}}/{action}"] = {"parameters": [_ID], "put": operation}
    return paths


def _quotas() -> Node:
    limits = {"type": "integer", "minimum": -1, "maximum": 2**31 - 1}
    flags: Node = {name: {"type": "boolean"} for name in quotas.FLAGS}
    wanted = _object({resource.name: limits for resource in RESOURCES} | flags)
    change = _operation("Set limits of a project", "200", {"type": "object"})
    change["requestBody"] = _content(_object({"quota": {**wanted, "additionalProperties": False}}))
    one = {
        "parameters": [_ID],
        "get": _operation("Limits of a project", "200", {"type": "object"}),
        "put": change,
        "delete": _operation("Back to the default limits", "204", None),
    }
    paths: Node = {"/v2.0/quotas/{id}": one}
    paths["/v2.0/quotas"] = {"get": _operation("Limits of all projects", "200", {"type": "object"})}
    for what in ("default", "details"):
        operation = _operation(f"Limits of a project: {what}", "200", {"type": "object"})
        paths[f"/v2.0/quotas/{{id}}/{what}"] = {"parameters": [_ID], "get": operation}
    return paths


def _discovery() -> Node:
    def get(about: str, **more: Any) -> Node:
        return {"get": {**_operation(about, "200", {"type": "object"}), **more}}

    return {
        "/": get("Versions", security=[]),
        "/healthcheck": get("Whether the process answers", security=[]),
        "/readyz": get("Whether it can keep a change now: 503 with the reason", security=[]),
        "/v2.0/": get("Resources"),
        "/v2.0/extensions": get("Extensions"),
        "/v2.0/extensions/{id}": {"parameters": [_ID], **get("One extension, by its alias")},
    }


def _operation(about: str, status: str, schema: Node | None) -> Node:
    answer: Node = {"description": about}
    if schema is not None:
        answer["content"] = {"application/json": {"schema": schema}}
    failed = {
        code: {
            "description": why,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
        for code, why in _ERRORS.items()
    }
    return {"summary": about, "responses": {status: answer, **failed}}


def _error_schema() -> Node:
    texts = {name: {"type": "string"} for name in ("type", "message", "detail")}
    return _object({"NeutronError": _object(texts)})


def _wrapped(resource: Resource) -> Node:
    return _object({resource.name: _schema(resource.name)})


def _body(resource: Resource, verb: str) -> Node:
    schema = _object({resource.name: _schema(f"{resource.name}_{verb}")})
    return _content({**schema, "required": [resource.name]})


def _content(schema: Node) -> Node:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _object(properties: Node) -> Node:
    return {"type": "object", "properties": properties}


def _schema(name: str) -> Node:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, about: str) -> Node:
    return {"name": name, "in": "query", "description": about, "schema": {"type": "string"}}

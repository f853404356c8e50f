"""The building blocks of the OpenAPI document: plain dictionaries, made here only.

Rules this module keeps:
- It knows OpenAPI and JSON Schema, and nothing of landbridge.
"""

from __future__ import annotations

from typing import Any, Final

Node = dict[str, Any]

JSON: Final = "application/json"
TEXT: Final[Node] = {"type": "string"}
BOOLEAN: Final[Node] = {"type": "boolean"}
INTEGER: Final[Node] = {"type": "integer"}
ID: Final[Node] = {"type": "string", "format": "uuid"}
MOMENT: Final[Node] = {"type": "string", "format": "date-time"}


def schema(name: str) -> Node:
    """A reference to a schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def response(name: str) -> Node:
    return {"$ref": f"#/components/responses/{name}"}


def parameter(name: str) -> Node:
    return {"$ref": f"#/components/parameters/{name}"}


def header(name: str) -> Node:
    return {"$ref": f"#/components/headers/{name}"}


def array(items: Node, **more: Any) -> Node:
    return {"type": "array", "items": items, **more}


def whole(about: str = "", /, **properties: Node) -> Node:
    """An object that has all of these."""
    return members(properties, tuple(properties), about)


def members(properties: Node, required: tuple[str, ...] = (), about: str = "") -> Node:
    return {
        "type": "object",
        **({"description": about} if about else {}),
        "properties": properties,
        **({"required": list(required)} if required else {}),
    }


def closed(node: Node) -> Node:
    """An object that takes nothing else."""
    return {**node, "additionalProperties": False}


def maybe(node: Node) -> Node:
    """The same or null; of plain types only."""
    return {**node, "type": [node["type"], "null"]}


def told(about: str, node: Node) -> Node:
    return {**node, "description": about}


def content(node: Node, media: str = JSON) -> Node:
    return {media: {"schema": node}}


def in_query(name: str, about: str, node: Node | None = None) -> Node:
    return {"name": name, "in": "query", "description": about, "schema": node or TEXT}


def in_path(name: str, about: str, node: Node | None = None) -> Node:
    return {
        "name": name, "in": "path", "required": True, "description": about, "schema": node or ID,
    }  # fmt: skip


def in_head(name: str, about: str, node: Node | None = None) -> Node:
    return {"name": name, "in": "header", "description": about, "schema": node or TEXT}


def a(words: str) -> str:
    """With its article."""
    return f"{'an' if words[0] in 'aeiouAEIOU' else 'a'} {words}"


def sentence(*parts: str) -> str:
    """Sentences behind each other; empty ones fall out."""
    return " ".join(part for part in parts if part)

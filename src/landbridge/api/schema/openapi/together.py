"""A connection with all that it needs, in one request, in the OpenAPI document.

Rules this module keeps:
- Which parts there are, and what each is for, is `landbridge.api.schema.parts`; their schemas are
  those of their resources.
"""

from __future__ import annotations

from typing import Final

from landbridge.api.schema.openapi import attributes
from landbridge.api.schema.openapi.nodes import (
    ID,
    Node,
    array,
    closed,
    members,
    schema,
    told,
    whole,
)
from landbridge.api.schema.openapi.operations import Operation
from landbridge.api.schema.parts import CONNECTION, ENVELOPE, PARTS, Part
from landbridge.api.schema.vpn import ENDPOINT_GROUP, IPSEC_SITE_CONNECTION

_TAG: Final = IPSEC_SITE_CONNECTION.collection
_PATH: Final = "/landbridge/v1/connections"
_ERRORS: Final = ("403", "404", "409")
_ITSELF: Final = "connection_itself"
_GROUP: Final = "endpoint_group_of_side"
_REFERENCES: Final = frozenset(part.reference for part in PARTS)


def schemas() -> Node:
    return {
        _ITSELF: _itself(),
        _GROUP: _group(),
        "object_reference": closed(whole("An object that there is.", id=ID)),
        "connection_parts_request": closed(
            members(
                {part.name: _asked(part) for part in PARTS} | {CONNECTION: schema(_ITSELF)},
                (*(part.name for part in PARTS if not part.optional), CONNECTION),
                "A connection and what it refers to: each part either an object that there is, or "
                "the attributes of a new one. New ones are of the connection's project where they "
                "name none.",
            )
        ),
        "connection_parts": members(
            {part.name: schema(part.resource.name) for part in PARTS}
            | {CONNECTION: schema(CONNECTION)},
            (CONNECTION,),
            "The parts that are new.",
        ),
    }


def paths() -> Node:
    body = whole(**{ENVELOPE: schema("connection_parts_request")})
    create = Operation(
        id="create_connection_with_parts",
        tag=_TAG,
        summary="Create a connection with all that it needs",
        about="Creates the new parts and the connection in one transaction: all of them or none. "
        "Policy, quotas, rules and errors are those of each part's own creation; an error says "
        "which part it is about, and what else is wrong. As with any creation, the same request "
        "twice creates two.",
        status="201",
        answer=whole(**{ENVELOPE: schema("connection_parts")}),
        answered="They were created; the answer shows all that is new.",
        body=body,
        errors=_ERRORS,
    )
    plan = Operation(
        id="plan_connection_with_parts",
        tag=_TAG,
        summary="Plan a connection with all that it needs",
        about="Validates everything as the creation does, with its errors, and answers what would "
        "be created: without the key, and without ids, as nothing is.",
        answer=whole(
            plan=whole(
                **{ENVELOPE: schema("connection_parts")},
                disruption=schema("disruption"),
                steps=told("What its gateway will do.", array(schema("update_step"))),
                collisions=told(
                    "Connections of the same router that it cannot run beside.",
                    array(schema("collision")),
                ),
            )
        ),
        answered="The plan.",
        body=body,
        errors=_ERRORS,
    )
    return {_PATH: {"post": create.node()}, f"{_PATH}/plan": {"post": plan.node()}}


def _itself() -> Node:
    """A new connection without its references, which are parts."""
    complete = attributes.create(IPSEC_SITE_CONNECTION)
    return {
        **complete,
        "description": "The attributes of a new connection, but for its references.",
        "properties": {
            name: each for name, each in complete["properties"].items() if name not in _REFERENCES
        },
        "required": [name for name in complete["required"] if name not in _REFERENCES],
    }


def _group() -> Node:
    """A new endpoint group, whose type follows from its side."""
    group = attributes.create(ENDPOINT_GROUP)
    return {**group, "required": [name for name in group["required"] if name != "type"]}


def _asked(part: Part) -> Node:
    new = _GROUP if part.given else f"{part.resource.name}_create"
    return {"anyOf": [schema("object_reference"), schema(new)], "description": part.about}

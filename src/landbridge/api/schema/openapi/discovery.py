"""Versions, extensions, health and metrics in the OpenAPI document.

Rules this module keeps:
- What needs no token shows no project's data.
"""

from __future__ import annotations

from typing import Final

from landbridge.api.schema.openapi.nodes import (
    BOOLEAN,
    TEXT,
    Node,
    array,
    in_path,
    schema,
    whole,
)
from landbridge.api.schema.openapi.operations import Operation

DISCOVERY: Final = "discovery"
HEALTH: Final = "health"
METRICS_TYPE: Final = "text/plain"
_LINKS: Final = array(whole(rel=TEXT, href={**TEXT, "format": "uri"}))


def schemas() -> Node:
    return {
        "version": whole("A version of the API.", id=TEXT, status=TEXT, links=_LINKS),
        "resource": whole(
            "A kind of objects.", name=TEXT, collection=TEXT, links=_LINKS,
        ),
        "extension": whole(
            "What the API can do beyond its core.",
            alias=TEXT,
            name=TEXT,
            description=TEXT,
            updated=TEXT,
            links=array(TEXT),
        ),
    }  # fmt: skip


def paths() -> Node:
    return {path: {"get": operation.node()} for path, operation in _public().items()} | _guarded()


def _public() -> dict[str, Operation]:
    return {
        "/": Operation(
            id="list_versions", tag=DISCOVERY, public=True, summary="List the API's versions",
            about="There is one; its link leads to the resources.",
            answer=whole(versions=array(schema("version"))),
        ),
        "/openapi.json": Operation(
            id="show_openapi", tag=DISCOVERY, public=True, summary="Show this document",
            about="The description of the API that you read.", answer={"type": "object"},
        ),
        "/healthcheck": Operation(
            id="check_health", tag=HEALTH, public=True, summary="Whether the process answers",
            about="For load balancers; asks nothing else.",
            answer=whole(detailed=BOOLEAN, reasons=array(TEXT)),
        ),
        "/readyz": Operation(
            id="check_readiness", tag=HEALTH, public=True, errors=("503",),
            summary="Whether a change can be kept now",
            about="Tries a write to the database; 503 says why none is possible.",
            answer=whole(ready=BOOLEAN),
        ),
        "/metrics": Operation(
            id="show_metrics", tag=HEALTH, public=True, errors=("503",), media=METRICS_TYPE,
            summary="Show metrics", about="For Prometheus.", answer=TEXT,
        ),
    }  # fmt: skip


def _guarded() -> Node:
    resources = Operation(
        id="list_resources", tag=DISCOVERY, summary="List the resources",
        about="The kinds of objects and their collections.",
        answer=whole(resources=array(schema("resource"))),
    )  # fmt: skip
    extensions = Operation(
        id="list_extensions", tag=DISCOVERY, summary="List the extensions",
        about="Those that are implemented; clients look for their aliases.",
        answer=whole(extensions=array(schema("extension"))),
    )  # fmt: skip
    extension = Operation(
        id="show_extension", tag=DISCOVERY, summary="Show an extension",
        about="One extension, by its alias.", takes_path=True, errors=("404",),
        answer=whole(extension=schema("extension")),
    )  # fmt: skip
    alias = in_path("id", "Its alias.", TEXT)
    return {
        "/v2.0": {"get": resources.node()},
        "/v2.0/extensions": {"get": extensions.node()},
        "/v2.0/extensions/{id}": {"parameters": [alias], "get": extension.node()},
    }

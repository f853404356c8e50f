"""Requests in the OpenAPI document that are no create, read, update or delete: interfaces and
routes of routers, quotas.

Rules this module keeps:
- The order of the operations is the one in which they are needed.
"""

from __future__ import annotations

from typing import Final

from landbridge.api.schema import quotas
from landbridge.api.schema.address_types import Routes
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.network import ROUTER
from landbridge.api.schema.openapi.nodes import (
    BOOLEAN,
    ID,
    INTEGER,
    TEXT,
    Node,
    array,
    closed,
    in_path,
    members,
    schema,
    told,
    whole,
)
from landbridge.api.schema.openapi.operations import Operation
from landbridge.api.schema.openapi.resources import identity

TAG: Final = "quotas"
_PROJECT: Final = in_path("id", "The project.", {**TEXT, "minLength": 1, "maxLength": 255})
_ANSWER: Final = ("403", "404", "409")
_LIMIT: Final = told("-1: no limit.", {**INTEGER, "minimum": -1, "maximum": 2**31 - 1})


def schemas() -> Node:
    names = [each.name for each in RESOURCES]
    project = {
        "project_id": told("The project.", TEXT), "tenant_id": told("The same.", TEXT),
    }  # fmt: skip
    flags = dict.fromkeys(quotas.FLAGS, BOOLEAN)
    limit = told("-1: no limit.", INTEGER)
    limits: Node = dict.fromkeys(names, limit)
    usage = whole(
        "How much of a limit is used.",
        limit=limit, used=INTEGER, reserved=told("Always 0.", INTEGER),
    )  # fmt: skip
    return {
        "quota": members(
            limits | project, tuple(names), "How many objects of each kind a project may have."
        ),
        "quota_update": closed(
            members(
                dict.fromkeys(names, _LIMIT) | flags,
                about="Limits to set. `check_limit`: refuse one below what is used; `force`: do "
                "not, which is the default.",
            )
        ),
        "quota_usage": usage,
        "quota_details": whole("By resource.", **dict.fromkeys(names, schema("quota_usage"))),
        "router_interface": whole(
            "The interface that was added or removed.",
            id=told("The router.", ID),
            project_id=TEXT,
            tenant_id=TEXT,
            port_id=ID,
            network_id=ID,
            subnet_id=ID,
            subnet_ids=array(ID),
        ),
        "router_interface_change": closed(
            members(
                {
                    "subnet_id": told("A subnet: the router takes its gateway address.", ID),
                    "port_id": told("A port with addresses of its own.", ID),
                },
                about="One of the two.",
            )
        )
        | {"minProperties": 1},
        "extra_routes": whole(router=whole(routes=Routes().schema())),
    }


def paths() -> Node:
    return _of_routers() | _quotas()


def _of_routers() -> Node:
    made: Node = {}
    for verb, way in (("add", "to"), ("remove", "from")):
        interface = Operation(
            id=f"{verb}_router_interface",
            tag=ROUTER.collection,
            summary=f"{verb.capitalize()} an interface {way} a router",
            about=f"{_INTERFACES[verb]} The body has no envelope.",
            answer=schema("router_interface"),
            body=schema("router_interface_change"),
            takes_path=True,
            errors=_ANSWER,
        )
        routes = Operation(
            id=f"{verb}_extraroutes",
            tag=ROUTER.collection,
            summary=f"{verb.capitalize()} routes {way} a router",
            about=f"{_ROUTES[verb]} The others are left alone.",
            answer=whole(router=schema(ROUTER.name)),
            body=schema("extra_routes"),
            takes_path=True,
            errors=_ANSWER,
        )
        path, at = f"{ROUTER.path}/{{id}}", {"parameters": [identity(ROUTER)]}
        made[f"{path}/{interface.id}"] = at | {"put": interface.node()}
        made[f"{path}/{routes.id}"] = at | {"put": routes.node()}
    return made


_INTERFACES: Final = {
    "add": "Connects a subnet, or a port, with the router.",
    "remove": "Disconnects it, unless a VPN service, a connection or a route needs it.",
}
_ROUTES: Final = {
    "add": "Adds routes to those of the router; one that is there already is no error.",
    "remove": "Takes routes away; one that is not there is no error.",
}


def _quotas() -> Node:
    quota = whole(quota=schema("quota"))
    everyone = Operation(
        id="list_quotas", tag=TAG, summary="List the limits of all projects",
        about="Of the projects that have limits of their own.",
        answer=whole(quotas=array(schema("quota"))), errors=("403",),
    )  # fmt: skip
    show = Operation(
        id="show_quota", tag=TAG, summary="Show the limits of a project",
        about="Its own limits, and the defaults of the operator for the rest.",
        answer=quota, errors=("403",), takes_path=True,
    )  # fmt: skip
    update = Operation(
        id="update_quota", tag=TAG, summary="Set limits of a project",
        about="Sets the limits that are named; a limit below what exists removes nothing.",
        answer=quota, body=whole(quota=schema("quota_update")), errors=("403", "409"),
        takes_path=True,
    )  # fmt: skip
    reset = Operation(
        id="delete_quota", tag=TAG, summary="Give a project the default limits",
        about="Takes its own limits away.", status="204", errors=("403", "409"), takes_path=True,
    )  # fmt: skip
    default = Operation(
        id="show_default_quota", tag=TAG, summary="Show the default limits",
        about="The limits of a project that has none of its own.", answer=quota,
        errors=("403",), takes_path=True,
    )  # fmt: skip
    details = Operation(
        id="show_quota_details", tag=TAG, summary="Show what a project uses of its limits",
        about="Each limit and how much of it is used.",
        answer=whole(quota=schema("quota_details")), errors=("403",), takes_path=True,
    )  # fmt: skip
    own = Operation(
        id="show_own_project", tag=TAG, summary="Show the caller's own project",
        about="Clients ask so whose token they have.",
        answer=whole(project=whole(project_id=TEXT, tenant_id=TEXT)),
    )  # fmt: skip
    one = {"get": show.node(), "put": update.node(), "delete": reset.node()}
    at = {"parameters": [_PROJECT]}
    return {
        "/v2.0/quotas": {"get": everyone.node()},
        "/v2.0/quotas/project": {"get": own.node()},
        "/v2.0/quotas/{id}": at | one,
        "/v2.0/quotas/{id}/default": at | {"get": default.node()},
        "/v2.0/quotas/{id}/details": at | {"get": details.node()},
    }

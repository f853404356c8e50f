"""What is made from the attribute table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.field_types import InvalidValue
from landbridge.api.schema.openapi.document import document
from landbridge.api.schema.reference import markdown
from landbridge.api.schema.resource import Resource

_PAGE = Path(__file__).parents[3] / "docs" / "attributes.md"


def test_the_attribute_reference_is_up_to_date() -> None:
    """Else: python -m landbridge.api.schema.reference > docs/attributes.md"""
    assert _PAGE.read_text("utf-8") == markdown()


def test_every_reference_leads_somewhere() -> None:
    whole = document()
    for reference in _references(whole):
        node = whole
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]


def test_operations_have_ids_of_their_own() -> None:
    ids = [node["operationId"] for _, _, node in _operations()]
    assert len(ids) == len(set(ids))
    assert {"list_networks", "update_ipsec_site_connection", "add_router_interface"} <= set(ids)


def test_errors_are_those_that_an_operation_can_give() -> None:
    can = {node["operationId"]: set(node["responses"]) for _, _, node in _operations()}
    common = {"401", "503", "default"}
    assert can["list_ikepolicies"] == {"200", "400"} | common
    assert can["list_networks"] == {"200", "400", "404"} | common  # the marker's
    assert can["create_ikepolicy"] == {"201", "400", "403", "409", "413"} | common
    assert can["create_subnet"] == {"201", "400", "403", "404", "409", "413"} | common
    assert can["show_quota"] == {"200", "400", "403"} | common
    assert can["stream_events"] == {"200", "400", "429"} | common
    assert can["check_health"] == {"200", "default"}
    assert can["update_network"] - can["create_network"] == {"200", "404", "412"}


def test_what_needs_no_token_says_so() -> None:
    whole = document()
    assert whole["security"] == [{"token": []}]
    public = {path for path, _, node in _operations() if node.get("security") == []}
    assert public == {
        "/", "/openapi.json", "/healthcheck", "/readyz", "/metrics", "/identity", "/identity/v3",
        "/identity/v3/auth/tokens",
    }  # fmt: skip
    schemes = document("keystone")["components"]["securitySchemes"]
    assert {name: each["name"] for name, each in schemes.items()} == {
        "token": "X-Auth-Token", "service_token": "X-Service-Token",
    }  # fmt: skip


def test_what_must_be_given_is_required() -> None:
    schemas = document()["components"]["schemas"]
    required = {name: set(node["required"]) for name, node in schemas.items()
                if name.endswith("_create") and "required" in node}  # fmt: skip
    assert required == {
        "subnet_create": {"network_id", "cidr"},  # ip_version is the cidr's
        "port_create": {"network_id"},
        "vpnservice_create": {"router_id"},
        "endpoint_group_create": {"type", "endpoints"},
        "ipsec_site_connection_create": {
            "vpnservice_id", "ikepolicy_id", "ipsecpolicy_id", "peer_address", "peer_id", "psk",
        },
    }  # fmt: skip


def test_null_is_only_where_it_comes() -> None:
    shown = document()["components"]["schemas"]["ipsec_site_connection"]["properties"]
    null = {name for name, node in shown.items() if "null" in node["type"]}
    assert null == {
        "psk", "local_ep_group_id", "peer_ep_group_id", "status_reason", "status_message",
        "status_changed_at", "selector_mode",
    }  # fmt: skip
    assert shown["mtu"] == {"type": "integer", "description": shown["mtu"]["description"]}
    assert shown["child_sas"]["items"]["properties"]["status"]["enum"] == ["ACTIVE", "DOWN"]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_limits_are_those_of_the_validation(resource: Resource) -> None:
    for attribute in resource.attributes:
        schema = attribute.type.schema()
        for limit, (at, beyond) in _LIMITS.items():
            if limit in schema:
                attribute.type.convert(at(schema[limit]))
                with pytest.raises(InvalidValue):
                    attribute.type.convert(beyond(schema[limit]))


def test_the_mtu_is_unset_or_large_enough() -> None:
    mtu = document()["components"]["schemas"]["ipsec_site_connection_create"]["properties"]["mtu"]
    assert (mtu["minimum"], mtu["not"]) == (0, {"minimum": 1, "maximum": 67})
    lifetime = document()["components"]["schemas"]["ikepolicy_create"]["properties"]["lifetime"]
    assert lifetime["properties"]["value"]["minimum"] == 60


_LIMITS: dict[str, tuple[Callable[[int], Any], Callable[[int], Any]]] = {
    "minimum": (lambda limit: limit, lambda limit: limit - 1),
    "maximum": (lambda limit: limit, lambda limit: limit + 1),
    "minLength": (lambda limit: "x" * limit, lambda limit: "x" * (limit - 1)),
    "maxLength": (lambda limit: "x" * limit, lambda limit: "x" * (limit + 1)),
}


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document()["paths"].items():
        for method, node in item.items():
            if method != "parameters":
                yield path, method, node


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*map(_references, node.values()), set())
    if isinstance(node, list):
        return set().union(*map(_references, node), set())
    return set()

"""What is made from the attribute table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.openapi import document
from landbridge.api.schema.reference import markdown

_PAGE = Path(__file__).parents[3] / "docs" / "attributes.md"


def test_the_attribute_reference_is_up_to_date() -> None:
    """Else: python -m landbridge.api.schema.reference > docs/attributes.md"""
    assert _PAGE.read_text("utf-8") == markdown()


def test_every_resource_has_its_operations() -> None:
    paths = document()["paths"]
    for resource in RESOURCES:
        assert {"get", "post"} <= set(paths[resource.path])
        assert {"get", "put", "delete"} <= set(paths[f"{resource.path}/{{id}}"])


def test_every_reference_leads_somewhere() -> None:
    whole = document()
    for name in _references(whole):
        assert name.removeprefix("#/components/schemas/") in whole["components"]["schemas"]


def test_the_key_is_required_to_create_and_never_in_a_filter() -> None:
    whole = document()
    create = whole["components"]["schemas"]["ipsec_site_connection_create"]
    assert "psk" in create["required"]
    listed = whole["paths"]["/v2.0/vpn/ipsec-site-connections"]["get"]["parameters"]
    assert "psk" not in {parameter["name"] for parameter in listed}


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*map(_references, node.values()), set())
    if isinstance(node, list):
        return set().union(*map(_references, node), set())
    return set()

"""Requests that the fuzzer once brought down, each with the answer that it should have had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.environments.landbridge import Landbridge
from tests.fuzz.population import Population

NO_UUID = "Bad router request: '{}' is not a valid UUID."


@dataclass(frozen=True)
class Found:
    """`path` and `body` may name a real object of a kind in braces."""

    method: str
    path: str
    body: Any
    status: int
    message: str = ""


FOUND = (
    Found(
        "POST",
        "/subnets",
        {"subnet": {"ip_version": 4, "network_id": "{networks}"}},
        400,
        "Bad subnets request: cidr must be specified, as there are no subnet pools.",
    ),
    Found(
        "PUT",
        "/routers/{routers}/remove_router_interface",
        {"subnet_id": None, "port_id": -263059},
        400,
        NO_UUID.format(None),
    ),
    Found(
        "PUT",
        "/routers/{routers}/remove_router_interface",
        {"port_id": -263059},
        400,
        NO_UUID.format(-263059),
    ),
    Found("PUT", "/routers/{routers}/add_router_interface", {"subnet_id": {}}, 400),
    Found("PUT", "/routers/{routers}/add_router_interface", [], 400),
    Found(
        "PUT",
        "/vpn/ipsecpolicies/{ipsecpolicies}",
        {"ipsecpolicy": {"lifetime": {"units": "seconds", "value": 1278}}},
        200,
    ),
)


def aimed(value: Any, population: Population) -> Any:
    if isinstance(value, str):
        return value.format_map({kind: ids[0] for kind, ids in population.ids.items()})
    if isinstance(value, dict):
        return {name: aimed(one, population) for name, one in value.items()}
    return value


@pytest.mark.parametrize("found", FOUND, ids=lambda found: f"{found.method} {found.path}")
def test_it_is_answered(landbridge: Landbridge, population: Population, found: Found) -> None:
    with landbridge.client(landbridge.admin_token) as client:
        path, body = aimed(found.path, population), aimed(found.body, population)
        answer = client.request(found.method, path, json=body)
    assert answer.status_code == found.status, answer.text
    if found.message:
        assert answer.json()["NeutronError"]["message"] == found.message

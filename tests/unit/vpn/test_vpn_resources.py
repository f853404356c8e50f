"""Policies, endpoint groups and services: use, change in use, deletion."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from landbridge.errors import ApiError
from landbridge.store.resource_rows import ServiceRow
from landbridge.vpn.rows import Attributes
from tests.unit.vpn.world import IKE, NOWHERE, World, outbox

CONN = "ipsec_site_connection"


def refusal(world: World, attempt: Any) -> tuple[int, str, str]:
    with pytest.raises(ApiError) as refused:
        world.trial(attempt)
    return refused.value.status, refused.value.type, refused.value.message


@pytest.mark.parametrize(
    ("kind", "id", "answer", "words"),
    [
        ("ikepolicy", "ike", (409, "IKEPolicyInUse"), "can't be updated or deleted"),
        ("ipsecpolicy", "ipsec", (409, "IPsecPolicyInUse"), "is in use by existing IPsecSiteConn"),
        ("endpoint_group", "epg_local", (400, "EndpointGroupInUse"), "is in use and cannot be"),
        ("endpoint_group", "epg_peer", (400, "EndpointGroupInUse"), "is in use and cannot be"),
        ("vpnservice", "svc", (409, "VPNServiceInUse"), "is still in use"),
    ],
)
def test_what_is_in_use_is_not_deleted(
    world: World, kind: str, id: str, answer: tuple[int, str], words: str
) -> None:
    found = refusal(world, lambda tx: world.delete(tx, kind, id))
    assert found[:2] == answer
    assert words in found[2]
    assert world.ids[id] in found[2]


@pytest.mark.parametrize(
    ("kind", "id"),
    [
        ("ikepolicy", "ike_free"),
        ("ipsecpolicy", "ipsec_free"),
        ("endpoint_group", "epg_local_unattached"),
        ("vpnservice", "svc_b"),
        (CONN, "conn"),
    ],
)
def test_what_is_not_in_use_is_deleted(world: World, kind: str, id: str) -> None:
    world.trial(lambda tx: world.delete(tx, kind, id))


@pytest.mark.parametrize(
    ("kind", "id", "change", "followers"),
    [
        ("ikepolicy", "ike", {"name": "n", "description": "d"}, []),
        ("ikepolicy", "ike", {"auth_algorithm": "sha256", "lifetime": {"value": 3600}}, []),
        ("ikepolicy", "ike", {"lifetime": {"value": 7200}}, ["conn", "conn_legacy"]),
        ("ikepolicy", "ike_free", {"pfs": "group15"}, []),
        ("ipsecpolicy", "ipsec", {"pfs": "group15"}, ["conn", "conn_legacy"]),
        ("endpoint_group", "epg_peer", {"name": "n"}, []),
        ("endpoint_group", "epg_peer", {"endpoints": ["192.168.7.0/24"]}, ["conn"]),
        ("endpoint_group", "epg_local", {"endpoints": ["sub2"]}, ["conn"]),
        ("endpoint_group", "epg_peer2", {"endpoints": ["fd00::/64"]}, []),
        ("vpnservice", "svc", {"name": "n"}, []),
        ("vpnservice", "svc", {"admin_state_up": False}, ["conn"]),
    ],
)
def test_connections_follow_what_they_use(
    world: World, kind: str, id: str, change: Attributes, followers: list[str]
) -> None:
    def attempt(tx: Connection) -> dict[str, int]:
        before = outbox(tx)
        world.update(tx, kind, id, **change)
        told = outbox(tx) - before
        for name in ("conn", "conn_legacy"):
            row = world.row(tx, CONN, name)
            assert row.revision == (2 if name in followers else 1)
            assert row.status == "PENDING_CREATE"  # it was never up
        return {one.id: one.revision for one in told}

    assert world.trial(attempt) == {world.ids[name]: 2 for name in followers}


def test_lifetimes_are_merged(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        row = world.create(tx, "ikepolicy", **IKE, lifetime={"value": 60})
        assert world.shown(tx, "ikepolicy", row)["lifetime"] == {"units": "seconds", "value": 60}
        row = world.update(tx, "ikepolicy", row.id, lifetime={})
        return world.shown(tx, "ikepolicy", row)["lifetime"]

    assert world.trial(attempt) == {"units": "seconds", "value": 60}


@pytest.mark.parametrize(
    ("name", "value"), [("transform_protocol", "ah-esp"), ("encapsulation_mode", "transport")]
)
def test_a_policy_in_use_does_not_become_one_that_cannot_run(
    world: World, name: str, value: str
) -> None:
    def attempt(id: str) -> Any:
        return lambda tx: world.update(tx, "ipsecpolicy", id, **{name: value})

    assert refusal(world, attempt("ipsec"))[1] == "IpsecValidationFailure"
    assert getattr(world.trial(attempt("ipsec_free")), name) == value


@pytest.mark.parametrize(
    ("type", "endpoints", "fault", "words"),
    [
        ("cidr", [], "MissingEndpointForEndpointGroup", "'type': 'cidr', 'endpoints': []"),
        ("cidr", None, "MissingEndpointForEndpointGroup", "No endpoints specified"),
        (
            "cidr",
            ["192.168.1.0/24", "192.168.1.0/24"],
            "InvalidEndpointInEndpointGroup",
            "Endpoint '192.168.1.0/24' is invalid for group type 'cidr': Endpoints have to be un",
        ),
        ("cidr", ["10.0.0.0/255.0.0.0"], "InvalidEndpointInEndpointGroup", ": Invalid CIDR"),
        ("cidr", ["x" * 256], "InvalidEndpointInEndpointGroup", ": Invalid CIDR"),
        ("subnet", [NOWHERE, "x"], "NonExistingSubnetInEndpointGroup", f"Subnet {NOWHERE} in"),
        ("subnet", ["x\0"], "InvalidEndpointInEndpointGroup", ": Invalid UUID"),
        ("vlan", ["x" * 256], "HTTPBadRequest", "exceeds maximum length of 255."),
        ("vlan", ["x\0"], "HTTPBadRequest", "'x\0' is not a valid string."),
        ("cidr", ["bad"], "InvalidEndpointInEndpointGroup", "'bad' is invalid for group type"),
        ("cidr", ["192.168.1.0"], "InvalidEndpointInEndpointGroup", ": Invalid CIDR"),
        ("cidr", [5], "InvalidEndpointInEndpointGroup", "Endpoint '5' is invalid"),
        ("cidr", [None], "InvalidEndpointInEndpointGroup", "Endpoint 'None' is invalid"),
        ("subnet", ["10.0.0.0/8"], "InvalidEndpointInEndpointGroup", ": Invalid UUID"),
        ("subnet", ["sub1", "sub1"], "InvalidEndpointInEndpointGroup", "have to be unique"),
        ("subnet", [NOWHERE], "NonExistingSubnetInEndpointGroup", f"Subnet {NOWHERE} in endpo"),
        ("subnet", ["subb"], "NonExistingSubnetInEndpointGroup", "does not exist"),
    ],
)
def test_endpoints_that_are_refused(
    world: World, type: str, endpoints: Any, fault: str, words: str
) -> None:
    def create(tx: Connection) -> Any:
        return world.create(tx, "endpoint_group", type=type, endpoints=endpoints)

    status, kind, message = refusal(world, create)
    assert (status, kind) == (400, fault)
    assert words in message


@pytest.mark.parametrize(
    ("type", "endpoints", "kept"),
    [
        ("cidr", ["192.168.1.5/24", "::/0"], ["192.168.1.5/24", "::/0"]),
        ("vlan", [100], ["100"]),
        ("router", ["anything"], ["anything"]),
    ],
)
def test_endpoints_that_are_kept(
    world: World, type: str, endpoints: list[Any], kept: list[str]
) -> None:
    def create(tx: Connection) -> Any:
        return world.create(tx, "endpoint_group", type=type, endpoints=endpoints)

    assert world.trial(create).endpoints == kept


@pytest.mark.parametrize(
    ("id", "endpoints", "fault"),
    [
        ("epg_peer", ["fd00::/64"], "MixedIPVersionsForIPSecConnection"),
        ("epg_peer", ["fd00::/64", "10.0.0.0/8"], "MixedIPVersionsForIPSecEndpoints"),
        ("epg_local", ["sub_unattached"], "SubnetIsNotConnectedToRouter"),
        ("epg_local", ["sub6"], "MixedIPVersionsForIPSecConnection"),
    ],
)
def test_endpoints_in_use_change_only_to_what_their_connections_can_carry(
    world: World, id: str, endpoints: list[str], fault: str
) -> None:
    def attempt(tx: Connection) -> Any:
        return world.update(tx, "endpoint_group", id, endpoints=endpoints)

    assert refusal(world, attempt)[1] == fault


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"router_id": NOWHERE}, (404, "RouterNotFound", f"Router {NOWHERE} could not be found")),
        ({"router_id": "router_b"}, (404, "RouterNotFound", "could not be found")),
        ({"router_id": "router_nogw"}, (400, "RouterIsNotExternal", "has no external network")),
        (
            {"router_id": "router1", "subnet_id": "sub3"},
            (400, "SubnetIsNotConnectedToRouter", "is not connected to Router"),
        ),
        (
            {"router_id": "router1", "subnet_id": NOWHERE},
            (400, "SubnetIsNotConnectedToRouter", f"Subnet {NOWHERE} is not connected"),
        ),
    ],
)
def test_services_that_are_refused(
    world: World, values: Attributes, answer: tuple[int, str, str]
) -> None:
    found = refusal(world, lambda tx: world.create(tx, "vpnservice", **values))
    assert found[:2] == answer[:2]
    assert answer[2] in found[2]


def test_a_service_shows_its_routers_outside_addresses(world: World) -> None:
    def attempt(tx: Connection) -> list[ServiceRow]:
        routers = ("UP_router1", "router2")
        return [world.create(tx, "vpnservice", router_id=router) for router in routers]

    both, only4 = world.trial(attempt)
    assert (both.external_v4_ip, both.external_v6_ip) == ("172.25.0.2", "2001:db8:e::2")
    assert ((only4.external_v4_ip or "")[:7], only4.external_v6_ip) == ("172.24.", None)
    assert both.status == "PENDING_CREATE"
    assert both.router_id == world.ids["router1"]

"""Connections: what is accepted, and what an update does."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from landbridge.vpn import errors
from landbridge.vpn.resources import connections
from landbridge.vpn.rows import Attributes
from tests.unit.vpn.connections import V6, case, refused
from tests.unit.vpn.world import LEGACY, World

ACCEPTED: list[tuple[Any, Any]] = [
    ({"mtu": 0}, {"mtu": 0}),
    ({"mtu": 68}, {"mtu": 68}),
    ({**V6, "mtu": 1280}, {"mtu": 1280, "peer_cidrs": ["fd00:9::/64"]}),
    ({"dpd": {"interval": 0}}, {"dpd": {"action": "hold", "interval": 0, "timeout": 120}}),
    ({"dpd": {"action": "clear"}}, {"dpd": {"action": "clear", "interval": 30, "timeout": 120}}),
    ({"dpd": None}, {"dpd": {"action": "hold", "interval": 30, "timeout": 120}}),
    ({"peer_address": "10.1"}, {"peer_address": "10.0.0.1"}),
    ({"peer_address": "2001:DB8::0009"}, {"peer_address": "2001:DB8::0009"}),
    ({"peer_address": "vpn.example.com"}, {"peer_address": "vpn.example.com"}),
    ({"peer_id": ""}, {"peer_id": ""}),
    ({"local_ep_group_id": "UP_epg_local"}, {}),
    ({"ikepolicy_id": "UP_ike", "vpnservice_id": "UP_svc"}, {}),
    (LEGACY, {"peer_cidrs": LEGACY["peer_cidrs"], "local_ep_group_id": None}),
    ({"split_selector": True}, {"split_selector": True}),
]


@pytest.mark.parametrize(("values", "shown"), ACCEPTED, ids=case)
def test_creates(world: World, values: Attributes, shown: Attributes) -> None:
    def attempt(tx: Connection) -> Any:
        return world.shown(tx, "ipsec_site_connection", world.connection(tx, **values))

    row = world.trial(attempt)
    expected = {"status": "PENDING_CREATE", "psk": "secret", "revision": 1, **shown}
    assert {name: row[name] for name in expected} == expected
    assert row["ikepolicy_id"] == world.ids["ike"]
    assert "psk_sealed" not in row


@pytest.mark.parametrize(
    ("changes", "raises"),
    [
        ({"name": "n", "description": "d"}, False),
        ({}, False),
        ({"mtu": 1500, "peer_id": "198.51.100.9", "psk": "secret", "dpd": {}}, False),
        ({"dpd": None}, False),
        ({"mtu": 1400}, True),
        ({"dpd": {"action": "restart"}}, True),
        ({"psk": "other"}, True),
        ({"peer_address": "198.51.100.10"}, True),
        ({"peer_address": "2001:db8::9"}, True),
        ({"peer_ep_group_id": "epg_peer2"}, True),
        ({"local_ep_group_id": "epg_local2"}, True),
        ({"local_ep_group_id": "epg_local6", "peer_ep_group_id": "epg_peer6"}, True),
        ({"ikepolicy_id": "ike_free"}, True),
        ({"ipsecpolicy_id": "ipsec_free"}, True),
        ({"split_selector": True}, True),
        ({"initiator": "response-only"}, True),
        ({"local_id": "a@b.c"}, True),
        ({"admin_state_up": False}, True),
    ],
    ids=case,
)
def test_raises_the_revision_for_what_the_gateway_must_act_on(
    world: World, changes: Attributes, raises: bool
) -> None:
    def attempt(tx: Connection) -> tuple[Any, Any]:
        before = world.row(tx, "ipsec_site_connection", "conn")
        before = replace(before, status="ACTIVE", established=True)
        return before, connections.update(tx, before, world.resolve(changes), "a")

    before, after = world.trial(attempt)
    assert after.revision - before.revision == int(raises)
    assert after.status == ("PENDING_UPDATE" if raises else "ACTIVE")
    assert after.psk_generation == (2 if changes.get("psk") == "other" else 1)


def test_merges_dpd_over_what_was_there(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        world.update(tx, "ipsec_site_connection", "conn", dpd={"interval": 10, "timeout": 20})
        row = world.update(tx, "ipsec_site_connection", "conn", dpd={"timeout": 15})
        return world.shown(tx, "ipsec_site_connection", row)

    assert world.trial(attempt)["dpd"] == {"action": "hold", "interval": 10, "timeout": 15}


def test_a_smaller_minimum_mtu_does_not_survive_a_move_to_ipv6(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        world.update(tx, "ipsec_site_connection", "conn", mtu=1000)
        groups = {"local_ep_group_id": "epg_local6", "peer_ep_group_id": "epg_peer6"}
        return world.update(tx, "ipsec_site_connection", "conn", **groups)

    assert refused(world, attempt).message.endswith(
        "MTU 1000 is too small for ipv6: it must be at least 1280, or 0 for no limit."
    )


def test_an_administrator_refers_to_what_any_project_has(world: World) -> None:
    row = world.trial(lambda tx: world.connection(tx, scope=None))
    assert row.project_id == "admin"


def test_legacy_mode_stays_legacy(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        groups = {"local_ep_group_id": "epg_local", "peer_ep_group_id": "epg_peer"}
        return world.update(tx, "ipsec_site_connection", "conn_legacy", **groups)

    assert refused(world, attempt).message == (
        "Endpoint groups local and peer cannot be specified, when VPN Service has subnet specified"
    )


def test_legacy_mode_changes_peer_cidrs(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        changes: Attributes = {"peer_cidrs": ["0.0.0.0/0"], "local_ep_group_id": None}
        return world.update(tx, "ipsec_site_connection", "conn_legacy", **changes)

    assert world.trial(attempt).peer_cidrs == ["0.0.0.0/0"]


def test_secrets_are_sealed_to_their_row_and_can_stay_out(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        row = world.row(tx, "ipsec_site_connection", "conn")
        assert b"secret" not in bytes(row.psk_sealed)
        return connections.present(tx, [row], secrets=False)[0]

    assert not {"psk", "psk_sealed"} & world.trial(attempt).keys()


def test_an_update_that_changes_nothing_writes_nothing(world: World) -> None:
    def attempt(tx: Connection) -> tuple[Any, Any]:
        before = world.row(tx, "ipsec_site_connection", "conn")
        return before, connections.update(tx, before, {"name": before.name}, "a")

    before, after = world.trial(attempt)
    assert before == after


@pytest.mark.parametrize("mapped", ["", "::ffff:"])
@pytest.mark.parametrize("what", ["own", "broadcast", "network"])
def test_on_its_own_networks_a_peer_is_another_host(world: World, mapped: str, what: str) -> None:
    def attempt(tx: Connection) -> None:
        own = world.row(tx, "vpnservice", "svc_legacy6").external_v4_ip
        network = ip_interface(f"{own}/16").network
        peer = {"own": own, "broadcast": network[-1], "network": network[0]}[what]
        with pytest.raises(errors.PeerAddressImpossible, match=r"is .*(itself|address of)"):
            world.connection(tx, **(V6 | {"peer_address": f"{mapped}{peer}"}))
        world.connection(tx, **(V6 | {"peer_address": f"{mapped}{network[7777]}"}))

    world.trial(attempt)

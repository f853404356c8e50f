"""Routers, ports and networks that are switched off: what becomes of them and who is told."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from landbridge.vpn.inventory import port_roles
from landbridge.vpn.revisions import desired, router_ports
from tests.unit.vpn.reports import Reports, S
from tests.unit.vpn.world import GATEWAY, World


def test_a_router_that_is_switched_off_is_the_reason(world: World) -> None:
    def attempt(tx: Connection) -> None:
        told = Reports(world, tx)
        told.router(ready=True)
        told.tunnel(S.UP, 1, 1)
        world.update(tx, "router", "router1", admin_state_up=False)
        told.router(ready=True)
        assert world.row(tx, "router", "router1").status == "DOWN"
        told.tunnel(S.DOWN, 1, 1)
        row = world.row(tx, "ipsec_site_connection", "conn")
        assert (row.status, row.status_reason) == ("DOWN", "router-down")
        assert world.row(tx, "vpnservice", "svc").status == "DOWN"
        world.update(tx, "router", "router1", admin_state_up=True)
        told.router(ready=True)
        assert world.row(tx, "router", "router1").status == "ACTIVE"
        told.tunnel(S.UP, 1, 1)
        assert world.row(tx, "vpnservice", "svc").status == "ACTIVE"
        assert world.row(tx, "ipsec_site_connection", "conn").status == "ACTIVE"

    world.trial(attempt)


@pytest.mark.parametrize("kind", ["network", "port"])
def test_a_leg_that_is_switched_off_is_told_to_its_gateway(world: World, kind: str) -> None:
    def attempt(tx: Connection) -> None:
        router_id = world.ids["router1"]
        port = port_roles.interfaces(tx, router_id)[0]
        target = port.id if kind == "port" else port.network_id
        before = router_ports.router(tx, GATEWAY, router_id)
        world.update(tx, kind, target, None, admin_state_up=False)
        after = router_ports.router(tx, GATEWAY, router_id)
        assert before is not None
        assert after is not None
        assert after.revision > before.revision
        off = [leg.port_id for leg in after.inside if not leg.admin_state_up]
        assert port.id in off
        assert after.uplink is not None
        assert after.uplink.admin_state_up
        if kind == "port":
            assert world.row(tx, "port", target).status == "DOWN"

    world.trial(attempt)


def test_what_does_not_change_is_not_told(world: World) -> None:
    def attempt(tx: Connection) -> None:
        at = desired.desired(tx, GATEWAY).cursor
        port = port_roles.interfaces(tx, world.ids["router1"])[0]
        world.update(tx, "port", port.id, None, admin_state_up=True)
        world.update(tx, "network", port.network_id, None, admin_state_up=True)
        assert desired.desired(tx, GATEWAY).cursor == at

    world.trial(attempt)

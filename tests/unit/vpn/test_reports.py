"""What is refused, dropped and written of a gateway's reports."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from landbridge.model.status import Reason, ReasonCode, Report, TunnelStatus
from landbridge.store.resource_rows import ConnectionRow
from landbridge.vpn.gateways.leases import lease
from landbridge.vpn.status.apply import StaleEpoch
from landbridge.vpn.status.observe import Reported, observe
from tests.rows import CONNECTION
from tests.unit.vpn.reports import CONN, WHY, Reports, S
from tests.unit.vpn.world import GATEWAY, World


def test_the_life_of_a_connection(world: World) -> None:
    def attempt(tx: Connection) -> None:
        gateway = Reports(world, tx)
        before = gateway.row
        seen = [before.status]
        gateway.tunnel(S.BUILDING, 1, 0)
        seen.append(gateway.row.status)
        gateway.tunnel(S.UP, 1, 1)
        seen.append(gateway.row.status)
        world.update(tx, CONN, "conn", mtu=1400)
        seen.append(gateway.row.status)
        gateway.tunnel(S.UP, 2, 1, WHY)
        seen.append(gateway.row.status)
        assert gateway.row.status_reason == "psk-mismatch"
        gateway.tunnel(S.UP, 2, 2)
        seen.append(gateway.row.status)
        gateway.tunnel(S.DOWN, 2, 2, WHY)
        seen.append(gateway.row.status)
        world.update(tx, CONN, "conn", admin_state_up=False)
        gateway.tunnel(S.DOWN, 3, 3)
        seen.append(gateway.row.status)
        assert seen == [
            "PENDING_CREATE",
            "BUILD",
            "ACTIVE",
            "PENDING_UPDATE",
            "PENDING_UPDATE",
            "ACTIVE",
            "DOWN",
            "DOWN",
        ]
        assert gateway.row.status_reason == "admin-down"
        assert gateway.row.applied_revision == 3
        # Two updates were made by the client; the reports are no changes of his.
        assert gateway.row.revision_number == before.revision_number + 2

    world.trial(attempt)


def test_a_gateway_that_cannot_look_says_why_and_what_was_seen_is_kept(world: World) -> None:
    def attempt(tx: Connection) -> None:
        gateway = Reports(world, tx)
        gateway.unknown(1)
        assert _says(gateway.row) == ("PENDING_CREATE", "gateway-error", "nft refuses.")
        gateway.tunnel(S.BUILDING, 1, 0)
        assert _says(gateway.row)[:2] == ("BUILD", "connecting")
        gateway.unknown(1)
        assert _says(gateway.row)[:2] == ("BUILD", "gateway-error")
        gateway.tunnel(S.UP, 1, 1)
        gateway.unknown(1)
        assert _says(gateway.row)[:2] == ("DOWN", "gateway-error")
        assert (gateway.row.applied_revision, gateway.row.observed_state) == (1, "up")
        gateway.unknown(1, "charon does not start.")
        assert _says(gateway.row)[2] == "charon does not start."
        gateway.tunnel(S.UP, 1, 1)
        assert _says(gateway.row) == ("ACTIVE", None, None)
        world.update(tx, CONN, "conn", mtu=1400)
        assert gateway.unknown(1) == ([], [], [])  # of an older revision
        gateway.unknown(2)
        assert _says(gateway.row)[:2] == ("PENDING_UPDATE", "gateway-error")
        world.update(tx, CONN, "conn", admin_state_up=False)
        gateway.unknown(3)
        assert _says(gateway.row)[:2] == ("PENDING_UPDATE", "gateway-error")  # is it still up?
        gateway.tunnel(S.DOWN, 3, 3)
        assert gateway.unknown(3) == ([], [], [])
        assert _says(gateway.row)[:2] == ("DOWN", "admin-down")

    world.trial(attempt)


def test_what_is_wrong_with_a_configuration_is_true_whatever_the_gateway_sees(
    world: World,
) -> None:
    def attempt(tx: Connection) -> None:
        gateway = Reports(world, tx)
        gateway.tunnel(S.ERROR, 1, 0, WHY)
        gateway.unknown(1)
        assert _says(gateway.row)[:2] == ("ERROR", "psk-mismatch")

    world.trial(attempt)


def _says(row: ConnectionRow) -> tuple[str, str | None, str | None]:
    return row.status, row.status_reason, row.status_message


def test_what_is_stale_is_dropped(world: World) -> None:
    def attempt(tx: Connection) -> None:
        gateway = Reports(world, tx)
        world.update(tx, CONN, "conn", mtu=1400)
        assert gateway.tunnel(S.UP, 1, 1) == ([], [], [])  # an older revision
        assert gateway.tunnel(S.UP, 9, 9) == ([], [], [])  # of a history that is not this one
        gateway.tunnel(S.UP, 2, 2)
        gateway.sequence -= 1
        assert gateway.tunnel(S.DOWN, 2, 2) == ([], [], [])  # an older sequence
        assert gateway.row.status == "ACTIVE"
        assert gateway.tunnel(S.UP, 2, 2) == ([], [], [])  # nothing new

    world.trial(attempt)


def test_an_older_epoch_is_refused(world: World) -> None:
    def attempt(tx: Connection) -> None:
        lease(tx, GATEWAY, hostname="host1", ttl=3600)
        with pytest.raises(StaleEpoch):
            Reports(world, tx).tunnel(S.UP, 1, 1)
        with pytest.raises(StaleEpoch):
            Reports(world, tx).send(Report(epoch=1, sequence=1), gateway="unknown")

    world.trial(attempt)


def test_a_new_epoch_counts_its_reports_anew(world: World) -> None:
    def attempt(tx: Connection) -> None:
        gateway = Reports(world, tx)
        gateway.sequence = 41
        gateway.tunnel(S.UP, 1, 1)
        lease(tx, GATEWAY, hostname="host1", ttl=3600)
        told = TunnelStatus(
            id=world.ids["conn"],
            revision=1,
            applied_revision=1,
            state=S.DOWN,
            reason=WHY,
            observed_at=0.0,
        )
        gateway.send(Report(epoch=2, sequence=1, tunnels=(told,)))
        assert gateway.row.status == "DOWN"

    world.trial(attempt)


def test_a_gateway_speaks_for_its_own_only(world: World) -> None:
    def attempt(tx: Connection) -> Any:
        lease(tx, "gw2", hostname="host2", ttl=3600)
        gateway = Reports(world, tx)
        told = TunnelStatus(
            id=world.ids["conn"],
            revision=1,
            applied_revision=1,
            state=S.UP,
            reason=None,
            observed_at=0.0,
        )
        gateway.send(Report(epoch=1, sequence=1, tunnels=(told,)), gateway="gw2")
        return gateway.row

    assert world.trial(attempt).status == "PENDING_CREATE"


def test_services_follow_their_router(world: World) -> None:
    def attempt(tx: Connection) -> None:
        gateway = Reports(world, tx)
        changed = gateway.router(True)
        assert {row.id for row in changed.services} == {
            world.ids[name] for name in ("svc", "svc_legacy", "svc_legacy6")
        }
        assert world.row(tx, "vpnservice", "svc").status == "ACTIVE"
        assert world.row(tx, "vpnservice", "svc_r2").status == "PENDING_CREATE"
        world.update(tx, "vpnservice", "svc", admin_state_up=False)
        assert world.row(tx, "vpnservice", "svc").status == "DOWN"
        world.update(tx, "vpnservice", "svc", admin_state_up=True)
        assert world.row(tx, "vpnservice", "svc").status == "ACTIVE"
        broken = Reason(code=ReasonCode.GATEWAY_ERROR, message="No charon.")
        gateway.router(False, broken)
        assert world.row(tx, "vpnservice", "svc").status == "ERROR"

    world.trial(attempt)


def test_the_time_of_a_change_stays_until_the_next(world: World) -> None:
    row = replace(CONNECTION, revision=1, status_changed_at="then")
    reported = Reported(row, service_up=True, router_up=True)
    up = TunnelStatus(
        id="t", revision=1, applied_revision=1, state=S.UP, reason=None, observed_at=0.0
    )
    down = TunnelStatus(
        id="t", revision=1, applied_revision=1, state=S.DOWN, reason=WHY, observed_at=0.0
    )
    assert observe(reported, up, "now").status_changed_at == "then"
    assert observe(reported, down, "now").status_changed_at == "now"

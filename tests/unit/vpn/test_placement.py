"""Leases: one holder, takeover by epoch, routers for whoever comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection

from landbridge.model.gateway import Lease
from landbridge.store import changes
from landbridge.vpn.gateways import leases
from landbridge.vpn.gateways.leases import LeaseHeld
from landbridge.vpn.inventory import routers
from tests.unit.vpn.world import World


def _lease(
    tx: Connection, host: str, epoch: int | None = None, ttl: float = 60.0, holder: str = ""
) -> Lease:
    return leases.lease(tx, "gw9", hostname=host, holder=holder, epoch=epoch, ttl=ttl)


def test_the_first_lease_registers_the_gateway(world: World) -> None:
    lease = world.trial(lambda tx: _lease(tx, "h1"))
    assert lease == Lease(gateway_id="gw9", epoch=1, ttl=60.0)


def test_a_lease_is_renewed_by_its_epoch(world: World) -> None:
    def attempt(tx: Connection) -> list[int]:
        return [_lease(tx, "h1").epoch, _lease(tx, "h1", epoch=1).epoch]

    assert world.trial(attempt) == [1, 1]


def test_another_host_waits_for_the_lease_to_run_out(world: World) -> None:
    def attempt(tx: Connection) -> int:
        _lease(tx, "h1")
        with pytest.raises(LeaseHeld):
            _lease(tx, "h2")
        _lease(tx, "h1", epoch=1, ttl=-1.0)
        return _lease(tx, "h2").epoch

    assert world.trial(attempt) == 2


def test_the_same_host_takes_over_at_once_and_the_old_epoch_is_over(world: World) -> None:
    def attempt(tx: Connection) -> None:
        _lease(tx, "h1")
        assert _lease(tx, "h1").epoch == 2
        with pytest.raises(LeaseHeld):
            _lease(tx, "h1", epoch=1)

    world.trial(attempt)


def test_another_holder_on_a_host_of_the_same_name_takes_nothing(world: World) -> None:
    """A clone, say: the name, the files and the epoch are the same."""

    def attempt(tx: Connection) -> list[int]:
        _lease(tx, "h1", holder="a")
        for epoch in (None, 1):
            with pytest.raises(LeaseHeld):
                _lease(tx, "h1", epoch=epoch, holder="b")
            with pytest.raises(LeaseHeld):
                _lease(tx, "h1", epoch=epoch)
        again = _lease(tx, "h1", holder="a")
        _lease(tx, "h1", epoch=again.epoch, holder="a", ttl=-1.0)
        return [again.epoch, _lease(tx, "h1", holder="b").epoch]

    assert world.trial(attempt) == [2, 3]


def test_an_agent_of_an_older_release_is_followed_by_a_newer_one_on_its_host(world: World) -> None:
    def attempt(tx: Connection) -> list[int]:
        _lease(tx, "h1")
        with pytest.raises(LeaseHeld):
            _lease(tx, "h2", holder="b")
        renewed = _lease(tx, "h1", epoch=1, holder="a")
        return [renewed.epoch, _lease(tx, "h1", holder="a").epoch]

    assert world.trial(attempt) == [1, 2]


def test_gateways_whose_hosts_have_one_name_have_a_lease_each(world: World) -> None:
    def attempt(tx: Connection) -> list[int]:
        epochs = [
            leases.lease(tx, name, hostname="same", holder=name, ttl=60).epoch
            for name in ("g1", "g2")
        ]
        return [*epochs, leases.lease(tx, "g1", hostname="same", holder="g1", epoch=1).epoch]

    assert world.trial(attempt) == [1, 1, 1]


def test_of_many_that_take_an_expired_lease_one_gets_it(own_world: World) -> None:
    own_world.keep(lambda tx: _lease(tx, "h0", ttl=-1.0))

    async def scenario() -> list[object]:
        tries = (own_world.db.write(_lease, f"h{n}") for n in range(1, 9))
        return await asyncio.gather(*tries, return_exceptions=True)

    results = asyncio.run(scenario())
    assert [result.epoch for result in results if isinstance(result, Lease)] == [2]
    assert sum(isinstance(result, LeaseHeld) for result in results) == 7


def test_new_routers_go_to_the_least_busy_living_gateway(world: World) -> None:
    def attempt(tx: Connection) -> list[str | None]:
        _lease(tx, "h1")
        placed = [world.create(tx, "router", name="r").gateway_id]
        _lease(tx, "h1", epoch=1, ttl=-1.0)
        return [*placed, world.create(tx, "router", name="r").gateway_id]

    assert world.trial(attempt) == ["gw9", "gw1"]


def test_routers_that_nobody_runs_go_to_the_next_gateway(own_world: World) -> None:
    world = own_world

    def orphan(tx: Connection) -> Any:
        leases.lease(tx, "gw1", hostname="host1", epoch=1, ttl=-1.0)
        row = world.create(tx, "router", external_gateway_info={"network_id": "ext"})
        assert row.gateway_id is None
        return row

    row = world.keep(orphan)
    world.keep(lambda tx: _lease(tx, "h1"))
    (told,) = world.db.read_sync(changes.since, "gw9", 0)
    assert (told.kind, told.id) == ("router", row.id)
    assert world.keep(lambda tx: world.row(tx, "router", row.id)).gateway_id == "gw9"


@pytest.mark.parametrize("renews", [False, True], ids=["new", "renewed"])
def test_a_connection_that_had_no_gateway_says_so_until_there_is_one(
    own_world: World, renews: bool
) -> None:
    world = own_world

    def orphan(tx: Connection) -> Any:
        if renews:
            _lease(tx, "h1", ttl=-1.0)
        leases.lease(tx, "gw1", hostname="host1", epoch=1, ttl=-1.0)
        router = world.create(tx, "router", external_gateway_info={"network_id": "ext"})
        assert router.gateway_id is None
        routers.add_interface(tx, router, world.resolve({"subnet_id": "sub_unattached"}), "a")
        service = world.create(tx, "vpnservice", router_id=router.id)
        return world.connection(
            tx, vpnservice_id=service.id, local_ep_group_id="epg_local_unattached"
        )

    made = world.keep(orphan)
    assert made.status_reason == "no-gateway"
    other = world.keep(lambda tx: world.row(tx, "ipsec_site_connection", "conn"))
    world.keep(lambda tx: _lease(tx, "h1", epoch=1 if renews else None))
    now = world.keep(lambda tx: world.row(tx, "ipsec_site_connection", made.id))
    assert (now.status, now.status_reason) == ("PENDING_CREATE", "pending")
    assert world.keep(lambda tx: world.row(tx, "ipsec_site_connection", "conn")) == other

"""Another external address of the router: the old one stays until nothing uses it any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from landbridge.agent.routers import supervisor
from landbridge.agent.routers.supervisor import RouterSupervisor
from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import Traffic
from landbridge.model.router import Router
from landbridge.model.status import TunnelState
from landbridge.model.tunnel import Tunnel
from tests.gateway import netparts
from tests.gateway.conftest import ROUTER_OUTSIDE, Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel
from tests.gateway.xfrmstat import MISMATCH, NO_SA, Refused

pytestmark = pytest.mark.gateway

NEW = "198.51.100.91"
RATE = 50


class Supervised(Gateway):
    """With the supervisor that looks after the router's namespace."""

    def start(self) -> None:
        super().start()

        async def begin() -> None:
            assert self._task is not None
            self._supervisor = RouterSupervisor(
                self.router,
                self._task,
                namespaces=self._namespaces,
                directory=self._directory,
                renewed=lambda _: None,
            )
            assert self._running is not None
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self._running = asyncio.create_task(self._supervisor.run())

        self._run(begin())

    def reconfigure(self, router: Router) -> None:
        self.router = router
        self._loop.call_soon_threadsafe(self._supervisor.want, router)

    def beside(self, router: Router) -> None:
        """Another router of the same gateway."""
        self._run(self._namespaces.ensure(router))

    def remove(self, router: Router) -> None:
        self._run(self._namespaces.remove(router.id))

    @property
    def addresses(self) -> str:
        return self.namespace.ip("-4", "address", "show", "scope", "global")


@pytest.fixture
def gateway(surroundings: Surroundings, tmp_path: Path) -> Iterator[Supervised]:
    made = Supervised(surroundings, tmp_path / "gw")
    try:
        yield made
    finally:
        made.close()


def with_address(router: Router, address: str) -> Router:
    assert router.uplink is not None
    uplink = msgspec.structs.replace(router.uplink, addresses=(f"{address}/24",))
    return msgspec.structs.replace(router, uplink=uplink, revision=router.revision + 1)


def up(surroundings: Surroundings, gateway: Supervised, version: str = "v2") -> Tunnel:
    """A tunnel from the old address that carries packets."""
    surroundings.remote.peer.start(peer_connection(version=int(version[1])))
    ours = tunnel(version)
    gateway.want(ours)
    gateway.start()
    gateway.wait_applied(ours)
    wait_until(surroundings.ping, 15, "packets through the tunnel")
    return ours


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_tunnel_goes_on_until_the_peer_follows(
    surroundings: Surroundings, gateway: Supervised, version: str
) -> None:
    peer, theirs = surroundings.remote.peer, peer_connection(version=int(version[1]))
    ours = up(surroundings, gateway, version)
    with Traffic([surroundings.flow()], rate=RATE) as traffic:
        refused = Refused(peer.host, gateway.namespace, counters=(MISMATCH, NO_SA))
        moved = changed(ours, local_address=NEW, local_id=NEW)
        gateway.reconfigure(with_address(gateway.router, NEW))
        gateway.want(moved)
        status = gateway.wait(moved, lambda told: told.reason is not None and bool(told.children))
        assert not is_applied(status)
        assert f"{ROUTER_OUTSIDE}/24" in gateway.addresses
        (waiting,) = traffic.restart().values()
        peer.load(replace(theirs, name="moved", remote=NEW))
        gateway.wait_applied(moved)
        wait_until(lambda: f"{ROUTER_OUTSIDE}/" not in gateway.addresses, 15, "the old one goes")
        assert f"{NEW}/24" in gateway.addresses
        (moving,) = traffic.stop().values()
    assert waiting.sent
    assert waiting.lost == 0
    if version == "v2":  # with IKEv1 our first packets may come before the peer has the new SA
        assert moving.lost <= refused.count


def test_what_runs_from_an_address_that_is_gone_is_down(
    surroundings: Surroundings, gateway: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "OVERLAP", 0.0)  # as if another gateway's router had it
    ours = up(surroundings, gateway)
    moved = changed(ours, local_address=NEW, local_id=NEW)
    gateway.reconfigure(with_address(gateway.router, NEW))
    gateway.want(moved)
    status = gateway.wait(moved, lambda told: told.state is TunnelState.DOWN)
    assert status.children == ()
    assert status.reason is not None
    assert f"{ROUTER_OUTSIDE}/" not in gateway.addresses
    wait_until(lambda: not gateway.sas(ours), 15, "the old SA is ended")


def test_an_agent_that_restarts_meanwhile_keeps_the_old_address(
    surroundings: Surroundings, gateway: Supervised
) -> None:
    ours = up(surroundings, gateway)
    with Traffic([surroundings.flow()], rate=RATE) as traffic:
        moved = changed(ours, local_address=NEW, local_id=NEW)
        gateway.reconfigure(with_address(gateway.router, NEW))
        gateway.want(moved)
        wait_until(lambda: f"{NEW}/24" in gateway.addresses, 15, "the new address")
        gateway.stop()
        gateway.start()
        gateway.wait(moved, lambda told: bool(told.children))
        assert f"{ROUTER_OUTSIDE}/24" in gateway.addresses
        (count,) = traffic.stop().values()
    assert count.lost == 0


def test_an_address_that_another_router_gets_goes_at_once(
    surroundings: Surroundings, gateway: Supervised
) -> None:
    ours = up(surroundings, gateway)
    uplink = gateway.router.uplink
    assert uplink is not None
    other = netparts.router(
        msgspec.structs.replace(uplink, port_id=str(uuid4()), mac_address="02:00:00:00:00:99")
    )
    gateway.reconfigure(with_address(gateway.router, NEW))
    gateway.want(changed(ours, local_address=NEW, local_id=NEW))
    wait_until(lambda: f"{NEW}/24" in gateway.addresses, 15, "the new address")
    assert f"{ROUTER_OUTSIDE}/24" in gateway.addresses
    try:
        gateway.beside(other)
        wait_until(lambda: f"{ROUTER_OUTSIDE}/" not in gateway.addresses, 15, "the old one goes")
    finally:
        gateway.remove(other)

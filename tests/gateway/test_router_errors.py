"""What is wrong with a router is told of each of its tunnels, in the cause's own words, for as
long as it lasts; and of no tunnel of another router."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from landbridge.agent.charon.process import BINARY
from landbridge.agent.dataplane import netlink
from landbridge.agent.dataplane.names import namespace_name
from landbridge.lab.traffic import Traffic
from landbridge.model.router import Router
from landbridge.model.status import ReasonCode, RouterStatus, TunnelState, TunnelStatus
from landbridge.model.tunnel import Secret, Tunnel
from tests.environments.refusing import NO_INET, Refusing
from tests.gateway.conftest import ROUTER_OUTSIDE, Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel
from tests.gateway.netparts import leg, router
from tests.gateway.scene import Scene, player

pytestmark = pytest.mark.gateway
NO_LIBRARY = "charon: error while loading shared libraries: libcharon.so.0"


@dataclass
class Host:
    """What can be broken on it."""

    scene: Scene
    nft: Refusing
    charon: Refusing
    undo: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def name(self) -> str:
        return namespace_name(self.scene.router.id)


Act = Callable[[Host], Router | None]


@dataclass(frozen=True)
class Cause:
    """`breaks` may answer the router as it is to be while it is broken; `words` are told then."""

    breaks: Act
    mends: Act
    words: str


def _nft_breaks(host: Host) -> None:
    host.nft.break_(host.name)


def _nft_mended(host: Host) -> None:
    host.nft.mend()


def _charon_breaks(host: Host) -> None:
    host.charon.break_(host.name)


def _charon_mended(host: Host) -> None:
    host.charon.mend()


def _name_is_taken(host: Host) -> None:
    (netlink.NAMESPACES / host.name).mkdir()


def _name_is_free(host: Host) -> None:
    (netlink.NAMESPACES / host.name).rmdir()


def _no_bridge(host: Host) -> Router:
    scene = host.scene
    absent = leg(f"{ROUTER_OUTSIDE}/24")
    made = scene.config.read_text()
    bridges = next(line for line in made.splitlines() if line.startswith("bridges"))
    more = f"{bridges},{absent.network_id}:lb-absent"
    scene.config.write_text(made.replace(bridges, more))
    return msgspec.structs.replace(scene.router, uplink=absent)


def _a_mac_of_a_group(host: Host) -> Router:
    uplink = host.scene.router.uplink
    assert uplink is not None
    refused = msgspec.structs.replace(uplink, mac_address="01:00:5e:00:00:01")
    return msgspec.structs.replace(host.scene.router, uplink=refused)


def _as_it_was(host: Host) -> Router:
    return host.scene.router


CAUSES: Mapping[str, Cause] = {
    "nft refuses": Cause(_nft_breaks, _nft_mended, NO_INET),
    "charon does not start": Cause(_charon_breaks, _charon_mended, NO_LIBRARY),
    "the namespace cannot be made": Cause(_name_is_taken, _name_is_free, "Is a directory"),
    "a bridge is missing": Cause(_no_bridge, _as_it_was, "bridge lb-absent"),
    "the kernel refuses": Cause(_a_mac_of_a_group, _as_it_was, "Cannot assign requested address"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_an_error_of_a_router_reaches_its_tunnels_and_no_others(
    name: str, surroundings: Surroundings, tmp_path: Path
) -> None:
    cause = CAUSES[name]
    nft = Refusing(tmp_path, "nft", NO_INET)
    charon = Refusing(tmp_path, str(BINARY), NO_LIBRARY)
    other_router = router(leg("203.0.113.1/24"), leg("10.9.0.1/24"))
    second, elsewhere = _unreachable("198.51.100.77"), _unreachable("203.0.113.77")

    async def scenario(scene: Scene) -> None:
        server, host = scene.server, Host(scene, nft, charon)
        second_here = msgspec.structs.replace(second, router_id=scene.router.id)
        other = msgspec.structs.replace(
            elsewhere, router_id=other_router.id, local_address="203.0.113.1"
        )
        server.tunnels |= {second_here.id: second_here, other.id: other}
        server.routers[other_router.id] = other_router
        broken = cause.breaks(host)
        if broken is not None:
            server.routers[broken.id] = broken
        async with scene.agent(nft.environment):
            both = (scene.tunnel, second_here)
            await server.until(lambda: all(cause.words in _error(scene, each) for each in both))
            assert cause.words in _error(scene, scene.router)
            await server.until(lambda: _told(scene, other) is not None)
            await server.ask(scene.tunnel, "d1")
            await server.until(lambda: "d1" in server.diagnoses)
            assert cause.words in server.diagnoses["d1"].problem
            third = msgspec.structs.replace(second_here, id=str(uuid4()))
            await server.put(third)  # made while it is so
            await server.until(lambda: cause.words in _error(scene, third))
            newer = changed(third, mtu=1300)
            await server.put(newer)
            await server.until(lambda: _told(scene, newer, revision=2) is not None)
            assert cause.words in _error(scene, newer)

            mended = cause.mends(host)
            if mended is not None:
                await server.put(msgspec.structs.replace(mended, revision=2))
            await server.until(scene.up)
            assert await scene.ping()
            await server.until(lambda: not _error(scene, scene.tunnel))
            await server.until(lambda: not _error(scene, second_here))
            await server.until(lambda: not _error(scene, scene.router))
        told: list[TunnelStatus | RouterStatus] = []
        for report in server.reports:
            told += [*report.tunnels, *report.routers]
        ours = (status for status in told if status.id in (other.id, other_router.id))
        assert not [status for status in ours if _gateway_error(status)]

    player(surroundings, tmp_path, charon=charon.path)(scenario)


def test_a_tunnel_that_goes_on_is_told_as_up_with_what_is_wrong(
    surroundings: Surroundings,
    gateway: Gateway,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nft = Refusing(tmp_path, "nft", NO_INET)
    monkeypatch.setenv("PATH", nft.environment["PATH"])
    surroundings.remote.peer.start(peer_connection())
    first, new = tunnel(), _unreachable("198.51.100.77")
    gateway.want(first)
    gateway.start()
    gateway.wait_applied(first)
    with Traffic([surroundings.flow()]) as traffic:
        nft.break_()
        gateway.want(new)  # its networks cannot be blocked
        assert not gateway.wait(new, lambda status: NO_INET in _message(status)).known
        told = gateway.wait(first, lambda status: NO_INET in _message(status))
        assert (told.state, told.known, told.applied_revision) == (TunnelState.UP, True, 1)
        later = changed(first, mtu=1300)
        gateway.want(later)
        told = gateway.wait(later, lambda status: NO_INET in _message(status))
        assert (told.state, told.applied_revision) == (TunnelState.UP, 1)
        assert NO_INET in gateway.diagnose(first).problem
        gateway.stop()
        gateway.start()  # an agent that comes while it is so
        told = gateway.wait(later, lambda status: NO_INET in _message(status))
        assert told.state is TunnelState.UP

        nft.mend()
        gateway.wait(later, lambda status: is_applied(status) and status.reason is None)
        gateway.wait(new, lambda status: status.known)
        (count,) = traffic.stop().values()
    assert count.sent > 0
    assert count.lost == 0
    assert gateway.routers[-1].ready


def test_of_a_tunnel_whose_charon_has_gone_nothing_is_known(
    surroundings: Surroundings, tmp_path: Path
) -> None:
    charon = Refusing(tmp_path, str(BINARY), NO_LIBRARY)
    gateway = Gateway(surroundings, tmp_path / "gw", binary=charon.path)
    try:
        surroundings.remote.peer.start(peer_connection())
        first, off = tunnel(), tunnel(admin_state_up=False, peer_cidrs=("10.3.0.0/24",))
        gateway.want(first, off)
        gateway.start()
        gateway.wait_applied(first)
        switched_off = gateway.wait(off, lambda status: status.state is TunnelState.DOWN)
        charon.break_()
        gateway.kill_charon()
        told = gateway.wait(first, lambda status: NO_LIBRARY in _message(status))
        assert (told.state, told.known, told.children) == (TunnelState.DOWN, False, ())
        assert gateway.statuses[off.id].reason == switched_off.reason

        charon.mend()
        gateway.wait_applied(first)
        assert surroundings.ping()
    finally:
        gateway.close()


def test_what_charon_refuses_of_one_tunnel_is_no_trouble_of_the_others(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    surroundings.remote.peer.start(peer_connection())
    first, refused = tunnel(), _unreachable("198.51.100.77")
    refused = msgspec.structs.replace(refused, psk=Secret(value="x" * 0x10000))
    gateway.want(refused, first)
    gateway.start()
    gateway.wait_applied(first)
    told = gateway.wait(refused, lambda status: "charon cannot be told" in _message(status))
    assert (told.state, told.applied_revision) == (TunnelState.ERROR, 0)
    assert all(status.ready for status in gateway.routers)
    assert not any(_message(told) for _, told in gateway.history if told.id == first.id
                   and told.state is TunnelState.UP)  # fmt: skip
    newer = changed(refused, psk=Secret(value="x"), psk_generation=2)
    gateway.want(newer)
    gateway.wait(newer, lambda status: "charon cannot be told" not in _message(status))


def _unreachable(peer: str) -> Tunnel:
    """To an address that nobody has, and to networks of its own."""
    number = int(peer.rpartition(".")[2])
    return tunnel(peer_address=peer, peer_id=peer, peer_cidrs=(f"10.{number}.0.0/24",))


def _message(status: TunnelStatus | RouterStatus) -> str:
    return status.reason.message if status.reason else ""


def _told(
    scene: Scene, thing: Tunnel | Router, revision: int = 1
) -> TunnelStatus | RouterStatus | None:
    status = scene.server.status(thing.id)
    return status if status is not None and status.revision >= revision else None


def _error(scene: Scene, thing: Tunnel | Router) -> str:
    status = _told(scene, thing)
    return "" if status is None else _gateway_error(status)


def _gateway_error(status: TunnelStatus | RouterStatus) -> str:
    """Its words on the gateway's errors; empty: none."""
    of_gateway = status.reason is not None and status.reason.code is ReasonCode.GATEWAY_ERROR
    return _message(status) if of_gateway else ""

"""Peers that are given by name: a real DNS server, real charons, real packets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landbridge.agent.dns.resolver import SystemLookup
from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import PeerConnection
from landbridge.lab.traffic import Traffic
from landbridge.model.status import ReasonCode, TunnelState, TunnelStatus
from landbridge.model.tunnel import Dpd, Tunnel
from tests.dnsserver import DnsServer, dns_server
from tests.gateway.conftest import PEER_OUTSIDE, ROUTER_OUTSIDE, Surroundings, peer_connection
from tests.gateway.early import new_sas
from tests.gateway.gateway import Gateway, changed, tunnel
from tests.gateway.updates import sibling, sibling_peer
from tests.gateway.xfrmstat import Refused

pytestmark = pytest.mark.gateway
NAME = "vpn.example.com"
ELSEWHERE = "198.51.100.3"


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with dns_server() as server:
        yield server


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 localhost\n")
    return path


@pytest.fixture
def gateway(
    surroundings: Surroundings, tmp_path: Path, server: DnsServer, hosts: Path
) -> Iterator[Gateway]:
    lookup = SystemLookup(server.resolv_conf(tmp_path), hosts)
    made = Gateway(surroundings, tmp_path / "gw", lookup=lookup)
    try:
        yield made
    finally:
        made.close()


def named(version: str = "v2", **changes: Any) -> Tunnel:
    return tunnel(version, peer_address=NAME, peer_id="b.example.com", **changes)


def named_peer(surroundings: Surroundings, version: str = "v2") -> PeerConnection:
    """At two addresses, with the same identity."""
    surroundings.remote.peer.host.address("uplink", f"{ELSEWHERE}/24")
    connection = peer_connection(version=int(version[1]))
    return replace(connection, local=f"{PEER_OUTSIDE},{ELSEWHERE}", local_id="b.example.com")


def peers_of(gateway: Gateway, what: Tunnel) -> set[str]:
    return {sa.remote_host for sa in gateway.sas(what) if sa.live_children}


def says_not_resolvable(status: TunnelStatus) -> bool:
    return status.reason is not None and status.reason.code is ReasonCode.NAME_NOT_RESOLVABLE


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_tunnel_follows_its_peer_make_before_break(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer, version: str
) -> None:
    peer, beside = surroundings.remote.peer, sibling()
    peer.start(named_peer(surroundings, version), sibling_peer())
    server.records[NAME] = ((PEER_OUTSIDE,), 1)
    wanted = named(version)
    gateway.want(wanted, beside)
    gateway.start()
    gateway.wait_applied(wanted, beside)
    assert peers_of(gateway, wanted) == {PEER_OUTSIDE}
    wait_until(lambda: surroundings.ping(0) and surroundings.ping(0), 15, "packets")
    untouched = gateway.children(beside)
    flows = [surroundings.flow(), surroundings.flow("sibling", 1, 1)]
    with Traffic(flows) as traffic, new_sas(surroundings) as new:
        server.records[NAME] = ((ELSEWHERE,), 1)
        wait_until(lambda: peers_of(gateway, wanted) == {ELSEWHERE}, 15, "the tunnel moves")
        counts = traffic.stop()
    assert counts["sibling"].lost == 0
    assert new.excuses(counts["tunnel"]), f"{new}; {counts}"
    assert gateway.children(beside) == untouched
    status = gateway.statuses[wanted.id]
    assert (status.state, status.applied_revision) == (TunnelState.UP, wanted.revision)


def test_an_answer_in_another_order_moves_nothing(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer
) -> None:
    surroundings.remote.peer.start(named_peer(surroundings))
    server.records[NAME] = ((PEER_OUTSIDE, ELSEWHERE), 1)
    wanted = named()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    before, asked = gateway.children(wanted), len(server.asked)
    server.records[NAME] = ((ELSEWHERE, PEER_OUTSIDE), 1)
    wait_until(lambda: len(server.asked) >= asked + 2, 15, "asked again when the TTL is over")
    assert gateway.children(wanted) == before


def test_a_name_that_does_not_exist_is_told_and_delays_nobody(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer
) -> None:
    surroundings.remote.peer.start(named_peer(surroundings), sibling_peer())
    wanted, beside = named(), sibling()
    gateway.want(wanted, beside)
    gateway.start()
    status = gateway.wait(wanted, says_not_resolvable)
    assert status.state is TunnelState.BUILDING
    assert status.reason is not None
    assert NAME in status.reason.message
    assert server.address in status.reason.message
    assert "no such name" in status.reason.message
    gateway.wait_applied(beside)
    server.records[NAME] = ((PEER_OUTSIDE,), 60)
    gateway.wait_applied(wanted, patience=15)


def test_a_name_that_leads_to_the_host_itself_is_told_and_delays_nobody(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer
) -> None:
    surroundings.remote.peer.start(named_peer(surroundings), sibling_peer())
    server.records[NAME] = (("127.0.0.1",), 1)
    wanted, beside = named(), sibling()
    gateway.want(wanted, beside)
    gateway.start()
    status = gateway.wait(wanted, says_not_resolvable)
    assert status.reason is not None
    assert "127.0.0.1, a loopback address" in status.reason.message
    gateway.wait_applied(beside)
    server.records[NAME] = (("127.0.0.1", PEER_OUTSIDE), 60)
    gateway.wait_applied(wanted, patience=15)
    assert peers_of(gateway, wanted) == {PEER_OUTSIDE}


@pytest.mark.parametrize("by_name", [True, False])
def test_a_peer_at_the_routers_own_address_is_told_and_the_old_tunnel_goes_on(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer, by_name: bool
) -> None:
    """Of an API that refused the address there is a router that has moved to it since."""
    surroundings.remote.peer.start(named_peer(surroundings))
    server.records[NAME] = ((PEER_OUTSIDE,), 60)
    server.records["itself.example.com"] = ((ROUTER_OUTSIDE,), 1)
    wanted = named()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    before = gateway.children(wanted)
    there = "itself.example.com" if by_name else ROUTER_OUTSIDE
    itself = changed(wanted, peer_address=there)
    gateway.want(itself)
    status = gateway.wait(itself, lambda status: status.state is TunnelState.ERROR)
    assert status.reason is not None
    assert status.reason.code is ReasonCode.UNSUPPORTED
    assert f"{ROUTER_OUTSIDE} is an address of the router itself" in status.reason.message
    assert gateway.children(itself) == before
    again = changed(itself, peer_address=PEER_OUTSIDE)
    gateway.want(again)
    gateway.wait_applied(again)


def test_a_silent_dns_server_delays_nobody(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer
) -> None:
    surroundings.remote.peer.start(sibling_peer())
    server.silent = True
    wanted, beside = named(), sibling()
    gateway.want(wanted, beside)
    gateway.start()
    gateway.wait_applied(beside)
    status = gateway.wait(wanted, says_not_resolvable)
    assert status.reason is not None
    assert "no answer from DNS" in status.reason.message


def test_without_dns_the_tunnel_goes_on_also_over_an_agents_restart(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer
) -> None:
    surroundings.remote.peer.start(named_peer(surroundings))
    server.records[NAME] = ((PEER_OUTSIDE,), 1)
    wanted = named()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    before = gateway.children(wanted)
    server.failing = True
    asked = len(server.asked)
    wait_until(lambda: len(server.asked) > asked, 15, "asked in vain")
    gateway.stop()
    gateway.statuses.clear()
    gateway.start()
    gateway.wait_applied(wanted)
    assert gateway.children(wanted) == before
    shorter = changed(wanted, mtu=1300)
    gateway.want(shorter)
    gateway.wait_applied(shorter)
    assert gateway.children(wanted) == before


def test_another_name_that_is_not_known_leaves_the_old_tunnel_alone(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer
) -> None:
    surroundings.remote.peer.start(named_peer(surroundings))
    server.records[NAME] = ((PEER_OUTSIDE,), 60)
    wanted = named()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    before = gateway.children(wanted)
    other = changed(wanted, peer_address="nowhere.example.com")
    gateway.want(other)
    status = gateway.wait(other, says_not_resolvable)
    assert (status.state, status.applied_revision) == (TunnelState.UP, wanted.revision)
    assert gateway.children(other) == before
    server.records["nowhere.example.com"] = ((ELSEWHERE,), 60)
    gateway.wait_applied(other, patience=15)
    assert peers_of(gateway, other) == {ELSEWHERE}


def test_a_tunnel_that_fails_asks_before_the_ttl_is_over(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer
) -> None:
    peer = surroundings.remote.peer
    peer.start(named_peer(surroundings))
    server.records[NAME] = ((PEER_OUTSIDE,), 3600)
    wanted = named(dpd=Dpd(action="restart", interval=1, timeout=3))
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    server.records[NAME] = ((ELSEWHERE,), 3600)
    peer.host.ip("address", "delete", f"{PEER_OUTSIDE}/24", "dev", "uplink")
    # It was a secondary one, and is gone with the first, or promoted (promote_secondaries).
    peer.host.ip("address", "replace", f"{ELSEWHERE}/24", "dev", "uplink")
    wait_until(lambda: peers_of(gateway, wanted) == {ELSEWHERE}, 15, "the tunnel moves")
    wait_until(surroundings.ping, 15, "packets")


def test_the_hosts_file_comes_first(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer, hosts: Path
) -> None:
    surroundings.remote.peer.start(named_peer(surroundings))
    hosts.write_text(f"{PEER_OUTSIDE} other {NAME} # by hand\n")
    wanted = named()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    assert server.asked == []


def test_response_only_waits_for_a_peer_that_moves(
    surroundings: Surroundings, gateway: Gateway, server: DnsServer
) -> None:
    peer = surroundings.remote.peer
    peer.start(named_peer(surroundings))
    server.records[NAME] = ((PEER_OUTSIDE,), 1)
    wanted = named(initiator="response-only")
    gateway.want(wanted)
    gateway.start()
    gateway.wait(wanted, lambda status: status.reason is not None)
    wait_until(lambda: knows(gateway, wanted, PEER_OUTSIDE), 15, "the name is resolved")
    peer.initiate("site-a-0")
    gateway.wait_applied(wanted)
    before = gateway.children(wanted)
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as new:
        refused = Refused(peer.host, gateway.namespace)
        server.records[NAME] = ((ELSEWHERE,), 1)
        wait_until(lambda: knows(gateway, wanted, ELSEWHERE), 15, "the new address is loaded")
        assert gateway.children(wanted) == before
        peer.change("site-a", local=ELSEWHERE)
        peer.initiate("site-a-0")
        wait_until(lambda: peers_of(gateway, wanted) == {ELSEWHERE}, 15, "the tunnel moves")
        counts = traffic.stop()["tunnel"]
    explained = new.early + new.early_back + refused.count
    assert counts.lost <= explained, f"{new}; {refused.count} refused; {counts}"


def knows(gateway: Gateway, what: Tunnel, address: str) -> bool:
    """Whether charon has loaded the tunnel with its peer there."""
    argv = ("swanctl", "--list-conns", "--uri", f"unix://{gateway.charon.socket}")
    listed = gateway.namespace.run(*argv, check=False)
    return what.id in listed and f"remote: {address}" in listed.replace("  ", " ")

"""What is told of a tunnel that works: its events, its counts, a close look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from prometheus_client import generate_latest

from landbridge.agent.reconcile.sampler import Pace
from landbridge.lab.hosts import Host, wait_until
from landbridge.model.status import ReasonCode, TunnelEventKind, TunnelState
from landbridge.model.tunnel import Secret, Tunnel
from tests.gateway.conftest import PSK, Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel

pytestmark = pytest.mark.gateway
MOVED_PORT = 5555


@pytest.fixture
def gateway(surroundings: Surroundings, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(surroundings, tmp_path / "gw", pace=Pace(every=0.1))
    try:
        yield made
    finally:
        made.close()


def up(surroundings: Surroundings, gateway: Gateway, version: str, *extra: str) -> Tunnel:
    """`extra`: lines of the peer's connection."""
    theirs = replace(peer_connection(version=int(version[1])), extra=extra)
    surroundings.remote.peer.start(theirs)
    wanted = tunnel(version)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets through the tunnel")
    return wanted


def sample(gateway: Gateway, name: str, **labels: str) -> float:
    """0 where there is no such series (yet)."""
    return gateway.metrics.registry.get_sample_value(name, labels) or 0.0


def carried(gateway: Gateway, what: Tunnel, direction: str) -> float:
    labels = {"connection": what.id, "router": gateway.router.id, "direction": direction}
    return sample(gateway, "landbridge_tunnel_packets_total", **labels)


def rekeyings(gateway: Gateway, what: Tunnel) -> list[str]:
    events = gateway.statuses[what.id].events
    return [event.message for event in events if event.kind is TunnelEventKind.REKEYED]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_rekeyings_are_told_and_counts_go_on(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    wanted = up(surroundings, gateway, version)
    wait_until(lambda: carried(gateway, wanted, "in") > 0, 15, "packets are counted")
    (before,) = gateway.children(wanted)
    counted = carried(gateway, wanted, "in"), carried(gateway, wanted, "out")
    gateway.command("rekey", {"child-id": str(before)})
    gateway.wait(wanted, lambda status: len(status.events) == 1)
    assert "CHILD_SA 10.1.0.0/24 === 10.2.0.0/24 rekeyed" in rekeyings(gateway, wanted)[0]
    # With IKEv1 the old one stays until its lifetime is over.
    wait_until(lambda: gateway.children(wanted) != {before}, 15, "a new CHILD_SA")
    wait_until(lambda: surroundings.ping(count=3), 15, "packets through the new one")
    wait_until(lambda: carried(gateway, wanted, "in") >= counted[0] + 3, 15, "sums go on")
    assert carried(gateway, wanted, "out") >= counted[1] + 3
    times = [event.at for event in gateway.statuses[wanted.id].events]
    assert times == sorted(set(times))


def test_a_rekeyed_ike_sa_is_told(surroundings: Surroundings, gateway: Gateway) -> None:
    wanted = up(surroundings, gateway, "v2")
    surroundings.remote.peer.swanctl("--rekey", "--ike", "site-a")
    gateway.wait(wanted, lambda status: len(status.events) == 1)
    assert rekeyings(gateway, wanted)[0].startswith("IKE_SA with 198.51.100.2 rekeyed")


def test_a_peer_behind_another_port_is_told(surroundings: Surroundings, gateway: Gateway) -> None:
    wanted = up(surroundings, gateway, "v2", "encap = yes")  # as if there were a NAT
    _translate(surroundings.remote.peer.host)
    surroundings.remote.peer.swanctl("--rekey", "--child", "site-a-0")  # the peer's own packets
    gateway.wait(
        wanted, lambda status: any(e.kind is TunnelEventKind.PEER_MOVED for e in status.events)
    )
    told = [e for e in gateway.statuses[wanted.id].events if e.kind is TunnelEventKind.PEER_MOVED]
    assert f"to 198.51.100.2[{MOVED_PORT}]" in told[0].message


def _translate(peer: Host) -> None:
    """As a NAT before the peer that has forgotten its mapping."""
    rules = (
        "add table ip nat\n"
        "add chain ip nat out { type filter hook output priority 0; }\n"
        "add chain ip nat in { type filter hook input priority 0; }\n"
        f"add rule ip nat out udp sport 4500 udp sport set {MOVED_PORT}\n"
        f"add rule ip nat in udp dport {MOVED_PORT} udp dport set 4500\n"
    )
    peer.run("nft", "-f", "-", stdin=rules)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_close_look(surroundings: Surroundings, gateway: Gateway, version: str) -> None:
    wanted = up(surroundings, gateway, version)
    found = gateway.diagnose(wanted)
    assert (found.state, found.reason, found.problem) == (TunnelState.UP, None, "")
    assert (found.revision, found.applied_revision, found.config_loaded) == (1, 1, True)
    (ike,) = found.sas
    assert (ike.version, ike.state, ike.initiator, ike.current) == (
        version,
        "ESTABLISHED",
        True,
        True,
    )
    assert (ike.encryption, ike.integrity) == ("AES_CBC-128", "HMAC_SHA2_256_128")
    assert (ike.dh_group, ike.remote_id) == ("MODP_2048", "198.51.100.2")
    (child,) = ike.children
    assert (child.protocol, child.mode, child.state, child.current) == (
        "ESP",
        "TUNNEL",
        "INSTALLED",
        True,
    )
    assert (child.local_ts, child.remote_ts) == (("10.1.0.0/24",), ("10.2.0.0/24",))
    assert child.packets_in > 0
    assert child.packets_out > 0
    assert child.rekey_in is not None
    assert child.expires_in is not None
    assert child.expires_in > child.rekey_in
    assert found.last_exchange is not None
    assert found.last_exchange.established
    assert any("CHILD_SA" in line for line in found.lines)
    assert PSK.encode() not in msgspec.json.encode(found)


def test_a_close_look_at_a_refused_update(surroundings: Surroundings, gateway: Gateway) -> None:
    wanted = up(surroundings, gateway, "v2")
    wrong = changed(wanted, psk=Secret(value="a secret of ours"), psk_generation=2)
    gateway.want(wrong)
    gateway.wait(wrong, lambda status: status.reason is not None)
    found = gateway.diagnose(wrong)
    assert (found.revision, found.applied_revision) == (2, 1)
    assert found.reason is not None
    assert found.reason.code is ReasonCode.PEER_NOT_CHANGED
    assert found.last_exchange is not None
    assert not found.last_exchange.established
    assert b"a secret of ours" not in msgspec.json.encode(found)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_update_under_way_carries_no_reason(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    wanted = up(surroundings, gateway, version)
    surroundings.remote.peer.change("site-a", dpd_delay="29s")
    slower = changed(wanted, esp=msgspec.structs.replace(wanted.esp, lifetime=7200))
    gateway.want(slower)
    gateway.wait_applied(slower)
    told = [s.reason for _, s in gateway.history if s.revision == slower.revision]
    assert told
    assert set(told) == {None}


def test_an_agent_and_a_charon_that_come_back_go_on_counting(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    wanted = up(surroundings, gateway, "v2")
    wait_until(lambda: carried(gateway, wanted, "in") > 0, 15, "packets are counted")
    counted = carried(gateway, wanted, "in")
    gateway.stop()
    gateway.statuses.clear()
    gateway.start()
    gateway.wait(wanted, is_applied)
    assert carried(gateway, wanted, "in") >= counted
    surroundings.remote.peer.kill()  # so that the tunnel is down for as long as it is looked at
    gateway.kill_charon()
    gateway.wait(wanted, lambda status: status.state is TunnelState.DOWN)
    labels = {"connection": wanted.id, "router": gateway.router.id}
    _holds(lambda: sample(gateway, "landbridge_tunnel_up", **labels) == 0)
    surroundings.remote.peer.start(peer_connection())
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets through the new tunnel")
    wait_until(lambda: carried(gateway, wanted, "in") > counted, 15, "sums go on")
    assert sample(gateway, "landbridge_tunnel_up", **labels) == 1
    router = {"router": gateway.router.id}
    assert sample(gateway, "landbridge_charon_losses_total", **router) == 1
    assert sample(gateway, "landbridge_charon_starts_total", **router) == 2
    assert sample(gateway, "landbridge_ike_established_total", **router) >= 2
    assert b"landbridge_reconcile_seconds_bucket" in generate_latest(gateway.metrics.registry)


def _holds(condition: Callable[[], bool]) -> None:
    assert condition()

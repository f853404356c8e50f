"""A tunnel's life on real charons: up, down, adopted, back again."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from landbridge.lab.hosts import wait_until
from landbridge.lab.traffic import Traffic
from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Dpd, Secret
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel

pytestmark = pytest.mark.gateway


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_comes_up_and_carries_packets(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    surroundings.remote.peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets through the tunnel")


def test_switched_off_and_on(surroundings: Surroundings, gateway: Gateway) -> None:
    surroundings.remote.peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    off = changed(wanted, admin_state_up=False)
    gateway.want(off)
    status = gateway.wait(off, lambda s: s.applied_revision == s.revision)
    assert status.state is TunnelState.DOWN
    assert status.reason is not None
    assert status.reason.code is ReasonCode.ADMIN_DOWN
    assert gateway.sas(off) == ()
    wait_until(lambda: not surroundings.remote.peer.installed("site-a-0"), 15, "gone at the peer")
    on = changed(off, admin_state_up=True)
    gateway.want(on)
    gateway.wait_applied(on)
    gateway.drop(on.id)
    wait_until(lambda: not gateway.sas(on), 15, "deleted")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_agent_restart_leaves_traffic_alone(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    surroundings.remote.peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version)
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets through the tunnel")
    before, pid = gateway.children(wanted), gateway.charon.pid()
    with Traffic([surroundings.flow()]) as traffic:
        gateway.stop()
        gateway.statuses.clear()
        gateway.start()
        gateway.wait_applied(wanted)
        counts = traffic.stop()
    assert counts["tunnel"].lost == 0
    assert gateway.children(wanted) == before
    assert gateway.charon.pid() == pid


def test_what_is_not_desired_any_more_is_taken_away_after_a_restart(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    surroundings.remote.peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    gateway.stop()
    gateway.tunnels.clear()
    gateway.start()
    wait_until(lambda: not gateway.sas(wanted), 15, "the forgotten tunnel's SAs are gone")


def test_killed_charon_comes_back(surroundings: Surroundings, gateway: Gateway) -> None:
    surroundings.remote.peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    killed = gateway.kill_charon()
    wait_until(lambda: gateway.charon.pid() not in (None, killed), 15, "charon comes back")
    wait_until(lambda: bool(gateway.children(wanted)), 10, "the tunnel comes back")
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets through the new tunnel")


def test_a_long_log_is_turned_over_and_tunnels_go_on(
    surroundings: Surroundings, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings.remote.peer.start(peer_connection())
    wanted = tunnel()
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    before, last = gateway.children(wanted), gateway.charon.log.with_suffix(".log.1")
    monkeypatch.setattr("landbridge.agent.charon.process.LOG_LIMIT", 1)
    gateway.trim_log()
    monkeypatch.undo()
    size = last.stat().st_size
    assert size > 1
    again = changed(wanted, psk_generation=2)
    gateway.want(again)
    gateway.wait_applied(again)
    assert gateway.charon.log.stat().st_size > 0
    assert last.stat().st_size == size
    assert not gateway.children(again) & before
    wait_until(surroundings.ping, 3, "packets")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_silent_peer_is_down_and_comes_back(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version, dpd=Dpd(action="restart", interval=1, timeout=3))
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    peer.kill()
    status = gateway.wait(wanted, lambda s: s.state is TunnelState.DOWN)
    status = gateway.wait(wanted, lambda s: s.state is TunnelState.DOWN and s.reason is not None)
    assert status.reason is not None
    assert status.reason.code in (ReasonCode.DPD_TIMEOUT, ReasonCode.PEER_UNREACHABLE)
    peer.start()
    gateway.wait(wanted, is_applied, 20)


def test_dpd_clear_stays_down_until_the_peer_comes(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_connection())
    wanted = tunnel(dpd=Dpd(action="clear", interval=1, timeout=2))
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    peer.kill()
    status = gateway.wait(wanted, lambda s: s.state is TunnelState.DOWN and s.reason is not None)
    assert status.reason is not None
    assert status.reason.code is ReasonCode.DPD_TIMEOUT
    peer.start()
    assert gateway.sas(wanted) == ()
    peer.initiate("site-a-0")
    gateway.wait_applied(wanted)


def test_response_only_waits_for_the_peer(surroundings: Surroundings, gateway: Gateway) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_connection())
    wanted = tunnel(initiator="response-only")
    gateway.want(wanted)
    gateway.start()
    status = gateway.wait(wanted, lambda s: s.reason is not None)
    assert status.reason is not None
    assert status.reason.code is ReasonCode.WAITING_FOR_PEER
    peer.initiate("site-a-0")
    gateway.wait_applied(wanted)


def test_a_peer_begins_in_aggressive_mode(surroundings: Surroundings, gateway: Gateway) -> None:
    peer = surroundings.remote.peer
    peer.start(replace(peer_connection(version=1), aggressive=True))
    main = tunnel("v1", initiator="response-only")
    wanted = changed(main, ike=msgspec.structs.replace(main.ike, mode="aggressive"))
    gateway.want(wanted)
    gateway.start()
    gateway.wait(wanted, lambda s: s.reason is not None)
    peer.initiate("site-a-0")
    gateway.wait_applied(wanted)


@pytest.mark.parametrize(
    ("version", "codes"),
    [
        ("v1", {ReasonCode.PSK_MISMATCH}),
        ("v2", {ReasonCode.AUTHENTICATION_FAILED, ReasonCode.PSK_MISMATCH}),
    ],
)
def test_wrong_psk_is_told(
    surroundings: Surroundings, gateway: Gateway, version: str, codes: set[ReasonCode]
) -> None:
    surroundings.remote.peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version, psk=Secret(value="another"))
    gateway.want(wanted)
    gateway.start()
    status = gateway.wait(wanted, lambda s: s.reason is not None and s.reason.code in codes)
    assert status.state is TunnelState.BUILDING
    right = changed(wanted, psk=tunnel().psk, psk_generation=2)
    gateway.want(right)
    gateway.wait_applied(right)


def test_dead_peer_delays_nobody(surroundings: Surroundings, gateway: Gateway) -> None:
    surroundings.remote.peer.start(peer_connection())
    dead = [tunnel(peer_address=f"198.51.100.{100 + n}", peer_id=f"p{n}") for n in range(8)]
    living = tunnel()
    gateway.want(*dead, living)
    gateway.start()
    gateway.wait_applied(living)
    gateway.wait(
        dead[0],
        lambda s: s.reason is not None and s.reason.code is ReasonCode.PEER_UNREACHABLE,
    )

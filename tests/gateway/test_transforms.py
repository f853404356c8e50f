"""AH and transport mode: they run where the data plane has them; elsewhere it is told that not.

The kernel has both; kernel-libipsec has ESP in tunnel mode only.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from landbridge.agent.charon import connection_config
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.lab.hosts import LabError, wait_until
from landbridge.lab.peer import PeerChild, PeerConnection
from landbridge.model.status import Reason, ReasonCode, TunnelState
from landbridge.model.tunnel import EspProposal, Tunnel
from tests import dataplane
from tests.gateway.conftest import (
    LOCAL_CIDRS,
    PEER_CIDRS,
    PEER_OUTSIDE,
    ROUTER_OUTSIDE,
    Surroundings,
    peer_connection,
)
from tests.gateway.gateway import Gateway, changed, tunnel

pytestmark = pytest.mark.gateway

VERSIONS = ("v1", "v2")
CHILD = "site-a-0"
BETWEEN_GATEWAYS: dict[str, Any] = {
    "local_cidrs": (f"{ROUTER_OUTSIDE}/32",),
    "peer_cidrs": (f"{PEER_OUTSIDE}/32",),
}
NETWORKS: dict[str, Any] = {"local_cidrs": LOCAL_CIDRS[:1], "peer_cidrs": PEER_CIDRS[:1]}


def esp(**changes: Any) -> EspProposal:
    return msgspec.structs.replace(tunnel().esp, **changes)


def peers(wanted: Tunnel, **changes: Any) -> PeerConnection:
    """The peer's side of it: one child, with `changes`."""
    mirror = PeerChild(CHILD, wanted.peer_cidrs[0], wanted.local_cidrs[0])
    ah = "sha256-modp2048" if wanted.esp.protocol == "ah" else ""
    child = replace(mirror, ah_proposals=ah, mode=wanted.esp.encapsulation)
    agreed = peer_connection(version=int(wanted.ike.version[1]))
    return replace(agreed, children=(replace(child, **changes),))


def reason(gateway: Gateway, wanted: Tunnel, code: ReasonCode) -> Reason:
    status = gateway.wait(wanted, lambda s: s.reason is not None and s.reason.code is code)
    assert status.reason is not None
    return status.reason


@pytest.mark.parametrize("version", VERSIONS)
def test_ah_is_put_on_a_live_tunnel_where_the_kernel_has_it(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    before = tunnel(version, **NETWORKS)
    surroundings.remote.peer.start(peers(before))
    gateway.want(before)
    gateway.start()
    gateway.wait_applied(before)
    wanted = changed(before, esp=esp(protocol="ah"))
    surroundings.remote.peer.load(peers(wanted))
    gateway.want(wanted)
    if gateway.backend is Backend.NETLINK:
        gateway.wait_applied(wanted)
        (child,) = (child for sa in gateway.diagnose(wanted).sas for child in sa.children)
        assert (child.protocol, child.mode) == ("AH", "TUNNEL")
    else:
        told = reason(gateway, wanted, ReasonCode.UNSUPPORTED)
        assert "transform_protocol of the IPsec policy to esp" in told.message
        assert told.message.endswith("What was up before goes on.")
        assert gateway.statuses[wanted.id].state is TunnelState.ERROR
    wait_until(surroundings.ping, 15, "packets through the tunnel")  # the new one or the old


@pytest.mark.parametrize("version", VERSIONS)
def test_transport_mode_runs_between_the_gateways_themselves(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    wanted = tunnel(version, esp=esp(encapsulation="transport"), **BETWEEN_GATEWAYS)
    surroundings.remote.peer.start(peers(wanted))
    gateway.want(wanted)
    gateway.start()
    if gateway.backend is Backend.LIBIPSEC:
        told = reason(gateway, wanted, ReasonCode.UNSUPPORTED)
        assert "encapsulation_mode of the IPsec policy to tunnel" in told.message
        return
    gateway.wait_applied(wanted)
    assert gateway.namespace.ping(PEER_OUTSIDE, count=5, source=ROUTER_OUTSIDE)
    (child,) = (child for sa in gateway.diagnose(wanted).sas for child in sa.children)
    assert (child.mode, child.packets_in >= 5, child.packets_out >= 5) == ("TRANSPORT", True, True)


def test_transport_mode_between_networks_is_refused_by_its_name_and_harms_nothing(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    before = tunnel(**NETWORKS)
    surroundings.remote.peer.start(peers(before))
    gateway.want(before)
    gateway.start()
    gateway.wait_applied(before)
    wanted = changed(before, esp=esp(encapsulation="transport"))
    gateway.want(wanted)
    told = reason(gateway, wanted, ReasonCode.UNSUPPORTED)
    assert "encapsulation_mode transport carries only packets" in told.message
    assert told.message.endswith("What was up before goes on.")
    assert surroundings.ping(count=5)


@pytest.mark.parametrize("role", ["initiator", "responder"])
def test_a_peer_that_has_transport_mode_between_networks_is_told_as_such(
    surroundings: Surroundings, gateway: Gateway, role: str
) -> None:
    initiator = "bi-directional" if role == "initiator" else "response-only"
    wanted = tunnel(initiator=initiator, **NETWORKS)
    peer = surroundings.remote.peer
    peer.start(peers(wanted, mode="transport"))
    gateway.want(wanted)
    gateway.start()
    gateway.wait(wanted, lambda _: True)
    if role == "responder":
        peer.swanctl("--initiate", "--child", CHILD, "--timeout", "-1")
    told = reason(gateway, wanted, ReasonCode.TRAFFIC_SELECTOR_MISMATCH)
    assert ("transport mode" in told.message) == (role == "responder")
    peer.load(peers(wanted))
    if role == "responder":
        peer.swanctl("--initiate", "--child", CHILD, "--timeout", "-1")
    gateway.wait_applied(wanted)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (tunnel(initiator="response-only", esp=esp(protocol="ah"), **NETWORKS), "ah: sha256"),
        (
            tunnel(
                initiator="response-only", esp=esp(encapsulation="transport"), **BETWEEN_GATEWAYS
            ),
            "transport mode",
        ),
    ],
    ids=["ah", "transport"],
)
def test_what_only_the_data_plane_knows_that_it_has_not_is_told(
    surroundings: Surroundings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: Tunnel,
    words: str,
) -> None:
    """As a kernel without AH, or without an algorithm: charon finds it out."""
    monkeypatch.setenv(dataplane.VARIABLE, "libipsec")
    believed = {Backend.LIBIPSEC: connection_config.CAPABILITIES[Backend.NETLINK]}
    monkeypatch.setattr(connection_config, "CAPABILITIES", believed)
    peer = surroundings.remote.peer
    peer.start(peers(wanted))
    gateway = Gateway(surroundings, tmp_path / "gw")
    try:
        gateway.want(wanted)
        gateway.start()
        gateway.wait(wanted, lambda _: True)
        with pytest.raises(LabError):
            peer.initiate(CHILD)
        told = reason(gateway, wanted, ReasonCode.UNSUPPORTED)
        assert "data plane did not take" in told.message
        assert words in told.message
    finally:
        gateway.close()


def test_tunnel_mode_between_the_gateways_themselves_needs_the_kernel(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    wanted = tunnel(initiator="response-only", **BETWEEN_GATEWAYS)
    peer = surroundings.remote.peer
    peer.start(peers(wanted))
    gateway.want(wanted)
    gateway.start()
    gateway.wait(wanted, lambda _: True)
    if gateway.backend is Backend.NETLINK:
        peer.initiate(CHILD)
        gateway.wait_applied(wanted)
        return
    with pytest.raises(LabError):
        peer.initiate(CHILD)
    told = reason(gateway, wanted, ReasonCode.UNSUPPORTED)
    assert f"{ROUTER_OUTSIDE}/32 and {PEER_OUTSIDE}/32" in told.message
    assert "Use a kernel with ESP" in told.message

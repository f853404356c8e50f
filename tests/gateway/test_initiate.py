"""A tunnel is initiated when somebody wants it, whatever pause it has come to; nothing else is
touched."""

from __future__ import annotations

import pytest

from landbridge.agent.plan import attempts
from landbridge.lab.hosts import wait_until
from landbridge.model.initiation import InitiationState
from landbridge.model.status import ReasonCode, TunnelState, TunnelStatus
from landbridge.model.tunnel import Secret, Tunnel
from tests.gateway.conftest import LOCAL_CIDRS, PEER_CIDRS, PSK, Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, tunnel

pytestmark = pytest.mark.gateway

AN_HOUR = 3600.0
OTHER_ADDRESS = "198.51.100.3"
OTHER = Secret(value="another word")


@pytest.fixture(autouse=True)
def patient_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """After one failure nothing is tried by itself for an hour."""
    monkeypatch.setattr(attempts, "back_off", lambda failures, unread=False: AN_HOUR)


def sibling(around: Surroundings) -> Tunnel:
    """Another tunnel of the router, to another address of the peer's."""
    around.remote.peer.host.address("uplink", f"{OTHER_ADDRESS}/24")
    return tunnel(
        peer_address=OTHER_ADDRESS, peer_id=OTHER_ADDRESS,
        local_cidrs=LOCAL_CIDRS[1:], peer_cidrs=PEER_CIDRS[1:],
    )  # fmt: skip


def refused(status: TunnelStatus) -> bool:
    codes = (ReasonCode.PSK_MISMATCH, ReasonCode.PEER_NOT_CHANGED)
    return status.reason is not None and status.reason.code in codes


def begin(gateway: Gateway, wanted: Tunnel) -> None:
    """As soon as no attempt is under way another one is begun."""

    def begun() -> bool:
        told = gateway.initiate(wanted)
        assert told.state is not InitiationState.REFUSED
        return told.state is not InitiationState.UNDER_WAY

    wait_until(begun, 20, "it is initiated")


def test_a_peer_that_is_back_is_asked_when_somebody_wants_it(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    wanted, beside = tunnel(), sibling(surroundings)
    peer = surroundings.remote.peer
    there = peer_connection(psk=OTHER.value)
    other = peer_connection("beside", pairs=(1,))
    peer.start(there, other)
    peer.change("beside", local=OTHER_ADDRESS)
    gateway.want(wanted, beside)
    gateway.start()
    gateway.wait_applied(beside)
    gateway.wait(wanted, refused)
    established = gateway.children(beside)

    # The peer still refuses it, and is asked all the same.
    begin(gateway, wanted)
    peer.change("site-a", psk=PSK)
    begin(gateway, wanted)
    gateway.wait_applied(wanted)
    assert surroundings.ping()

    both = gateway.children(wanted) | gateway.children(beside)
    assert established <= both
    for each in (wanted, beside):
        assert gateway.initiate(each).state is InitiationState.ESTABLISHED
    assert gateway.children(wanted) | gateway.children(beside) == both


def test_an_update_that_waits_for_its_peer_is_tried_when_somebody_wants_it(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    peer, wanted = surroundings.remote.peer, tunnel()
    peer.start(peer_connection())
    gateway.want(wanted)
    gateway.start()
    gateway.wait_applied(wanted)
    newer = changed(wanted, psk=OTHER, psk_generation=2)
    before = gateway.children(wanted)
    gateway.want(newer)
    gateway.wait(newer, refused)
    assert gateway.children(wanted) == before
    peer.change("site-a", psk=OTHER.value)
    begin(gateway, newer)
    gateway.wait_applied(newer)
    assert gateway.children(newer).isdisjoint(before)
    assert gateway.wait(newer, lambda status: True).state is TunnelState.UP

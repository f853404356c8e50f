"""A reason is of the attempt that it was told of: what was tried before is told no more."""

from __future__ import annotations

import pytest

from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Secret
from tests.gateway.conftest import PSK, Surroundings, peer_connection
from tests.gateway.gateway import Gateway, changed, tunnel

pytestmark = pytest.mark.gateway

OF_THE_PSK = {ReasonCode.AUTHENTICATION_FAILED, ReasonCode.PSK_MISMATCH}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_off_and_on_begins_anew(surroundings: Surroundings, gateway: Gateway, version: str) -> None:
    peer = surroundings.remote.peer
    peer.start(peer_connection(version=int(version[1])))
    ours = tunnel(version, psk=Secret(value="another"))
    gateway.want(ours)
    gateway.start()
    gateway.wait(ours, lambda told: told.reason is not None and told.reason.code in OF_THE_PSK)
    off = changed(ours, admin_state_up=False)
    gateway.want(off)
    gateway.wait(off, lambda told: told.reason is not None)
    peer.host.ip("link", "set", "uplink", "down")
    on = changed(off, admin_state_up=True)
    gateway.want(on)
    silent = {ReasonCode.PEER_UNREACHABLE, ReasonCode.NO_ROUTE}
    gateway.wait(on, lambda told: told.reason is not None and told.reason.code in silent)
    told = {status.reason and status.reason.code for _, status in gateway.history
            if status.revision == on.revision}  # fmt: skip
    assert not told & OF_THE_PSK


def test_a_psk_that_is_corrected_is_not_told_of_as_wrong(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    surroundings.remote.peer.start(peer_connection())
    ours = tunnel(psk=Secret(value="another"))
    gateway.want(ours)
    gateway.start()
    gateway.wait(ours, lambda told: told.reason is not None and told.reason.code in OF_THE_PSK)
    right = changed(ours, psk=Secret(value=PSK), psk_generation=2)
    gateway.want(right)
    gateway.wait(right, lambda told: told.state is TunnelState.UP)
    told = {status.reason and status.reason.code for _, status in gateway.history
            if status.revision == right.revision}  # fmt: skip
    assert not told & OF_THE_PSK

"""A PSK changed on both ends, minutes apart, in either order, whatever happens in between."""

from __future__ import annotations

import contextlib

import pytest

from landbridge.lab.hosts import LabError, wait_until
from landbridge.lab.patience import patient
from landbridge.lab.traffic import Traffic
from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Secret, Tunnel
from tests.gateway.conftest import Surroundings, peer_connection
from tests.gateway.early import new_sas
from tests.gateway.gateway import Gateway, changed, is_applied, tunnel

pytestmark = pytest.mark.gateway

BOTH = pytest.mark.parametrize("version", ["v1", "v2"])
NEW = "a newer secret"
PATIENCE = patient(40.0)
SOON = 6.0
MANY = 5  # attempts: the first sets the tunnel up


def up(surroundings: Surroundings, gateway: Gateway, version: str, **ours: str) -> Tunnel:
    surroundings.remote.peer.start(peer_connection(version=int(version[1])))
    wanted = tunnel(version, **ours)
    gateway.want(wanted)
    gateway.start()
    if ours:
        wait_until(
            lambda: gateway.charon.log.exists() and wanted.id in gateway.statuses, 15, "charon"
        )
        surroundings.remote.peer.initiate("site-a-0")
    gateway.wait_applied(wanted)
    wait_until(surroundings.ping, 15, "packets")
    return wanted


def with_psk(old: Tunnel, value: str) -> Tunnel:
    return changed(old, psk=Secret(value=value), psk_generation=old.psk_generation + 1)


def wait_refused(gateway: Gateway, new: Tunnel) -> None:
    gateway.wait(new, lambda s: s.reason is not None and s.reason.code is REFUSED, PATIENCE)


REFUSED = ReasonCode.PEER_NOT_CHANGED


@BOTH
def test_the_peer_first(surroundings: Surroundings, gateway: Gateway, version: str) -> None:
    wanted = up(surroundings, gateway, version)
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as sas:
        surroundings.remote.peer.change("site-a", psk=NEW)
        new = with_psk(wanted, NEW)
        gateway.want(new)
        gateway.wait_applied(new)
        lost = traffic.stop()["tunnel"]
    assert sas.excuses(lost), f"{sas}, {lost}"


def test_an_ikev1_peer_that_follows_is_not_kept_waiting(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    """An attempt with another secret than the peer's could only time out."""
    peer, wanted = surroundings.remote.peer, up(surroundings, gateway, "v1")
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as sas:
        new = with_psk(wanted, NEW)
        gateway.want(new)
        wait_refused(gateway, new)
        peer.change("site-a", psk=NEW)
        gateway.wait(new, is_applied, SOON)
        lost = traffic.stop()["tunnel"]
    assert sas.excuses(lost), f"{sas}, {lost}"


def test_an_ikev1_peer_with_another_secret_for_long_goes_on_answering(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    """strongSwan does not, once an address has left it five exchanges half open."""
    peer, wanted = surroundings.remote.peer, up(surroundings, gateway, "v1")
    new = with_psk(wanted, NEW)
    gateway.want(new)
    wait_refused(gateway, new)
    wait_until(lambda: gateway.charon.log.read_text().count("initiating Main Mode") > MANY,
               60, "many attempts")  # fmt: skip
    wait_refused(gateway, new)
    assert "too aggressive" not in peer.log.read_text()
    assert surroundings.ping()


@BOTH
def test_a_tunnel_that_breaks_meanwhile_comes_back_with_the_old_secret(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    peer, wanted = surroundings.remote.peer, up(surroundings, gateway, version)
    new = with_psk(wanted, NEW)
    gateway.want(new)
    wait_refused(gateway, new)
    peer.terminate("site-a")
    gateway.wait(new, lambda s: s.state is not TunnelState.UP)
    gateway.wait(new, lambda s: s.state is TunnelState.UP, PATIENCE)
    wait_until(surroundings.ping, 15, "packets again")
    wait_refused(gateway, new)
    assert not is_applied(gateway.statuses[new.id])
    peer.change("site-a", psk=NEW)
    gateway.wait(new, is_applied, PATIENCE)


@BOTH
def test_a_tunnel_whose_charon_dies_meanwhile_comes_back_with_the_old_secret(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    peer, wanted = surroundings.remote.peer, up(surroundings, gateway, version)
    new = with_psk(wanted, NEW)
    gateway.want(new)
    wait_refused(gateway, new)
    gateway.kill_charon()
    gateway.wait(new, lambda s: s.state is not TunnelState.UP)
    gateway.wait(new, lambda s: s.state is TunnelState.UP, PATIENCE)
    wait_until(surroundings.ping, 15, "packets again")
    wait_refused(gateway, new)
    peer.change("site-a", psk=NEW)
    gateway.wait(new, is_applied, PATIENCE)


def test_a_peer_that_alone_initiates_comes_back_with_the_old_secret(
    surroundings: Surroundings, gateway: Gateway
) -> None:
    peer = surroundings.remote.peer
    wanted = up(surroundings, gateway, "v2", initiator="response-only")
    new = with_psk(wanted, NEW)
    gateway.want(new)  # takes the tunnel down: nothing else brings the peer to authenticate
    gateway.wait(new, lambda s: s.state is not TunnelState.UP)

    def back() -> bool:
        with contextlib.suppress(LabError):  # refused, while the new secret has its turn
            peer.initiate("site-a-0")
        return surroundings.ping()

    wait_until(back, 30, "packets again")
    peer.change("site-a", psk=NEW)
    peer.terminate("site-a")
    wait_until(back, 30, "packets with the new secret")
    gateway.wait(new, is_applied, PATIENCE)


@BOTH
def test_the_peer_initiates_with_the_new_secret(
    surroundings: Surroundings, gateway: Gateway, version: str
) -> None:
    peer, wanted = surroundings.remote.peer, up(surroundings, gateway, version)
    new = with_psk(wanted, NEW)
    gateway.want(new)
    wait_refused(gateway, new)
    peer.change("site-a", psk=NEW)
    peer.swanctl("--terminate", "--ike", "site-a", "--timeout", "-1")
    gateway.wait(new, is_applied, PATIENCE)
    wait_until(surroundings.ping, 15, "packets")


@BOTH
def test_back_to_the_old_secret(surroundings: Surroundings, gateway: Gateway, version: str) -> None:
    wanted = up(surroundings, gateway, version)
    with Traffic([surroundings.flow()]) as traffic, new_sas(surroundings) as sas:
        new = with_psk(wanted, NEW)
        gateway.want(new)
        wait_refused(gateway, new)
        assert wanted.psk is not None
        back = with_psk(new, wanted.psk.value)
        gateway.want(back)
        gateway.wait(back, is_applied, PATIENCE)
        lost = traffic.stop()["tunnel"]
    assert sas.excuses(lost), f"{sas}, {lost}"

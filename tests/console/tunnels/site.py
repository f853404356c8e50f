"""A site of ours and a peer with a real tunnel between them, and what the API says of it.

Rules this module keeps:
- All that the API holds of it is made through the API, by somebody of project proj-a and, for
  what only an operator may, by the admin.
- The peer is a foreign strongSwan that a test changes as the person at the other end would.
- Packets go from a host behind our router to one behind the peer, and are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from landbridge.lab.hosts import wait_until
from landbridge.lab.peer import Peer, PeerChild, PeerConnection
from landbridge.lab.sites import WILLING
from landbridge.lab.traffic import Traffic
from tests.api.population import CONNECTIONS, GROUPS, made
from tests.api.remote import Remote
from tests.console.tunnels.halves import Halves
from tests.gateway.conftest import (
    LOCAL_CIDRS,
    PEER_CIDRS,
    PEER_OUTSIDE,
    PSK,
    ROUTER_INSIDE,
    ROUTER_OUTSIDE,
    Surroundings,
)

CALLER: Final = "a"
NAME: Final = "Harbour"
#: A second IPsec policy, and that the peer takes of it.
STRONGER: Final = "ESP AES-256"
STRICT: Final = "aes128-sha256-modp2048"
_DEADLINE: Final = 30.0  # seconds


class LabSite:
    """Connection `NAME` with `id`, up; the peer agrees to any algorithm until `strict`."""

    def __init__(self, served: Remote, halves: Halves, around: Surroundings) -> None:
        self.served = served
        self.halves = halves
        self.around = around
        outer, inner = self._networks()
        bridges = {outer["id"]: around.uplink, inner["id"]: around.inside}
        halves.configure_agent(bridges)
        halves.start_agent()
        around.remote.peer.start(peer_side())
        self.id = str(self._connection(outer, inner)["id"])
        self.path = f"/console/connections/{self.id}"

    # What is asked and wanted of the API ------------------------------------------------------

    def view(self) -> dict[str, Any]:
        answer = self.served.request("GET", f"{CONNECTIONS}/{self.id}", CALLER)
        return dict(answer.json()["ipsec_site_connection"])

    def change(self, **values: object) -> None:
        body = {"ipsec_site_connection": values}
        answer = self.served.request("PUT", f"{CONNECTIONS}/{self.id}", CALLER, json=body)
        assert answer.status_code == 200, answer.text

    def wait(self, holds: Callable[[dict[str, Any]], bool], what: str) -> None:
        wait_until(lambda: holds(self.view()), _DEADLINE, what)

    def wait_active(self) -> None:
        """ACTIVE, in effect as it is wanted, and packets come through."""
        self.wait(lambda view: view["status"] == "ACTIVE", "the connection becomes ACTIVE")
        wait_until(self.around.ping, _DEADLINE, "packets come through the tunnel")

    # The other end ----------------------------------------------------------------------------

    @property
    def peer(self) -> Peer:
        return self.around.remote.peer

    def strict(self) -> None:
        """From now on the peer agrees to AES-128 only; what stands stays."""
        self._peer_takes(STRICT)

    def willing(self) -> None:
        self._peer_takes(WILLING)

    def peer_key(self, psk: str) -> None:
        self.peer.load(replace(self.peer.connections[0], psk=psk))

    def _peer_takes(self, proposals: str) -> None:
        (connection,) = self.peer.connections
        children = tuple(replace(each, esp_proposals=proposals) for each in connection.children)
        self.peer.load(replace(connection, children=children))

    def traffic(self) -> Traffic:
        """Packets through the tunnel, both ways, as soon as it is entered."""
        return Traffic([self.around.flow("tunnel")], rate=100, settle=2.0)

    # What there is ----------------------------------------------------------------------------

    def _networks(self) -> tuple[dict[str, Any], dict[str, Any]]:
        outer = self._make("/v2.0/networks", "network", "admin", name="Kiel uplink",
                           **{"router:external": True})  # fmt: skip
        # The one address that the surroundings have for the router.
        pool = [{"start": ROUTER_OUTSIDE, "end": ROUTER_OUTSIDE}]
        self._make("/v2.0/subnets", "subnet", "admin", network_id=outer["id"], ip_version=4,
                   cidr="198.51.100.0/24", gateway_ip=None, allocation_pools=pool)  # fmt: skip
        return outer, self._make("/v2.0/networks", "network", name="Kiel hosts")

    def _connection(self, outer: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
        subnet = self._make(
            "/v2.0/subnets", "subnet", network_id=inner["id"], ip_version=4,
            cidr=LOCAL_CIDRS[0], gateway_ip=ROUTER_INSIDE, name="Kiel lan",
        )["id"]  # fmt: skip
        router = self._make(
            "/v2.0/routers", "router", name="Kiel router",
            external_gateway_info={"network_id": outer["id"]},
        )["id"]  # fmt: skip
        interface = f"/v2.0/routers/{router}/add_router_interface"
        self.served.request("PUT", interface, CALLER, json={"subnet_id": subnet})
        esp = {"auth_algorithm": "sha256", "pfs": "group14"}
        ipsec = [
            self._make("/v2.0/vpn/ipsecpolicies", "ipsecpolicy", name=name, **esp,
                       encryption_algorithm=cipher)["id"]
            for name, cipher in (("ESP AES-128", "aes-128"), (STRONGER, "aes-256"))
        ]  # fmt: skip
        given = {
            "name": NAME,
            "vpnservice_id": self._make(
                "/v2.0/vpn/vpnservices", "vpnservice", router_id=router, name="Kiel vpn"
            )["id"],
            "ikepolicy_id": self._make(
                "/v2.0/vpn/ikepolicies", "ikepolicy", name="IKEv2", ike_version="v2",
                encryption_algorithm="aes-128", **esp,
            )["id"],
            "ipsecpolicy_id": ipsec[0],
            "local_ep_group_id": self._group("Kiel networks", "subnet", subnet),
            "peer_ep_group_id": self._group("Harbour networks", "cidr", PEER_CIDRS[0]),
            "peer_address": PEER_OUTSIDE,
            "peer_id": PEER_OUTSIDE,
            "psk": PSK,
            "dpd": {"interval": 1, "timeout": 3},
        }  # fmt: skip
        return self._make(CONNECTIONS, "ipsec_site_connection", **given)

    def _group(self, name: str, type: str, endpoint: str) -> str:
        group = self._make(GROUPS, "endpoint_group", name=name, type=type, endpoints=[endpoint])
        return str(group["id"])

    def _make(
        self, path: str, wrapper: str, caller: str = CALLER, **attributes: Any
    ) -> dict[str, Any]:
        return made(self.served, path, wrapper, caller, **attributes)


def peer_side() -> PeerConnection:
    """What the person at the other end has written for us."""
    child = PeerChild("harbour", PEER_CIDRS[0], LOCAL_CIDRS[0], esp_proposals=WILLING)
    return PeerConnection("kiel", PEER_OUTSIDE, ROUTER_OUTSIDE, PSK, (child,), proposals=WILLING)

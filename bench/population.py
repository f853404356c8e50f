"""Connections by the thousand, built through the API as a client would.

Rules this module keeps:
- Many routers, `PER_ROUTER` connections on each, every connection with a peer of its own.
- It grows: what was built stays, so that one run measures 100, 1,000 and 10,000.
"""

from __future__ import annotations

import msgspec

from bench import load
from bench.service import Service
from landbridge.client import Resource

PER_ROUTER = 100
CLIENTS = 8  # that build at the same time
CONNECTIONS = "/v2.0/vpn/ipsec-site-connections"


class Population:
    """The connections of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._api = api = service.api
        self._external = api.create("network", **{"router:external": True})
        self._subnet(self._external, "10.254.0.0/16")
        self.ike = api.create("ikepolicy", name="ike")
        self.ipsec = api.create("ipsecpolicy", name="ipsec")
        self.ids: list[str] = []

    def grow(self, count: int) -> load.Result:
        """Up to `count` connections; the measure of those that were built."""
        first = len(self.ids)
        bodies: list[bytes] = []
        for start in range(first, count, PER_ROUTER):
            shared = self._router(start // PER_ROUTER)
            numbers = range(start, min(start + PER_ROUTER, count))
            bodies += [self._connection(shared, number) for number in numbers]
        result = load.run(
            load.Job(
                host=self._service.host,
                port=self._service.port,
                clients=CLIENTS,
                requests=[self._service.request("POST", CONNECTIONS, body) for body in bodies],
            )
        )
        self.ids = [row["id"] for row in self._api.list("ipsec_site_connection", fields="id")]
        return result

    def _router(self, number: int) -> Resource:
        """A router, its inside and its service; what its connections share."""
        api = self._api
        inside = api.create("network", name=f"inside-{number}")
        subnet = self._subnet(inside, f"10.{number // 250}.{number % 250}.0/24")
        gateway = {"network_id": self._external["id"]}
        router = api.create("router", name=f"router-{number}", external_gateway_info=gateway)
        path = f"/v2.0/routers/{router['id']}/add_router_interface"
        api.call("PUT", path, {"subnet_id": subnet["id"]})
        local = api.create("endpoint_group", type="subnet", endpoints=[subnet["id"]])
        peer = api.create("endpoint_group", type="cidr", endpoints=["192.168.0.0/24"])
        return {
            "vpnservice_id": api.create("vpnservice", router_id=router["id"])["id"],
            "ikepolicy_id": self.ike["id"],
            "ipsecpolicy_id": self.ipsec["id"],
            "local_ep_group_id": local["id"],
            "peer_ep_group_id": peer["id"],
            "psk": "a secret that is as long as they are",
        }

    def _connection(self, shared: Resource, number: int) -> bytes:
        address = f"172.{16 + number // 65536}.{number // 256 % 256}.{number % 256}"
        own = {"name": f"connection-{number}", "peer_address": address, "peer_id": address}
        return msgspec.json.encode({"ipsec_site_connection": shared | own})

    def _subnet(self, network: Resource, cidr: str) -> Resource:
        return self._api.create(
            "subnet", network_id=network["id"], ip_version=4, cidr=cidr, enable_dhcp=False
        )

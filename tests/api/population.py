"""What the API tests build on: a router with a gateway, and connections."""

from __future__ import annotations

from typing import Any

from tests.api.harness import Api

CONNECTIONS = "/v2.0/vpn/ipsec-site-connections"
GROUPS = "/v2.0/vpn/endpoint-groups"


def made(
    api: Api, path: str, wrapper: str, caller: str = "a", /, **attributes: Any
) -> dict[str, Any]:
    answer = api.request("POST", path, caller, json={wrapper: attributes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()[wrapper]
    return found


class Site:
    """A site of project proj-a that connections can be made on."""

    def __init__(self, api: Api) -> None:
        self._api = api
        outer = made(api, "/v2.0/networks", "network", "admin", **{"router:external": True})
        made(api, "/v2.0/subnets", "subnet", "admin", network_id=outer["id"], ip_version=4,
             cidr="203.0.113.0/24")  # fmt: skip
        inner = made(api, "/v2.0/networks", "network", name="inner")
        subnet = made(api, "/v2.0/subnets", "subnet", network_id=inner["id"], ip_version=4,
                      cidr="10.1.0.0/24")  # fmt: skip
        gateway = {"network_id": outer["id"]}
        self.router = made(api, "/v2.0/routers", "router", external_gateway_info=gateway)["id"]
        interface = f"/v2.0/routers/{self.router}/add_router_interface"
        api.request("PUT", interface, "a", json={"subnet_id": subnet["id"]})
        self.service = made(api, "/v2.0/vpn/vpnservices", "vpnservice", router_id=self.router)["id"]
        self.ike = made(api, "/v2.0/vpn/ikepolicies", "ikepolicy")["id"]
        self.ipsec = made(api, "/v2.0/vpn/ipsecpolicies", "ipsecpolicy")["id"]
        self.local = made(api, GROUPS, "endpoint_group", type="subnet", endpoints=[subnet["id"]])
        self.peer = made(api, GROUPS, "endpoint_group", type="cidr", endpoints=["10.9.0.0/24"])

    def connection(self, **attributes: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "vpnservice_id": self.service,
            "ikepolicy_id": self.ike,
            "ipsecpolicy_id": self.ipsec,
            "local_ep_group_id": self.local["id"],
            "peer_ep_group_id": self.peer["id"],
            "peer_address": "198.51.100.1",
            "peer_id": "198.51.100.1",
            "psk": "s3cret",
        }
        return made(self._api, CONNECTIONS, "ipsec_site_connection", **given | attributes)

"""Objects for the fuzzer to hit: without them every request would end with 404."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, Final
from uuid import uuid4
from zlib import crc32

import httpx2

# attribute -> where the objects are that it refers to
REFERENCES: Final[Mapping[str, str]] = {
    "network_id": "networks",
    "subnet_id": "subnets",
    "router_id": "routers",
    "port_id": "ports",
    "ikepolicy_id": "ikepolicies",
    "ipsecpolicy_id": "ipsecpolicies",
    "vpnservice_id": "vpnservices",
    "local_ep_group_id": "local",
    "peer_ep_group_id": "peer",
}
PARTS: Final = (
    "ikepolicy_id",
    "ipsecpolicy_id",
    "vpnservice_id",
    "local_ep_group_id",
    "peer_ep_group_id",
)
COLLECTIONS: Final[Mapping[str, str]] = {
    "networks": "/networks",
    "subnets": "/subnets",
    "routers": "/routers",
    "ports": "/ports",
    "ikepolicies": "/vpn/ikepolicies",
    "ipsecpolicies": "/vpn/ipsecpolicies",
    "vpnservices": "/vpn/vpnservices",
    "endpoint-groups": "/vpn/endpoint-groups",
    "ipsec-site-connections": "/vpn/ipsec-site-connections",
}


class Population:
    """One object of each kind in use, and a new one of each kind on demand."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self._numbers = count(1)
        self.ids: dict[str, list[str]] = {}
        self._build()

    def real(self, kind: str, choice: Any) -> str:
        """The id of one of them, the same for the same `choice`."""
        known = self.ids[kind]
        return known[crc32(repr(choice).encode()) % len(known)]

    def spare(self, kind: str) -> str:
        """The id of a new object that nothing uses."""
        return str(self._make(kind, **self.minimal(kind))["id"])

    def _build(self) -> None:
        public = self._make("networks", **{"router:external": True})["id"]
        outside = self._make("subnets", network_id=public, ip_version=4, cidr="203.0.113.0/24")
        self.ids["networks"] = [public]
        self.ids["subnets"] = [outside["id"]]
        inside = self.spare("subnets")
        gateway = {"network_id": public}
        used = self._make("routers", external_gateway_info=gateway)["id"]
        body = {"subnet_id": inside}
        self._client.put(f"/routers/{used}/add_router_interface", json=body).raise_for_status()
        self.ids["subnets"].append(inside)
        self.ids["routers"] = [used]
        self.ids["vpnservices"] = [self._make("vpnservices", router_id=used)["id"]]
        self.ids["local"] = [self._make("endpoint-groups", type="subnet", endpoints=[inside])["id"]]
        self.ids["peer"] = [self.spare("endpoint-groups")]
        self.ids["endpoint-groups"] = self.ids["local"] + self.ids["peer"]
        for kind in ("ikepolicies", "ipsecpolicies", "ports", "ipsec-site-connections"):
            self.ids[kind] = [self.spare(kind)]
        for kind in self.ids:
            if kind in ("networks", "routers", "ikepolicies", "ports"):
                self.ids[kind].append(self.spare(kind))

    def minimal(self, kind: str) -> dict[str, Any]:
        number = next(self._numbers)
        cidr = f"10.{number // 250}.{number % 250}.0/24"
        if kind == "subnets":
            return {"network_id": self._make("networks")["id"], "ip_version": 4, "cidr": cidr}
        if kind == "ports":
            return {"network_id": self._make("networks")["id"]}
        if kind == "endpoint-groups":
            return {"type": "cidr", "endpoints": [f"172.16.{number % 250}.0/24"]}
        if kind == "vpnservices":
            return {"router_id": self.ids["routers"][0]}
        if kind == "ipsec-site-connections":
            parts = {name: self.ids[REFERENCES[name]][0] for name in PARTS}
            address = f"198.51.{number // 250}.{number % 250}"
            return {**parts, "peer_address": address, "peer_id": address, "psk": uuid4().hex}
        return {}

    def _make(self, kind: str, **attributes: Any) -> dict[str, Any]:
        path = COLLECTIONS[kind]
        singular = path.rpartition("/")[2].replace("-", "_")
        name = f"{singular.removesuffix('ies')}y" if singular.endswith("ies") else singular[:-1]
        answer = self._client.post(path, json={name: attributes})
        assert answer.status_code == 201, f"POST {path} {attributes}: {answer.text}"
        return dict(answer.json()[name])

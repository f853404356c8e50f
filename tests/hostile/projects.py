"""Two projects that are strangers, and an operator, on a server that runs as a process of its own.

`proj-a` attacks, `proj-b` is attacked: it has one object of every kind. What `proj-b` has is taken
down by `Scene.of_b`: all that its lists show and all that its gateway would run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from landbridge.api.schema.catalogue import RESOURCES
from landbridge.vpn.gateways import leases
from landbridge.vpn.gateways.liveness import LONGEST_LEASE
from landbridge.vpn.revisions import desired, router_ports
from tests.api.population import made
from tests.api.remote import Remote
from tests.environments.landbridge import running, with_tokens

GATEWAY: Final = "gw"
NOWHERE: Final = "12345678-1234-4234-8234-123456789abc"
UPSTREAM: Final = "203.0.113.1"  # the gateway of the external network: a router of the operator's

Body = dict[str, Any]
PATHS: Final = {resource.name: resource.path for resource in RESOURCES}
_COLLECTIONS: Final = {resource.name: resource.collection for resource in RESOURCES}


class Project:
    """A project's inventory and VPN; `ids`: by resource."""

    def __init__(self, scene: Scene, caller: str, cidr: str) -> None:
        self._scene = scene
        self.caller = caller
        self.cidr = cidr
        self.ids: dict[str, str] = {}
        self._inventory()
        self._vpn()

    def make(self, resource: str, /, **attributes: Any) -> Body:
        return self._scene.make(resource, self.caller, **attributes)

    def _inventory(self) -> None:
        uplink = {"network_id": self._scene.external}
        self.ids["network"] = self.make("network", name="inside")["id"]
        self.ids["subnet"] = self.make(
            "subnet", network_id=self.ids["network"], ip_version=4, cidr=self.cidr
        )["id"]
        self.ids["port"] = self.make("port", network_id=self.ids["network"])["id"]
        self.ids["router"] = self.make("router", external_gateway_info=uplink)["id"]
        path = f"{PATHS['router']}/{self.ids['router']}/add_router_interface"
        body = {"subnet_id": self.ids["subnet"]}
        answer = self._scene.remote.request("PUT", path, self.caller, json=body)
        assert answer.status_code == 200, answer.text
        self.ids["leg"] = answer.json()["port_id"]

    def _vpn(self) -> None:
        self.ids["ikepolicy"] = self.make("ikepolicy")["id"]
        self.ids["ipsecpolicy"] = self.make("ipsecpolicy")["id"]
        self.ids["vpnservice"] = self.make("vpnservice", router_id=self.ids["router"])["id"]
        inside = self.make("endpoint_group", type="subnet", endpoints=[self.ids["subnet"]])
        outside = self.make("endpoint_group", type="cidr", endpoints=["192.168.77.0/24"])
        self.ids["endpoint_group"], self.ids["peer_group"] = inside["id"], outside["id"]
        self.ids["ipsec_site_connection"] = self.make("ipsec_site_connection", **self.connection())[
            "id"
        ]

    def connection(self) -> Body:
        """What a valid new connection of the project is made of."""
        return {
            "vpnservice_id": self.ids["vpnservice"],
            "ikepolicy_id": self.ids["ikepolicy"],
            "ipsecpolicy_id": self.ids["ipsecpolicy"],
            "local_ep_group_id": self.ids["endpoint_group"],
            "peer_ep_group_id": self.ids["peer_group"],
            "peer_address": "198.51.100.7",
            "peer_id": "198.51.100.7",
            "psk": "hush",
        }


class Scene:
    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self._numbers = itertools.count(1)
        remote.caller("b-reader", "proj-b", "reader")
        remote.caller("service", "proj-service", "service")
        self.external = self.make("network", "admin", **{"router:external": True})["id"]
        pool = [{"start": "203.0.113.10", "end": "203.0.113.199"}]
        self.external_subnet = self.make(
            "subnet", "admin", network_id=self.external, ip_version=4, cidr="203.0.113.0/24",
            allocation_pools=pool,
        )["id"]  # fmt: skip
        self.shared = self.make("network", "admin", project_id="proj-b", shared=True)["id"]
        self.shared_subnet = self.make(
            "subnet", "b", network_id=self.shared, ip_version=4, cidr="10.250.0.0/24"
        )["id"]
        self.a = Project(self, "a", "10.1.0.0/24")
        self.b = Project(self, "b", "10.2.0.0/24")

    def make(self, resource: str, caller: str, /, **attributes: Any) -> Body:
        if resource == "router":  # it goes to a gateway that reports, and housekeeping ends leases
            self.remote.db.write_sync(
                lambda tx: leases.lease(tx, GATEWAY, hostname="h", ttl=LONGEST_LEASE)
            )
        return made(self.remote, PATHS[resource], resource, caller, **attributes)

    def ask(self, method: str, path: str, caller: str, body: Any = None) -> tuple[int, Body]:
        answer = self.remote.request(method, path, caller, json=body)
        return answer.status_code, answer.json() if answer.content else {}

    def of_b(self) -> Body:
        """All that project b has, as it sees it, and as its gateway is told. Without the status: it
        changes by itself, since nobody renews the gateway's lease."""
        shown = {
            resource: [
                _lasting(each) for each in self.ask("GET", path, "b")[1][_COLLECTIONS[resource]]
            ]
            for resource, path in PATHS.items()
        }
        return shown | self.remote.db.read_sync(self._told)

    def _told(self, tx: Connection) -> Body:
        mine = self.b.ids["router"]
        return {
            "legs": [r for r in router_ports.routers(tx, GATEWAY) if r.id == mine],
            "tunnels": [r for r in desired.desired(tx, GATEWAY).tunnels if r.router_id == mine],
        }

    def legs_of(self, router_id: str) -> list[str]:
        """The addresses that a router has, as its gateway is told."""
        found = self.remote.db.read_sync(router_ports.router, GATEWAY, router_id)
        assert found is not None
        places = (*found.inside, *([found.uplink] if found.uplink else []))
        return sorted(address for leg in places for address in leg.addresses)

    def network(self, caller: str, cidr: str, **attributes: Any) -> tuple[str, str]:
        """A new network with a subnet: their ids."""
        network = self.make("network", caller, **attributes)["id"]
        subnet = self.make("subnet", caller, network_id=network, ip_version=4, cidr=cidr)["id"]
        return network, subnet

    def cidr(self) -> str:
        return f"10.100.{next(self._numbers)}.0/24"

    def mac(self) -> str:
        return f"fa:16:3e:77:77:{next(self._numbers):02x}"


@contextmanager
def scene(database_url: str, state: Path) -> Iterator[Scene]:
    with running(state, with_tokens(database_url)) as server:
        remote = Remote(server, database_url)
        try:
            yield Scene(remote)
        finally:
            remote.close()


def _lasting(shown: Body) -> Body:
    return {name: value for name, value in shown.items() if not name.startswith("status")}

"""A topology to try the rules on: two projects, routers with and without a gateway.

`trial` runs a function in a transaction and undoes it; `keep` commits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, select

from landbridge.store import tables as t
from landbridge.store.database import Database
from landbridge.store.secrets import Sealer
from landbridge.vpn import rows
from landbridge.vpn.gateways import leases
from landbridge.vpn.inventory import routers
from landbridge.vpn.resources.registry import RULES
from landbridge.vpn.rows import Attributes

T = TypeVar("T")

NOWHERE = "12345678-1234-4234-8234-123456789abc"
GATEWAY = "gw1"


class Told(NamedTuple):
    """What a gateway is to hear of one object."""

    kind: str
    id: str
    revision: int
    deleted: bool


def outbox(tx: Connection) -> set[Told]:
    """What this transaction has for the gateway; readers get it after the commit."""
    c = t.changes.c
    query = select(c.kind, c.object_id, c.revision, c.deleted).where(c.gateway_id == GATEWAY)
    return {Told(*row) for row in tx.execute(query)}


class _Undo(Exception):
    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class World:
    def __init__(self, url: str) -> None:
        self.db = Database.open(url, sealer=Sealer.generate(), threads=6)
        self.ids: dict[str, str] = {}
        self.keep(_register)
        self.keep(self._inventory)
        self.keep(self._vpn)

    def close(self) -> None:
        self.db.close()

    def keep(self, fn: Callable[[Connection], T]) -> T:
        return self.db.write_sync(fn)

    def trial(self, fn: Callable[[Connection], T]) -> T:
        def run(tx: Connection) -> T:
            raise _Undo(fn(tx))

        try:
            return self.db.write_sync(run)
        except _Undo as undone:
            result: T = undone.result
            return result

    def create(self, tx: Connection, kind: str, scope: str | None = "a", **values: Any) -> Any:
        """A resource of project `scope` (None: made by an administrator for project admin)."""
        given = {"project_id": scope or "admin", **DEFAULTS.get(kind, {}), **self.resolve(values)}
        RULES[kind].enter(tx, "create")
        return RULES[kind].create(tx, given, scope)

    def update(
        self, tx: Connection, kind: str, id: str, scope: str | None = "a", **changes: Any
    ) -> Any:
        RULES[kind].enter(tx, "update")
        return RULES[kind].update(tx, self.row(tx, kind, id), self.resolve(changes), scope)

    def delete(self, tx: Connection, kind: str, id: str) -> None:
        RULES[kind].enter(tx, "delete")
        RULES[kind].delete(tx, self.row(tx, kind, id))

    def row(self, tx: Connection, kind: str, id: str) -> Any:
        row = rows.get(tx, RULES[kind].table, self.ids.get(id, id), to_change=True)
        assert row is not None, id
        return row

    def shown(self, tx: Connection, kind: str, row: Any) -> Attributes:
        return RULES[kind].present(tx, [row])[0]

    def resolve(self, value: Any) -> Any:
        """Names of the topology as ids, ``UP_name`` in upper case."""
        if isinstance(value, dict):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if isinstance(value, str) and value.startswith("UP_"):
            return self.ids[value[3:]].upper()
        return self.ids.get(value, value) if isinstance(value, str) else value

    def connection(self, tx: Connection, scope: str | None = "a", **values: Any) -> Any:
        return self.create(tx, "ipsec_site_connection", scope, **(CONNECTION | values))

    def _inventory(self, tx: Connection) -> None:
        for name, external, subnets in NETWORKS:
            scope = OWNERS.get(name, "a")
            network = self._named(
                tx, name, "network", scope, name=name, **{"router:external": external}
            )
            for subnet, cidr in subnets:
                self._named(tx, subnet, "subnet", scope, network_id=network.id, cidr=cidr)
        for name, scope, uplink, subnets_inside in ROUTERS:
            info = {"network_id": uplink} if uplink else None
            router = self._named(tx, name, "router", scope, name=name, external_gateway_info=info)
            for subnet in subnets_inside:
                routers.add_interface(tx, router, self.resolve({"subnet_id": subnet}), scope)
                router = self.row(tx, "router", name)

    def _vpn(self, tx: Connection) -> None:
        for name, kind, scope, values in VPN:
            self._named(tx, name, kind, scope, name=name, **values)
        self.ids["conn"] = self.connection(tx, name="conn").id
        self.ids["conn_legacy"] = self.connection(tx, **LEGACY).id

    def _named(
        self, tx: Connection, id_name: str, kind: str, scope: str | None, **values: Any
    ) -> Any:
        row = self.create(tx, kind, scope, **values)
        self.ids[id_name] = row.id
        return row


def _register(tx: Connection) -> None:
    leases.lease(tx, GATEWAY, hostname="host1", ttl=3600)


OWNERS = {"ext": None, "ext6": None, "netb": "b"}
NETWORKS: list[tuple[str, bool, list[tuple[str, str]]]] = [
    ("ext", True, [("ext_sub4", "172.24.0.0/16")]),
    ("ext6", True, [("ext6_sub4", "172.25.0.0/16"), ("ext6_sub6", "2001:db8:e::/64")]),
    ("net1", False, [("sub1", "10.1.0.0/24")]),
    ("net2", False, [("sub2", "10.2.0.0/24")]),
    ("net3", False, [("sub3", "10.3.0.0/24")]),
    ("net6", False, [("sub6", "fd00:1::/64")]),
    ("netx", False, [("sub_unattached", "10.9.0.0/24")]),
    ("netb", False, [("subb", "10.8.0.0/24")]),
]
ROUTERS: list[tuple[str, str, str | None, list[str]]] = [
    ("router1", "a", "ext6", ["sub1", "sub2", "sub6"]),
    ("router2", "a", "ext", ["sub3"]),
    ("router_nogw", "a", None, []),
    ("router_b", "b", "ext", ["subb"]),
]
IKE = {
    "auth_algorithm": "sha256",
    "encryption_algorithm": "aes-128",
    "phase1_negotiation_mode": "main",
    "ike_version": "v2",
    "pfs": "group14",
}
IPSEC = {
    "auth_algorithm": "sha256",
    "encryption_algorithm": "aes-128",
    "transform_protocol": "esp",
    "encapsulation_mode": "tunnel",
    "pfs": "group14",
}
DEFAULTS: dict[str, Attributes] = {"ikepolicy": IKE, "ipsecpolicy": IPSEC}


def _group(type: str, *endpoints: str) -> Attributes:
    return {"type": type, "endpoints": list(endpoints)}


VPN: list[tuple[str, str, str, Attributes]] = [
    ("ike", "ikepolicy", "a", {}),
    ("ipsec", "ipsecpolicy", "a", {}),
    ("ipsec_ahesp", "ipsecpolicy", "a", {"transform_protocol": "ah-esp"}),
    ("ipsec_transport", "ipsecpolicy", "a", {"encapsulation_mode": "transport"}),
    ("ike_free", "ikepolicy", "a", {}),
    ("ipsec_free", "ipsecpolicy", "a", {}),
    ("ike_b", "ikepolicy", "b", {}),
    ("ipsec_b", "ipsecpolicy", "b", {}),
    ("epg_local", "endpoint_group", "a", _group("subnet", "sub1")),
    ("epg_local2", "endpoint_group", "a", _group("subnet", "sub1", "sub2")),
    ("epg_local6", "endpoint_group", "a", _group("subnet", "sub6")),
    ("epg_local_mixed", "endpoint_group", "a", _group("subnet", "sub1", "sub6")),
    ("epg_local_unattached", "endpoint_group", "a", _group("subnet", "sub_unattached")),
    ("epg_local_r2", "endpoint_group", "a", _group("subnet", "sub3")),
    ("epg_peer", "endpoint_group", "a", _group("cidr", "192.168.100.0/24")),
    ("epg_peer2", "endpoint_group", "a", _group("cidr", "192.168.101.0/24", "192.168.102.0/24")),
    ("epg_peer6", "endpoint_group", "a", _group("cidr", "fd00:99::/64")),
    ("epg_peer_mixed", "endpoint_group", "a", _group("cidr", "192.168.103.0/24", "fd00:98::/64")),
    ("epg_peer_b", "endpoint_group", "b", _group("cidr", "192.168.200.0/24")),
    ("svc", "vpnservice", "a", {"router_id": "router1"}),
    ("svc_r2", "vpnservice", "a", {"router_id": "router2"}),
    ("svc_legacy", "vpnservice", "a", {"router_id": "router1", "subnet_id": "sub2"}),
    ("svc_legacy6", "vpnservice", "a", {"router_id": "router1", "subnet_id": "sub6"}),
    ("svc_b", "vpnservice", "b", {"router_id": "router_b"}),
]
CONNECTION: Attributes = {
    "vpnservice_id": "svc",
    "ikepolicy_id": "ike",
    "ipsecpolicy_id": "ipsec",
    "peer_address": "198.51.100.9",
    "peer_id": "198.51.100.9",
    "psk": "secret",
    "local_ep_group_id": "epg_local",
    "peer_ep_group_id": "epg_peer",
}
LEGACY: Attributes = {
    "vpnservice_id": "svc_legacy",
    "local_ep_group_id": None,
    "peer_ep_group_id": None,
    "peer_cidrs": ["192.168.110.0/24", "192.168.111.5/24"],
}

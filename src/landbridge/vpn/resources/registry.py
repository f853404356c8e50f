"""The rules of every resource, by its name in the API.

Rules this module keeps:
- Handlers know the verbs and this table, and no resource by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Table

from landbridge.errors import ApiError
from landbridge.store import tables as t
from landbridge.store.transaction import Row, enter
from landbridge.vpn import errors
from landbridge.vpn.inventory import client_ports, networks, routers, subnets
from landbridge.vpn.resources import connections, endpoints, policies, services
from landbridge.vpn.rows import Scope


class Create(Protocol):
    def __call__(self, tx: Connection, values: Row, scope: Scope = None) -> Row: ...


class Update(Protocol):
    def __call__(self, tx: Connection, row: Row, changes: Row, scope: Scope = None) -> Row: ...


class Present(Protocol):
    def __call__(self, tx: Connection, found: list[Row], secrets: bool = True) -> list[Row]: ...


@dataclass(frozen=True)
class Rules:
    """What can be done to one kind of resource; each verb runs in the caller's transaction.

    Who writes calls `enter` before the first row is read. `beside`: the verbs that may run
    beside each other; all others run alone.
    """

    table: Table
    not_found: Callable[[str], ApiError]
    create: Create
    update: Update
    delete: Callable[[Connection, Row], None]
    present: Present
    beside: frozenset[str] = frozenset()

    def enter(self, tx: Connection, verb: str) -> None:
        """`verb`: create, update, delete or an action."""
        enter(tx, alone=verb not in self.beside)


def _of(
    module: object,
    table: Table,
    not_found: Callable[[str], ApiError],
    beside: frozenset[str] = frozenset(),
) -> Rules:
    verbs = {name: getattr(module, name) for name in ("create", "update", "delete", "present")}
    return Rules(table, not_found, **verbs, beside=beside)


RULES: dict[str, Rules] = {
    "network": _of(networks, t.networks, errors.NetworkNotFound),
    "subnet": _of(subnets, t.subnets, errors.SubnetNotFound),
    "port": _of(client_ports, t.ports, errors.PortNotFound),
    "router": _of(routers, t.routers, errors.RouterNotFound),
    "ikepolicy": _of(policies.IKE, t.ikepolicies, errors.IKEPolicyNotFound),
    "ipsecpolicy": _of(policies.IPSEC, t.ipsecpolicies, errors.IPsecPolicyNotFound),
    "endpoint_group": _of(endpoints, t.endpoint_groups, errors.VPNEndpointGroupNotFound),
    "vpnservice": _of(services, t.vpnservices, errors.VPNServiceNotFound),
    "ipsec_site_connection": _of(
        connections,
        t.ipsec_site_connections,
        errors.IPsecSiteConnectionNotFound,
        beside=frozenset({"update", "delete"}),
    ),
}

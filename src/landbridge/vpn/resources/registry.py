"""The rules of every resource, by its name in the API.

Rules this module keeps:
- Handlers know the operations and this table, and no resource by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from landbridge.errors import ApiError
from landbridge.store.resource_rows import (
    CONNECTIONS,
    ENDPOINT_GROUPS,
    IKE_POLICIES,
    IPSEC_POLICIES,
    NETWORKS,
    PORTS,
    ROUTERS,
    SERVICES,
    SUBNETS,
    ResourceRow,
    ResourceTable,
)
from landbridge.store.transaction import enter
from landbridge.vpn import errors
from landbridge.vpn.inventory import client_ports, networks, routers, subnets
from landbridge.vpn.resources import connections, endpoints, policies, services
from landbridge.vpn.rows import Attributes, Scope

R = TypeVar("R", bound=ResourceRow)
R_co = TypeVar("R_co", bound=ResourceRow, covariant=True)


class Create(Protocol[R_co]):
    def __call__(self, tx: Connection, values: Attributes, scope: Scope = None) -> R_co: ...


class Update(Protocol[R]):
    def __call__(self, tx: Connection, row: R, changes: Attributes, scope: Scope = None) -> R: ...


class Present(Protocol[R]):
    def __call__(
        self, tx: Connection, found: list[R], secrets: bool = True
    ) -> list[Attributes]: ...


@dataclass(frozen=True)
class Rules(Generic[R]):
    """The operations on one kind of resource; each runs in the caller's transaction.

    `enter` is called before the first row is read for a change. `beside`: the operations that may
    run concurrently; all others run alone. `whole`: all that is shown is in
    the resource's row.
    """

    table: ResourceTable[R]
    not_found: Callable[[str], ApiError]
    create: Create[R]
    update: Update[R]
    delete: Callable[[Connection, R], None]
    present: Present[R]
    beside: frozenset[str] = frozenset()
    whole: bool = False

    def enter(self, tx: Connection, verb: str) -> None:
        """`verb`: create, update, delete or an action."""
        enter(tx, alone=verb not in self.beside)


_NETWORK = Rules(
    NETWORKS,
    errors.NetworkNotFound,
    networks.create,
    networks.update,
    networks.delete,
    networks.present,
)
_SUBNET = Rules(
    SUBNETS, errors.SubnetNotFound, subnets.create, subnets.update, subnets.delete, subnets.present
)
_PORT = Rules(
    PORTS,
    errors.PortNotFound,
    client_ports.create,
    client_ports.update,
    client_ports.delete,
    client_ports.present,
)
ROUTER = Rules(
    ROUTERS, errors.RouterNotFound, routers.create, routers.update, routers.delete, routers.present
)
_IKE_POLICY = Rules(
    IKE_POLICIES,
    errors.IKEPolicyNotFound,
    policies.IKE.create,
    policies.IKE.update,
    policies.IKE.delete,
    policies.IKE.present,
    whole=True,
)
_IPSEC_POLICY = Rules(
    IPSEC_POLICIES,
    errors.IPsecPolicyNotFound,
    policies.IPSEC.create,
    policies.IPSEC.update,
    policies.IPSEC.delete,
    policies.IPSEC.present,
    whole=True,
)
_ENDPOINT_GROUP = Rules(
    ENDPOINT_GROUPS,
    errors.VPNEndpointGroupNotFound,
    endpoints.create,
    endpoints.update,
    endpoints.delete,
    endpoints.present,
    whole=True,
)
_SERVICE = Rules(
    SERVICES,
    errors.VPNServiceNotFound,
    services.create,
    services.update,
    services.delete,
    services.present,
    whole=True,
)
CONNECTION = Rules(
    CONNECTIONS,
    errors.IPsecSiteConnectionNotFound,
    connections.create,
    connections.update,
    connections.delete,
    connections.present,
    beside=frozenset({"update", "delete"}),
    whole=True,
)

#: `Any`: which struct the rows of a resource are is known to its own rules alone.
RULES: dict[str, Rules[Any]] = {
    "network": _NETWORK,
    "subnet": _SUBNET,
    "port": _PORT,
    "router": ROUTER,
    "ikepolicy": _IKE_POLICY,
    "ipsecpolicy": _IPSEC_POLICY,
    "endpoint_group": _ENDPOINT_GROUP,
    "vpnservice": _SERVICE,
    "ipsec_site_connection": CONNECTION,
}

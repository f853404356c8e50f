"""What a connection carries: endpoint groups, or subnet and peer CIDRs, of one IP version.

Rules this module keeps:
- A service with a subnet takes `peer_cidrs` and no endpoint groups (legacy mode); one without a
  subnet takes both groups and no `peer_cidrs`.
- The local group has subnets of the service's router, the peer group CIDRs; all of one IP version
  on both sides. The number of pairs is limited: each may become a CHILD_SA with its policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Connection

from landbridge.errors import about
from landbridge.store.resource_rows import (
    ENDPOINT_GROUPS,
    SUBNETS,
    ConnectionRow,
    EndpointGroupRow,
    ServiceRow,
)
from landbridge.vpn import errors, rows
from landbridge.vpn.addresses import families
from landbridge.vpn.inventory import port_roles
from landbridge.vpn.rows import Scope

SUBNET = "subnet"
CIDR = "cidr"
MOST_PAIRS: Final = 512  # of a local and a peer network; each is a CHILD_SA in split mode
MINIMUM_MTU = {4: 68, 6: 1280}  # RFC 791, RFC 8200


@dataclass(frozen=True)
class Group:
    """An endpoint group, with its id as the user spelled it."""

    id: str
    row: EndpointGroupRow


class Selection(NamedTuple):
    """What a connection names to say which networks it carries."""

    local_ep_group_id: str | None
    peer_ep_group_id: str | None
    peer_cidrs: list[str]


class Attachment(NamedTuple):
    """Where a connection's service is attached: its router, and in legacy mode its subnet."""

    router_id: str
    subnet_id: str | None


def selection(row: ConnectionRow) -> Selection:
    return Selection(row.local_ep_group_id, row.peer_ep_group_id, row.peer_cidrs)


def attachment(service: ServiceRow) -> Attachment:
    return Attachment(service.router_id, service.subnet_id)


def check_mode(selection: Selection, subnet_id: str | None) -> None:
    """Raises: MissingPeerCidrs, InvalidEndpointGroup, PeerCidrsInvalid,
    MissingRequiredEndpointGroup.
    """
    sides = {"local": selection.local_ep_group_id, "peer": selection.peer_ep_group_id}
    given = [side for side, group in sides.items() if group]
    missing = [side for side, group in sides.items() if not group]
    if subnet_id is not None:
        if not selection.peer_cidrs:
            raise errors.MissingPeerCidrs
        if given:
            raise errors.InvalidEndpointGroup(given)
        return
    if selection.peer_cidrs:
        raise errors.PeerCidrsInvalid
    if missing:
        raise errors.MissingRequiredEndpointGroup(missing)


def check_versions(tx: Connection, selection: Selection, service: ServiceRow, scope: Scope) -> int:
    """The IP version of the networks that the connection carries.

    Raises: VPNEndpointGroupNotFound, WrongEndpointGroupType, SubnetIsNotConnectedToRouter,
    MixedIPVersionsForIPSecEndpoints, MixedIPVersionsForPeerCidrs,
    MixedIPVersionsForIPSecConnection, TooManySelectors.
    """
    return Sides(tx, scope).version(selection, attachment(service))


class Side(NamedTuple):
    """What a connection carries on one side."""

    version: int
    networks: int


class Sides:
    """The sides of any number of connections; each group is looked up once."""

    def __init__(self, tx: Connection, scope: Scope) -> None:
        self._tx = tx
        self._scope = scope
        self._groups: dict[str, EndpointGroupRow] = {}
        self._local: dict[tuple[str, str], Side] = {}
        self._peer: dict[str, Side] = {}

    def version(self, selection: Selection, at: Attachment) -> int:
        """As `check_versions`; `check_mode` has passed."""
        if at.subnet_id is not None:
            local, peer = self._of_subnet(selection.peer_cidrs, at.subnet_id)
        else:
            local = self._of_local_group(selection.local_ep_group_id or "", at.router_id)
            peer = self._of_peer_group(selection.peer_ep_group_id or "")
        groups = at.subnet_id is None
        with about(*(("peer_ep_group", "endpoints") if groups else ("", "peer_cidrs"))):
            if local.version != peer.version:
                raise errors.MixedIPVersionsForIPSecConnection
            if local.networks * peer.networks > MOST_PAIRS:
                raise errors.TooManySelectors(local.networks, peer.networks, MOST_PAIRS)
        return local.version

    def _of_subnet(self, peer_cidrs: list[str], subnet_id: str) -> tuple[Side, Side]:
        subnets = rows.by_id(self._tx, SUBNETS, [subnet_id])
        version = _only(families(peer_cidrs), errors.MixedIPVersionsForPeerCidrs())
        return Side(subnets[subnet_id].ip_version, 1), Side(version, len(peer_cidrs))

    def _of_local_group(self, id: str, router_id: str) -> Side:
        key = id, router_id
        if key not in self._local:
            with about("local_ep_group", "local_ep_group_id"):
                group = self._group(id)
            with about("local_ep_group", "endpoints"):
                version = local_version(self._tx, group, router_id)
            self._local[key] = Side(version, len(group.row.endpoints))
        return self._local[key]

    def _of_peer_group(self, id: str) -> Side:
        if id not in self._peer:
            with about("peer_ep_group", "peer_ep_group_id"):
                group = self._group(id)
            with about("peer_ep_group", "endpoints"):
                self._peer[id] = Side(peer_version(group), len(group.row.endpoints))
        return self._peer[id]

    def _group(self, id: str) -> Group:
        if id not in self._groups:
            missing = errors.VPNEndpointGroupNotFound
            found = rows.refer(self._tx, ENDPOINT_GROUPS, id, self._scope, missing)
            self._groups[id] = found
        return Group(id, self._groups[id])


def known_version(tx: Connection, row: ConnectionRow) -> int:
    """The IP version of a connection that was checked before."""
    cidrs = row.peer_cidrs
    if not cidrs:
        peer = rows.get(tx, ENDPOINT_GROUPS, row.peer_ep_group_id or "")
        cidrs = [] if peer is None else peer.endpoints
    return _only(families(cidrs), errors.MixedIPVersionsForIPSecConnection())


def check_mtu(mtu: int, version: int) -> None:
    """0 stands for "not limited". Raises: IPsecSiteConnectionMtuError."""
    if mtu and mtu < MINIMUM_MTU[version]:
        raise errors.IPsecSiteConnectionMtuError(mtu, version, MINIMUM_MTU[version])


def local_version(tx: Connection, group: Group, router_id: str) -> int:
    _check_type(group, SUBNET)
    subnets = rows.by_id(tx, SUBNETS, group.row.endpoints)
    attached = port_roles.subnet_ids(tx, router_id)
    for subnet_id in group.row.endpoints:
        if subnet_id not in attached:
            raise errors.SubnetIsNotConnectedToRouter(subnet_id, router_id)
    versions = {subnet.ip_version for subnet in subnets.values()}
    return _only(versions, errors.MixedIPVersionsForIPSecEndpoints(group.id))


def peer_version(group: Group) -> int:
    _check_type(group, CIDR)
    versions = families(group.row.endpoints)
    return _only(versions, errors.MixedIPVersionsForIPSecEndpoints(group.id))


def _check_type(group: Group, expected: str) -> None:
    if group.row.type != expected:
        raise errors.WrongEndpointGroupType(group.id, group.row.type, expected)


def _only(versions: set[int], mixed: Exception) -> int:
    if len(versions) != 1:
        raise mixed
    return next(iter(versions))

"""What a connection may carry: endpoint groups, or subnet and peer CIDRs, of one IP version.

Rules this module keeps:
- A service with a subnet takes `peer_cidrs` and no endpoint groups (legacy mode); one without
  takes both groups and no `peer_cidrs`.
- The local group names subnets of the service's router, the peer group CIDRs; all of one IP
  version on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from landbridge.store import tables as t
from landbridge.store.transaction import Row
from landbridge.vpn import faults, routerports, rows
from landbridge.vpn.addresses import families
from landbridge.vpn.rows import Scope

SUBNET = "subnet"
CIDR = "cidr"
MINIMUM_MTU = {4: 68, 6: 1280}  # RFC 791, RFC 8200


@dataclass(frozen=True)
class Group:
    """An endpoint group as a connection sees it: `id` is spelled as the user did."""

    id: str
    row: Row


def check_mode(connection: Row, subnet_id: str | None) -> None:
    """Raises: MissingPeerCidrs, InvalidEndpointGroup, PeerCidrsInvalid,
    MissingRequiredEndpointGroup.
    """
    sides = {"local": connection["local_ep_group_id"], "peer": connection["peer_ep_group_id"]}
    given = [side for side, group in sides.items() if group]
    missing = [side for side, group in sides.items() if not group]
    if subnet_id is not None:
        if not connection["peer_cidrs"]:
            raise faults.MissingPeerCidrs
        if given:
            raise faults.InvalidEndpointGroup(given)
        return
    if connection["peer_cidrs"]:
        raise faults.PeerCidrsInvalid
    if missing:
        raise faults.MissingRequiredEndpointGroup(missing)


def check_versions(tx: Connection, connection: Row, service: Row, scope: Scope) -> int:
    """The one IP version of all that the connection carries.

    Raises: VPNEndpointGroupNotFound, WrongEndpointGroupType, SubnetIsNotConnectedToRouter,
    MixedIPVersionsForIPSecEndpoints, MixedIPVersionsForPeerCidrs,
    MixedIPVersionsForIPSecConnection.
    """
    if service["subnet_id"] is not None:
        subnets = rows.by_id(tx, t.subnets, [service["subnet_id"]])
        local = int(subnets[service["subnet_id"]]["ip_version"])
        peer = _only(families(connection["peer_cidrs"]), faults.MixedIPVersionsForPeerCidrs())
    else:
        local_group = _group(tx, connection["local_ep_group_id"], scope)
        peer_group = _group(tx, connection["peer_ep_group_id"], scope)
        local = local_version(tx, local_group, service["router_id"])
        peer = peer_version(peer_group)
    if local != peer:
        raise faults.MixedIPVersionsForIPSecConnection
    return local


def known_version(tx: Connection, connection: Row) -> int:
    """The IP version of a connection that was checked before."""
    cidrs = connection["peer_cidrs"]
    if not cidrs:
        peer = rows.get(tx, t.endpoint_groups, connection["peer_ep_group_id"])
        cidrs = [] if peer is None else peer["endpoints"]
    return _only(families(cidrs), faults.MixedIPVersionsForIPSecConnection())


def check_mtu(mtu: int, version: int) -> None:
    """0 stands for "not limited". Raises: IPsecSiteConnectionMtuError."""
    if mtu and mtu < MINIMUM_MTU[version]:
        raise faults.IPsecSiteConnectionMtuError(mtu, version)


def local_version(tx: Connection, group: Group, router_id: str) -> int:
    _check_type(group, SUBNET)
    subnets = rows.by_id(tx, t.subnets, group.row["endpoints"])
    attached = routerports.subnet_ids(tx, router_id)
    for subnet_id in group.row["endpoints"]:
        if subnet_id not in attached:
            raise faults.SubnetIsNotConnectedToRouter(subnet_id, router_id)
    versions = {int(subnet["ip_version"]) for subnet in subnets.values()}
    return _only(versions, faults.MixedIPVersionsForIPSecEndpoints(group.id))


def peer_version(group: Group) -> int:
    _check_type(group, CIDR)
    versions = families(group.row["endpoints"])
    return _only(versions, faults.MixedIPVersionsForIPSecEndpoints(group.id))


def _group(tx: Connection, group_id: str, scope: Scope) -> Group:
    missing = faults.VPNEndpointGroupNotFound
    return Group(group_id, rows.refer(tx, t.endpoint_groups, group_id, scope, missing))


def _check_type(group: Group, expected: str) -> None:
    if group.row["type"] != expected:
        raise faults.WrongEndpointGroupType(group.id, group.row["type"], expected)


def _only(versions: set[int], mixed: Exception) -> int:
    if len(versions) != 1:
        raise mixed
    return next(iter(versions))

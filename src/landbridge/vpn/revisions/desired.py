"""Makes the desired state of gateways from the rows.

Rules this module keeps:
- Everything is resolved here: a gateway gets addresses, CIDRs and proposals, no ids to look up.
- The local address is the router's outside address of the peer's IP version; for a peer given by
  name the IPv4 address, if there is one.
- The work for one tunnel does not grow with the number of tunnels; all tunnels take a fixed number
  of statements.
- A PSK that cannot be read is left out: the gateway keeps the one that it has.
- A gateway gets only its own routers and tunnels, and so only their secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from landbridge.model.gateway import Desired, Position
from landbridge.model.tunnel import Dpd, EspProposal, IkeProposal, Secret, Tunnel, TunnelRef
from landbridge.store import identity
from landbridge.store import tables as t
from landbridge.store.resource_rows import (
    CONNECTIONS,
    IKE_POLICIES,
    IPSEC_POLICIES,
    ConnectionRow,
    IkePolicyRow,
    IpsecPolicyRow,
)
from landbridge.vpn import psks
from landbridge.vpn.addresses import canonical_cidrs, canonical_peer, parse_address
from landbridge.vpn.revisions import router_ports

router = router_ports.router

_connections, _services, _routers = t.ipsec_site_connections, t.vpnservices, t.routers
_local, _peer = t.endpoint_groups.alias("local_group"), t.endpoint_groups.alias("peer_group")


_NEWEST_CHANGE = (
    (t.changes.c.gateway_id == _routers.c.gateway_id)
    & (t.changes.c.kind == "tunnel")
    & (t.changes.c.object_id == _connections.c.id)
)
_TUNNELS = (
    select(
        *CONNECTIONS.columns,
        *IKE_POLICIES.columns,
        *IPSEC_POLICIES.columns,
        _services.c.router_id,
        _services.c.admin_state_up,
        _services.c.external_v4_ip,
        _services.c.external_v6_ip,
        _services.c.subnet_id,
        _local.c.endpoints,
        _peer.c.endpoints,
        t.changes.c.request_id,
    )
    .join(_services, _services.c.id == _connections.c.vpnservice_id)
    .join(_routers, _routers.c.id == _services.c.router_id)
    .join(t.ikepolicies, t.ikepolicies.c.id == _connections.c.ikepolicy_id)
    .join(t.ipsecpolicies, t.ipsecpolicies.c.id == _connections.c.ipsecpolicy_id)
    .outerjoin(t.changes, _NEWEST_CHANGE)
    .outerjoin(_local, _local.c.id == _connections.c.local_ep_group_id)
    .outerjoin(_peer, _peer.c.id == _connections.c.peer_ep_group_id)
    .order_by(_connections.c.id)
)
_REFS = (
    select(_connections.c.id, _services.c.router_id, _connections.c.revision)
    .join(_services, _services.c.id == _connections.c.vpnservice_id)
    .join(_routers, _routers.c.id == _services.c.router_id)
    .order_by(_connections.c.id)
)


def desired(tx: Connection, gateway_id: str, seen: Position | None = None) -> Desired:
    """The desired state of a gateway, and the position that its stream continues from. `seen`: the
    position that the gateway gave."""
    at, known = identity.position(tx, gateway_id), identity.of(tx)
    refs = tx.execute(_REFS.where(_routers.c.gateway_id == gateway_id))
    return Desired(
        cursor=at.cursor,
        database=known.id,
        opening=at.opening,
        goes_on=seen is None or goes_on(tx, gateway_id, seen),
        replaces=known.replaces,
        routers=tuple(router_ports.routers(tx, gateway_id)),
        tunnels=tuple(TunnelRef(id=ref, router_id=at, revision=rev) for ref, at, rev in refs),
    )


def goes_on(tx: Connection, gateway_id: str, seen: Position) -> bool:
    """Whether the position is part of this database's history."""
    return seen.database == identity.of(tx).id and identity.goes_on(tx, gateway_id, seen)


def tunnels(tx: Connection, gateway_id: str) -> list[Tunnel]:
    return _tunnels(tx, _routers.c.gateway_id == gateway_id)


def tunnels_where(tx: Connection, concerned: ColumnElement[bool]) -> list[Tunnel]:
    """The tunnels of the connections that `concerned` selects, on any gateway."""
    return _tunnels(tx, concerned)


def tunnel(tx: Connection, gateway_id: str, id: str) -> Tunnel | None:
    found = _tunnels(tx, (_routers.c.gateway_id == gateway_id) & (_connections.c.id == id))
    return found[0] if found else None


class _References(NamedTuple):
    """What a tunnel takes from its service, its endpoint groups and its newest change, in the order
    of the statement's columns."""

    router_id: str
    service_up: bool
    external_v4_ip: str | None
    external_v6_ip: str | None
    local_subnet: str | None
    local_subnets: list[str] | None
    peer_endpoints: list[str] | None
    request_id: str | None

    @property
    def subnet_ids(self) -> list[str]:
        return [self.local_subnet] if self.local_subnet else self.local_subnets or []


class _Joined(NamedTuple):
    """One row of the statement: a connection with all that it refers to."""

    connection: ConnectionRow
    ike: IkePolicyRow
    esp: IpsecPolicyRow
    references: _References


def _joined(found: Sequence[Any]) -> _Joined:
    connection, others = CONNECTIONS.split(found)
    ike, others = IKE_POLICIES.split(others)
    esp, others = IPSEC_POLICIES.split(others)
    return _Joined(connection, ike, esp, _References(*others))


def _tunnels(tx: Connection, which: ColumnElement[bool]) -> list[Tunnel]:
    found = [_joined(line) for line in tx.execute(_TUNNELS.where(which)).all()]
    cidrs = _cidrs(tx, (subnet for each in found for subnet in each.references.subnet_ids))
    return [_tunnel(tx, each, cidrs) for each in found]


def _tunnel(tx: Connection, joined: _Joined, cidrs: dict[str, str]) -> Tunnel:
    row, references = joined.connection, joined.references
    peer_address = canonical_peer(row.peer_address)
    local_address = local_address_for(
        peer_address, references.external_v4_ip, references.external_v6_ip
    )
    return Tunnel(
        id=row.id,
        name=row.name,
        router_id=references.router_id,
        revision=row.revision,
        admin_state_up=row.admin_state_up and references.service_up,
        local_address=local_address,
        local_id=row.local_id or local_address,
        peer_address=peer_address,
        peer_id=row.peer_id or peer_address,
        psk=_secret(tx, row),
        psk_generation=row.psk_generation,
        initiator=row.initiator,
        mtu=row.mtu,
        dpd=Dpd(action=row.dpd_action, interval=row.dpd_interval, timeout=row.dpd_timeout),
        ike=_ike(joined.ike),
        esp=_esp(joined.esp),
        local_cidrs=canonical_cidrs(cidrs[subnet] for subnet in references.subnet_ids),
        peer_cidrs=canonical_cidrs(row.peer_cidrs or references.peer_endpoints or []),
        split_selector=row.split_selector,
        request_id=references.request_id or "",
    )


def _secret(tx: Connection, row: ConnectionRow) -> Secret | None:
    psk = psks.read(tx, row.id, row.psk_sealed)
    return None if psk is None else Secret(value=psk)


def local_address_for(peer_address: str, v4: str | None, v6: str | None) -> str:
    """The router's outside address of the peer's IP version; empty: there is none."""
    peer = parse_address(peer_address)
    if peer is None:
        return v4 or v6 or ""
    return {4: v4, 6: v6}[peer.version] or ""


def _ike(policy: IkePolicyRow) -> IkeProposal:
    return IkeProposal(
        version=policy.ike_version,
        mode=policy.phase1_negotiation_mode,
        encryption=policy.encryption_algorithm,
        integrity=policy.auth_algorithm,
        dh_group=policy.pfs,
        lifetime=policy.lifetime_value,
    )


def _esp(policy: IpsecPolicyRow) -> EspProposal:
    return EspProposal(
        protocol=policy.transform_protocol,
        encapsulation=policy.encapsulation_mode,
        encryption=policy.encryption_algorithm,
        integrity=policy.auth_algorithm,
        pfs_group=policy.pfs,
        lifetime=policy.lifetime_value,
    )


def _cidrs(tx: Connection, subnet_ids: Iterable[str]) -> dict[str, str]:
    wanted = sorted(set(subnet_ids))
    query = select(t.subnets.c.id, t.subnets.c.cidr).where(t.subnets.c.id.in_(wanted))
    return {row.id: row.cidr for row in tx.execute(query)} if wanted else {}

"""From rows to what a gateway must run.

Rules this module keeps:
- Everything is resolved here: a gateway gets addresses, CIDRs and proposals, no ids to look up.
- The local address is the router's outside address of the peer's IP version; for a peer given
  by name it is the IPv4 one, if there is one.
- The work for one tunnel does not grow with the number of tunnels; for all of them it is a
  fixed number of statements.
- A PSK that cannot be read is left out: the gateway goes on with the one that it has.
- A gateway is told of its own routers and tunnels only, and of no other secrets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from landbridge.model.objects import (
    Desired,
    Dpd,
    EspProposal,
    IkeProposal,
    Position,
    Secret,
    Tunnel,
    TunnelRef,
)
from landbridge.store import identity
from landbridge.store import tables as t
from landbridge.store.transaction import Row
from landbridge.vpn import psks
from landbridge.vpn.addresses import canonical_cidrs, canonical_peer, parse_address
from landbridge.vpn.revisions import legs

router = legs.router

_connections, _services, _routers = t.ipsec_site_connections, t.vpnservices, t.routers
_local, _peer = t.endpoint_groups.alias("local_group"), t.endpoint_groups.alias("peer_group")


def _labelled(prefix: str, *columns: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [column.label(f"{prefix}_{column.key}") for column in columns]


_NEWEST_CHANGE = (
    (t.changes.c.gateway_id == _routers.c.gateway_id)
    & (t.changes.c.kind == "tunnel")
    & (t.changes.c.object_id == _connections.c.id)
)
_TUNNELS = (
    select(
        _connections,
        *_labelled(
            "service",
            _services.c.router_id,
            _services.c.admin_state_up,
            _services.c.external_v4_ip,
            _services.c.external_v6_ip,
        ),
        *_labelled("ike", *t.ikepolicies.c),
        *_labelled("esp", *t.ipsecpolicies.c),
        _local.c.endpoints.label("local_subnets"),
        _peer.c.endpoints.label("peer_endpoints"),
        _services.c.subnet_id.label("local_subnet"),
        t.changes.c.request_id.label("request_id"),
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
    """Everything that a gateway must run, and where its stream goes on from. `seen`: how far it
    has followed, as it says."""
    at, known = identity.position(tx, gateway_id), identity.of(tx)
    refs = tx.execute(_REFS.where(_routers.c.gateway_id == gateway_id))
    return Desired(
        cursor=at.cursor,
        database=known.id,
        opening=at.opening,
        goes_on=seen is None or goes_on(tx, gateway_id, seen),
        replaces=known.replaces,
        routers=tuple(legs.routers(tx, gateway_id)),
        tunnels=tuple(TunnelRef(id=ref, router_id=at, revision=rev) for ref, at, rev in refs),
    )


def goes_on(tx: Connection, gateway_id: str, seen: Position) -> bool:
    """Whether that is a part of this database's history."""
    return seen.database == identity.of(tx).id and identity.goes_on(tx, gateway_id, seen)


def tunnels(tx: Connection, gateway_id: str) -> list[Tunnel]:
    return _tunnels(tx, _routers.c.gateway_id == gateway_id)


def tunnels_where(tx: Connection, concerned: ColumnElement[bool]) -> list[Tunnel]:
    """Those of the connections for which `concerned` holds, whichever gateway runs them."""
    return _tunnels(tx, concerned)


def tunnel(tx: Connection, gateway_id: str, id: str) -> Tunnel | None:
    found = _tunnels(tx, (_routers.c.gateway_id == gateway_id) & (_connections.c.id == id))
    return found[0] if found else None


def _tunnels(tx: Connection, which: ColumnElement[bool]) -> list[Tunnel]:
    found = tx.execute(_TUNNELS.where(which)).mappings().all()
    cidrs = _cidrs(tx, (subnet for row in found for subnet in _subnet_ids(row)))
    return [_tunnel(tx, dict(row), cidrs) for row in found]


def _tunnel(tx: Connection, row: Row, cidrs: dict[str, str]) -> Tunnel:
    peer_address = canonical_peer(row["peer_address"])
    local_address = local_address_for(
        peer_address, row["service_external_v4_ip"], row["service_external_v6_ip"]
    )
    peer_cidrs = row["peer_cidrs"] or row["peer_endpoints"] or []
    return Tunnel(
        id=row["id"],
        name=row["name"],
        router_id=row["service_router_id"],
        revision=row["revision"],
        admin_state_up=row["admin_state_up"] and row["service_admin_state_up"],
        local_address=local_address,
        local_id=row["local_id"] or local_address,
        peer_address=peer_address,
        peer_id=row["peer_id"] or peer_address,
        psk=_secret(tx, row),
        psk_generation=row["psk_generation"],
        initiator=row["initiator"],
        mtu=row["mtu"],
        dpd=Dpd(action=row["dpd_action"], interval=row["dpd_interval"], timeout=row["dpd_timeout"]),
        ike=_ike(row),
        esp=_esp(row),
        local_cidrs=canonical_cidrs(cidrs[subnet] for subnet in _subnet_ids(row)),
        peer_cidrs=canonical_cidrs(peer_cidrs),
        split_selector=row["split_selector"],
        request_id=row["request_id"] or "",
    )


def _secret(tx: Connection, row: Row) -> Secret | None:
    psk = psks.read(tx, row)
    return None if psk is None else Secret(value=psk)


def local_address_for(peer_address: str, v4: str | None, v6: str | None) -> str:
    """The router's outside address that speaks to the peer; empty where there is none."""
    peer = parse_address(peer_address)
    if peer is None:
        return v4 or v6 or ""
    return {4: v4, 6: v6}[peer.version] or ""


def _ike(row: Row) -> IkeProposal:
    return IkeProposal(
        version=row["ike_ike_version"],
        mode=row["ike_phase1_negotiation_mode"],
        encryption=row["ike_encryption_algorithm"],
        integrity=row["ike_auth_algorithm"],
        dh_group=row["ike_pfs"],
        lifetime=row["ike_lifetime_value"],
    )


def _esp(row: Row) -> EspProposal:
    return EspProposal(
        protocol=row["esp_transform_protocol"],
        encapsulation=row["esp_encapsulation_mode"],
        encryption=row["esp_encryption_algorithm"],
        integrity=row["esp_auth_algorithm"],
        pfs_group=row["esp_pfs"],
        lifetime=row["esp_lifetime_value"],
    )


def _subnet_ids(row: Any) -> list[str]:
    return [row["local_subnet"]] if row["local_subnet"] else row["local_subnets"] or []


def _cidrs(tx: Connection, subnet_ids: Iterable[str]) -> dict[str, str]:
    wanted = sorted(set(subnet_ids))
    query = select(t.subnets.c.id, t.subnets.c.cidr).where(t.subnets.c.id.in_(wanted))
    return {row.id: row.cidr for row in tx.execute(query)} if wanted else {}

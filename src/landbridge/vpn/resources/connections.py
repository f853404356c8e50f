"""The rules of ipsec-site-connections.

Rules this module keeps:
- What is checked is the result: the row as it would be, with all it refers to.
- The checks that need the database run only when what they depend on changes; a changed name
  costs one statement.
- `revision` is raised when the gateway must act (`ACTED_ON`), `psk_generation` when the PSK
  becomes another one. A PUT while another is pending is accepted: the newest wins.
- The PSK is sealed before it is kept and is never part of a row.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from landbridge.impact.peers import plain, why_never
from landbridge.store import tables as t
from landbridge.store.transaction import Row, sealer
from landbridge.vpn import errors, psks, rows
from landbridge.vpn.addresses import is_host_of, kept_peer, parse_address, parse_network
from landbridge.vpn.resources import selectors
from landbridge.vpn.resources.policies import check_supported
from landbridge.vpn.revisions import legs
from landbridge.vpn.revisions.revisions import connection_changed, pending, place_of
from landbridge.vpn.rows import Scope

TABLE = t.ipsec_site_connections

DPD_DEFAULTS: Row = {"dpd_action": "hold", "dpd_interval": 30, "dpd_timeout": 120}

ACTED_ON = frozenset(
    {
        "ikepolicy_id",
        "ipsecpolicy_id",
        "local_ep_group_id",
        "peer_ep_group_id",
        "peer_address",
        "peer_id",
        "local_id",
        "peer_cidrs",
        "split_selector",
        "mtu",
        "initiator",
        "dpd_action",
        "dpd_interval",
        "dpd_timeout",
        "psk_generation",
        "admin_state_up",
    }
)
_NEW: Row = {"status": "PENDING_CREATE", "established": False}
_SELECTORS = frozenset({"local_ep_group_id", "peer_ep_group_id", "peer_cidrs"})
_REFERENCES = ("ikepolicy_id", "ipsecpolicy_id", "local_ep_group_id", "peer_ep_group_id")


def create(tx: Connection, values: Row, scope: Scope = None) -> Row:
    """A new connection, PENDING_CREATE until its gateway reports.

    Raises: the `faults` of its references, mode, IP versions, DPD, MTU and peer address.
    """
    wanted = _flat(values, DPD_DEFAULTS)
    wanted.setdefault("local_ep_group_id", None)
    wanted.setdefault("peer_ep_group_id", None)
    _check_ipsec_policy(tx, wanted["ipsecpolicy_id"], scope)
    missing = errors.VPNServiceNotFound
    service = rows.refer(tx, t.vpnservices, wanted["vpnservice_id"], scope, missing)
    rows.refer(tx, t.ikepolicies, wanted["ikepolicy_id"], scope, errors.IKEPolicyNotFound)
    selectors.check_mode(wanted, service["subnet_id"])
    version = selectors.check_versions(tx, wanted, service, scope)
    _check_dpd(wanted)
    selectors.check_mtu(wanted.get("mtu", 1500), version)
    wanted["peer_address"] = _peer_address(tx, wanted["peer_address"], service)
    _canonical_references(wanted)
    row_id = rows.new_id()
    sealed = sealer(tx).seal(row_id, values["psk"])
    place = place_of(tx, wanted["vpnservice_id"])
    made = {"revision": 1, "psk_sealed": sealed, "psk_generation": 1}
    row = rows.insert(tx, TABLE, wanted | made | pending(_NEW, place), id=row_id)
    connection_changed(tx, row, place)
    return row


def update(tx: Connection, row: Row, changes: Row, scope: Scope = None) -> Row:
    """Change a connection; what the gateway must act on raises its revision.

    Raises: as `create`.
    """
    given = _flat(changes, row)
    _check_policies(tx, given, scope)
    version = _version(tx, row, given, scope)
    _check_dpd(row | given)
    if version is not None:
        selectors.check_mtu((row | given)["mtu"], version)
    if "peer_address" in given:
        given["peer_address"] = _peer_address(tx, given["peer_address"], _service(tx, row))
    _canonical_references(given)
    given |= _new_psk(tx, row, changes)
    if not any(row[name] != value for name, value in given.items() if name in ACTED_ON):
        return rows.update(tx, TABLE, row, given)
    place = place_of(tx, row["vpnservice_id"])
    before = row | {"status_reason": None} if "psk_sealed" in given else row
    given |= pending(before, place) | {"revision": row["revision"] + 1}
    updated = rows.update(tx, TABLE, row, given)
    connection_changed(tx, updated, place)
    return updated


def delete(tx: Connection, row: Row) -> None:
    rows.delete(tx, TABLE, row)
    gone = row | {"revision": row["revision"] + 1}
    connection_changed(tx, gone, place_of(tx, row["vpnservice_id"]), deleted=True)


def present(tx: Connection, found: list[Row], secrets: bool = True) -> list[Row]:
    return [_present(tx, row, secrets) for row in found]


def _present(tx: Connection, row: Row, secrets: bool) -> Row:
    dpd = {key: row[f"dpd_{key}"] for key in ("action", "interval", "timeout")}
    shown = row | {"dpd": dpd}
    del shown["psk_sealed"]
    if not secrets:
        return shown
    psk = psks.read(tx, row)
    return shown | {"psk": psk} | ({} if psk is not None else psks.DAMAGED)


def _flat(values: Row, before: Row) -> Row:
    """`values` as columns: `dpd` merged over what was there before."""
    flat = {name: value for name, value in values.items() if name not in {"dpd", "psk"}}
    given: dict[str, Any] = values.get("dpd") or {}
    if given or before is DPD_DEFAULTS:
        flat |= {name: given.get(name[4:], before[name]) for name in DPD_DEFAULTS}
    if "peer_cidrs" in flat or before is DPD_DEFAULTS:
        flat["peer_cidrs"] = flat.get("peer_cidrs") or []
    return flat


def _version(tx: Connection, row: Row, given: Row, scope: Scope) -> int | None:
    """The IP version inside, where `given` makes it matter; checks what decides it."""
    if _SELECTORS & given.keys():
        service = _service(tx, row)
        wanted = row | given
        selectors.check_mode(wanted, service["subnet_id"])
        return selectors.check_versions(tx, wanted, service, scope)
    return selectors.known_version(tx, row) if "mtu" in given else None


def _check_policies(tx: Connection, given: Row, scope: Scope) -> None:
    if "ipsecpolicy_id" in given:
        _check_ipsec_policy(tx, given["ipsecpolicy_id"], scope)
    if "ikepolicy_id" in given:
        rows.refer(tx, t.ikepolicies, given["ikepolicy_id"], scope, errors.IKEPolicyNotFound)


def _check_ipsec_policy(tx: Connection, policy_id: str, scope: Scope) -> None:
    policy = rows.refer(tx, t.ipsecpolicies, policy_id, scope, errors.IPsecPolicyNotFound)
    check_supported(policy)


def _service(tx: Connection, row: Row) -> Row:
    """The service of a connection that exists: in reach, whoever owns it."""
    return rows.refer(tx, t.vpnservices, row["vpnservice_id"], None, errors.VPNServiceNotFound)


def _check_dpd(connection: Row) -> None:
    if connection["dpd_timeout"] <= connection["dpd_interval"]:
        raise errors.IPsecSiteConnectionDpdIntervalValueError


def _peer_address(tx: Connection, given: str, service: Row) -> str:
    """The peer address as it is kept: one where a peer can be, whose IP version is one that the
    router speaks outside."""
    kept = kept_peer(given)
    if kept is None:
        raise errors.VPNPeerAddressNotResolved(given)
    if why := why_never(kept):
        raise errors.PeerAddressImpossible(given, why)
    address = parse_address(kept)
    if address is None:
        return kept
    if service[f"external_v{address.version}_ip"] is None:
        raise errors.ExternalNetworkHasNoSubnet(service["router_id"], address.version)
    if why := _why_not_beside(tx, kept, service["router_id"]):
        raise errors.PeerAddressImpossible(given, why)
    return kept


def _why_not_beside(tx: Connection, kept: str, router_id: str) -> str | None:
    """Why a peer cannot be there on the networks of this router."""
    places, peer = legs.places(tx, router_id), plain(kept)
    if why := why_never(kept, (place.ip_address for place in places)):
        return why
    for place in places:
        network = parse_network(place.cidr)
        if peer is None or network is None or peer not in network:
            continue
        if not is_host_of(peer, network):
            return f"the broadcast or network address of {network}"
    return None


def _canonical_references(values: Row) -> None:
    for name in (*_REFERENCES, "vpnservice_id"):
        if values.get(name):
            values[name] = values[name].lower()


def _new_psk(tx: Connection, row: Row, changes: Row) -> Row:
    """Sealed columns for a PSK that is another one than before."""
    given = changes.get("psk")
    if given is None or given == psks.read(tx, row):
        return {}
    generation = row["psk_generation"] + 1
    return {"psk_sealed": sealer(tx).seal(row["id"], given), "psk_generation": generation}

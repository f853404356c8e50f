"""The rules of IPsec site connections.

Rules this module keeps:
- The result of a change is checked: the row as it will be, with all that it refers to.
- Checks that need the database run only when what they depend on changes; a change of the name
  costs one statement.
- `revision` is raised when the gateway must act (`ACTED_ON`), `psk_generation` when the PSK
  changes. A PUT while another is pending is accepted: the newest one wins.
- The PSK is sealed before it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from msgspec.structs import asdict, replace
from sqlalchemy import Connection

from landbridge.errors import ApiError, about
from landbridge.impact.peers import plain, why_never
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import (
    CONNECTIONS,
    IKE_POLICIES,
    IPSEC_POLICIES,
    SERVICES,
    ConnectionRow,
    ServiceRow,
)
from landbridge.store.transaction import sealer
from landbridge.vpn import errors, psks, rows, sets
from landbridge.vpn.addresses import is_host_of, kept_peer, parse_address, parse_network
from landbridge.vpn.resources import selectors
from landbridge.vpn.resources.policies import check_supported
from landbridge.vpn.revisions import router_ports
from landbridge.vpn.revisions.revisions import connection_changed, pending, placement_of
from landbridge.vpn.rows import Attributes, Scope

DPD_DEFAULTS: Columns = {"dpd_action": "hold", "dpd_interval": 30, "dpd_timeout": 120}

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
_SELECTION = frozenset(selectors.Selection._fields)
_REFERENCES = ("ikepolicy_id", "ipsecpolicy_id", "local_ep_group_id", "peer_ep_group_id")


def create(tx: Connection, values: Attributes, scope: Scope = None) -> ConnectionRow:
    """A new connection, PENDING_CREATE until its gateway reports.

    Raises: `landbridge.vpn.errors` of references, mode, IP versions, DPD, MTU and peer address.
    """
    wanted = _flat(values, DPD_DEFAULTS)
    wanted.setdefault("local_ep_group_id", None)
    wanted.setdefault("peer_ep_group_id", None)
    _check_ipsec_policy(tx, wanted["ipsecpolicy_id"], scope)
    missing = errors.VPNServiceNotFound
    service = rows.refer(tx, SERVICES, wanted["vpnservice_id"], scope, missing)
    rows.refer(tx, IKE_POLICIES, wanted["ikepolicy_id"], scope, errors.IKEPolicyNotFound)
    selection = selectors.Selection(**{name: wanted[name] for name in selectors.Selection._fields})
    selectors.check_mode(selection, service.subnet_id)
    version = selectors.check_versions(tx, selection, service, scope)
    _check_dpd(wanted["dpd_interval"], wanted["dpd_timeout"])
    selectors.check_mtu(wanted.get("mtu", 1500), version)
    wanted["peer_address"] = _peer_address(tx, wanted["peer_address"], service)
    _canonical_references(wanted)
    row_id = rows.new_id()
    sealed = sealer(tx).seal(row_id, values["psk"])
    placement = placement_of(tx, wanted["vpnservice_id"])
    made = {"revision": 1, "psk_sealed": sealed, "psk_generation": 1}
    status = pending(None, placement)._asdict()
    row = rows.insert(tx, CONNECTIONS, wanted | made | status, id=row_id)
    connection_changed(tx, row, placement)
    return row


def faults(tx: Connection, values: Attributes, service: ServiceRow | None) -> Iterator[ApiError]:
    """What is wrong with attributes of a connection that lacks others, or its service, still."""
    dpd = _flat(values, DPD_DEFAULTS)
    checks: list[Callable[[], object]] = [
        partial(_check_dpd, dpd["dpd_interval"], dpd["dpd_timeout"])
    ]
    if "peer_address" in values:
        checks.append(partial(_peer_address, tx, values["peer_address"], service))
    for check in checks:
        try:
            check()
        except ApiError as error:
            yield error


def update(
    tx: Connection, row: ConnectionRow, changes: Attributes, scope: Scope = None
) -> ConnectionRow:
    """Change a connection; raises its revision where the gateway must act.

    Raises: as `create`.
    """
    given = _flat(changes, {name: getattr(row, name) for name in DPD_DEFAULTS})
    if "peer_cidrs" in given and sets.same(given["peer_cidrs"], row.peer_cidrs):
        del given["peer_cidrs"]  # in another order they are the same
    wanted = replace(row, **given)
    _check_policies(tx, given, scope)
    version = _version(tx, wanted, given, scope)
    _check_dpd(wanted.dpd_interval, wanted.dpd_timeout)
    if version is not None:
        selectors.check_mtu(wanted.mtu, version)
    if "peer_address" in given:
        given["peer_address"] = _peer_address(tx, given["peer_address"], _service(tx, row))
    _canonical_references(given)
    given |= _new_psk(tx, row, changes)
    if not any(getattr(row, name) != given[name] for name in ACTED_ON & given.keys()):
        return rows.update(tx, CONNECTIONS, row, given)
    placement = placement_of(tx, row.vpnservice_id)
    before = replace(row, status_reason=None) if "psk_sealed" in given else row
    given |= pending(before, placement)._asdict() | {"revision": row.revision + 1}
    updated = rows.update(tx, CONNECTIONS, row, given)
    connection_changed(tx, updated, placement)
    return updated


def delete(tx: Connection, row: ConnectionRow) -> None:
    rows.delete(tx, CONNECTIONS, row)
    gone = replace(row, revision=row.revision + 1)
    connection_changed(tx, gone, placement_of(tx, row.vpnservice_id), deleted=True)


def present(tx: Connection, found: list[ConnectionRow], secrets: bool = True) -> list[Attributes]:
    return [_present(tx, row, secrets) for row in found]


def _present(tx: Connection, row: ConnectionRow, secrets: bool) -> Attributes:
    shown = asdict(row)
    del shown["psk_sealed"]
    shown["dpd"] = {
        "action": row.dpd_action,
        "interval": row.dpd_interval,
        "timeout": row.dpd_timeout,
    }
    if not secrets:
        return shown
    psk = psks.read(tx, row.id, row.psk_sealed)
    return shown | {"psk": psk} | ({} if psk is not None else psks.UNREADABLE_STATUS._asdict())


def _flat(values: Attributes, before: Columns) -> Columns:
    """`values` as columns: `dpd` merged into the values of `before`."""
    flat = {name: value for name, value in values.items() if name not in {"dpd", "psk"}}
    given: dict[str, Any] = values.get("dpd") or {}
    if given or before is DPD_DEFAULTS:
        flat |= {name: given.get(name[4:], before[name]) for name in DPD_DEFAULTS}
    if "peer_cidrs" in flat or before is DPD_DEFAULTS:
        flat["peer_cidrs"] = flat.get("peer_cidrs") or []
    return flat


def _version(tx: Connection, wanted: ConnectionRow, given: Columns, scope: Scope) -> int | None:
    """The IP version of the networks, if `given` needs it; checks what determines it."""
    if _SELECTION & given.keys():
        service = _service(tx, wanted)
        selection = selectors.selection(wanted)
        selectors.check_mode(selection, service.subnet_id)
        return selectors.check_versions(tx, selection, service, scope)
    return selectors.known_version(tx, wanted) if "mtu" in given else None


def _check_policies(tx: Connection, given: Columns, scope: Scope) -> None:
    if "ipsecpolicy_id" in given:
        _check_ipsec_policy(tx, given["ipsecpolicy_id"], scope)
    if "ikepolicy_id" in given:
        rows.refer(tx, IKE_POLICIES, given["ikepolicy_id"], scope, errors.IKEPolicyNotFound)


def _check_ipsec_policy(tx: Connection, policy_id: str, scope: Scope) -> None:
    policy = rows.refer(tx, IPSEC_POLICIES, policy_id, scope, errors.IPsecPolicyNotFound)
    with about(part="ipsecpolicy"):
        check_supported(asdict(policy))


def _service(tx: Connection, row: ConnectionRow) -> ServiceRow:
    """The service of an existing connection, whoever owns it."""
    return rows.refer(tx, SERVICES, row.vpnservice_id, None, errors.VPNServiceNotFound)


def _check_dpd(interval: int, timeout: int) -> None:
    """Both in seconds."""
    if timeout <= interval:
        raise errors.IPsecSiteConnectionDpdIntervalValueError(interval, timeout)


def _peer_address(tx: Connection, given: str, service: ServiceRow | None) -> str:
    """The peer address as it is stored; without a service it is checked by itself.

    Raises: VPNPeerAddressNotResolved, PeerAddressImpossible, ExternalNetworkHasNoSubnet (the router
    has no outside address of this IP version).
    """
    kept = kept_peer(given)
    if kept is None:
        raise errors.VPNPeerAddressNotResolved(given)
    if why := why_never(kept):
        raise errors.PeerAddressImpossible(given, why)
    address = parse_address(kept)
    if address is None or service is None:
        return kept
    if {4: service.external_v4_ip, 6: service.external_v6_ip}[address.version] is None:
        raise errors.ExternalNetworkHasNoSubnet(service.router_id, address.version)
    if why := _why_not_beside(tx, kept, service.router_id):
        raise errors.PeerAddressImpossible(given, why)
    return kept


def _why_not_beside(tx: Connection, kept: str, router_id: str) -> str | None:
    """Why no peer can have that address, given the networks of this router."""
    addresses, peer = router_ports.addresses(tx, router_id), plain(kept)
    if why := why_never(kept, (own.ip_address for own in addresses)):
        return why
    for own in addresses:
        network = parse_network(own.cidr)
        if peer is None or network is None or peer not in network:
            continue
        if not is_host_of(peer, network):
            return f"the broadcast or network address of {network}"
    return None


def _canonical_references(values: Columns) -> None:
    for name in (*_REFERENCES, "vpnservice_id"):
        if values.get(name):
            values[name] = values[name].lower()


def _new_psk(tx: Connection, row: ConnectionRow, changes: Attributes) -> Columns:
    """The columns of a changed PSK; empty if it is the same."""
    given = changes.get("psk")
    if given is None or given == psks.read(tx, row.id, row.psk_sealed):
        return {}
    generation = row.psk_generation + 1
    return {"psk_sealed": sealer(tx).seal(row.id, given), "psk_generation": generation}

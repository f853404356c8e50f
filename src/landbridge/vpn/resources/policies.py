"""The rules of IKE and IPsec policies.

Rules this module keeps:
- A policy in use can be changed: the revisions of all connections that use it are raised in the
  same transaction. It cannot be deleted.
- A changed name or description concerns no tunnel.
- A policy that no connection can run (`UNSUPPORTED`) may be stored, and cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from msgspec.structs import asdict
from sqlalchemy import Column, Connection, select

from landbridge.errors import ApiError
from landbridge.store import tables as t
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import IKE_POLICIES, IPSEC_POLICIES, PolicyRow, ResourceTable
from landbridge.vpn import errors, rows, users
from landbridge.vpn.revisions.revisions import raise_connections
from landbridge.vpn.rows import Attributes, Scope

P = TypeVar("P", bound=PolicyRow)

LIFETIME_DEFAULTS: Columns = {"lifetime_units": "seconds", "lifetime_value": 3600}
#: strongSwan has no bundles of AH and ESP. Transport mode carries only packets between the two
#: gateways' own addresses (RFC 4301, 4.1); a connection joins networks behind them.
UNSUPPORTED: Mapping[str, str] = {
    "transform_protocol": "ah-esp",
    "encapsulation_mode": "transport",
}

_NOT_ACTED_ON = frozenset({"name", "description", "revision_number", "updated_at"})


class Policies(Generic[P]):
    """The rules of one kind of policy."""

    def __init__(
        self, table: ResourceTable[P], user: Column[str], in_use: Callable[[str, str], ApiError]
    ) -> None:
        self.table = table
        self._user = user  # the column of connections that refers to a policy of this kind
        self._in_use = in_use
        self._acted_on = table.fields - _NOT_ACTED_ON

    def create(self, tx: Connection, values: Attributes, scope: Scope = None) -> P:
        return rows.insert(tx, self.table, _flat(values, LIFETIME_DEFAULTS))

    def update(self, tx: Connection, row: P, changes: Attributes, scope: Scope = None) -> P:
        """Raises: IpsecValidationFailure."""
        before = {name: getattr(row, name) for name in LIFETIME_DEFAULTS}
        given = _flat(changes, before)
        if unsupported(given) and self._is_used(tx, row):
            check_supported(given)
        updated = rows.update(tx, self.table, row, given)
        if any(getattr(updated, name) != getattr(row, name) for name in self._acted_on):
            raise_connections(tx, self._user == row.id)
        return updated

    def delete(self, tx: Connection, row: P) -> None:
        """Raises: IKEPolicyInUse, IPsecPolicyInUse."""
        if self._is_used(tx, row):
            by = users.told(tx, t.ipsec_site_connections, self._user == row.id, row.project_id)
            raise self._in_use(row.id, by)
        rows.delete(tx, self.table, row)

    def present(self, tx: Connection, found: list[P], secrets: bool = True) -> list[Attributes]:
        return [asdict(row) | {"lifetime": _lifetime(row)} for row in found]

    def _is_used(self, tx: Connection, row: P) -> bool:
        return rows.first(tx, select(self._user).where(self._user == row.id)) is not None


def unsupported(policy: Mapping[str, object]) -> str | None:
    """The attribute because of which no connection can use the policy; None: it is usable."""
    return next((name for name, value in UNSUPPORTED.items() if policy.get(name) == value), None)


def check_supported(policy: Mapping[str, str]) -> None:
    """Raises: IpsecValidationFailure."""
    name = unsupported(policy)
    if name is not None:
        raise errors.IpsecValidationFailure("IPsec Policy", name, policy[name])


def _flat(values: Attributes, before: Columns) -> Columns:
    """`values` as columns: `lifetime` merged into the values of `before`."""
    flat = {name: value for name, value in values.items() if name != "lifetime"}
    given = values.get("lifetime") or {}
    if given or before is LIFETIME_DEFAULTS:
        flat |= {name: given.get(name[9:], before[name]) for name in LIFETIME_DEFAULTS}
    return flat


def _lifetime(row: PolicyRow) -> Attributes:
    return {"units": row.lifetime_units, "value": row.lifetime_value}


IKE = Policies(IKE_POLICIES, t.ipsec_site_connections.c.ikepolicy_id, errors.IKEPolicyInUse)
IPSEC = Policies(IPSEC_POLICIES, t.ipsec_site_connections.c.ipsecpolicy_id, errors.IPsecPolicyInUse)

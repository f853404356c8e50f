"""A network's provider attributes: ``provider:network_type`` and ``provider:physical_network``.

Rules this module keeps:
- `local`: a bridge of its own on the gateway's host. `flat`: the physical network of that name,
  which each gateway maps to a bridge of its host. There are no other types.
- A physical network has one network at most.
- The policy lets only administrators send these attributes.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from landbridge.store import tables as t
from landbridge.store.columns import Columns
from landbridge.store.resource_rows import NetworkRow
from landbridge.vpn import rows, users
from landbridge.vpn.inventory import errors

LOCAL: Final = "local"
FLAT: Final = "flat"

TYPE: Final = "provider_network_type"
PHYSICAL: Final = "provider_physical_network"
SEGMENT: Final = "provider_segmentation_id"  # no network has one
_ATTRIBUTES: Final = (TYPE, PHYSICAL, SEGMENT)


def of_new(tx: Connection, values: Columns) -> Columns:
    """The columns of a new network. Raises: InvalidInput, FlatNetworkInUse."""
    given = _given(values)
    if not given:
        return {}
    return _checked(tx, {TYPE: None, PHYSICAL: None} | given, values["project_id"])


def of_changed(tx: Connection, row: NetworkRow, changes: Columns) -> Columns:
    """The columns that change. Raises: as `of_new`."""
    given = _given(changes)
    if not given:
        return {}
    if given.get(TYPE) == LOCAL:
        given.setdefault(PHYSICAL, None)
    elif given.get(PHYSICAL):
        given.setdefault(TYPE, FLAT)
    kept = {TYPE: row.provider_network_type, PHYSICAL: row.provider_physical_network}
    return _checked(tx, kept | given, row.project_id, but_not=row.id)


def _given(values: Columns) -> Columns:
    return {name: values[name] for name in _ATTRIBUTES if name in values}


def _checked(tx: Connection, asked: Columns, project_id: str, *, but_not: str = "") -> Columns:
    kind, physical = asked[TYPE], asked[PHYSICAL]
    if kind is None:
        raise errors.InvalidInput("network_type required")
    if kind not in (LOCAL, FLAT):
        raise errors.InvalidInput(f"network_type value '{kind}' not supported")
    if kind == FLAT and not physical:
        raise errors.InvalidInput("physical_network required for flat provider network")
    for name, prohibited in (("physical_network", kind == LOCAL), ("segmentation_id", True)):
        if prohibited and asked.get(f"provider_{name}") is not None:
            raise errors.InvalidInput(f"{name} prohibited for {kind} provider network")
    if kind == FLAT:
        _check_free(tx, physical, project_id, but_not)
    return {TYPE: kind, PHYSICAL: physical if kind == FLAT else None}


def _check_free(tx: Connection, physical: str, project_id: str, but_not: str) -> None:
    column = t.networks.c[PHYSICAL]
    query = select(t.networks.c.id).where(column == physical, t.networks.c.id != but_not)
    if rows.first(tx, query) is not None:
        by = users.told(tx, t.networks, column == physical, project_id)
        raise errors.FlatNetworkInUse(physical, by)

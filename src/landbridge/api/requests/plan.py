"""Plans an update: runs it in a transaction that is rolled back, and works out what it costs.

Rules this module keeps:
- The update itself runs, with all its checks: a plan is made only for an update that would be
  accepted now, and its errors are the update's.
- Only the update takes the turn of a writer. Neighbouring connections are read after it, and costs
  and conflicts are computed without a transaction.
- It reports the connections that the caller may see and that the update changes; an update of one
  connection always reports that one.
- Conflicts are reported only with connections that the caller may see, so that nobody learns of
  another project's connection, or whether its PSK is the same.
- `landbridge.impact.impact` predicts the cost for a tunnel that is up and a peer that agrees,
  `landbridge.impact.passage` whether its packets pass the router's networks,
  `landbridge.impact.conflicts` the conflicts on the tunnel's router.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Generic, NamedTuple

import msgspec
from sqlalchemy import Connection

from landbridge.api.requests.serializer import View
from landbridge.api.requests.service import ResourceService, scope_of
from landbridge.api.schema.validate import Input
from landbridge.auth.caller import Caller
from landbridge.impact import passage
from landbridge.impact.attributes import ROWS
from landbridge.impact.conflicts import Neighbours
from landbridge.impact.impact import impact
from landbridge.model.tunnel import Tunnel
from landbridge.store.resource_rows import R, ResourceRow
from landbridge.vpn import rows, sets
from landbridge.vpn.revisions import dependents
from landbridge.vpn.revisions.dependents import OwnedTunnel

Asked = set[tuple[str, str]]

_CONNECTION: Final = "ipsec_site_connection"
_SEEN: Final = f"get_{_CONNECTION}"


class DryRun(NamedTuple):
    """The answer of an update, and its connections before it and after it (those that the caller
    may see). `changed`: the rows of `attributes.ROWS` that the update names."""

    view: View
    before: dict[str, OwnedTunnel]
    after: dict[str, OwnedTunnel]
    changed: Asked


class Planner(msgspec.Struct, Generic[R], frozen=True):
    """Plans updates of one resource, by `dry_run`, `around` and `plan` in this order."""

    service: ResourceService[R]

    def dry_run(
        self, tx: Connection, caller: Caller, id: str, asked: Input, expected: int | None
    ) -> DryRun:
        """Runs in a transaction that is rolled back. Raises: as the update."""
        service, name = self.service, self.service.resource.name
        service.rules.enter(tx, "update")
        kept = rows.get(tx, service.rules.table, id)
        before = dependents.connections(tx, name, id.lower())
        view = service.update(tx, caller, id, asked, expected)
        after = dependents.connections(tx, name, id.lower())
        shown = {key: owned for key, owned in after.items() if self._visible(caller, owned)}
        return DryRun(view, before, shown, _changed(name, kept, asked))

    def around(self, tx: Connection, caller: Caller, tried: DryRun) -> list[Tunnel]:
        """The tunnels on the same routers, as far as the caller may see them."""
        found = dependents.beside(tx, [owned.tunnel for owned in tried.after.values()])
        around = found | tried.after
        return [owned.tunnel for owned in around.values() if self._visible(caller, owned)]

    def plan(self, tried: DryRun, around: list[Tunnel]) -> View:
        """The answer; needs no transaction and may take long."""
        name, beside = self.service.resource.name, Neighbours(around)
        told = (
            _told(tried.before[key], owned, tried.changed, beside, name)
            for key, owned in tried.after.items()
        )
        connections = [each for each in told if each["attributes"] or name == _CONNECTION]
        return {name: tried.view, "connections": connections}

    def _visible(self, caller: Caller, owned: OwnedTunnel) -> bool:
        in_scope = rows.owned(owned.project_id, scope_of(caller))
        owner = {"project_id": owned.project_id}
        return in_scope and self.service.policy.check(caller, _SEEN, owner)


def _told(
    before: OwnedTunnel, after: OwnedTunnel, changed: Asked, beside: Neighbours, resource: str
) -> dict[str, Any]:
    promised = impact(before.tunnel, after.tunnel, changed)
    if before.passage and after.passage and before.tunnel.admin_state_up:
        promised = passage.changed(before.passage, after.passage, resource)
    of = {"id": after.tunnel.id, "name": after.tunnel.name}
    told: dict[str, Any] = of | msgspec.to_builtins(promised)
    return told | {"collisions": msgspec.to_builtins(beside.collisions(after.tunnel))}


def _changed(resource: str, kept: ResourceRow | None, asked: Input) -> Asked:
    """The rows of `attributes.ROWS` that the update names. Attributes that no gateway is told of
    count only where the value of a connection changes."""
    named: Asked = set()
    for name, value in asked.values.items():
        members = [f"{name}.{member}" for member in value] if isinstance(value, dict) else []
        named.update((resource, member) for member in (name, *members))
    named -= {(resource, name) for name in _reordered(kept, asked)}
    return {
        row
        for row in named & ROWS.keys()
        if ROWS[row]
        or (resource == _CONNECTION and getattr(kept, row[1], None) != asked.values.get(row[1]))
    }


def _reordered(kept: ResourceRow | None, asked: Input) -> Iterator[str]:
    """Lists that have the members which are there already."""
    for name in ("peer_cidrs", "endpoints"):
        before = getattr(kept, name, None)
        if name in asked.values and before and sets.same(before, asked.values[name] or []):
            yield name

"""What an update would do, found out by doing it in a transaction that is undone.

Rules this module keeps:
- The update itself runs, with all its checks: a plan that is answered is one that would be
  accepted now, and its errors are the update's.
- Only that takes the turn of a writer. What is beside is read after it, and what all of it comes
  to is worked out without a transaction.
- The connections told of are those that the caller may see and that the update makes different;
  an update of one connection always tells of that one.
- What it would collide with is told of, too, where the caller may see that: nobody learns of
  another project's connection, or by trying whether its PSK is the same.
- The promise is `landbridge.impact.impact`'s, for a tunnel that is up and a peer that agrees; with
  what the tunnel would collide on its router, `landbridge.impact.conflicts` tells.
"""

from __future__ import annotations

from typing import Any, Final, Generic, NamedTuple

import msgspec
from sqlalchemy import Connection

from landbridge.api.requests.serializer import View
from landbridge.api.requests.service import ResourceService, scope_of
from landbridge.api.schema.validate import Input
from landbridge.auth.caller import Caller
from landbridge.impact.conflicts import Neighbours
from landbridge.impact.impact import ROWS, impact
from landbridge.model.objects import Tunnel
from landbridge.store.resource_rows import R, ResourceRow
from landbridge.vpn import rows
from landbridge.vpn.revisions import dependents
from landbridge.vpn.revisions.dependents import OwnedTunnel

Asked = set[tuple[str, str]]

_CONNECTION: Final = "ipsec_site_connection"
_SEEN: Final = f"get_{_CONNECTION}"


class DryRun(NamedTuple):
    """What an update would answer, and the connections it concerns: before, and after it those that
    the caller may see. `changed`: the rows of `impact.ROWS` that it names."""

    view: View
    before: dict[str, OwnedTunnel]
    after: dict[str, OwnedTunnel]
    changed: Asked


class Planner(msgspec.Struct, Generic[R], frozen=True):
    """Plans the updates of one resource: one step after the other."""

    service: ResourceService[R]

    def dry_run(
        self, tx: Connection, caller: Caller, id: str, asked: Input, expected: int | None
    ) -> DryRun:
        """In a transaction that is to be undone. Raises: as the update."""
        service, name = self.service, self.service.resource.name
        service.rules.enter(tx, "update")
        kept = rows.get(tx, service.rules.table, id)
        before = dependents.connections(tx, name, id.lower())
        view = service.update(tx, caller, id, asked, expected)
        after = dependents.connections(tx, name, id.lower())
        shown = {key: owned for key, owned in after.items() if self._visible(caller, owned)}
        return DryRun(view, before, shown, _changed(name, kept, asked))

    def around(self, tx: Connection, caller: Caller, tried: DryRun) -> list[Tunnel]:
        """What runs beside these connections, as far as the caller may see it."""
        found = dependents.beside(tx, [owned.tunnel for owned in tried.after.values()])
        around = found | tried.after
        return [owned.tunnel for owned in around.values() if self._visible(caller, owned)]

    def plan(self, tried: DryRun, around: list[Tunnel]) -> View:
        """The answer; without a transaction, as it may take its time."""
        name, beside = self.service.resource.name, Neighbours(around)
        told = (
            _told(tried.before[key], owned, tried.changed, beside)
            for key, owned in tried.after.items()
        )
        connections = [each for each in told if each["attributes"] or name == _CONNECTION]
        return {name: tried.view, "connections": connections}

    def _visible(self, caller: Caller, owned: OwnedTunnel) -> bool:
        in_scope = rows.owned(owned.project_id, scope_of(caller))
        owner = {"project_id": owned.project_id}
        return in_scope and self.service.policy.check(caller, _SEEN, owner)


def _told(
    before: OwnedTunnel, after: OwnedTunnel, changed: Asked, beside: Neighbours
) -> dict[str, Any]:
    promised = impact(before.tunnel, after.tunnel, changed)
    of = {"id": after.tunnel.id, "name": after.tunnel.name}
    told: dict[str, Any] = of | msgspec.to_builtins(promised)
    return told | {"collisions": msgspec.to_builtins(beside.collisions(after.tunnel))}


def _changed(resource: str, kept: ResourceRow | None, asked: Input) -> Asked:
    """The rows that the update names. What no gateway hears of only where a connection is
    given another value of it."""
    named: Asked = set()
    for name, value in asked.values.items():
        members = [f"{name}.{member}" for member in value] if isinstance(value, dict) else [name]
        named.update((resource, member) for member in members)
    return {
        row
        for row in named & ROWS.keys()
        if ROWS[row]
        or (resource == _CONNECTION and getattr(kept, row[1], None) != asked.values.get(row[1]))
    }

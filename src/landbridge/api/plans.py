"""What an update would do, found out by doing it in a transaction that is undone.

Rules this module keeps:
- The update itself runs, with all its checks: a plan that is answered is one that would be
  accepted now, and its errors are the update's.
- The connections told of are those that the caller may see and that the update makes different;
  an update of one connection always tells of that one.
- What it would collide with is told of, too, where the caller may see that: nobody learns of
  another project's connection, or by trying whether its PSK is the same.
- The promise is `landbridge.impact`'s, for a tunnel that is up and a peer that agrees; with what
  the tunnel would collide on its router, `landbridge.collisions` tells.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from landbridge.access.caller import Caller
from landbridge.api.attributes import Input
from landbridge.api.operations import Desk, scope_of
from landbridge.api.views import View
from landbridge.collisions import Neighbours
from landbridge.impact import ROWS, impact
from landbridge.store.transaction import Row
from landbridge.vpn import concerned, rows
from landbridge.vpn.concerned import Owned

Asked = set[tuple[str, str]]

_CONNECTION: Final = "ipsec_site_connection"
_SEEN: Final = f"get_{_CONNECTION}"


class Planner(msgspec.Struct, frozen=True):
    """Plans the updates of one resource, in a transaction that is to be undone."""

    desk: Desk

    def plan(
        self, tx: Connection, caller: Caller, id: str, asked: Input, expected: int | None
    ) -> View:
        """The view that the update would answer with, and the connections it concerns.

        Raises: as the update.
        """
        desk, name = self.desk, self.desk.resource.name
        desk.rules.enter(tx, "update")
        kept = rows.get(tx, desk.rules.table, id) or {}
        before = concerned.connections(tx, name, id.lower())
        view = desk.update(tx, caller, id, asked, expected)
        after = concerned.connections(tx, name, id.lower())
        changed = _changed(name, kept, asked)
        shown = {key: owned for key, owned in after.items() if _visible(desk, caller, owned)}
        around = concerned.beside(tx, [owned.tunnel for owned in shown.values()]).values()
        beside = Neighbours(each.tunnel for each in around if _visible(desk, caller, each))
        told = (_told(before[key], owned, changed, beside) for key, owned in shown.items())
        connections = [each for each in told if each["attributes"] or name == _CONNECTION]
        return {name: view, "connections": connections}


def _told(before: Owned, after: Owned, changed: Asked, beside: Neighbours) -> dict[str, Any]:
    promised = impact(before.tunnel, after.tunnel, changed)
    of = {"id": after.tunnel.id, "name": after.tunnel.name}
    told: dict[str, Any] = of | msgspec.to_builtins(promised)
    return told | {"collisions": msgspec.to_builtins(beside.collisions(after.tunnel))}


def _visible(desk: Desk, caller: Caller, owned: Owned) -> bool:
    owner = {"project_id": owned.project_id}
    return rows.visible(owner, scope_of(caller)) and desk.policy.check(caller, _SEEN, owner)


def _changed(resource: str, kept: Row, asked: Input) -> Asked:
    """The rows that the update names. What no gateway hears of only where a connection is
    given another value of it."""
    named: Asked = set()
    for name, value in asked.values.items():
        members = [f"{name}.{member}" for member in value] if isinstance(value, dict) else [name]
        named.update((resource, member) for member in members)
    return {
        row
        for row in named & ROWS.keys()
        if ROWS[row] or (resource == _CONNECTION and kept.get(row[1]) != asked.values.get(row[1]))
    }

"""Create, read, update and delete of one resource, inside a request's transaction.

Rules this module keeps:
- Plain functions of a transaction; they do not wait and know no HTTP.
- First the scope: an object outside is not found, in the words of its resource. Then the policy: an
  object whose `get_` rule refuses is not found (without naming the resource); if only the action's
  rule refuses, the request is forbidden.
- Secrets are unsealed only if they are requested and the caller may see them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic

import msgspec
from msgspec.structs import asdict
from sqlalchemy import Connection

from landbridge import errors
from landbridge.api.http.query import Listing
from landbridge.api.requests import preconditions, select
from landbridge.api.requests.serializer import Serializer, View
from landbridge.api.schema import quotas
from landbridge.api.schema.network import NETWORK, PORT, SUBNET
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.validate import Input
from landbridge.auth.caller import Caller
from landbridge.auth.policy import Policy
from landbridge.store import events
from landbridge.store.resource_rows import NETWORKS, NetworkRow, R
from landbridge.store.transaction import origin
from landbridge.vpn import errors as vpn_errors
from landbridge.vpn import rows
from landbridge.vpn.event_kinds import EventKind, changed_names
from landbridge.vpn.resources.registry import Rules
from landbridge.vpn.rows import Attributes

VPN_PREFIX = "/vpn"
_NOT_FOUND = "The resource could not be found."
_SERVED = frozenset({NETWORK.name, SUBNET.name, PORT.name})  # resources that services may see


def scope_of(caller: Caller, resource: Resource | None = None) -> rows.Scope:
    """The project whose objects the caller may refer to; None: all.

    Another service of the cloud may refer to all networks, subnets and ports in requests for these.
    """
    serves = caller.is_service and resource is not None and resource.name in _SERVED
    return None if caller.is_admin or serves else caller.project_id


class Retagging(msgspec.Struct, frozen=True, kw_only=True):
    """`verb`: create, update or delete tags. `change` makes the new tags of those that are there;
    `expected`: the revision that the change is for."""

    verb: str
    change: Callable[[list[str]], list[str]]
    expected: int | None


class ResourceService(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """The operations on one resource. `quota`: the default limit."""

    resource: Resource
    rules: Rules[R]
    serializer: Serializer
    policy: Policy
    quota: int

    def page(
        self, tx: Connection, caller: Caller, listing: Listing
    ) -> tuple[list[View], list[str]]:
        """The views of a page, and the ids of its objects."""
        found = select.page(tx, self.rules.table, listing, self._scope(caller))
        if not found and listing.marker and self.resource.prefix != VPN_PREFIX:
            self._find(tx, caller, listing.marker)  # of VPN resources the reference asks no such
        wanted = not listing.fields or bool(listing.fields.intersection(self.serializer.secrets))
        presented = self.rules.present(tx, found, wanted and bool(self.serializer.secrets))
        rule = f"get_{self.resource.name}"
        rules = [rule, *(f"{rule}:{name}" for name in self._asked_of_secrets(listing))]
        targets = self._targets(tx, presented)
        visible = [target for target in targets if self._passes(caller, rules, target)]
        views = [self.serializer.view(self._guarded(caller, r), listing.fields) for r in visible]
        return views, [row["id"] for row in visible]

    def show(self, tx: Connection, caller: Caller, id: str, fields: frozenset[str]) -> View:
        return self.serializer.view(self._presented(tx, caller, self.see(tx, caller, id)), fields)

    def see(self, tx: Connection, caller: Caller, id: str) -> R:
        """The row, if the caller may see it. Raises: NotFound."""
        row = self._find(tx, caller, id)
        if not self._may(tx, caller, "get", row):
            raise errors.NotFound(_NOT_FOUND)
        return row

    def create(self, tx: Connection, caller: Caller, asked: Input) -> View:
        self.rules.enter(tx, "create")
        target = self._new_target(tx, caller, asked.values)
        rule = f"create_{self.resource.name}"
        self.policy.enforce(caller, rule, target, _members(self._chosen(asked)))
        quotas.check(tx, asked.values["project_id"], self.resource.name, self.quota)
        row = self.rules.create(tx, asked.values, self._scope(caller))
        self._note(tx, EventKind.CREATED, row)
        return self.serializer.answer(self._presented(tx, caller, row), asked)

    def update(
        self, tx: Connection, caller: Caller, id: str, asked: Input, expected: int | None
    ) -> View:
        row = self._find(tx, caller, id, to="update")
        self._enforce(tx, caller, "update", row, asked)
        preconditions.check(row, expected)
        updated = self.rules.update(tx, row, asked.values, self._scope(caller))
        if changed := changed_names(row, updated):
            self._note(tx, EventKind.UPDATED, updated, changed=changed)
        return self.serializer.answer(self._presented(tx, caller, updated), asked)

    def delete(self, tx: Connection, caller: Caller, id: str, expected: int | None) -> None:
        row = self._find(tx, caller, id, to="delete")
        self._enforce(tx, caller, "delete", row)
        preconditions.check(row, expected)
        self.rules.delete(tx, row)
        self._note(tx, EventKind.DELETED, row)

    def act(self, tx: Connection, caller: Caller, id: str, action: str) -> R:
        """The row, to be changed by `action`, which has a policy rule of its own name."""
        row = self._find(tx, caller, id, to=action)
        if not self._may(tx, caller, "get", row):
            raise errors.NotFound(_NOT_FOUND)
        self.policy.enforce(caller, action, asdict(row))
        return row

    def tags(self, tx: Connection, caller: Caller, id: str) -> list[str]:
        """Raises: NotFound."""
        return self.see(tx, caller, id).tags

    def retag(self, tx: Connection, caller: Caller, id: str, asked: Retagging) -> None:
        """Raises: NotFound, PolicyNotAuthorized, and what `asked.change` raises."""
        row = self._find(tx, caller, id, to="update")
        (target,) = self._targets(tx, [asdict(row)])
        rule = f"{asked.verb}_{self.resource.name}:tags"
        if not self.policy.knows(rule):
            rule = f"update_{self.resource.name}"
        if not self.policy.check(caller, rule, target):
            if not self._may(tx, caller, "get", row):
                raise errors.NotFound(_NOT_FOUND)
            raise errors.PolicyNotAuthorized(rule)
        preconditions.check(row, asked.expected)
        updated = rows.update(tx, self.rules.table, row, {"tags": asked.change(row.tags)})
        if updated is not row:
            self._note(tx, EventKind.UPDATED, updated, changed=["tags"])

    def _note(self, tx: Connection, kind: EventKind, row: R, **details: Any) -> None:
        """Changes of VPN resources are events; changes of the inventory are not."""
        if self.resource.prefix == VPN_PREFIX:
            details["request_id"] = origin(tx)
            events.note(tx, kind.value, self.resource.name, row, **details)

    def _find(self, tx: Connection, caller: Caller, id: str, *, to: str | None = None) -> R:
        """The row; `to`: what will be done to it."""
        if to is not None:
            self.rules.enter(tx, to)
        row = select.one(tx, self.rules.table, id, self._scope(caller), change=to is not None)
        if row is None:
            raise self.rules.not_found(id)
        return row

    def _may(self, tx: Connection, caller: Caller, verb: str, row: R) -> bool:
        (target,) = self._targets(tx, [asdict(row)])
        return self.policy.check(caller, f"{verb}_{self.resource.name}", target)

    def _enforce(
        self, tx: Connection, caller: Caller, verb: str, row: R, asked: Input | None = None
    ) -> None:
        (target,) = self._targets(tx, [asdict(row) | (asked.values if asked else {})])
        try:
            rule = f"{verb}_{self.resource.name}"
            self.policy.enforce(caller, rule, target, _members(asked.values) if asked else ())
        except errors.PolicyNotAuthorized:
            if self._may(tx, caller, "get", row):
                raise
            raise errors.NotFound(_NOT_FOUND) from None

    def _new_target(self, tx: Connection, caller: Caller, values: Attributes) -> Attributes:
        """The target of the policy for a creation. Raises: NetworkNotFound."""
        (target,) = self._targets(tx, [values])
        if network_id := values.get("network_id"):
            network = rows.get(tx, NETWORKS, network_id)
            if network is None or not rows.visible(network, self._scope(caller)):
                raise vpn_errors.NetworkNotFound(network_id)
        return target

    def _targets(self, tx: Connection, found: list[Attributes]) -> list[Attributes]:
        """Targets of policy rules: the attributes of the objects; those of subnets and ports with
        what rules ask of their network."""
        if self.resource.attribute("network_id") is None:
            return found
        networks = rows.by_id(tx, NETWORKS, (each["network_id"] for each in found))
        return [each | self._of_network(networks.get(each["network_id"])) for each in found]

    def _of_network(self, network: NetworkRow | None) -> Attributes:
        seen: Attributes = {
            "network:project_id": network and network.project_id,
            "shared": network is not None and network.shared,
        }
        if self.resource is SUBNET:
            seen["router:external"] = network is not None and network.router_external
        return seen

    def _scope(self, caller: Caller) -> rows.Scope:
        return scope_of(caller, self.resource)

    def _passes(self, caller: Caller, rules: list[str], target: Attributes) -> bool:
        return all(self.policy.check(caller, rule, target) for rule in rules)

    def _asked_of_secrets(self, listing: Listing) -> list[str]:
        """The secret attributes in the list's filters and sort keys."""
        asked = [each.attribute for each in listing.filters]
        asked += [each.attribute for each in listing.sorts]
        return [attribute.name for attribute in asked if attribute.secret]

    def _chosen(self, asked: Input) -> Attributes:
        """The attributes that a creation names with another value than the default."""
        defaults = {each.name: each.default for each in self.resource.attributes}
        values = {name: value for name, value in asked.values.items() if name in asked.sent}
        return {name: value for name, value in values.items() if value != defaults[name]}

    def _presented(self, tx: Connection, caller: Caller, row: R) -> Attributes:
        return self._guarded(
            caller, self.rules.present(tx, [row], bool(self.serializer.secrets))[0]
        )

    def _guarded(self, caller: Caller, shown: Attributes) -> Attributes:
        """Without the secrets that the caller may not see."""
        hidden = [
            name
            for name in self.serializer.secrets
            if not self.policy.check(caller, f"get_{self.resource.name}:{name}", shown)
        ]
        return (
            {key: value for key, value in shown.items() if key not in hidden} if hidden else shown
        )


def _members(values: Attributes) -> list[str]:
    """The attributes that the values are of, those inside dictionaries and lists as ``a:b``."""
    named = list(values)
    for name, value in values.items():
        inside = value if isinstance(value, list) else [value]
        members = [member for each in inside if isinstance(each, dict) for member in each]
        named += [f"{name}:{member}" for member in dict.fromkeys(members)]
    return named

"""Configurations of tunnels that share an IKE_SA: of its owner, and of those attached to it; pure.

Tunnels with the same addresses, identities and IKE version are one to a peer, and to charon. One
of them is the owner of the IKE_SA, the others that fit are attached to it
(`landbridge.agent.plan.ike_sharing`).

Rules this module keeps:
- The owner's connection in charon has the children of all attached tunnels.
- An attached tunnel has the connection of the owner and children of its own. Their names end with
  its tunnel id, so that list-sas alone tells whose a CHILD_SA is.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from landbridge.agent.tunnels.desired import Settings, Target
from landbridge.agent.tunnels.naming import attached_name, digest_of, names_of


def with_attached(owner: Target, attached: Iterable[Target]) -> Target:
    """`owner` with the children of the `attached` tunnels in its connection."""
    listed = tuple(attached)
    if not listed:
        return owner
    configs = dict(owner.configs)
    for each in listed:
        configs.update(_renamed(each))
    connection: Settings = {**owner.connection, "children": configs}
    return msgspec.structs.replace(
        owner,
        attached=frozenset(each.tunnel_id for each in listed),
        connection=connection,
        digest=digest_of(connection),
    )


def without_children(target: Target) -> Target:
    """`target` without children of its own: the configuration of a retained owner."""
    connection: Settings = {**target.connection, "children": {}}
    return msgspec.structs.replace(
        target, children=(), configs={}, connection=connection, digest=digest_of(connection)
    )


def attached_to(target: Target, owner: Target) -> Target:
    """`target` on the IKE_SA of `owner`, which has its children (see `with_attached`)."""
    children = tuple(
        msgspec.structs.replace(each, name=attached_name(each.name, target.tunnel_id))
        for each in target.children
    )
    return msgspec.structs.replace(
        target,
        name=owner.name,
        owner=owner.tunnel_id,
        children=children,
        configs=_renamed(target),
        connection=owner.connection,
        digest=owner.digest,
    )


def _renamed(target: Target) -> Settings:
    names = (name for child in target.children for name in names_of(child))
    return {attached_name(name, target.tunnel_id): target.configs[name] for name in names}

"""Which SA outbound packets take: the reqids of CHILD_SAs. No I/O.

A packet goes to the most specific policy, the policy names a reqid, and of the SAs with that
reqid the newest is taken (libipsec's ``checkout_by_reqid``, the kernel's ``xfrm_state_find``).
charon gives another reqid to other selectors, so that a CHILD_SA of 10.2.0.0/22 gets no packet of
10.2.0.0/24 while the older one stands, and a packet finds a new policy before its SA.

Rules this module keeps:
- A tunnel that has one CHILD_SA at a time keeps one reqid: each new CHILD_SA takes over at once
  whatever its predecessor's policies match, and no policy is without an SA.
- No number is given twice while a charon lives, and none that charon may give by itself: those
  count from 1. What an agent before us gave is read from the SAs.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

import msgspec

from landbridge.agent.tunnels.desired import Settings, Target
from landbridge.agent.tunnels.naming import plain, tunnel_of_child
from landbridge.agent.tunnels.observed import ChildSa

FIRST: Final = 1 << 30


class Reqids:
    """The numbers of one charon's tunnels."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}
        self._next = FIRST

    def saw(self, children: Iterable[ChildSa]) -> None:
        for child in children:
            if child.reqid >= FIRST:
                self._given.setdefault(child.tunnel_id, child.reqid)
                self._next = max(self._next, child.reqid + 1)

    def forget(self, tunnel_id: str) -> None:
        self._given.pop(tunnel_id, None)

    def fixed(self, target: Target) -> Target:
        """`target` with the reqids of those in its connection that have one CHILD_SA at a time."""
        children = target.connection["children"]
        if not isinstance(children, dict):
            return target
        numbered: Settings = {}
        for tunnel_id, names in _by_tunnel(target.tunnel_id, children):
            alone = len({plain(name) for name in names}) == 1
            for name in names:
                config = children[name]
                if alone and isinstance(config, dict):
                    config = {**config, "reqid": str(self._number(tunnel_id))}
                numbered[name] = config
        connection: Settings = {**target.connection, "children": numbered}
        return msgspec.structs.replace(target, connection=connection)

    def _number(self, tunnel_id: str) -> int:
        if tunnel_id not in self._given:
            self._given[tunnel_id] = self._next
            self._next += 1
        return self._given[tunnel_id]


def _by_tunnel(ike_tunnel_id: str, names: Iterable[str]) -> list[tuple[str, list[str]]]:
    def key(name: str) -> str:
        return tunnel_of_child(ike_tunnel_id, name)

    return [(each, list(group)) for each, group in groupby(sorted(names, key=key), key)]

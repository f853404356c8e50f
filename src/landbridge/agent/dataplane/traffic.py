"""Lets a router's tunnels pass: the packet filter and the routes, applied.

Rules this module keeps:
- It is the `Dataplane` that the router tasks call.
- Blocks come before routes: a network is protected before anything can be sent to it.
- nft is run only when what it should hold has changed; after a start, an error or a new
  uplink the whole table is replaced in one transaction.
- What the host does not take of one tunnel is found (`landbridge.agent.dataplane.isolation`) and
  left as it was, while all others go on. It is tried again when it has changed, and now and then.
- What an older version has left in the namespace goes first
  (`landbridge.agent.dataplane.outdated`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import structlog

from landbridge.agent.dataplane import firewall, isolation, netlink, nft, outdated, routes, segments
from landbridge.agent.dataplane.bridges import link_by_name
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dataplane.firewall import Contents
from landbridge.agent.dataplane.names import namespace_name, uplink_interface
from landbridge.model.router import Router

REFUSED_FOR: Final = 20.0  # seconds until what was refused is tried again

log = structlog.get_logger(__name__)


class _Refused(NamedTuple):
    """What of a tunnel the host has refused, why, and when (seconds, monotonic)."""

    net: TunnelNet
    words: str
    at: float


@dataclass
class _RouterState:
    """What one namespace is known to hold; `contents` None: not known."""

    is_current: bool = False  # nothing of an older version is left
    table: routes.RouteTable = field(default_factory=routes.RouteTable)
    uplink: str | None = None
    contents: Contents | None = None
    router: Router | None = None
    device: int | None = None
    nets: Mapping[str, TunnelNet] = field(default_factory=dict)
    refused: Mapping[str, _Refused] = field(default_factory=dict)


class HostDataplane:
    """Implements `landbridge.agent.dataplane.dataplane.Dataplane` on this host."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._states: dict[str, _RouterState] = {}

    async def apply(self, router: Router, tunnels: Mapping[str, TunnelNet]) -> Mapping[str, str]:
        """Make routes, blocks and clamps of `router` be exactly those of `tunnels`.

        Raises:
            GatewayError: the host refuses; the next call starts from what is there.
        """
        state = self._states.setdefault(router.id, _RouterState())
        state.refused = _still_refused(state.refused, tunnels)
        try:
            await self._apply(router, _without(state, tunnels), state)
        except Exception:
            if not await self._found(router, tunnels, state):
                raise
            await self._apply(router, _without(state, tunnels), state)
        return {tunnel_id: refused.words for tunnel_id, refused in state.refused.items()}

    async def _found(
        self, router: Router, tunnels: Mapping[str, TunnelNet], state: _RouterState
    ) -> bool:
        """Whether the trouble is that of some tunnels, whom it notes."""
        trial = isolation.on_host(router, namespace_name(router.id), self._backend)
        nets = tuple(tunnels[each] for each in tunnels if each not in state.refused)
        now, found = time.monotonic(), await isolation.culprits(nets, trial)
        new = {each: _Refused(tunnels[each], words, now) for each, words in found.items()}
        state.refused = {**state.refused, **new}
        for tunnel_id, words in found.items():
            log.warning("tunnel_not_let_through", tunnel=tunnel_id, reason=words)
        return bool(found)

    async def _apply(
        self, router: Router, tunnels: Mapping[str, TunnelNet], state: _RouterState
    ) -> None:
        if not state.is_current:
            await outdated.clear(namespace_name(router.id))
            state.is_current = True
        changed = _changed(state.nets, tunnels)
        await self._filter(router, tunnels, changed, state)
        async with netlink.opened(namespace_name(router.id)) as route:
            name = routes.device_of(router, self._backend)
            link = await link_by_name(route, name) if name else None
            device = int(link["index"]) if link is not None else None
            if state.table.is_stale() or (state.router, state.device) != (router, device):
                await state.table.ensure(route, routes.wanted(router, tunnels.values(), device))
            else:
                await _reroute(route, state, tunnels, changed)
        state.router, state.device, state.nets = router, device, dict(tunnels)

    def forget(self, router_id: str) -> None:
        """Start from what is there again: the namespace has gone, or been made anew."""
        self._states.pop(router_id, None)

    async def _filter(
        self,
        router: Router,
        tunnels: Mapping[str, TunnelNet],
        changed: Sequence[TunnelNet],
        state: _RouterState,
    ) -> None:
        uplink = uplink_interface(router.uplink) if router.uplink else None
        known, state.contents = state.contents, None  # until it has succeeded
        whole = known is None or state.uplink != uplink
        if known is not None and not whole and not changed:
            state.contents = known
            return
        wanted = firewall.contents(tunnels.values())
        if known is None or whole:
            commands = firewall.whole(uplink, self._backend, wanted)
        else:
            commands = firewall.difference(known, wanted)
        await nft.apply(namespace_name(router.id), commands)
        state.contents, state.uplink = wanted, uplink


def _still_refused(
    refused: Mapping[str, _Refused], tunnels: Mapping[str, TunnelNet]
) -> Mapping[str, _Refused]:
    """Those that have not changed, and were not tried again for long."""
    since = time.monotonic() - REFUSED_FOR
    return {
        each: known
        for each, known in refused.items()
        if tunnels.get(each) == known.net and known.at > since
    }


def _without(state: _RouterState, tunnels: Mapping[str, TunnelNet]) -> Mapping[str, TunnelNet]:
    """`tunnels`, those that are refused as they were before, if they were."""
    before = {each: state.nets[each] for each in state.refused if each in state.nets}
    return {each: net for each, net in tunnels.items() if each not in state.refused} | before


def _changed(
    before: Mapping[str, TunnelNet], after: Mapping[str, TunnelNet]
) -> tuple[TunnelNet, ...]:
    """The tunnels that differ, as they were and as they are to be."""
    keys = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    both = [net for key in keys for net in (before.get(key), after.get(key))]
    return tuple(net for net in both if net is not None)


async def _reroute(
    route: Any,
    state: _RouterState,
    tunnels: Mapping[str, TunnelNet],
    changed: Sequence[TunnelNet],
) -> None:
    """Change the places of what changed; others that share them have their say."""
    touched = {peer for net in changed for peer in _peers(net)}
    sharing = [net for net in tunnels.values() if not touched.isdisjoint(_peers(net))]
    if state.router is not None:
        desired = routes.wanted(state.router, sharing, state.device)
        await state.table.change(route, desired, routes.places_of(touched))


def _peers(net: TunnelNet) -> list[segments.Network]:
    return [segments.network(cidr) for cidr in net.peer_cidrs]

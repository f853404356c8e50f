"""Lets a router's tunnels pass: the packet filter and the routes, applied.

Rules this module keeps:
- It is the `Dataplane` that the router tasks call, and it alone runs nft.
- Blocks come before routes: a network is protected before anything can be sent to it.
- nft is run only when what it should hold has changed; after a start, an error or a new
  uplink the whole table is replaced in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from landbridge.agent import firewall, netlink, routes
from landbridge.agent.bridges import link_by_name
from landbridge.agent.commands import run
from landbridge.agent.dataplane import Backend, TunnelNet
from landbridge.agent.firewall import Command, Contents
from landbridge.agent.names import namespace_name, uplink_interface
from landbridge.model import Router


@dataclass
class _RouterState:
    """What one namespace is known to hold; `contents` None: not known."""

    table: routes.RouteTable = field(default_factory=routes.RouteTable)
    uplink: str | None = None
    contents: Contents | None = None


class HostDataplane:
    """Implements `landbridge.agent.dataplane.Dataplane` on this host."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._states: dict[str, _RouterState] = {}

    async def apply(self, router: Router, tunnels: Mapping[str, TunnelNet]) -> None:
        """Make routes, blocks and clamps of `router` be exactly those of `tunnels`.

        Raises:
            GatewayError: the host refuses; the next call starts from what is there.
        """
        state = self._states.setdefault(router.id, _RouterState())
        await self._filter(router, firewall.contents(tunnels.values()), state)
        async with netlink.opened(namespace_name(router.id)) as route:
            name = routes.device_of(router, self._backend)
            link = await link_by_name(route, name) if name else None
            device = int(link["index"]) if link is not None else None
            await state.table.ensure(route, routes.wanted(router, tunnels.values(), device))

    def forget(self, router_id: str) -> None:
        """Start from what is there again: the namespace has gone, or been made anew."""
        self._states.pop(router_id, None)

    async def _filter(self, router: Router, wanted: Contents, state: _RouterState) -> None:
        uplink = uplink_interface(router.uplink) if router.uplink else None
        if state.contents is None or state.uplink != uplink:
            commands = firewall.whole(uplink, self._backend, wanted)
        else:
            commands = firewall.difference(state.contents, wanted)
        state.contents = None
        await _nft(namespace_name(router.id), commands)
        state.contents, state.uplink = wanted, uplink


async def _nft(namespace: str, commands: list[Command]) -> None:
    if commands:
        place = f"--net={netlink.NAMESPACES / namespace}"
        transaction = msgspec.json.encode({"nftables": commands})
        await run("nsenter", place, "nft", "-j", "-f", "-", stdin=transaction)

"""A router's namespace: its links, addresses and routes.

Rules this module keeps:
- Level, not edge: `ensure` reads what is there and changes only what differs, so that a
  running tunnel never notices a restart of the agent or a second call.
- What is no longer desired goes before what is new comes: an address may have moved. Addresses
  of the uplink that tunnels still use stay until these have moved (`retained`), or another router
  of this gateway gets them.
- An address that appears is announced to its neighbours.
- A leg that is switched off has its outer end down: its addresses stay, and nothing passes.
- Host-side work (bridges, veths) is serialised, so that a bridge is never swept between
  its making and its first port. Namespaces otherwise proceed in parallel.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from landbridge.agent.dataplane import main_routes, netlink, sysctl
from landbridge.agent.dataplane.announce import announce
from landbridge.agent.dataplane.bridges import Bridges, all_links, is_up, link_by_name
from landbridge.agent.dataplane.commands import run
from landbridge.agent.dataplane.names import (
    host_veth,
    inside_interface,
    is_leg_interface,
    namespace_name,
    uplink_interface,
)
from landbridge.agent.dataplane.netlink import translated
from landbridge.agent.errors import GatewayError
from landbridge.model.router import Leg, Router

UNIVERSE: Final = 0  # the scope of an address that is not link-local
FAMILIES: Final[Mapping[int, int]] = {4: socket.AF_INET, 6: socket.AF_INET6}

#: Addresses, without prefix, that stay though they are not desired any more; None: all that are
#: there.
Retained = frozenset[str] | None
Claim = tuple[str, str]  # an address, without prefix, on a network: (network id, address)
NONE: Final[Retained] = frozenset()


@dataclass(frozen=True)
class Interface:
    """A leg as an interface of the namespace."""

    name: str
    leg: Leg

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(str(ipaddress.ip_interface(a)) for a in self.leg.addresses)


def addresses_of(leg: Leg | None) -> frozenset[str]:
    """Without prefix."""
    addresses = leg.addresses if leg else ()
    return frozenset(str(ipaddress.ip_interface(each).ip) for each in addresses)


def _claims(leg: Leg | None, addresses: frozenset[str]) -> frozenset[Claim]:
    return frozenset((leg.network_id, each) for each in addresses) if leg else frozenset()


def interfaces_of(router: Router) -> tuple[Interface, ...]:
    uplink = (Interface(uplink_interface(router.uplink), router.uplink),) if router.uplink else ()
    return uplink + tuple(Interface(inside_interface(leg), leg) for leg in router.inside)


class Namespaces:
    """Makes and removes the namespaces of this host's routers."""

    def __init__(self, bridges: Bridges) -> None:
        self._bridges = bridges
        self._host = asyncio.Lock()
        self._wanted: dict[str, frozenset[Claim]] = {}  # by router
        self._kept: dict[str, frozenset[Claim]] = {}  # retained, by router

    async def ensure(self, router: Router, retained: Retained = NONE) -> bool:
        """Make the router's namespace exactly as desired, but for what is `retained`. True: there
        was none before.

        Raises:
            GatewayError: a configured bridge is missing, or the kernel refuses.
        """
        name = namespace_name(router.id)
        self._kept[router.id] = frozenset()
        self._wanted[router.id] = _claims(router.uplink, addresses_of(router.uplink))
        fresh = not netlink.exists(name)
        if fresh:
            with translated(f"clear the leftover of namespace {name}"):
                (netlink.NAMESPACES / name).unlink(missing_ok=True)
            await run("ip", "netns", "add", name)
        await sysctl.ensure(name, sysctl.of_router(forwarding=router.admin_state_up))
        wanted = interfaces_of(router)
        async with netlink.opened(name) as inner:
            await self._wire(name, inner, wanted)
            links = {link.get("ifname"): link for link in await all_links(inner)}
            await sysctl.ensure(name, sysctl.of_interfaces([i.name for i in wanted]))
            await _bring_up(inner, links["lo"])
            for interface in wanted:
                may_stay = self._stays(router, retained if interface.leg is router.uplink else NONE)
                kept = await _configure(name, inner, interface, links[interface.name], may_stay)
                self._kept[router.id] |= _claims(interface.leg, kept)
            uplink = links[uplink_interface(router.uplink)]["index"] if router.uplink else None
            await main_routes.ensure(inner, router, uplink)
        return fresh

    def stands(self, router_id: str) -> bool:
        """Whether the namespace is there, and keeps no address that is another router's by now; a
        glance."""
        kept = self._kept.get(router_id, frozenset())
        return netlink.exists(namespace_name(router_id)) and not kept & self._others(router_id)

    def outside(self, router_id: str) -> frozenset[str]:
        """The addresses of its uplink, as they are since `ensure`."""
        claims = (self._wanted, self._kept)
        return frozenset(address for at in claims for _, address in at.get(router_id, ()))

    def _others(self, router_id: str) -> frozenset[Claim]:
        claims = (claim for at, claim in self._wanted.items() if at != router_id)
        return frozenset().union(*claims)

    def _stays(self, router: Router, retained: Retained) -> Callable[[str], bool]:
        """Whether an address (without prefix) that is not wanted any more stays on the uplink."""
        others = self._others(router.id) if retained != NONE else frozenset()
        network = router.uplink.network_id if router.uplink else ""
        return lambda address: (
            (retained is None or address in retained) and (network, address) not in others
        )

    async def remove(self, router_id: str) -> None:
        """Take the namespace, its links and bridges of ours that are left empty away."""
        self._wanted.pop(router_id, None)
        self._kept.pop(router_id, None)
        await self.remove_named(namespace_name(router_id))

    async def remove_named(self, name: str) -> None:
        async with self._host:
            if netlink.exists(name):
                async with netlink.opened(name) as inner:
                    await _remove_unwanted(inner, await all_links(inner), frozenset())
                await run("ip", "netns", "del", name)
            async with netlink.opened(None) as host:
                await self._bridges.sweep(host)

    async def _wire(self, name: str, inner: Any, wanted: Sequence[Interface]) -> None:
        """Bring the veths and their places in bridges in line."""
        async with self._host, netlink.opened(None) as host:
            present = await all_links(inner)
            names = frozenset(interface.name for interface in wanted)
            removed = await _remove_unwanted(inner, present, names)
            there = {link.get("ifname") for link in present}
            for interface in wanted:
                bridge = await self._bridges.ensure(host, interface.leg)
                await _veth(name, host, interface, bridge, made=interface.name in there)
            if removed:
                await self._bridges.sweep(host)


async def _remove_unwanted(inner: Any, present: Sequence[Any], wanted: frozenset[str]) -> bool:
    unwanted = [
        link
        for link in present
        if is_leg_interface(link.get("ifname")) and link.get("ifname") not in wanted
    ]
    for link in unwanted:
        with translated(f"remove interface {link.get('ifname')}"):
            await inner.link("del", index=link["index"])
    return bool(unwanted)


async def _veth(name: str, host: Any, interface: Interface, bridge: int, *, made: bool) -> None:
    outer = host_veth(interface.leg)
    end = await link_by_name(host, outer)
    if not made:
        if end is not None:  # its inner end is in a namespace that is not ours any more
            with translated(f"remove stale interface {outer}"):
                await host.link("del", index=end["index"])
        end = await _new_veth(name, host, interface, outer)
    if end is None:
        raise GatewayError(f"interface {outer} has lost its place on the host")
    up = interface.leg.admin_state_up
    if end.get("master") != bridge or is_up(end) != up:
        with translated(f"put {outer} into its bridge"):
            state = "up" if up else "down"
            await host.link("set", index=end["index"], master=bridge, state=state)


async def _new_veth(name: str, host: Any, interface: Interface, outer: str) -> Any:
    with translated(f"make interface {outer}"):
        target = os.open(netlink.NAMESPACES / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            peer = {
                "ifname": interface.name,
                "address": interface.leg.mac_address,
                "net_ns_fd": target,
            }
            await host.link("add", ifname=outer, kind="veth", peer=peer)
        finally:
            os.close(target)
    return await link_by_name(host, outer)


async def _bring_up(inner: Any, link: Any) -> None:
    if not is_up(link):
        with translated(f"bring {link.get('ifname')} up"):
            await inner.link("set", index=link["index"], state="up")


async def _configure(
    namespace: str, inner: Any, interface: Interface, link: Any, stays: Callable[[str], bool]
) -> frozenset[str]:
    """Returns the addresses, without prefix, that have stayed."""
    index, mac = link["index"], interface.leg.mac_address.lower()
    with translated(f"configure interface {interface.name}"):
        moved = link.get("address") != mac
        if moved:
            await inner.link("set", index=index, address=mac)
        await _bring_up(inner, link)
        present = await _addresses(inner, index)
        kept = {a for a in present - interface.addresses if stays(a.partition("/")[0])}
        for address in present - interface.addresses - kept:
            await inner.addr("del", index=index, **_address(address))
        new = sorted(interface.addresses - present)
        for address in new:
            await inner.addr("add", index=index, **_address(address))
    if news := (sorted(interface.addresses) if moved else new):
        await announce(namespace, interface.name, mac, news)
    return frozenset(address.partition("/")[0] for address in kept)


async def _addresses(inner: Any, index: int) -> frozenset[str]:
    return frozenset(
        [
            f"{found.get('address')}/{found['prefixlen']}"
            async for found in await inner.get_addr(index=index)
            if found["scope"] == UNIVERSE
        ]
    )


def _address(address: str) -> Mapping[str, Any]:
    parsed = ipaddress.ip_interface(address)
    return {
        "address": str(parsed.ip),
        "prefixlen": parsed.network.prefixlen,
        "family": FAMILIES[parsed.version],
    }

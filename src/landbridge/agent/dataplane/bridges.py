"""The Linux bridge of each network on this host.

Rules this module keeps:
- A network that the configuration maps to a bridge uses that bridge and never makes or
  removes it; any other network gets a bridge of ours, named after its id.
- Mapped are physical networks, which administrators give to networks, and ids. A network's name is
  its owner's to choose and leads to no bridge of the host's.
- A bridge of ours carries its owner (a digest of the state directory) as its alias, so
  that two landbridges on one host never remove each other's.
- The host itself has no place on a bridge of ours: it neither takes an address there nor
  answers for the addresses that it has elsewhere.
- A bridge of ours goes when its last port has gone.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog
from pyroute2.netlink.exceptions import NetlinkError

from landbridge.agent.dataplane import sysctl
from landbridge.agent.dataplane.names import auto_bridge
from landbridge.agent.dataplane.netlink import translated
from landbridge.agent.errors import GatewayError
from landbridge.model.router import Leg

ALIAS_PREFIX: Final = "landbridge:"

log = structlog.get_logger(__name__)


class Bridges:
    """`mapping`: physical network, or id of a network, to the bridge that the operator made."""

    def __init__(self, mapping: Mapping[str, str], state_dir: Path) -> None:
        self._mapping = mapping
        self._warned: set[str] = set()
        self._alias = ALIAS_PREFIX + hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]

    async def ensure(self, host: Any, leg: Leg) -> int:
        """The interface index of the leg's bridge, made where it is ours to make.

        Raises:
            GatewayError: the configured bridge does not exist, or the kernel refuses.
        """
        configured = self._configured(leg)
        name = configured or auto_bridge(leg.network_id)
        found = await link_by_name(host, name)
        if found is None and configured:
            raise GatewayError(
                f"bridge {configured} of network {leg.network_name or leg.network_id} does not "
                "exist: make it, or correct [agent] bridges"
            )
        if found is None:
            found = await self._make(host, name)
        elif not configured and not found.get("ifalias"):
            await self._claim(host, found)  # made, and then we were killed
        if not is_up(found):
            with translated(f"bring bridge {name} up"):
                await host.link("set", index=found["index"], state="up")
        return int(found["index"])

    def _configured(self, leg: Leg) -> str | None:
        found = self._mapping.get(leg.network_id) or self._mapping.get(leg.physical_network)
        if found is None and leg.network_name in self._mapping:
            self._warn(leg)
        return found

    def _warn(self, leg: Leg) -> None:
        if leg.network_id in self._warned:
            return
        self._warned.add(leg.network_id)
        log.warning(
            "a network is called as an entry of [agent] bridges and is not on that bridge: names "
            "lead to none. If it belongs there, give it the physical network (openstack network "
            "set --provider-network-type flat --provider-physical-network NAME ID, as an "
            "administrator), or write its id into [agent] bridges",
            name=leg.network_name,
            id=leg.network_id,
            bridge=self._mapping[leg.network_name],
        )

    async def _make(self, host: Any, name: str) -> Any:
        with translated(f"make bridge {name}"):
            await host.link("add", ifname=name, kind="bridge", br_stp_state=0, br_mcast_snooping=0)
            (made,) = await host.link("get", ifname=name)
        await sysctl.ensure(None, sysctl.of_bridge(name))
        await self._claim(host, made)
        return made

    async def _claim(self, host: Any, bridge: Any) -> None:
        with translated(f"mark bridge {bridge.get('ifname')} as ours"):
            await host.link("set", index=bridge["index"], ifalias=self._alias)

    async def sweep(self, host: Any, *, used_too: bool = False) -> None:
        """Remove our bridges that have no port left, or all of ours."""
        links = await all_links(host)
        used = set() if used_too else {link.get("master") for link in links}
        for link in links:
            if link.get("ifalias") == self._alias and link["index"] not in used:
                with translated(f"remove bridge {link.get('ifname')}"):
                    await host.link("del", index=link["index"])


async def all_links(route: Any) -> list[Any]:
    with translated("list interfaces"):
        return [link async for link in await route.get_links()]


async def link_by_name(route: Any, name: str) -> Any | None:
    """The interface of that name, asked for alone: a host may have thousands."""
    with translated(f"look for interface {name}"):
        try:
            found = await route.link("get", ifname=name)
        except NetlinkError as error:
            if error.code == errno.ENODEV:
                return None
            raise
    return found[0]


def is_up(link: Any) -> bool:
    return bool(link["flags"] & 1)  # IFF_UP

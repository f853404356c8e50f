"""Takes out of a router's namespace what an agent of an older version has left there.

Rules this module keeps:
- It is done once for each namespace, before anything else is applied to it; where nothing is
  left it changes nothing, and no packet is lost by it.
- Whoever marks packets goes first, then the routing rules that heed the mark, then the device.
- An entry goes away with the last version from which an upgrade without a reboot is supported.
  The detour of first packets (docs/decisions/030-no-detour-for-first-packets.md) was in no
  release, only before 0.1.0: this module may go with 0.2.0.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

from pyroute2.netlink.exceptions import NetlinkError

from landbridge.agent.dataplane import netlink, nft
from landbridge.agent.dataplane.bridges import link_by_name
from landbridge.agent.dataplane.netlink import translated

DETOUR_DEVICE: Final = "lbhold"
DETOUR_FILTER: Final = {"family": "inet", "name": "landbridge-holdback"}
DETOUR_RULE: Final = {"priority": 208, "table": 208, "fwmark": 0x1B27}
ABSENT: Final = frozenset({errno.ENOENT, errno.EAFNOSUPPORT})


async def clear(namespace: str) -> None:
    """Raises: GatewayError."""
    table = {"table": DETOUR_FILTER}
    await nft.apply(namespace, [{"add": table}, {"delete": table}])  # it need not be there
    async with netlink.opened(namespace) as route:
        with translated("remove the routing rules of an older version"):
            for family in (socket.AF_INET, socket.AF_INET6):
                try:
                    await route.rule("del", family=family, **DETOUR_RULE)
                except NetlinkError as error:
                    if error.code not in ABSENT:
                        raise
        device = await link_by_name(route, DETOUR_DEVICE)
        if device is not None:  # the older agent has not ended; its table of routes goes along
            with translated(f"remove interface {DETOUR_DEVICE}"):
                await route.link("del", index=device["index"])

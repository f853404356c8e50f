"""The main routing table of a router's namespace: its default routes, and the routes of its owner.

Rules this module keeps:
- Level, not edge: what is there is read, and only what differs is touched; what is new comes
  before what is old goes.
- Routes of the owner bear `PROTOCOL`; all others with a destination are the kernel's own.
- They come after what the router is connected to and after the uplink's default route, in both IP
  versions: none of them can cut the router off from its peers.
- Of several next hops to one destination the lowest address is used. A gateway outside of the
  uplink's networks is on the link.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pyroute2.netlink.exceptions import NetlinkError

from landbridge.agent.dataplane.netlink import translated
from landbridge.model.router import Leg, Route, Router

MAIN_TABLE: Final = 254
PROTOCOL: Final = 210  # of our own; /etc/iproute2/rt_protos has no name for it
METRIC: Final = 2048  # after 1024, which is an IPv6 default route's
ON_LINK: Final = 4  # RTNH_F_ONLINK, linux/rtnetlink.h
FAMILIES: Final[Mapping[int, int]] = {4: socket.AF_INET, 6: socket.AF_INET6}


class Place(NamedTuple):
    """What tells one route from another."""

    destination: str
    metric: int


async def ensure(inner: Any, router: Router, uplink: int | None) -> None:
    """Make both kinds as desired; `uplink` is the index of the uplink's interface.

    Raises:
        GatewayError: the kernel refuses.
    """
    await _ensure_defaults(inner, router.uplink, uplink)
    await _ensure_routes(inner, wanted(router.routes))


def wanted(routes: Sequence[Route]) -> dict[Place, str]:
    """The next hop of each place. Pure."""
    hops: defaultdict[str, list[str]] = defaultdict(list)
    for route in routes:
        hops[str(ipaddress.ip_network(route.destination))].append(route.nexthop)
    return {
        Place(destination, METRIC + rank): hop
        for destination, found in hops.items()
        for rank, hop in enumerate(sorted(set(found), key=ipaddress.ip_address))
    }


async def _ensure_routes(inner: Any, desired: Mapping[Place, str]) -> None:
    present = await _present(inner)
    for place, hop in desired.items():
        if present.get(place) != hop:
            with translated(f"route {place.destination} by {hop}"):
                await inner.route("replace", gateway=hop, **_request(place))
    for place in present.keys() - desired.keys():
        with translated(f"remove the route to {place.destination}"):
            try:
                await inner.route("del", **_request(place))
            except NetlinkError as error:
                if error.code not in (errno.ESRCH, errno.ENOENT):  # it went with its interface
                    raise


async def _present(inner: Any) -> dict[Place, str]:
    found: dict[Place, str] = {}
    for version, family in FAMILIES.items():
        with translated("read the routes"):
            async for message in await inner.get_routes(family=family, table=MAIN_TABLE):
                if message["proto"] != PROTOCOL:
                    continue
                address = message.get("dst") or ("0.0.0.0" if version == 4 else "::")  # noqa: S104, PLR2004
                destination = str(ipaddress.ip_network(f"{address}/{message['dst_len']}"))
                place = Place(destination, message.get("priority") or 0)
                found[place] = message.get("gateway") or ""
    return found


def _request(place: Place) -> dict[str, Any]:
    version = ipaddress.ip_network(place.destination).version
    return {
        "dst": place.destination,
        "family": FAMILIES[version],
        "table": MAIN_TABLE,
        "priority": place.metric,
        "proto": PROTOCOL,
    }


async def _ensure_defaults(inner: Any, uplink: Leg | None, index: int | None) -> None:
    gateways = uplink.gateways if uplink else ()
    by_version: dict[int, str] = {ipaddress.ip_address(g).version: g for g in reversed(gateways)}
    for version, family in FAMILIES.items():
        present = [
            message.get("gateway")
            async for message in await inner.get_default_routes(family=family, table=MAIN_TABLE)
            if message["proto"] != PROTOCOL
        ]
        gateway = by_version.get(version)
        if gateway is not None and gateway not in present:
            with translated(f"route by gateway {gateway}"):
                way = {} if index is None or _connected(uplink, gateway) else _on_link(index)
                await inner.route("replace", dst="default", gateway=gateway, family=family, **way)
        await _remove_others(inner, family, present, gateway)


async def _remove_others(
    inner: Any, family: int, present: Sequence[str], gateway: str | None
) -> None:
    for other in present:
        if other != gateway and (family == socket.AF_INET6 or gateway is None):
            with translated(f"remove the route by gateway {other}"):
                await inner.route("del", dst="default", gateway=other, family=family)


def _connected(uplink: Leg | None, gateway: str) -> bool:
    address = ipaddress.ip_address(gateway)
    networks = (
        ipaddress.ip_interface(each).network for each in (uplink.addresses if uplink else ())
    )
    return any(address in network for network in networks)


def _on_link(index: int) -> dict[str, Any]:
    return {"oif": index, "flags": ON_LINK}

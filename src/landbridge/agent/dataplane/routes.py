"""The routes of tunnels: table 210, asked before charon's 220 and before main.

Rules this module keeps:
- A peer's network has a standing `unreachable` route as long as its tunnel is known, and
  a better one through the tunnel while it is up. When charon dies its device goes, the
  better route goes with it, and nothing leaves in clear.
- The router's own networks are thrown back to main: a peer's 10.0.0.0/8 must not swallow
  an inside 10.1.0.0/24. So are networks behind inside routers; of the very same network, the
  tunnel is the way.
- IKE, ESP and AH of this host ask main first (rule 209), so that a peer whose address lies
  inside its own network is still reached.
- What is new comes before what is old goes, and of one network the way through the tunnel comes
  before its block and goes after it: a network within another's is reached all the time.
- Only what differs is touched; a change of one tunnel looks at that tunnel's places only. What
  the kernel has is read again when the memory of it is older than `REREAD_AFTER`.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from pyroute2.netlink.exceptions import NetlinkError

from landbridge.agent.dataplane import segments
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dataplane.firewall import effective_mtu
from landbridge.agent.dataplane.names import TUNNEL_DEVICE, uplink_interface
from landbridge.agent.dataplane.netlink import translated
from landbridge.agent.dataplane.segments import Network
from landbridge.model.router import Router

TABLE: Final = 210
RULE_PRIORITY: Final = 210
BYPASS_PRIORITY: Final = 209
MAIN_TABLE: Final = 254
OWN_METRIC: Final = 1
TUNNEL_METRIC: Final = 100
BLOCK_METRIC: Final = 4096
ROUTED_METRIC: Final = 8192
UNICAST, UNREACHABLE, THROW = 1, 7, 9  # RTN_*, linux/rtnetlink.h
REREAD_AFTER: Final = 60.0  # seconds
FAMILIES: Final[Mapping[int, int]] = {4: socket.AF_INET, 6: socket.AF_INET6}
GONE: Final = frozenset({errno.ESRCH, errno.ENOENT, errno.ENODEV})


class Place(NamedTuple):
    """What tells one route of the table from another."""

    destination: Network
    metric: int


class Way(NamedTuple):
    """Where a route leads. `mtu` in bytes, 0: none set."""

    kind: int
    interface: int = 0
    mtu: int = 0


Routes = dict[Place, Way]


def device_of(router: Router, backend: Backend) -> str | None:
    """The interface that tunnelled packets are routed to."""
    if backend is Backend.LIBIPSEC:
        return TUNNEL_DEVICE
    return uplink_interface(router.uplink) if router.uplink else None


def wanted(router: Router, tunnels: Iterable[TunnelNet], device: int | None) -> Routes:
    """The whole table. `device` is the index of `device_of`, None while it is not there."""
    routes: Routes = {}
    for tunnel in tunnels:
        for cidr in tunnel.peer_cidrs:
            net = segments.network(cidr)
            routes[Place(net, BLOCK_METRIC)] = Way(UNREACHABLE)
            if tunnel.up and device is not None:
                place = Place(net, TUNNEL_METRIC)
                mtu = effective_mtu(tunnel.mtu, net.version)
                before = routes.get(place)
                smallest = mtu if before is None else min(mtu, before.mtu)
                routes[place] = Way(UNICAST, device, smallest)
    legs = (router.uplink, *router.inside) if router.uplink else router.inside
    for leg in legs:
        for address in leg.addresses:
            routes[Place(ipaddress.ip_interface(address).network, OWN_METRIC)] = Way(THROW)
    inside = [ipaddress.ip_interface(a).network for leg in router.inside for a in leg.addresses]
    for route in router.routes:
        if any(ipaddress.ip_address(route.nexthop) in network for network in inside):
            place = Place(ipaddress.ip_network(route.destination), ROUTED_METRIC)
            routes[place] = Way(THROW)
    return routes


def places_of(networks: Iterable[Network]) -> frozenset[Place]:
    """Where tunnels to these networks may have routes."""
    metrics = (TUNNEL_METRIC, BLOCK_METRIC)
    return frozenset(Place(net, metric) for net in networks for metric in metrics)


class RouteTable:
    """Table 210 of one namespace, and what it is known to hold."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: Routes = {}
        self._read_at = float("-inf")

    def is_stale(self) -> bool:
        """Whether what is known is too old (or an error has come between) to build on."""
        return self._clock() - self._read_at > REREAD_AFTER

    async def ensure(self, route: Any, desired: Routes) -> None:
        """Make the table exactly `desired`, and have it asked.

        Raises:
            GatewayError: the kernel refuses; what it holds is read again next time.
        """
        if self.is_stale():
            await ensure_rules(route, FAMILIES)
            self._known = await _read(route)
            self._read_at = self._clock()
        await self.change(route, desired, frozenset(self._known.keys() | desired.keys()))

    async def change(self, route: Any, desired: Routes, places: frozenset[Place]) -> None:
        """Make these places of the table as in `desired`, and leave the others alone."""
        read_at, self._read_at = self._read_at, float("-inf")  # until it has succeeded
        for place in sorted(places & desired.keys(), key=_metric):
            if self._known.get(place) != desired[place]:
                await _replace(route, place, desired[place])
                self._known[place] = desired[place]
        for place in sorted(places - desired.keys(), key=_metric, reverse=True):
            if self._known.pop(place, None) is not None:
                await _remove(route, place)
        self._read_at = read_at


def _metric(place: Place) -> int:
    return place.metric


async def _read(route: Any) -> Routes:
    found: Routes = {}
    with translated(f"read routing table {TABLE}"):
        for family in FAMILIES.values():
            async for message in await route.get_routes(family=family, table=TABLE):
                place, way = _parsed(message, family)
                found[place] = way
    return found


def _parsed(message: Any, family: int) -> tuple[Place, Way]:
    any_address = "0.0.0.0" if family == socket.AF_INET else "::"  # noqa: S104 - a destination
    address = message.get("dst") or any_address
    destination = ipaddress.ip_network(f"{address}/{message['dst_len']}")
    kind = message["type"]
    metrics = message.get("metrics")
    mtu = (metrics.get("mtu") if metrics else None) or 0
    interface = (message.get("oif") or 0) if kind == UNICAST else 0
    return Place(destination, message.get("priority") or 0), Way(kind, interface, mtu)


def _request(place: Place, way: Way | None = None) -> dict[str, Any]:
    request: dict[str, Any] = {
        "dst": str(place.destination),
        "family": FAMILIES[place.destination.version],
        "table": TABLE,
        "priority": place.metric,
    }
    if way is None:
        return request
    request["type"] = way.kind
    if way.kind == UNICAST:
        request |= {"oif": way.interface, "metrics": {"mtu": way.mtu}}
    return request


async def _replace(route: Any, place: Place, way: Way) -> None:
    with translated(f"route {place.destination}"):
        await route.route("replace", **_request(place, way))


async def _remove(route: Any, place: Place) -> None:
    with translated(f"remove the route to {place.destination}"):
        try:
            await route.route("del", **_request(place))
        except NetlinkError as error:
            if error.code not in GONE:  # it went with its device
                raise


def _rules() -> tuple[dict[str, Any], ...]:
    local = {"priority": BYPASS_PRIORITY, "table": MAIN_TABLE, "iifname": "lo"}
    udp = {**local, "ip_proto": socket.IPPROTO_UDP}
    return (
        {**udp, "sport_range": "500:500"},
        {**udp, "sport_range": "4500:4500"},
        {**local, "ip_proto": socket.IPPROTO_ESP},
        {**local, "ip_proto": socket.IPPROTO_AH},
        {"priority": RULE_PRIORITY, "table": TABLE},
    )


async def ensure_rules(route: Any, versions: Iterable[int]) -> None:
    """Have the table asked for packets of these IP versions. Raises: GatewayError."""
    for version in versions:
        with translated(f"set the routing rules of IPv{version}"):
            for rule in _rules():
                try:
                    await route.rule("add", family=FAMILIES[version], **rule)
                except NetlinkError as error:
                    if error.code != errno.EEXIST:
                        raise

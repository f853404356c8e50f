"""The rules of a router's routes: ways to networks behind inside routers.

Rules this module keeps:
- A next hop is a host on a network that the router has a leg on, and not the router itself; it
  speaks the destination's IP version.
- A leg that a route needs is not taken away. Where the uplink is, its routes stay and rest: the
  gateway is told of those whose next hop can be reached (`landbridge.vpn.revisions.router_ports`).
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_interface
from typing import Final

from sqlalchemy import Connection

from landbridge import errors
from landbridge.store.resource_rows import HostRoute, RouterRow
from landbridge.vpn.addresses import is_host_of, parse_address, parse_network
from landbridge.vpn.inventory import errors as inventory_errors
from landbridge.vpn.revisions import router_ports

MOST: Final = 30


def check(tx: Connection, router_id: str, routes: list[HostRoute]) -> None:
    """Raises: InvalidRoutes, OverQuota."""
    places = router_ports.addresses(tx, router_id)
    for route in routes:
        nexthop, destination = parse_address(route["nexthop"]), parse_network(route["destination"])
        networks = [ip_interface(f"{p.ip_address}/{p.cidr.split('/')[1]}").network for p in places]
        if nexthop is None or not any(is_host_of(nexthop, network) for network in networks):
            raise inventory_errors.InvalidRoutes(routes, "the nexthop is not connected with router")
        if route["nexthop"] in {place.ip_address for place in places}:
            raise inventory_errors.InvalidRoutes(routes, "the nexthop is used by router")
        if destination is None or destination.version != nexthop.version:
            raise inventory_errors.InvalidRoutes(
                routes, "the nexthop is not of the IP version of the destination"
            )
    if len(routes) > MOST:
        raise errors.OverQuota("router_route", MOST)


def check_unused(router: RouterRow, cidrs: Collection[tuple[str, str]]) -> None:
    """No route needs one of these subnets (id, CIDR). Raises: RouterInterfaceInUseByRoute."""
    for route in router.routes:
        nexthop = parse_address(route["nexthop"])
        for subnet_id, cidr in cidrs:
            network = parse_network(cidr)
            if nexthop and network and nexthop.version == network.version and nexthop in network:
                raise inventory_errors.RouterInterfaceInUseByRoute(
                    router.id, subnet_id, route["destination"], route["nexthop"]
                )


def with_more(kept: list[HostRoute], more: list[HostRoute]) -> list[HostRoute]:
    return _ordered([*kept, *(route for route in more if route not in kept)])


def without(kept: list[HostRoute], less: list[HostRoute]) -> list[HostRoute]:
    return [route for route in kept if route not in less]


def _ordered(routes: list[HostRoute]) -> list[HostRoute]:
    """As `landbridge.api.schema.address_types.Routes` has them."""
    return sorted(routes, key=lambda each: (each["destination"], each["nexthop"]))

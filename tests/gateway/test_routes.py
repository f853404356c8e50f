"""Routes of routers on the real kernel: to networks behind inside routers, and by gateways that
are outside of the uplink's network.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from landbridge.agent.dataplane.bridges import Bridges
from landbridge.agent.dataplane.namespace import Namespaces
from landbridge.lab.hosts import Ground, Host, wait_until
from landbridge.model.router import Route
from tests.gateway.netparts import fingerprint, inner, leg, plug, router

pytestmark = pytest.mark.gateway


def route(destination: str, nexthop: str) -> Route:
    return Route(destination=destination, nexthop=nexthop)


def own_routes(host: Host) -> list[str]:
    """Destination, next hop and metric of those that are the owner's."""
    lines = host.ip("-4", "route", "show", "proto", "210") + host.ip(
        "-6", "route", "show", "proto", "210"
    )
    return sorted(" ".join(line.split()) for line in lines.splitlines() if line.strip())


def test_packets_reach_a_network_behind_an_inside_router(ground: Ground, tmp_path: Path) -> None:
    async def scenario() -> None:
        up, inside = leg("198.51.100.2/24", "2001:db8::2/64"), leg("10.1.0.1/24", "fd01::1/64")
        made = msgspec.structs.replace(
            router(up, inside),
            routes=(route("10.7.0.0/24", "10.1.0.9"), route("fd07::/64", "fd01::9")),
        )
        namespaces = Namespaces(Bridges({}, tmp_path))
        try:
            await namespaces.ensure(made)
            outer, behind = ground.host("out"), ground.host("in")
            plug(ground, outer, up, "198.51.100.9/24", "2001:db8::9/64")
            plug(ground, behind, inside, "10.1.0.9/24", "fd01::9/64")
            behind.ip("address", "add", "10.7.0.1/24", "dev", "lo")
            behind.ip("address", "add", "fd07::1/64", "dev", "lo", "nodad")
            behind.route("default", "10.1.0.1")
            behind.route("default", "fd01::1")
            outer.route("10.7.0.0/24", "198.51.100.2")
            outer.route("fd07::/64", "2001:db8::2")
            wait_until(lambda: outer.ping("10.7.0.1"), 10, "IPv4 behind the router")
            wait_until(lambda: outer.ping("fd07::1"), 10, "IPv6 behind the router")
            ground.close()
        finally:
            await namespaces.remove(made.id)

    asyncio.run(scenario())


def test_routes_come_go_and_are_left_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        up, inside = (
            leg("198.51.100.2/24", gateways=("198.51.100.1",)),
            leg("10.1.0.1/24", "fd01::1/64"),
        )
        plain = router(up, inside)
        two = msgspec.structs.replace(
            plain,
            routes=(
                route("10.7.0.0/24", "10.1.0.10"),
                route("10.7.0.0/24", "10.1.0.9"),  # the lower address is the way
                route("0.0.0.0/0", "10.1.0.9"),  # not instead of the uplink's
                route("10.1.0.0/24", "10.1.0.9"),  # nor of what is connected
            ),
        )
        six = msgspec.structs.replace(plain, routes=(route("fd07::/64", "fd01::9"),))
        namespaces = Namespaces(Bridges({}, tmp_path))
        try:
            await namespaces.ensure(two)
            host = inner(two)
            assert "via 198.51.100.1" in host.ip("route", "get", "192.0.2.1")
            assert "via 10.1.0.9" in host.ip("route", "get", "10.7.0.5")
            assert "via" not in host.ip("route", "get", "10.1.0.77")
            before = fingerprint(host)
            await Namespaces(Bridges({}, tmp_path)).ensure(two)  # as after a restart
            assert fingerprint(host) == before
            await namespaces.ensure(six)
            (left,) = own_routes(host)
            assert left.startswith("fd07::/64 via fd01::9")
            host.ip("-6", "route", "del", "fd07::/64")
            await namespaces.ensure(six)
            assert own_routes(host) == [left]
            await namespaces.ensure(plain)
            assert own_routes(host) == []
            assert "default via 198.51.100.1" in fingerprint(host)
        finally:
            await namespaces.remove(plain.id)

    asyncio.run(scenario())


def test_a_gateway_outside_of_the_network_is_on_the_link(ground: Ground, tmp_path: Path) -> None:
    async def scenario() -> None:
        up = leg("198.51.100.2/32", "2001:db8::2/64", gateways=("192.0.2.1", "2001:db8:1::1"))
        made = router(up, leg("10.1.0.1/24"))
        namespaces = Namespaces(Bridges({}, tmp_path))
        try:
            await namespaces.ensure(made)
            outer = ground.host("out")
            plug(ground, outer, up, "192.0.2.1/24", "2001:db8:1::1/64")
            outer.ip("route", "add", "198.51.100.2/32", "dev", "eth0")
            outer.ip("-6", "route", "add", "2001:db8::/64", "dev", "eth0")
            outer.ip("address", "add", "203.0.113.1/32", "dev", "lo")
            wait_until(lambda: inner(made).ping("203.0.113.1"), 10, "what is behind the gateway")
            before = fingerprint(inner(made))
            assert "default via 2001:db8:1::1" in before
            await Namespaces(Bridges({}, tmp_path)).ensure(made)
            assert fingerprint(inner(made)) == before
            ground.close()
        finally:
            await namespaces.remove(made.id)

    asyncio.run(scenario())

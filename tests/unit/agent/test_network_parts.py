"""The pure parts of the network side: names, segments, announcements, renderings."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from landbridge.agent.dataplane import firewall, names, routes
from landbridge.agent.dataplane.announce import announcement
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dataplane.routes import BLOCK_METRIC, OWN_METRIC, TUNNEL_METRIC, Place, Way
from landbridge.agent.dataplane.segments import Segment, disjoint, network
from landbridge.model.router import Leg, Route, Router


def leg(*addresses: str) -> Leg:
    ids = [str(uuid4()) for _ in range(2)]
    return Leg(
        network_id=ids[0],
        network_name="n",
        port_id=ids[1],
        mac_address="02:00:00:00:00:01",
        addresses=addresses,
    )


def router(uplink: Leg | None, *inside: Leg) -> Router:
    return Router(id="r", name="", revision=1, admin_state_up=True, uplink=uplink, inside=inside)


def tunnel(*peer_cidrs: str, up: bool = True, mtu: int = 1300, id: str = "t") -> TunnelNet:
    return TunnelNet(
        id=id, local_cidrs=(), peer_cidrs=peer_cidrs, up=up, mtu=mtu, backend=Backend.LIBIPSEC
    )


def test_names_fit_the_kernel_and_follow_from_the_id() -> None:
    one = leg()
    made = [names.host_veth(one), names.auto_bridge(one.network_id)]
    made += [names.uplink_interface(one), names.inside_interface(one)]
    assert all(len(name) <= 15 for name in made)
    assert len(set(made)) == 4
    assert names.namespace_name("0B1C2D3E-4f50-6172-8394-a5b6c7d8e9f0") == "lbr-0b1c2d3e4f50"
    assert len(names.hex12("not a uuid; rm -rf /")) == 12
    assert names.is_leg_interface(names.uplink_interface(one))
    assert not any(map(names.is_leg_interface, ("lo", "ipsec0", "u0123", "x0123456789ab")))


ranges = st.builds(
    lambda first, size, value: Segment(first, first + size, value),
    st.integers(0, 40),
    st.integers(0, 20),
    st.integers(1, 4),
)


@given(st.lists(ranges, max_size=12))
def test_segments_cover_the_same_with_the_smallest_value(given_ranges: list[Segment]) -> None:
    pieces = disjoint(given_ranges)
    wanted: dict[int, int] = {}
    for first, last, value in given_ranges:
        for address in range(first, last + 1):
            wanted[address] = min(value, wanted.get(address, value))
    found = [(a, p.value) for p in pieces for a in range(p.first, p.last + 1)]
    assert len(found) == len(dict(found))  # no overlap
    assert dict(found) == wanted


def test_a_change_of_one_tunnel_changes_its_own_elements_only() -> None:
    many = {n: tunnel(f"10.{n}.0.0/16", id=str(n)) for n in range(200)}
    before = firewall.contents(many.values())
    many[7] = tunnel("10.7.0.0/17", mtu=1200, id="7")
    commands = firewall.difference(before, firewall.contents(many.values()))
    elements = [
        command[verb]["element"]["elem"]
        for command in commands
        for verb in ("add", "delete")
        if "element" in command.get(verb, {})
    ]
    assert [len(elem) for elem in elements] == [1, 1, 1, 1]
    assert firewall.difference(before, before) == []


@pytest.mark.parametrize(
    ("mtu", "cidr", "size"),
    [
        (1300, "10.2.0.0/24", 1260),
        (1500, "10.2.0.0/24", 1360),
        (68, "10.2.0.0/24", 28),
        (1300, "2001:db8::/64", 1240),
        (68, "2001:db8::/64", 1220),
        (9000, "2001:db8::/64", 1340),
    ],
)
def test_segment_sizes(mtu: int, cidr: str, size: int) -> None:
    contents = firewall.contents([tunnel(cidr, mtu=mtu)])
    assert contents.sizes() == {size}


def test_no_text_of_a_user_enters_the_filter() -> None:
    hostile = tunnel("10.2.0.0/24", id='"; flush ruleset; #')
    rendered = str(firewall.whole("u0123456789ab", Backend.LIBIPSEC, firewall.contents([hostile])))
    assert "flush" not in rendered


def test_without_an_uplink_nothing_can_leak_and_clamps_stay() -> None:
    rendered = str(
        firewall.whole(None, Backend.LIBIPSEC, firewall.contents([tunnel("10.2.0.0/24")]))
    )
    assert "drop" not in rendered
    assert "clamp-1260" in rendered


DOWN, UP, BOTH = (
    tunnel("10.2.0.0/24", up=False),
    tunnel("10.2.0.0/24"),
    tunnel("10.2.0.0/24", mtu=1200),
)
PEER = network("10.2.0.0/24")
BLOCK = {Place(PEER, BLOCK_METRIC): Way(routes.UNREACHABLE)}


@pytest.mark.parametrize(
    ("tunnels", "device", "ways"),
    [
        ((), 5, {}),
        ((DOWN,), 5, BLOCK),
        ((UP,), None, BLOCK),
        ((UP,), 5, BLOCK | {Place(PEER, TUNNEL_METRIC): Way(routes.UNICAST, 5, 1300)}),
        ((UP, BOTH), 5, BLOCK | {Place(PEER, TUNNEL_METRIC): Way(routes.UNICAST, 5, 1200)}),
        ((UP, DOWN), 5, BLOCK | {Place(PEER, TUNNEL_METRIC): Way(routes.UNICAST, 5, 1300)}),
    ],
)
def test_routes_of_tunnels(
    tunnels: tuple[TunnelNet, ...], device: int | None, ways: routes.Routes
) -> None:
    own = leg("10.1.0.1/24")
    thrown = {Place(network("10.1.0.0/24"), OWN_METRIC): Way(routes.THROW)}
    assert routes.wanted(router(None, own), tunnels, device) == ways | thrown


def test_networks_behind_inside_routers_go_past_a_wider_tunnel_and_never_past_an_equal_one() -> (
    None
):
    own, up = leg("10.1.0.1/24"), leg("198.51.100.2/24")
    behind = tuple(
        Route(destination=destination, nexthop=nexthop)
        for destination, nexthop in (
            ("10.7.0.0/24", "10.1.0.9"),
            ("10.9.0.0/16", "10.1.0.9"),
            ("10.8.0.0/24", "198.51.100.9"),  # by the uplink: the tunnel is the way
        )
    )
    made = structs.replace(router(up, own), routes=behind)
    tunnels = (tunnel("10.0.0.0/8", "10.9.0.0/16", "10.8.0.0/16"),)
    ways = routes.wanted(made, tunnels, 5)

    def kind(address: str) -> int | None:
        return kind_of_way(ways, ipaddress.IPv4Address(address))

    assert kind("10.7.0.1") == routes.THROW
    assert kind("10.6.0.1") == kind("10.9.0.1") == kind("10.8.0.1") == routes.UNICAST
    down = routes.wanted(made, (structs.replace(tunnels[0], up=False),), 5)
    assert kind_of_way(down, ipaddress.IPv4Address("10.9.0.1")) == routes.UNREACHABLE


class Kernel:
    """Table 210 of a kernel, as pyroute2 speaks to it; `seen` has every state that it was in."""

    def __init__(self) -> None:
        self.ways: routes.Routes = {}
        self.seen: list[routes.Routes] = []

    async def route(self, verb: str, **asked: Any) -> None:
        place = Place(network(asked["dst"]), asked["priority"])
        if verb == "del":
            del self.ways[place]
        else:
            self.ways[place] = Way(asked["type"], asked.get("oif", 0))
        self.seen.append(dict(self.ways))


def kind_of_way(ways: routes.Routes, destination: ipaddress.IPv4Address) -> int | None:
    """How a packet there would go: the longest prefix, then the smallest metric."""
    fitting = [
        (-place.destination.prefixlen, place.metric, way.kind)
        for place, way in ways.items()
        if destination in place.destination
    ]
    return min(fitting)[2] if fitting else None


networks = st.sets(st.sampled_from(["10.2.0.0/24", "10.2.0.0/22", "10.2.0.0/16", "10.2.1.0/24"]))


@given(networks, networks)
def test_what_is_reached_before_and_after_a_change_is_reached_all_the_time(
    before: set[str], after: set[str]
) -> None:
    kernel, table = Kernel(), routes.RouteTable()
    wanted = [routes.wanted(router(None), [tunnel(*each)], 5) for each in (before, after)]

    async def change() -> None:
        for each in wanted:
            kernel.seen.clear()
            places = frozenset(wanted[0].keys() | wanted[1].keys())
            await table.change(kernel, each, places)

    asyncio.run(change())
    assert kernel.ways.keys() == wanted[1].keys()
    for text in ("10.2.0.7", "10.2.1.7", "10.2.2.7", "10.2.9.7"):
        address = ipaddress.IPv4Address(text)
        ends = {kind_of_way(each, address) for each in wanted}
        if ends == {routes.UNICAST}:
            assert {kind_of_way(each, address) for each in kernel.seen} <= ends


def test_announcements_are_those_of_the_rfcs() -> None:
    mac = "02:00:5e:00:53:01"
    arp = announcement(mac, ipaddress.IPv4Address("198.51.100.7"))
    assert arp[:6] == b"\xff" * 6
    assert arp[12:14] == b"\x08\x06"
    assert arp[28:32] == arp[38:42] == bytes([198, 51, 100, 7])
    advertisement = announcement(mac, ipaddress.IPv6Address("2001:db8::7"))
    message = advertisement[54:]
    assert message[0] == 136
    pseudo = advertisement[22:54] + struct.pack("!II", len(message), 58)
    total = sum(struct.unpack(f"!{(len(pseudo) + len(message)) // 2}H", pseudo + message))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF  # RFC 1071: sums to all ones

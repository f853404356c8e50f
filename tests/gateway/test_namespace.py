"""Router namespaces on the real kernel: made, changed, left alone, removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from landbridge.agent.dataplane import netlink
from landbridge.agent.dataplane.bridges import Bridges
from landbridge.agent.dataplane.kernel import choose_backend
from landbridge.agent.dataplane.names import (
    auto_bridge,
    host_veth,
    inside_interface,
    uplink_interface,
)
from landbridge.agent.dataplane.namespace import Namespaces
from landbridge.agent.errors import GatewayError
from landbridge.cli import preflight
from landbridge.config.load import load
from landbridge.lab.hosts import Ground, Host, ip, wait_until
from landbridge.lab.peer import machine_has_esp
from landbridge.model.router import Leg, Router
from tests.gateway.netparts import (
    fingerprint,
    frames,
    inner,
    leg,
    link_names,
    links,
    listening,
    plug,
    router,
)

pytestmark = pytest.mark.gateway


@asynccontextmanager
async def ensured(made: Router, namespaces: Namespaces) -> AsyncIterator[Host]:
    try:
        await namespaces.ensure(made)
        yield inner(made)
    finally:
        await namespaces.remove(made.id)


def test_packets_pass_from_an_inside_host_through_the_router(
    ground: Ground, tmp_path: Path
) -> None:
    async def scenario() -> None:
        up, inside = leg("198.51.100.2/24", "2001:db8::2/64"), leg("10.1.0.1/24", "fd01::1/64")
        namespaces = Namespaces(Bridges({}, tmp_path))
        async with ensured(router(up, inside), namespaces):
            outer, host = ground.host("out"), ground.host("in")
            plug(ground, outer, up, "198.51.100.9/24", "2001:db8::9/64")
            plug(ground, host, inside, "10.1.0.9/24", "fd01::9/64")
            host.route("default", "10.1.0.1")
            host.route("default", "fd01::1")
            outer.route("10.1.0.0/24", "198.51.100.2")
            outer.route("fd01::/64", "2001:db8::2")
            assert host.ping("198.51.100.9")
            assert host.ping("2001:db8::9")
            ground.close()

    asyncio.run(scenario())


def test_a_leg_that_is_switched_off_lets_nothing_pass_and_comes_back(
    ground: Ground, tmp_path: Path
) -> None:
    async def scenario() -> None:
        up, inside = leg("198.51.100.2/24"), leg("10.1.0.1/24", "fd01::1/64")
        namespaces = Namespaces(Bridges({}, tmp_path))
        made = router(up, inside)
        async with ensured(made, namespaces) as within:
            host = ground.host("in")
            plug(ground, host, inside, "10.1.0.9/24", "fd01::9/64")
            assert host.ping("10.1.0.1")
            off = msgspec.structs.replace(inside, admin_state_up=False)
            await namespaces.ensure(msgspec.structs.replace(made, inside=(off,)))
            assert not host.ping("10.1.0.1")
            addresses = within.ip("address", "show", "dev", inside_interface(inside))
            assert "10.1.0.1/24" in addresses
            assert "fd01::1/64" in addresses
            await namespaces.ensure(made)
            wait_until(lambda: host.ping("10.1.0.1"), 10, "the leg is back")
            ground.close()

    asyncio.run(scenario())


def is_announcement(frame: bytes) -> bool:
    """ARP, or an IPv6 neighbour advertisement; the kernel sends other things at any time."""
    advertises = frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 136
    return frame[12:14] == b"\x08\x06" or advertises


def test_a_second_pass_touches_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        gateways = ("198.51.100.1", "2001:db8::1")
        up = leg("198.51.100.2/24", "2001:db8::2/64", gateways=gateways)
        made = router(up, leg("10.1.0.1/24"), leg("10.2.0.1/24"))
        async with ensured(made, Namespaces(Bridges({}, tmp_path))) as host:
            before = fingerprint(host)
            assert "default via 198.51.100.1" in before
            with listening(host, uplink_interface(up)) as channel:
                await Namespaces(Bridges({}, tmp_path)).ensure(made)  # as after a restart
                assert fingerprint(host) == before
                assert not [frame for frame in frames(channel) if is_announcement(frame)]

    asyncio.run(scenario())


def test_every_change_of_the_router_is_followed(tmp_path: Path) -> None:
    async def scenario() -> None:
        up, one, two = leg("198.51.100.2/24", gateways=("198.51.100.1",)), leg("10.1.0.1/24"), leg()
        made = router(up, one)
        namespaces = Namespaces(Bridges({}, tmp_path))
        async with ensured(made, namespaces) as host:
            kept = {x["ifname"]: x["ifindex"] for x in links(host)}[uplink_interface(up)]
            moved = msgspec.structs.replace(
                up, addresses=("198.51.100.3/25", "198.51.100.4/25"), gateways=("198.51.100.5",)
            )
            two = msgspec.structs.replace(two, addresses=one.addresses)
            changed = msgspec.structs.replace(made, uplink=moved, inside=(two,))
            await namespaces.ensure(changed)
            found = {x["ifname"]: x["ifindex"] for x in links(host)}
            assert found[uplink_interface(up)] == kept
            assert inside_interface(one) not in found
            assert auto_bridge(one.network_id) not in link_names()
            assert "198.51.100.2/24" not in host.ip("address")
            assert "198.51.100.3/25" in host.ip("address")
            assert "198.51.100.4/25" in host.ip("address")
            assert "10.1.0.1/24" in host.ip("address", "show", inside_interface(two))
            assert host.ip("route", "show", "default").split()[:3] == [
                "default",
                "via",
                "198.51.100.5",
            ]
            bare = msgspec.structs.replace(moved, gateways=())
            await namespaces.ensure(msgspec.structs.replace(changed, uplink=bare))
            assert host.ip("route", "show", "default") == ""
            await namespaces.ensure(
                msgspec.structs.replace(changed, uplink=None, admin_state_up=False)
            )
            assert uplink_interface(up) not in link_names(host)
            assert host.run("cat", "/proc/sys/net/ipv4/ip_forward").strip() == "0"

    asyncio.run(scenario())


def test_what_was_damaged_is_mended(tmp_path: Path) -> None:
    async def scenario() -> None:
        up = leg("198.51.100.2/24", gateways=("198.51.100.1",))
        made = router(up, leg("10.1.0.1/24"))
        namespaces = Namespaces(Bridges({}, tmp_path))
        async with ensured(made, namespaces) as host:
            name = uplink_interface(up)
            host.ip("address", "flush", "dev", name)
            host.ip("link", "set", name, "down", "address", "02:00:00:00:00:01")
            ip("link", "set", host_veth(up), "nomaster")
            await namespaces.ensure(made)
            assert "198.51.100.2/24" in host.ip("address", "show", name)
            assert up.mac_address in host.ip("link", "show", name)
            assert "default via 198.51.100.1" in host.ip("route")
            master = next(x for x in links() if x["ifname"] == host_veth(up))["master"]
            assert master == auto_bridge(up.network_id)
            host.ip("link", "del", name)
            await namespaces.ensure(made)
            assert "198.51.100.2/24" in host.ip("address", "show", name)

    asyncio.run(scenario())


def test_neighbours_learn_a_new_address_at_once(ground: Ground, tmp_path: Path) -> None:
    async def scenario() -> None:
        up = leg("198.51.100.2/24")
        made = router(up)
        namespaces = Namespaces(Bridges({}, tmp_path))
        async with ensured(made, namespaces):
            neighbour = ground.host("out")
            plug(ground, neighbour, up, "198.51.100.9/24", "2001:db8::9/64")
            neighbour.ip("neighbour", "replace", "198.51.100.5", "lladdr", "02:00:00:00:00:05",
                         "dev", "eth0", "nud", "stale")  # fmt: skip
            neighbour.ip("neighbour", "replace", "2001:db8::5", "lladdr", "02:00:00:00:00:05",
                         "dev", "eth0", "nud", "stale")  # fmt: skip
            more = ("198.51.100.2/24", "198.51.100.5/24", "2001:db8::5/64")
            wider = msgspec.structs.replace(up, addresses=more)
            await namespaces.ensure(msgspec.structs.replace(made, uplink=wider))
            assert up.mac_address in neighbour.ip("neighbour", "show", "198.51.100.5")
            assert up.mac_address in neighbour.ip("neighbour", "show", "2001:db8::5")
            ground.close()

    asyncio.run(scenario())


def test_a_configured_bridge_is_used_and_never_made(ground: Ground, tmp_path: Path) -> None:
    async def scenario() -> None:
        bridge = ground.bridge("br")
        flat = msgspec.structs.replace(leg("198.51.100.2/24"), physical_network="office")
        by_id = leg("10.1.0.1/24")
        namespaces = Namespaces(
            Bridges({"office": bridge, by_id.network_id: "lb-absent"}, tmp_path)
        )
        made = router(flat, by_id)
        try:
            with pytest.raises(GatewayError, match=r"bridge lb-absent .* \[agent\] bridges"):
                await namespaces.ensure(made)
            async with ensured(msgspec.structs.replace(made, inside=()), namespaces):
                assert _master(flat) == bridge
        finally:
            await namespaces.remove(made.id)
        assert bridge in link_names()

    asyncio.run(scenario())


def test_a_name_leads_to_no_bridge_of_the_host(ground: Ground, tmp_path: Path) -> None:
    """Whoever calls a network as the office's is not in the office; the log says what to do."""

    async def scenario() -> None:
        bridge = ground.bridge("br")
        named = msgspec.structs.replace(leg("10.1.0.1/24"), network_name="office")
        namespaces = Namespaces(Bridges({"office": bridge}, tmp_path))
        made = router(None, named)
        with capture_logs() as lines:
            async with ensured(made, namespaces):
                assert _master(named) == auto_bridge(named.network_id)
                await namespaces.ensure(made)
                moved = msgspec.structs.replace(named, physical_network="office")
                await namespaces.ensure(msgspec.structs.replace(made, inside=(moved,)))
                assert _master(named) == bridge
        (line,) = lines
        assert (line["name"], line["id"], line["bridge"]) == ("office", named.network_id, bridge)
        assert "--provider-physical-network" in line["event"]

    asyncio.run(scenario())


def _master(of: Leg) -> str:
    return str(next(link for link in links() if link["ifname"] == host_veth(of))["master"])


def test_removal_leaves_nothing_and_may_be_repeated(tmp_path: Path) -> None:
    async def scenario() -> None:
        up, inside = leg("198.51.100.2/24"), leg("10.1.0.1/24")
        made = router(up, inside)
        namespaces = Namespaces(Bridges({}, tmp_path))
        await namespaces.ensure(made)
        await namespaces.remove(made.id)
        await namespaces.remove(made.id)
        assert not netlink.exists(inner(made).name)
        gone = {auto_bridge(up.network_id), auto_bridge(inside.network_id), host_veth(up)}
        assert not gone & link_names()

    asyncio.run(scenario())


def test_the_kernel_is_asked_for_esp() -> None:
    assert asyncio.run(choose_backend("libipsec")) == "kernel-libipsec"
    probed = asyncio.run(choose_backend("auto"))
    with Ground.unique() as ground:
        host = ground.host("esp")
        state = ("src", "198.51.100.1", "dst", "198.51.100.2", "proto", "esp", "spi", "0x1000")
        keys = ("auth", "hmac(sha1)", "0x" + "00" * 20, "enc", "cbc(aes)", "0x" + "00" * 16)
        host.ip("xfrm", "state", "add", *state, "mode", "tunnel", *keys, check=False)
        answer = host.ip("xfrm", "state", check=False)
    assert (probed == "kernel-netlink") == ("spi 0x00001000" in answer)
    if probed == "kernel-netlink":
        assert asyncio.run(choose_backend("netlink")) == probed
    else:
        with pytest.raises(GatewayError, match=r"\[agent\] kernel = netlink.*no ESP"):
            asyncio.run(choose_backend("netlink"))


def test_a_service_whose_kernel_is_to_encrypt_and_cannot_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "landbridge.conf"
    config.write_text("[agent]\nkernel = netlink\n")
    settings = load(config, state_dir=tmp_path / "state", environment={})
    if machine_has_esp():
        preflight.for_gateway(settings)
    else:
        with pytest.raises(preflight.NotReady, match=r"no ESP.*\[agent\] kernel = netlink"):
            preflight.for_gateway(settings)

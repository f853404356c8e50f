"""The session against real charons: two of them, a wire, an IKE_SA between them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge.lab.hosts import Ground
from landbridge.lab.patience import patient
from landbridge.lab.peer import Peer, PeerChild, PeerConnection
from landbridge.vici import CommandFailed, Disconnected, Event, Message, Session
from tests import dataplane

pytestmark = pytest.mark.gateway

DEADLINE = patient(30.0)
LEFT, RIGHT = "198.51.100.1", "198.51.100.2"

TUNNEL: Message = {
    "tunnel": {
        "version": "2",
        "local_addrs": [LEFT],
        "remote_addrs": [RIGHT],
        "proposals": ["aes128-sha256-modp2048"],
        "local": {"auth": "psk", "id": LEFT},
        "remote": {"auth": "psk", "id": RIGHT},
        "children": {
            "net": {
                "local_ts": ["10.1.0.0/24"],
                "remote_ts": ["10.2.0.0/24"],
                "esp_proposals": ["aes128-sha256-modp2048"],
            }
        },
    }
}
SECRET: Message = {"id": "t", "type": "IKE", "data": "a shared word", "owners": [LEFT, RIGHT]}


@pytest.fixture
def charons(ground: Ground, tmp_path: Path) -> Iterator[tuple[Peer, Peer]]:
    """`left` with nothing loaded, `right` ready to answer."""
    left, right = ground.host("left"), ground.host("right")
    ground.wire(left, "eth0", right, "eth0")
    left.address("eth0", f"{LEFT}/24", "10.1.0.1/24")
    right.address("eth0", f"{RIGHT}/24", "10.2.0.1/24")
    plane = dataplane.wanted()
    peers = (
        Peer(left, tmp_path / "left", data_plane=plane),
        Peer(right, tmp_path / "right", data_plane=plane),
    )
    child = PeerChild("net", "10.2.0.0/24", "10.1.0.0/24")
    peers[0].start()
    peers[1].start(PeerConnection("site", RIGHT, LEFT, "a shared word", (child,)))
    yield peers
    for peer in peers:
        peer.kill()


def path(peer: Peer) -> str:
    return peer.uri.removeprefix("unix://")


def run(peer: Peer, scenario: Callable[[Session, Session], Awaitable[None]]) -> None:
    """With one session for commands and one for events, within the deadline."""

    async def main() -> None:
        async with (
            asyncio.timeout(DEADLINE),
            await Session.open(path(peer)) as commands,
            await Session.open(path(peer)) as events,
        ):
            await scenario(commands, events)

    asyncio.run(main())


async def until(events: Session, name: str, **fields: str) -> Event:
    """The next event of that name whose IKE_SA has these fields."""
    async for event in events.events():
        if event.name == name and fields.items() <= section(event.message, "tunnel").items():
            return event
    raise AssertionError("unreachable: the stream ends with an error")


def section(message: Message, name: str) -> dict[str, Any]:
    value = message[name]
    assert isinstance(value, dict)
    return value


def test_a_tunnel_from_loading_to_its_end(charons: tuple[Peer, Peer]) -> None:
    async def scenario(commands: Session, events: Session) -> None:
        await events.subscribe("ike-updown", "child-updown")
        assert section({"version": await commands.request("version")}, "version")["version"]
        await commands.request("load-shared", SECRET)
        await commands.request("load-conn", TUNNEL)
        assert await commands.request("get-conns") == {"conns": ["tunnel"]}
        (listed,) = await commands.collect("list-conns", "list-conn", {"ike": "tunnel"})
        assert section(listed, "tunnel")["children"]["net"]["local-ts"] == ["10.1.0.0/24"]
        assert await commands.collect("list-sas", "list-sa") == []

        await commands.request("initiate", {"child": "net", "timeout": "-1"})
        up = section((await until(events, "child-updown")).message, "tunnel")
        (sa,) = await commands.collect("list-sas", "list-sa", {"ike": "tunnel"})
        established = section(sa, "tunnel")
        assert established["state"] == "ESTABLISHED"
        assert established["uniqueid"] == up["uniqueid"]
        (child,) = established["child-sas"].values()
        assert (child["name"], child["state"]) == ("net", "INSTALLED")

        await commands.request("terminate", {"ike-id": up["uniqueid"], "timeout": "-1"})
        await until(events, "ike-updown", uniqueid=up["uniqueid"], state="DELETING")

    run(charons[0], scenario)


def test_refusals_are_charons_own_words(charons: tuple[Peer, Peer]) -> None:
    refused: dict[str, tuple[Message, str]] = {
        "load-conn": ({"t": {"version": "9x"}}, "invalid value for: version, config discarded"),
        "initiate": ({"child": "nobody"}, "CHILD_SA config 'nobody' not found"),
        "terminate": ({"ike": "nobody"}, "no matching SAs to terminate found"),
        "make-coffee": ({}, "unknown to the daemon"),
    }

    async def scenario(commands: Session, events: Session) -> None:
        for command, (message, reason) in refused.items():
            with pytest.raises(CommandFailed) as failed:
                await commands.request(command, message)
            assert failed.value.reason == reason
        with pytest.raises(CommandFailed, match="no-such-event"):
            await events.subscribe("no-such-event")

    run(charons[0], scenario)


def test_many_tasks_on_one_session(charons: tuple[Peer, Peer]) -> None:
    """Loads, lists and cancelled requests mixed: everybody gets what is theirs."""
    count = 200

    async def load(commands: Session, number: int) -> Message:
        name = f"t{number}"
        await commands.request("load-conn", {name: TUNNEL["tunnel"]})
        (listed,) = await commands.collect("list-conns", "list-conn", {"ike": name})
        assert list(listed) == [name]
        return listed

    async def scenario(commands: Session, events: Session) -> None:
        tasks = [asyncio.create_task(load(commands, number)) for number in range(count)]
        await asyncio.sleep(0)
        for task in tasks[::10]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [each for each in outcomes if isinstance(each, BaseException)]
        assert len(failures) == count // 10
        assert all(isinstance(each, asyncio.CancelledError) for each in failures)
        assert len(await commands.collect("list-conns", "list-conn")) == count

    run(charons[0], scenario)


def test_a_charon_that_dies_and_comes_back(charons: tuple[Peer, Peer]) -> None:
    left, _ = charons

    async def scenario(commands: Session, events: Session) -> None:
        await events.subscribe("ike-updown")
        silent = section(TUNNEL, "tunnel") | {"remote_addrs": ["198.51.100.99"]}
        await commands.request("load-conn", {"tunnel": silent})
        waiting = asyncio.create_task(
            commands.request("initiate", {"child": "net", "timeout": "20000"})
        )
        await asyncio.sleep(0)  # the request is on the wire
        left.kill()
        with pytest.raises(Disconnected):
            await waiting
        with pytest.raises(Disconnected):
            await anext(aiter(events.events()))

        opening = asyncio.create_task(Session.open(path(left)))
        await asyncio.to_thread(left.start)
        async with await opening as again:
            assert await again.request("get-conns") == {"conns": []}

    run(left, scenario)

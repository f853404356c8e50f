"""A tunnel whose PSK the server cannot read goes on as it is, and is not tried without it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from landbridge.model.status import ReasonCode, TunnelState
from landbridge.model.tunnel import Secret, Tunnel
from tests.unit.agent.house import FakeCharon, House
from tests.unit.agent.tunnels import tunnel


def unread(known: Tunnel, **changes: object) -> Tunnel:
    return msgspec.structs.replace(known, psk=None, **changes)


async def up(house: House, *tunnels: Tunnel) -> None:
    for each in tunnels:
        house.want(each.id, each)
    await house.settle()
    assert all(house.children(each.id) for each in tunnels)


async def start_again(house: House, *tunnels: Tunnel) -> None:
    house.start()
    for each in tunnels:
        house.want(each.id, each)
    await house.adopt()
    await house.settle()


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("restarted", [False, True])
def test_it_goes_on_and_is_adopted_with_the_secret_that_charon_has(
    version: str, restarted: bool
) -> None:
    async def scenario() -> None:
        house = House()
        base = tunnel()
        known = tunnel(ike=msgspec.structs.replace(base.ike, version=version))
        await up(house, known)
        children, secrets = house.children(known.id), set(house.charon.secrets)
        if restarted:
            await start_again(house, unread(known))
        else:
            house.want(known.id, unread(known, revision=2))
            await house.settle()
        assert house.children(known.id) == children
        assert house.charon.secrets == secrets
        status = house.managed(known.id).status
        assert status is not None
        assert status.state is TunnelState.UP
        # What needs no secret is done: it is changed, and taken down, like any.
        house.want(known.id, unread(known, revision=3, mtu=1400, local_cidrs=("10.1.7.0/24",)))
        await house.settle()
        assert house.children(known.id).keys() != children.keys()
        house.want(known.id, unread(known, revision=4, admin_state_up=False))
        await house.settle()
        assert not house.charon.sas

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", ["charon has died", "it was changed unread"])
def test_without_a_secret_nothing_is_tried_and_nothing_taken_down(fault: str) -> None:
    async def scenario() -> None:
        house, known = House(), tunnel()
        await up(house, known)
        wanted = unread(known)
        if fault == "charon has died":
            house.charon = FakeCharon()
        else:
            wanted = unread(known, revision=2, psk_generation=2)
        children, secrets = house.children(known.id), set(house.charon.secrets)
        await start_again(house, wanted)
        assert house.children(known.id) == children
        assert house.charon.secrets == secrets
        status = house.managed(known.id).status
        assert status is not None
        assert status.state is TunnelState.ERROR
        assert status.reason is not None
        assert status.reason.code is ReasonCode.PSK_UNREADABLE
        again = msgspec.structs.replace(known, revision=3, psk_generation=3, psk=Secret(value="n"))
        await up(house, again)
        status = house.managed(known.id).status
        assert status is not None
        assert status.state is TunnelState.UP

    asyncio.run(scenario())


@pytest.mark.parametrize("unreadable", [("a",), ("b",), ("a", "b")])
def test_it_is_in_no_other_ones_way(unreadable: tuple[str, ...]) -> None:
    """On one IKE_SA, and by the same peer ID: what is not known is no other secret."""

    async def scenario() -> None:
        house = House()
        pair = [tunnel(id=each, peer_cidrs=(f"10.{n}.0.0/24",)) for n, each in enumerate("ab", 3)]
        await up(house, *pair)
        before = {each.id: house.children(each.id) for each in pair}
        after = [unread(each) if each.id in unreadable else each for each in pair]
        await start_again(house, *after)
        assert {each.id: house.children(each.id) for each in pair} == before
        for each in pair:
            status = house.managed(each.id).status
            assert status is not None
            assert status.state is TunnelState.UP

    asyncio.run(scenario())

"""Tunnels that share an IKE_SA: any of them to any state, and never at another one's cost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from landbridge.model.tunnel import Dpd, Secret, Tunnel
from tests.unit.agent.house import House
from tests.unit.agent.shared import member, own
from tests.unit.agent.tunnels import tunnel

IDS = ("a", "b", "c")
CIDRS = st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True)


def rarely(draw: st.DrawFn, usual: Any, other: Any) -> Any:
    return other if draw(st.integers(0, 7)) == 7 else usual


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, Tunnel | None]:
    tunnel_id = draw(st.sampled_from(IDS))
    if draw(st.integers(0, 5)) == 5:
        return tunnel_id, None
    base, generation = tunnel(), rarely(draw, 1, 2)
    shift = 2 * IDS.index(tunnel_id) + rarely(draw, 0, 1)  # 1: may overlap with the next one's
    made = member(
        tunnel_id,
        *(shift + number for number in draw(CIDRS) if number < 2 or shift % 2),
        admin_state_up=draw(st.integers(0, 4)) < 4,
        psk=Secret(value=f"secret {generation}"),
        psk_generation=generation,
        peer_address=rarely(draw, "198.51.100.2", "198.51.100.3"),
        dpd=Dpd(action="hold", interval=rarely(draw, 30, 10), timeout=120),
        ike=msgspec.structs.replace(
            base.ike,
            version=rarely(draw, "v2", "v1"),
            encryption=rarely(draw, "aes-128", "aes-256"),
        ),
        esp=msgspec.structs.replace(base.esp, encryption=rarely(draw, "aes-128", "aes-256")),
        split_selector=draw(st.booleans()),
    )
    return tunnel_id, made if made.peer_cidrs else member(tunnel_id, shift)


#: All three, which fit, and then anything.
HISTORY = st.lists(changes(), min_size=1, max_size=6).map(
    lambda drawn: [*((each, member(each, 2 * at)) for at, each in enumerate(IDS)), *drawn]
)


def is_up(house: House, wanted: Tunnel) -> bool:
    managed = house.managed(wanted.id)
    return bool(wanted.admin_state_up and managed.facts.attachment.conflict is None)


def check(house: House, wanted: dict[str, Tunnel]) -> None:
    """Every tunnel that may run does, with its own children only, and nothing is left over."""
    charon, names = house.charon, set()
    for each in wanted.values():
        managed, children = house.managed(each.id), house.children(each.id)
        if not each.admin_state_up:
            assert children == {}
        elif managed.facts.attachment.conflict is None:
            assert managed.facts.target is not None
            assert sorted(children.values()) == sorted(
                child.name for child in managed.facts.target.children
            )
            assert managed.facts.applied_revision == each.revision
            names.add(managed.facts.target.name)
    if all(not each.admin_state_up or is_up(house, each) for each in wanted.values()):
        assert {sa.name for sa in charon.sas} == names
        assert set(charon.connections) == names
        assert len(charon.sas) == len(names) == len(charon.secrets)


def same_ike(before: Tunnel | None, after: Tunnel) -> bool:
    return (
        before is not None
        and before.admin_state_up
        and (own(before).name, before.dpd) == (own(after).name, after.dpd)
    )


async def live(history: Sequence[tuple[str, Tunnel | None]], *, restarts: bool) -> None:
    house, wanted = House(), dict[str, Tunnel]()
    for revision, (tunnel_id, made) in enumerate(history, 1):
        before = wanted.pop(tunnel_id, None)
        others = [each for each in wanted.values() if is_up(house, each)]
        after = msgspec.structs.replace(made, revision=revision) if made else None
        if after is not None:
            wanted[tunnel_id] = after
        kept = {each.id: house.children(each.id) for each in others}
        house.staying = {each.id: own(each).pairs for each in others}
        house.want(tunnel_id, after)
        await house.settle()
        check(house, wanted)
        if after is None or not after.admin_state_up or same_ike(before, after):
            assert {each.id: house.children(each.id) for each in others} == kept
        if restarts:
            await restart(house, wanted)
    house.staying = {}
    for tunnel_id in tuple(wanted):
        house.want(tunnel_id, None)
    await house.settle()
    assert not house.charon.sas
    assert not house.charon.connections
    assert not house.charon.secrets


async def restart(house: House, wanted: dict[str, Tunnel]) -> None:
    """Nothing may change, but where a owner has gone whose configuration nobody knows any more."""
    before = {each.id: house.children(each.id) for each in wanted.values()}
    orphans = {sa.name for sa in house.charon.sas} - {own(each).name for each in wanted.values()}
    house.staying = {e.id: own(e).pairs for e in wanted.values() if is_up(house, e)}
    settled = all(is_up(house, each) for each in wanted.values() if each.admin_state_up)
    house.start()
    if not settled:
        house.staying = {}  # who of those that do not fit comes first, may change
    for each in reversed(wanted.values()):
        house.want(each.id, each)
    await house.adopt()
    await house.settle()
    check(house, wanted)
    if settled and not orphans:
        assert {each.id: house.children(each.id) for each in wanted.values()} == before


@settings(max_examples=200)
@given(HISTORY)
def test_any_of_them_to_any_state(history: list[tuple[str, Tunnel | None]]) -> None:
    asyncio.run(live(history, restarts=False))


#: After the last restart a part of "c" is up, on the IKE_SA of an owner that is still to be loaded.
PARTLY_UP: list[tuple[str, Tunnel | None]] = [
    *((each, member(each, 2 * at)) for at, each in enumerate(IDS)),
    ("b", member("b", 2, psk=Secret(value="secret 2"), psk_generation=2)),
    ("c", member("c", 4, 5, split_selector=True)),
]


@settings(max_examples=100)
@given(HISTORY)
@example(PARTLY_UP)
def test_a_restart_between_any_two(history: list[tuple[str, Tunnel | None]]) -> None:
    asyncio.run(live(history, restarts=True))

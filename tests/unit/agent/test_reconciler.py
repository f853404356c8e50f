"""What changes while charon takes a step, and what a charon that comes after another says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from landbridge.agent.charon.client import ViciClient
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.errors import GatewayError
from landbridge.agent.plan.planner import plan
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.listener import Listener
from landbridge.agent.reconcile.queue import WorkQueue
from landbridge.agent.reconcile.reconciler import MOST_STEPS, Reconciler
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.vici import Event, Session
from tests.unit.agent.tunnels import ID, tunnel

NEVER = 60.0  # seconds


def managed_of(tunnel_index: TunnelIndex) -> ManagedTunnel:
    tunnel_index.want(ID, tunnel())
    managed = tunnel_index.get(ID)
    assert managed is not None
    managed.begin_pass(Loaded(), 0.0)
    return managed


def reconciler_over(tunnel_index: TunnelIndex) -> Reconciler:
    anything: Any = SimpleNamespace()
    return Reconciler(
        tunnel_index, WorkQueue(), anything, anything, anything, tell=print, update_deadline=0.0
    )


def test_a_change_while_charon_takes_a_step_ends_the_pass() -> None:
    tunnel_index = TunnelIndex(Backend.LIBIPSEC, lambda _: None)
    managed = managed_of(tunnel_index)
    steps = plan(
        managed.facts.candidate.target,
        managed.facts.actual,
        Loaded(),
        managed.facts.attempts,
        allowed=9,
        now=0.0,
    )
    assert len(steps) > 1
    taken: list[do.Step] = []

    async def take(step: do.Step, *_: object) -> None:
        taken.append(step)
        changed = msgspec.structs.replace(tunnel(), revision=2, peer_cidrs=("10.9.0.0/24",))
        tunnel_index.want(ID, changed)

    control = cast(ViciClient, SimpleNamespace(take=take))
    look = asyncio.run(reconciler_over(tunnel_index)._take_all(steps, managed, control, 0.0))
    assert taken == [steps[0]]
    assert look == 0.0


def test_a_pass_takes_a_part_of_many_steps_and_is_made_again_at_once() -> None:
    tunnel_index = TunnelIndex(Backend.LIBIPSEC, lambda _: None)
    managed = managed_of(tunnel_index)
    taken: list[do.Step] = []

    async def take(step: do.Step, *_: object) -> None:
        taken.append(step)

    control = cast(ViciClient, SimpleNamespace(take=take))
    steps = [do.RetireChild(unique_id=number) for number in range(10 * MOST_STEPS)]
    look = asyncio.run(reconciler_over(tunnel_index)._take_all(steps, managed, control, 5.0))
    assert taken == steps[:MOST_STEPS]
    assert look == 5.0
    assert set(managed.facts.attempts.ending_children) == {
        step.unique_id for step in steps[:MOST_STEPS]
    }


def test_an_attempt_is_remembered_of_the_configuration_that_was_tried() -> None:
    tunnel_index = TunnelIndex(Backend.LIBIPSEC, lambda _: None)
    managed = managed_of(tunnel_index)
    assert managed.facts.candidate.target is not None
    tried = managed.facts.candidate.target
    initiate = do.Initiate(name=tried.name, child=tried.children[0].name)

    async def take(*_: object) -> None:
        changed = msgspec.structs.replace(tunnel(), revision=2, peer_cidrs=("10.9.0.0/24",))
        tunnel_index.want(ID, changed)
        managed.begin_pass(Loaded(), 0.0)

    control = cast(ViciClient, SimpleNamespace(take=take))
    asyncio.run(reconciler_over(tunnel_index)._take_all([initiate], managed, control, 0.0))
    assert managed.facts.candidate.target != tried
    (key,) = managed.facts.attempts.attempts
    assert key == do_key(tried)


def do_key(target: Any) -> Any:
    from landbridge.agent.plan.attempts import attempt_key

    return attempt_key(target, target.children[0].name)


def line(text: str, unique_id: str = "1", name: str = "") -> Event:
    message = {"group": "IKE", "msg": text, "ikesa-uniqueid": unique_id, "ikesa-name": name}
    return Event("log", cast(Any, message))


class Said:
    """A session that has said this much when charon goes."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = events

    async def events(self) -> AsyncIterator[Event]:
        for event in self._events:
            yield event


def test_what_one_charon_has_said_is_not_taken_for_anothers() -> None:
    """The unique ids of a charon that starts begin at 1 again."""
    tunnel_index = TunnelIndex(Backend.LIBIPSEC, lambda _: None)
    managed = managed_of(tunnel_index)
    heard: list[bool] = []

    def explain(_line: str, *, established: bool, **_: object) -> bool:
        heard.append(established)
        return False

    managed.explain = explain  # type: ignore[method-assign,assignment]
    meters: Any = SimpleNamespace(told=lambda **_: None, heard=lambda _: None)
    listener = Listener(tunnel_index, cast(Any, SimpleNamespace()), meters, lambda _: None)
    name = managed.facts.target.name if managed.facts.target else ""
    up = line(f"IKE_SA {name}[1] established between a...b", name=name)
    refused = line("received AUTHENTICATION_FAILED notify error", name=name)
    for said in ([up], [refused]):
        with pytest.raises(ExceptionGroup) as ended:
            asyncio.run(listener.run(cast(Session, Said(said)), lambda _: None))
        assert ended.group_contains(GatewayError)
    assert heard == [True, False]

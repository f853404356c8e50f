"""What changes while charon takes a step, and what a charon that comes after another says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from landbridge.agent.charon.client import Control
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.errors import GatewayError
from landbridge.agent.plan.planner import plan
from landbridge.agent.reconcile.index import Roster
from landbridge.agent.reconcile.listener import Listener
from landbridge.agent.reconcile.queue import Agenda
from landbridge.agent.reconcile.reconciler import Passes
from landbridge.agent.reconcile.tunnel import Charge
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.vici import Event, Session
from tests.unit.agent.tunnels import ID, tunnel

NEVER = 60.0  # seconds


def charge_of(roster: Roster) -> Charge:
    roster.want(ID, tunnel(), switched_off=False)
    charge = roster.get(ID)
    assert charge is not None
    charge.look_back(Loaded(), 0.0)
    return charge


def passes_over(roster: Roster) -> Passes:
    anything: Any = SimpleNamespace()
    return Passes(roster, Agenda(), anything, anything, anything, tell=print, update_deadline=0.0)


def test_a_change_while_charon_takes_a_step_ends_the_pass() -> None:
    roster = Roster(Backend.LIBIPSEC, lambda _: None)
    charge = charge_of(roster)
    steps = plan(charge.trial, charge.actual, Loaded(), charge.memory, allowed=9, now=0.0)
    assert len(steps) > 1
    taken: list[do.Step] = []

    async def take(step: do.Step, *_: object) -> None:
        taken.append(step)
        changed = msgspec.structs.replace(tunnel(), revision=2, peer_cidrs=("10.9.0.0/24",))
        roster.want(ID, changed, switched_off=False)

    control = cast(Control, SimpleNamespace(take=take))
    look = asyncio.run(passes_over(roster)._take_all(steps, charge, control, 0.0))
    assert taken == [steps[0]]
    assert look == 0.0


def test_an_attempt_is_remembered_of_the_configuration_that_was_tried() -> None:
    roster = Roster(Backend.LIBIPSEC, lambda _: None)
    charge = charge_of(roster)
    assert charge.trial is not None
    tried = charge.trial
    initiate = do.Initiate(name=tried.name, child=tried.children[0].name)

    async def take(*_: object) -> None:
        changed = msgspec.structs.replace(tunnel(), revision=2, peer_cidrs=("10.9.0.0/24",))
        roster.want(ID, changed, switched_off=False)
        charge.look_back(Loaded(), 0.0)

    control = cast(Control, SimpleNamespace(take=take))
    asyncio.run(passes_over(roster)._take_all([initiate], charge, control, 0.0))
    assert charge.trial != tried
    (key,) = charge.memory.attempts
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
    roster = Roster(Backend.LIBIPSEC, lambda _: None)
    charge = charge_of(roster)
    heard: list[bool] = []

    def blame(_line: str, *, established: bool, **_: object) -> bool:
        heard.append(established)
        return False

    charge.blame = blame  # type: ignore[method-assign,assignment]
    meters: Any = SimpleNamespace(told=lambda **_: None, heard=lambda _: None)
    listener = Listener(roster, cast(Any, SimpleNamespace()), meters, lambda _: None)
    name = charge.target.name if charge.target else ""
    up = line(f"IKE_SA {name}[1] established between a...b", name=name)
    refused = line("received AUTHENTICATION_FAILED notify error", name=name)
    for said in ([up], [refused]):
        with pytest.raises(ExceptionGroup) as ended:
            asyncio.run(listener.run(cast(Session, Said(said)), lambda _: None))
        assert ended.group_contains(GatewayError)
    assert heard == [True, False]

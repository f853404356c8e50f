"""Tunnels of every kind, and what a gateway does to bring one to another."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.desired import Pair, Target
from landbridge.agent.tunnels.steps import Step
from landbridge.impact.steps import Disruption
from landbridge.model.tunnel import Dpd, Tunnel
from tests.unit.agent.plans import MOST_PASSES
from tests.unit.agent.tunnels import Charon, tunnel

BASE = tunnel()
ELSEWHERE = tunnel(
    ike=msgspec.structs.replace(BASE.ike, version="v1"), local_cidrs=("10.1.7.0/24",)
)
#: No CHILD_SA of before has anything in common with one of after.
MOVED = msgspec.structs.replace(
    ELSEWHERE,
    revision=2,
    esp=msgspec.structs.replace(BASE.esp, lifetime=7200),
    local_cidrs=BASE.local_cidrs,
)
#: What the plan does, by the promise's names; what is promised besides is not charon's.
DONE = {
    do.LoadSecret: "load-shared",
    do.UnloadSecret: "unload-shared",
    do.Load: "load-conn",
    do.Unload: "unload-conn",
    do.Initiate: "initiate",
    do.RetireIke: "retire-ike",
    do.RetireChild: "retire-child",
    do.Terminate: "terminate-ike",
    do.TerminateChild: "terminate-child",
}
NOT_CHARONS = {"routes", "await-peer"}
NETWORKS = ("0.0/24", "1.0/24", "2.0/24", "0.0/22", "0.128/25")


def some(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def networks(side: int) -> st.SearchStrategy[tuple[str, ...]]:
    v4 = [f"10.{side}.{tail}" for tail in NETWORKS]
    return st.lists(st.sampled_from(v4), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def dpds(draw: st.DrawFn) -> Dpd:
    interval = draw(some(10, 30))
    return Dpd(
        action=draw(some("clear", "hold", "restart", "disabled", "restart-by-peer")),
        interval=interval,
        timeout=draw(some(60, 120)),
    )


@st.composite
def tunnels(draw: st.DrawFn) -> Tunnel:
    return tunnel(
        admin_state_up=draw(some(True, True, True, True, False)),
        local_address=draw(some("198.51.100.1", "198.51.100.7")),
        local_id=draw(some("198.51.100.1", "a.example.com")),
        peer_address=draw(some("198.51.100.2", "198.51.100.3")),
        peer_id=draw(some("198.51.100.2", "b.example.com")),
        psk_generation=draw(some(1, 2)),
        initiator=draw(some("bi-directional", "bi-directional", "response-only")),
        mtu=draw(some(1500, 1300)),
        dpd=draw(dpds()),
        ike=msgspec.structs.replace(
            BASE.ike,
            version=draw(some("v1", "v2")),
            mode=draw(some("main", "aggressive")),
            encryption=draw(some("aes-128", "aes-256")),
            integrity=draw(some("sha256", "sha512")),
            lifetime=draw(some(3600, 7200)),
        ),
        esp=msgspec.structs.replace(
            BASE.esp,
            encryption=draw(some("aes-128", "aes-256-gcm-16")),
            integrity=draw(some("sha256", "sha512")),
            pfs_group=draw(some("group14", "group19")),
            lifetime=draw(some(3600, 7200)),
            protocol=draw(some("esp", "esp", "ah")),
        ),
        local_cidrs=draw(networks(1)),
        peer_cidrs=draw(networks(2)),
        split_selector=draw(st.booleans()),
    )


@st.composite
def updates(draw: st.DrawFn) -> tuple[Tunnel, Tunnel]:
    """A tunnel, and the same with some of its fields from another."""
    before, other = draw(tunnels()), draw(tunnels())
    fields = [field for field in Tunnel.__struct_fields__ if field not in {"id", "revision"}]
    chosen = draw(st.lists(st.sampled_from(fields), min_size=1, max_size=3))
    changes = {field: getattr(other, field) for field in chosen}
    return before, msgspec.structs.replace(before, revision=2, **changes)


def planned(wanted: Tunnel) -> Target:
    return target(wanted, Backend.NETLINK)


def run(charon: Charon, wanted: Target, staying: tuple[Pair, ...] = ()) -> list[Step]:
    """Every step until nothing is left to do. A peer that may initiates what is missing."""
    taken: list[Step] = []
    for _ in range(MOST_PASSES):
        steps = charon.steps(wanted)
        acting = [step for step in steps if not isinstance(step, do.Wait)]
        waits = [step.until for step in steps if isinstance(step, do.Wait)]
        for step in acting:
            charon.take(step, wanted)
            taken.append(step)
            broken = uncovered(staying, charon.actual.carrying)
            assert not broken or Disruption.INTERRUPT in {each.disruption for each in taken}, step
        came = wanted.admin_state_up and not wanted.may_initiate and charon.peer_initiates(wanted)
        if not (acting or waits or came):
            return taken
        charon.now = max(charon.now + 0.01, min(waits) if waits and not acting else 0.0)
    raise AssertionError(f"no end: {charon.steps(wanted)}")


def in_both(one: Target, other: Target) -> tuple[Pair, ...]:
    if not (one.admin_state_up and other.admin_state_up):
        return ()
    return tuple(pair for pair in one.pairs if pair in other.pairs)

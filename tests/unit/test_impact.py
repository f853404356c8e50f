"""What is promised of an update is what the plan does, from any tunnel to any other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import uncovered
from landbridge.agent.tunnels.desired import Pair, Target
from landbridge.agent.tunnels.steps import Step
from landbridge.api.schema.field_types import Dictionary
from landbridge.api.schema.vpn import VPN
from landbridge.impact.impact import FACETS, ROWS, impact
from landbridge.impact.steps import Disruption, worst
from landbridge.model.objects import Dpd, Tunnel
from tests.unit.agent.test_plan import MOST_PASSES, is_desired
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


@settings(max_examples=250)
@given(updates())
@example((BASE, tunnel(peer_cidrs=("10.2.1.0/24",))))
@example((ELSEWHERE, MOVED))
@example((BASE, tunnel(initiator="response-only", peer_cidrs=("10.2.0.0/24", "10.2.1.0/24"))))
def test_what_is_promised_is_what_is_done(update: tuple[Tunnel, Tunnel]) -> None:
    before, after = update
    charon, wanted = Charon(), planned(after)
    run(charon, planned(before))
    promised = impact(before, after)
    taken = run(charon, wanted, in_both(planned(before), wanted))
    assert is_desired(charon, wanted)
    assert worst(step.disruption for step in taken) is promised.disruption
    done = list(dict.fromkeys(DONE[type(step)] for step in taken))
    assert done == [each.step for each in promised.steps if each.step not in NOT_CHARONS]
    assert worst(step.disruption for step in promised.steps) is promised.disruption


@settings(max_examples=100)
@given(st.lists(tunnels(), min_size=2, max_size=4), st.data())
def test_from_any_state_on_the_way_to_any_other(way: list[Tunnel], data: st.DataObject) -> None:
    """Updates come before the last one is done; the newest wins, what stays is carried."""
    charon = Charon()
    run(charon, planned(way[0]))
    for revision, (before, after) in enumerate(pairwise(way), 2):
        wanted = planned(msgspec.structs.replace(after, revision=revision))
        steps = [step for step in charon.steps(wanted) if not isinstance(step, do.Wait)]
        staying = in_both(planned(before), wanted)
        carried = [pair for pair in staying if not uncovered([pair], charon.actual.carrying)]
        for step in steps[: data.draw(st.integers(0, len(steps)))]:
            charon.take(step, wanted)
            broken = uncovered(carried, charon.actual.carrying)
            assert not broken or step.disruption is Disruption.INTERRUPT or _ended(steps), step
    run(charon, planned(way[-1]))
    assert is_desired(charon, planned(way[-1]))


def _ended(steps: list[Step]) -> bool:
    return any(step.disruption is Disruption.INTERRUPT for step in steps)


@settings(max_examples=100)
@given(tunnels())
def test_what_is_the_same_costs_nothing(one: Tunnel) -> None:
    promised = impact(one, msgspec.structs.replace(one, revision=9))
    assert (promised.disruption, promised.steps) == (Disruption.NONE, ())
    assert promised.attributes == ()


def updatable() -> Iterator[tuple[str, str]]:
    for resource in VPN:
        for attribute in resource.attributes:
            if not attribute.put:
                continue
            if isinstance(attribute.type, Dictionary):
                for member, *_ in attribute.type.members:
                    yield resource.name, f"{attribute.name}.{member}"
            else:
                yield resource.name, attribute.name


def test_every_attribute_that_can_be_updated_has_a_row() -> None:
    assert set(updatable()) == set(ROWS)
    assert {facet for facets in ROWS.values() for facet in facets} == set(FACETS)


@pytest.mark.parametrize(
    ("version", "row", "change", "cost"),
    [
        ("v2", ("ipsec_site_connection", "mtu"), {"mtu": 1300}, "none"),
        ("v2", ("ipsec_site_connection", "psk"), {"psk_generation": 2}, "replace-ike"),
        ("v1", ("ipsec_site_connection", "peer_id"), {"peer_id": "b"}, "interrupt"),
        ("v2", ("ipsec_site_connection", "peer_id"), {"peer_id": "b"}, "replace-ike"),
        (
            "v1",
            ("ipsec_site_connection", "peer_cidrs"),
            {"peer_cidrs": (*BASE.peer_cidrs, "10.9.0.0/24")},
            "none",
        ),
        (
            "v2",
            ("endpoint_group", "endpoints"),
            {"peer_cidrs": (*BASE.peer_cidrs, "10.9.0.0/24")},
            "replace-child",
        ),
        (
            "v2",
            ("ipsecpolicy", "pfs"),
            {"esp": msgspec.structs.replace(BASE.esp, pfs_group="group19")},
            "replace-child",
        ),
        (
            "v1",
            ("ikepolicy", "phase1_negotiation_mode"),
            {"ike": msgspec.structs.replace(BASE.ike, version="v1", mode="aggressive")},
            "replace-ike",
        ),
        ("v2", ("vpnservice", "admin_state_up"), {"admin_state_up": False}, "interrupt"),
    ],
)
def test_an_attribute_by_itself(
    version: Any, row: tuple[str, str], change: dict[str, Any], cost: str
) -> None:
    before = tunnel(ike=msgspec.structs.replace(BASE.ike, version=version))
    promised = impact(before, msgspec.structs.replace(before, **change), {row})
    (effect,) = promised.attributes
    assert (effect.resource, effect.attribute) == row
    assert effect.disruption == promised.disruption == cost


@pytest.mark.parametrize(
    ("version", "before", "after", "split", "told"),
    [
        ("v1", ("10.2.0.0/24",), ("10.2.0.0/22",), False, True),
        ("v2", ("10.2.0.0/24",), ("10.2.0.0/22",), False, False),  # they share a reqid
        ("v1", ("10.2.0.0/22",), ("10.2.0.0/24",), False, False),
        ("v2", ("10.2.0.0/24",), ("10.2.0.0/22",), True, False),
        ("v2", ("10.2.0.0/24", "10.9.0.0/24"), ("10.2.0.0/22", "10.9.0.0/24"), False, False),
        ("v2", ("10.2.0.0/24", "10.9.0.0/24"), ("10.2.0.0/22", "10.9.0.0/24"), True, True),
        ("v2", ("10.2.0.0/24", "10.2.1.0/24"), ("10.2.0.0/22",), True, True),
        ("v2", ("10.2.0.0/24",), ("10.2.0.0/24", "10.2.1.0/24"), False, False),
    ],
)
def test_what_widening_loses_is_told(
    version: Any, before: tuple[str, ...], after: tuple[str, ...], split: bool, told: bool
) -> None:
    ike = msgspec.structs.replace(BASE.ike, version=version)
    old = tunnel(peer_cidrs=before, split_selector=split, ike=ike)
    promised = impact(old, msgspec.structs.replace(old, peer_cidrs=after))
    (retired,) = [step for step in promised.steps if step.step == "retire-child"]
    assert ("up to one round trip" in retired.about) is told


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(
    ("change", "lossy"),
    [
        ({"esp": msgspec.structs.replace(BASE.esp, pfs_group="group19")}, True),
        ({"psk_generation": BASE.psk_generation + 1}, True),
        ({"peer_id": "another.example.com"}, True),
        ({"mtu": 1300}, False),
        ({"peer_cidrs": (*BASE.peer_cidrs, "10.9.0.0/24"), "split_selector": True}, False),
    ],
    ids=["child", "ike", "identity", "free", "beside"],
)
def test_what_ikev1_loses_of_ours_is_told(
    version: Any, change: dict[str, Any], lossy: bool
) -> None:
    split = change.get("split_selector", False)
    ike = msgspec.structs.replace(BASE.ike, version=version)
    old = tunnel(ike=ike, split_selector=split)
    promised = impact(old, msgspec.structs.replace(old, **change))
    told = any("computed its keys" in step.about for step in promised.steps)
    assert told is (lossy and version == "v1")


def test_what_no_gateway_hears_of_is_told_when_asked() -> None:
    promised = impact(BASE, BASE, {("ipsec_site_connection", "description")})
    (effect,) = promised.attributes
    assert (effect.changes, effect.disruption) == ("nothing on the gateway", "none")

"""What a tunnel costs its gateway grows with its pairs of networks, no faster, whatever is up.

Each case is a pass over one tunnel (what is remembered, the plan, the status), in the states that
have most to compare; one IKE_SA for many tunnels; and the look-up of pairs itself against all with
all, as an oracle.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from landbridge.agent.charon import connection_config
from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.attempts import AttemptState, after_look
from landbridge.agent.plan.ike_sharing import arrange
from landbridge.agent.plan.planner import plan
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.status.tunnel_status import observed
from landbridge.agent.tunnels.coverage import Cover, numbers_of
from landbridge.agent.tunnels.desired import Target
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.naming import plain
from landbridge.agent.tunnels.observed import Actual, ChildSa, by_tunnel, ike_sas
from landbridge.model.tunnel import Secret, Tunnel
from landbridge.vici import Message
from tests.hostile.growth import DOUBLE, grows
from tests.unit.agent.tunnels import ID, child_sa, ike_sa, tunnel

NOW = 1000.0
FEW = 64  # pairs; and twice as many


def growth(work: Callable[[int], Any]) -> float:
    """Names and fingerprints are made of JSON: addresses are not counted in it."""
    work(2 * FEW)  # what is remembered of texts is there
    return grows(work, FEW, addresses=False)


def many(number: int, split: bool, **changes: Any) -> Tunnel:
    """With so many pairs."""
    local = tuple(f"10.1.{n}.0/24" for n in range(8))
    remote = tuple(f"172.16.{n}.0/24" for n in range(number // len(local)))
    return tunnel(local_cidrs=local, peer_cidrs=remote, split_selector=split, **changes)


def children(of: Target, first: int = 1) -> list[ChildSa]:
    """All of them, as wanted."""
    return [
        child_sa(
            each.name,
            tuple(dict.fromkeys(pair.local for pair in each.pairs)),
            tuple(dict.fromkeys(pair.remote for pair in each.pairs)),
            number,
        )
        for number, each in enumerate(of.children, first)
    ]


def narrowed(of: Target) -> list[ChildSa]:
    """The peer has made one for each pair, or the half of each, whatever was asked for."""
    pairs = [(child, pair) for child in of.children for pair in child.pairs]
    return [
        child_sa(child.name, (pair.local,), (pair.remote.replace("/24", "/25"),), number)
        for number, (child, pair) in enumerate(pairs, 1)
    ]


def up(of: Target, other: Target) -> Actual:
    return Actual(sas=(ike_sa(of.name, 1, *children(of)),))


def half_up(of: Target, other: Target) -> Actual:
    return Actual(sas=(ike_sa(of.name, 1, *children(of)[::2]),))


def updated(of: Target, other: Target) -> Actual:
    """All of before and all of now, in one IKE_SA."""
    both = [*children(other), *children(of, len(other.children) + 1)]
    return Actual(sas=(ike_sa(of.name, 1, *both),))


def being_updated(of: Target, other: Target) -> Actual:
    return Actual(sas=(ike_sa(of.name, 1, *children(other)),))


def replaced(of: Target, other: Target) -> Actual:
    """An IKE_SA of before with all, and one of now with all."""
    now = children(of, len(other.children) + 1)
    return Actual(sas=(ike_sa(other.name, 1, *children(other)), ike_sa(of.name, 2, *now)))


def narrow(of: Target, other: Target) -> Actual:
    return Actual(sas=(ike_sa(of.name, 1, *narrowed(of)),))


class State(NamedTuple):
    """`changed`: what was different before."""

    actual: Callable[[Target, Target], Actual]
    changed: dict[str, Any] = {}
    now: dict[str, Any] = {}


SHORTER = {"esp": msgspec.structs.replace(tunnel().esp, lifetime=1800)}
OTHER_IKE = {"ike": msgspec.structs.replace(tunnel().ike, lifetime=1800)}
STATES = {
    "up": State(up),
    "half of it up": State(half_up),
    "updated": State(updated, SHORTER),
    "being updated": State(being_updated, SHORTER),
    "being updated, response-only": State(being_updated, SHORTER, {"initiator": "response-only"}),
    "replaced": State(replaced, OTHER_IKE),
    "narrowed": State(narrow),
    "nothing up": State(lambda of, other: Actual(sas=())),
}


def one_pass(state: State, number: int, split: bool) -> None:
    connection_config._made.cache_clear()
    wanted = target(many(number, split, revision=2, **state.now), Backend.NETLINK)
    before = target(many(number, split, **{**state.now, **state.changed}), Backend.NETLINK)
    actual = state.actual(wanted, before)
    last = AttemptState(revision=1, applied_revision=1, pending_since=NOW - 100)
    attempts = after_look(last, wanted, actual, NOW)
    loaded = Loaded(connections={wanted.name: wanted.digest}, secrets=frozenset({wanted.secret_id}))
    plan(wanted, actual, loaded, attempts, allowed=8, now=NOW + 60, update_deadline=1.0)
    observed(wanted, actual, attempts, None, NOW)


@pytest.mark.parametrize("split", [False, True], ids=["single", "split"])
@pytest.mark.parametrize("what", STATES)
def test_a_pass_grows_with_the_pairs(what: str, split: bool) -> None:
    assert growth(lambda number: one_pass(STATES[what], number, split)) < DOUBLE


@pytest.mark.parametrize("split", [False, True], ids=["single", "split"])
def test_what_a_pass_is_about_is_there(split: bool) -> None:
    """The states are what they are called: else their passes would cost nothing."""
    wanted = target(many(FEW, split, revision=2), Backend.NETLINK)
    before = target(many(FEW, split, **SHORTER), Backend.NETLINK)
    assert len(wanted.pairs) == FEW
    assert len(wanted.children) == (FEW if split else 1)
    names = {child.name for child in wanted.children}
    assert not names & {plain(child.name) for child in children(before)}
    assert len(narrowed(wanted)) == FEW


def attached(number: int, **changes: Any) -> Tunnel:
    usual = {
        "id": f"{number:08d}-f09d-4f83-bae6-2fb29c120a67",
        "local_cidrs": ("10.1.0.0/24",),
        "peer_cidrs": (f"172.{number // 250}.{number % 250}.0/24",),
    }
    return tunnel(**{**usual, **changes})


GROUPS: dict[str, Callable[[int], Tunnel]] = {
    "all fit": attached,
    "all overlap the first": lambda n: attached(n, peer_cidrs=("172.16.0.0/12",)),
    "none is wanted": lambda n: attached(n, admin_state_up=False),
    "no other has its IKE policy": lambda n: attached(n, **OTHER_IKE if n else {}),
}


@pytest.mark.parametrize("what", GROUPS)
def test_tunnels_of_one_peer_are_arranged_without_looking_at_each(what: str) -> None:
    made = [target(GROUPS[what](number), Backend.NETLINK) for number in range(2 * FEW)]
    assert growth(lambda number: arrange(made[:number])) < DOUBLE


def test_two_tunnels_are_compared_by_their_networks() -> None:
    def compare(number: int) -> None:
        late = many(number, False, id=f"{1:08d}-f09d-4f83-bae6-2fb29c120a67")
        early = msgspec.structs.replace(
            late, id=f"{2:08d}-f09d-4f83-bae6-2fb29c120a67",
            peer_cidrs=tuple(cidr.replace("172.16", "172.17") for cidr in late.peer_cidrs),
        )  # fmt: skip
        pair = [target(each, Backend.NETLINK) for each in (early, late)]
        assert not arrange(pair).refused

    assert growth(compare) < DOUBLE


# The oracle: each with each


NETWORKS = (
    "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "10.2.0.0/16",
    "::/0", "fd00::/8", "fd00:1::/32", "fd00:1::1/128", "10.1.0.0..10.1.0.9", "10.1.0.0/16[udp]",
)  # fmt: skip


def _net(text: str) -> Any:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _contains(outer: str, inner: str) -> bool:
    big, small = _net(outer), _net(inner)
    same = big is not None and small is not None and big.version == small.version
    return same and small.subnet_of(big)


def _meet(one: str, other: str) -> bool:
    a, b = _net(one), _net(other)
    return a is None or b is None or a.overlaps(b)


def test_who_carries_and_who_touches_is_found_as_by_comparing_all() -> None:
    dice = random.Random(11)  # noqa: S311
    for _ in range(200):
        local, remote = (
            [dice.sample(NETWORKS, dice.randint(0, 3)) for _ in range(12)] for _ in range(2)
        )
        cover = Cover(zip(local, remote, strict=True))
        one, other = dice.choice(NETWORKS), dice.choice(NETWORKS)
        numbers = range(12)
        assert list(numbers_of(cover.touching([one], [other]))) == [
            n
            for n in numbers
            if any(_meet(ts, one) for ts in local[n]) and any(_meet(ts, other) for ts in remote[n])
        ]
        wanted = msgspec.structs.replace(PAIR, local=one, remote=other)
        assert list(numbers_of(cover.carrying(wanted))) == [
            n
            for n in numbers
            if any(_contains(ts, one) for ts in local[n])
            and any(_contains(ts, other) for ts in remote[n])
        ]


PAIR = target(tunnel(), Backend.NETLINK).pairs[0]


def shared(number: int) -> Any:
    """An IKE_SA with a child for each of so many tunnels, as charon lists it."""
    host = target(tunnel(), Backend.NETLINK).name
    sections: Message = {
        f"c{n}": {"name": f"{n:08x}.{n:012x}.tunnel-{n}", "uniqueid": str(n), "state": "INSTALLED"}
        for n in range(number)
    }
    entry: Message = {host: {"uniqueid": "1", "state": "ESTABLISHED", "child-sas": sections}}
    return by_tunnel(ike_sas([entry]), {})


def test_the_list_of_an_ike_sa_of_many_tunnels_is_divided_once() -> None:
    assert len(shared(9)) == 10
    assert growth(shared) < DOUBLE


def test_the_configuration_is_made_once_and_not_at_each_pass() -> None:
    made = connection_config._made
    managed = ManagedTunnel(ID, Backend.NETLINK)
    managed.want(many(4 * FEW, True))
    wanted = managed.facts.target
    assert wanted is not None
    managed.adopt(up(wanted, wanted))
    managed.begin_pass(Loaded(), NOW)  # what is up has proven its secret
    misses = made.cache_info().misses
    for number in range(100):
        managed.begin_pass(Loaded(), NOW + number)
    assert made.cache_info().misses == misses


def test_a_configuration_that_is_kept_holds_no_secret() -> None:
    known, unknown = tunnel(), tunnel(psk=None)
    assert target(known, Backend.NETLINK).secret_known
    assert not target(unknown, Backend.NETLINK).secret_known
    other = target(tunnel(psk=Secret(value="another")), Backend.NETLINK)
    assert other == target(known, Backend.NETLINK)

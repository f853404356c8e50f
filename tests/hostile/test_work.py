"""What a list costs grows with the list, no faster; found from the attribute table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import msgspec
import pytest

from landbridge import errors
from landbridge.access.caller import Caller
from landbridge.api import attributes
from landbridge.api.addresses import (
    Cidrs,
    Endpoints,
    FixedIps,
    Gateway,
    HostRoutes,
    Nameservers,
    Pools,
)
from landbridge.api.attributes import Terms
from landbridge.api.catalogue import RESOURCES
from landbridge.api.kinds import Kind, Many, Refused
from landbridge.api.openapi import document
from landbridge.api.query import Listing
from landbridge.api.query import parse as parse_query
from landbridge.api.resources import Attribute, Resource
from landbridge.collisions import MOST_TOLD, Neighbours
from landbridge.impact import impact
from landbridge.model import Secret, Tunnel
from landbridge.selectors import meeting
from landbridge.store.transaction import Row
from tests.environments.databases import Databases
from tests.hostile.work import counted, steps_of
from tests.unit.agent.tunnels import tunnel
from tests.unit.vpn.world import World

MANY = 200
DOUBLE = 2.3  # the most that twice as much may cost
CALLER = Caller(user_id="u", project_id="p", roles=frozenset({"member"}))
ID = "ad861590-f09d-4f83-bae6-2fb29c120a67"


def address(number: int) -> str:
    return f"10.{number // 62500 % 250}.{number // 250 % 250}.{number % 250 + 1}"


def cidr(number: int) -> str:
    return f"{address(number)}/32"


#: How items of each kind are made, all different and all valid.
ITEMS: dict[type[Kind], Callable[[int], Any]] = {
    Cidrs: cidr,
    Endpoints: cidr,
    FixedIps: lambda n: {"subnet_id": ID, "ip_address": address(n)},
    Pools: lambda n: {"start": address(2 * n), "end": address(2 * n)},
    Nameservers: address,
    HostRoutes: lambda n: {"destination": cidr(n), "nexthop": address(n)},
}


class Listed(NamedTuple):
    resource: Resource
    attribute: Attribute
    kind: Many

    def value(self, number: int) -> Any:
        return self.wrapped([ITEMS[type(self.kind)](each) for each in range(number)])

    def wrapped(self, items: list[Any]) -> Any:
        if isinstance(self.attribute.kind, Gateway):
            return {"network_id": ID, "external_fixed_ips": items}
        return items

    def __str__(self) -> str:
        return f"{self.resource.name}.{self.attribute.name}"


def lists() -> Iterator[Listed]:
    """All that a client may send as a list."""
    for resource in RESOURCES:
        for attribute in resource.attributes:
            if not (attribute.post or attribute.put):
                continue
            if isinstance(attribute.kind, Gateway):
                yield Listed(resource, attribute, FixedIps())
            elif "array" in attribute.kind.schema()["type"]:
                assert isinstance(attribute.kind, Many), f"{attribute.name} has no maximum"
                yield Listed(resource, attribute, attribute.kind)


LISTS = list(lists())
of_each_list = pytest.mark.parametrize("listed", LISTS, ids=str)


def grows(work: Callable[[int], Any], many: int = MANY, *, addresses: bool = True) -> float:
    """How many times the work for `many` is that for twice as many."""
    once, twice = (steps_of(_of(work, number), addresses=addresses) for number in (many, 2 * many))
    return twice / once


def _of(work: Callable[[int], Any], number: int) -> Callable[[], Any]:
    return lambda: work(number)


def test_the_count_sees_what_grows_faster() -> None:
    def in_c(number: int) -> None:
        found: list[str] = []
        for item in counted([cidr(each) for each in range(number)]):
            if item not in found:
                found.append(item)

    def in_python(number: int) -> None:
        for one in range(number):
            for other in range(number):
                assert one == other or one != other

    def even(number: int) -> None:
        assert len({*counted([cidr(each) for each in range(number)])}) == number

    assert grows(in_c) > 3
    assert grows(in_python) > 3
    assert grows(even) < DOUBLE


def test_every_list_is_here() -> None:
    assert {str(listed) for listed in LISTS} >= {
        "ipsec_site_connection.peer_cidrs",
        "endpoint_group.endpoints",
        "subnet.allocation_pools",
        "subnet.dns_nameservers",
        "subnet.host_routes",
        "port.fixed_ips",
        "router.external_gateway_info",
    }
    assert {type(listed.kind) for listed in LISTS} <= ITEMS.keys()


@of_each_list
def test_validation_grows_with_the_list(listed: Listed) -> None:
    unbounded = msgspec.structs.replace(listed.kind, most=10**9)

    def validate(number: int) -> None:
        unbounded.convert(counted([ITEMS[type(listed.kind)](n) for n in range(number)]))

    assert grows(validate) < DOUBLE


def refusal(listed: Listed, value: Any) -> str:
    body = {listed.resource.name: {listed.attribute.name: value}}
    with pytest.raises(errors.ApiError) as caught:
        attributes.for_update(listed.resource, body, CALLER, Terms())
    assert caught.value.status == 400
    return caught.value.message


@of_each_list
def test_there_is_a_maximum_and_it_is_told(listed: Listed) -> None:
    most = listed.kind.most
    listed.kind.convert([ITEMS[type(listed.kind)](n) for n in range(most)])
    message = refusal(listed, listed.value(most + 1))
    assert listed.attribute.name in message
    assert f"at most {most}" in message
    schemas = document()["components"]["schemas"]
    shape = schemas[f"{listed.resource.name}_update"]["properties"][listed.attribute.name]
    if isinstance(listed.attribute.kind, Gateway):
        shape = shape["properties"]["external_fixed_ips"]
    assert shape["maxItems"] == most


@of_each_list
def test_what_is_too_much_is_refused_for_nothing(listed: Listed) -> None:
    """As many as a body can hold cost no more than few."""
    few = listed.value(listed.kind.most + 1)
    usual = steps_of(lambda: refusal(listed, few))
    junk: list[list[Any]] = [[1] * 50_000, [[]] * 30_000, [{}] * 30_000]
    for each in (listed.value(20_000), *map(listed.wrapped, junk)):
        assert steps_of(partial(refusal, listed, each)) < 2 * usual


def test_duplicates_are_found_as_before() -> None:
    for items, told in (
        (["a", "b", "a", "a"], "'a'"),
        ([1, True, "1"], "'True'"),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], "{"),
        ([[1], [1], [2]], "[1]"),
    ):
        with pytest.raises(Refused, match="Duplicate items") as caught:
            Cidrs().convert(items)
        assert told in str(caught.value)


def test_a_query_costs_what_it_holds() -> None:
    def parse(number: int) -> Listing | None:
        try:
            return parse_query(RESOURCES[0], [(f"key{n}", "x") for n in range(number)])
        except errors.BadRequest:
            return None

    assert grows(parse, 200) < DOUBLE
    assert grows(parse, 5_000) < DOUBLE


# What happens inside the transaction


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[World]:
    with databases.fresh("sqlite") as url:
        made = World(url)
        yield made
        made.close()


def rule_steps(world: World, work: Callable[[World, Any, int], Any], number: int) -> int:
    """Of `work`, which is undone, in the thread of the transaction."""

    def run(tx: Any) -> int:
        return steps_of(lambda: work(world, tx, number))

    world.trial(lambda tx: work(world, tx, number))  # statements are made ready once
    return world.trial(run)


def _group(world: World, tx: Any, number: int) -> Row:
    endpoints = counted([cidr(n) for n in range(number)])
    return world.create(tx, "endpoint_group", type="cidr", endpoints=endpoints)


def _users(world: World, tx: Any, number: int) -> None:
    """A group that many connections use gets other endpoints."""
    peers = world.create(tx, "endpoint_group", type="cidr", endpoints=[cidr(1)])
    for each in range(number):
        name = f"{each}.example.com"
        world.connection(tx, peer_ep_group_id=peers["id"], peer_address=name, peer_id=name)
    changed = counted([cidr(n) for n in range(100)])
    world.update(tx, "endpoint_group", peers["id"], endpoints=changed)


RULES_OF = {"endpoints": (_group, 150), "users": (_users, 30)}


@pytest.mark.parametrize("what", RULES_OF)
def test_rules_grow_with_what_they_are_given(world: World, what: str) -> None:
    work, many = RULES_OF[what]
    once, twice = (rule_steps(world, work, number) for number in (many, 2 * many))
    assert twice / once < DOUBLE


# Plans


def numbered(number: int, **changes: Any) -> Tunnel:
    usual: dict[str, Any] = {
        "id": f"{number:08d}-f09d-4f83-bae6-2fb29c120a67",
        "local_cidrs": ("10.1.0.0/24",),
        "peer_cidrs": (f"172.{number // 250}.{number % 250}.0/24",),
    }
    return tunnel(**{**usual, **changes})


CROWDS: dict[str, Callable[[int], Tunnel]] = {
    "one IKE_SA can serve them all": numbered,
    "they have different secrets": lambda n: numbered(n, psk=Secret(value=f"secret {n}")),
    "they have different peers": lambda n: numbered(n, peer_id=f"{n}.example.com"),
    "they have the same networks": lambda n: numbered(n, peer_cidrs=("172.16.0.0/12",)),
    "their networks overlap on one side": lambda n: numbered(
        n, local_cidrs=("10.0.0.0/8",) if n % 2 else (f"10.{n // 250}.{n % 250}.0/24",)
    ),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_collisions_are_found_without_looking_at_each(crowd: str) -> None:
    make = CROWDS[crowd]

    def look(number: int) -> None:
        tunnels = [make(each) for each in range(number)]
        beside = Neighbours(tunnels)
        assert all(len(beside.collisions(each)) <= MOST_TOLD for each in tunnels)

    assert grows(look, 150) < DOUBLE


@pytest.mark.parametrize("split", [True, False])
def test_what_an_update_costs_grows_with_its_pairs(split: bool) -> None:
    def compare(number: int) -> None:
        local = tuple(f"10.1.{n}.0/24" for n in range(8))
        before = tunnel(
            local_cidrs=local, split_selector=split,
            peer_cidrs=tuple(f"172.16.{n}.0/24" for n in range(number)),
        )  # fmt: skip
        after = msgspec.structs.replace(
            before, peer_cidrs=tuple(f"172.16.{n}.0/25" for n in range(number))
        )
        impact(before, after)
        meeting(before, after)

    assert grows(compare, 30) < DOUBLE

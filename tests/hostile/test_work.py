"""What a list costs grows with the list, no faster; found from the attribute table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import msgspec
import pytest

from landbridge import errors
from landbridge.api.http.query import Listing
from landbridge.api.http.query import parse as parse_query
from landbridge.api.schema import validate as attributes
from landbridge.api.schema.address_types import (
    Cidrs,
    Endpoints,
    FixedIps,
    Gateway,
    HostRoutes,
    Nameservers,
    Pools,
)
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.field_types import FieldType, InvalidValue, ListType
from landbridge.api.schema.openapi import document
from landbridge.api.schema.resource import Attribute, Resource
from landbridge.api.schema.validate import AlgorithmPolicy
from landbridge.auth.caller import Caller
from landbridge.impact.conflicts import MOST_TOLD, Neighbours
from landbridge.impact.impact import impact
from landbridge.impact.selectors import meeting
from landbridge.model.objects import Secret, Tunnel
from landbridge.store import columns
from landbridge.vpn.inventory import routers
from landbridge.vpn.rows import Attributes
from tests.environments.databases import Databases
from tests.hostile.work import counted, steps_of
from tests.unit.agent.tunnels import tunnel
from tests.unit.vpn.world import LEGACY, World

MANY = 200
DOUBLE = 2.3  # the most that twice as much may cost
CALLER = Caller(user_id="u", project_id="p", roles=frozenset({"member"}))
ID = "ad861590-f09d-4f83-bae6-2fb29c120a67"


def address(number: int) -> str:
    return f"10.{number // 62500 % 250}.{number // 250 % 250}.{number % 250 + 1}"


def cidr(number: int) -> str:
    return f"{address(number)}/32"


#: How items of each kind are made, all different and all valid.
ITEMS: dict[type[FieldType], Callable[[int], Any]] = {
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
    kind: ListType

    def value(self, number: int) -> Any:
        return self.wrapped([ITEMS[type(self.kind)](each) for each in range(number)])

    def wrapped(self, items: list[Any]) -> Any:
        if isinstance(self.attribute.type, Gateway):
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
            if isinstance(attribute.type, Gateway):
                yield Listed(resource, attribute, FixedIps())
            elif "array" in attribute.type.schema()["type"]:
                assert isinstance(attribute.type, ListType), f"{attribute.name} has no maximum"
                yield Listed(resource, attribute, attribute.type)


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
        attributes.for_update(listed.resource, body, CALLER, AlgorithmPolicy())
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
    if isinstance(listed.attribute.type, Gateway):
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
        with pytest.raises(InvalidValue, match="Duplicate items") as caught:
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
    with pytest.MonkeyPatch.context() as patch, databases.fresh("sqlite") as url:
        encoder = msgspec.json.Encoder(enc_hook=str.__str__)  # strings that count are strings
        patch.setattr(columns, "_encoder", encoder)
        made = World(url)
        yield made
        made.close()


Work = Callable[[World, Any, int], Any]


def rule_steps(world: World, work: Work, number: int) -> int:
    """Of `work`, or of what it prepares and returns; in the thread of the transaction, undone."""

    def run(tx: Any) -> int:
        prepared: list[Any] = []
        steps = steps_of(lambda: prepared.append(work(world, tx, number)))
        return steps_of(prepared[0]) if callable(prepared[0]) else steps

    world.trial(run)  # statements are made ready once
    return world.trial(run)


def _wide(world: World, tx: Any, network: str = "net1") -> Any:
    return world.create(tx, "subnet", network_id=network, cidr="10.128.0.0/9", gateway_ip=None)


def _peer_cidrs(world: World, tx: Any, number: int) -> Any:
    cidrs = counted([cidr(n) for n in range(number)])
    made = world.connection(tx, **(LEGACY | {"peer_cidrs": cidrs}))
    return world.update(tx, "ipsec_site_connection", made.id, peer_cidrs=cidrs[::-1])


def _group(world: World, tx: Any, number: int) -> Any:
    endpoints = counted([cidr(n) for n in range(number)])
    made = world.create(tx, "endpoint_group", type="cidr", endpoints=endpoints)
    return world.update(tx, "endpoint_group", made.id, endpoints=endpoints[::-1])


def _subnet_group(world: World, tx: Any, number: int) -> Callable[[], Attributes]:
    ids = counted([_leg(world, tx, n) for n in range(number)])
    return lambda: world.create(tx, "endpoint_group", type="subnet", endpoints=ids)


def _leg(world: World, tx: Any, number: int) -> str:
    network = world.create(tx, "network")
    made = world.create(tx, "subnet", network_id=network.id, cidr=f"10.100.{number}.0/24")
    return str(made.id)


def _pools(world: World, tx: Any, number: int) -> Any:
    pools = [{"start": f"10.128.{n}.2", "end": f"10.128.{n}.9"} for n in range(number)]
    made = world.create(
        tx, "subnet", network_id="net1", cidr="10.128.0.0/9", allocation_pools=counted(pools)
    )
    return world.update(tx, "subnet", made.id, allocation_pools=counted(pools[::-1]))


def _of_subnet(name: str, item: Callable[[int], Any]) -> Work:
    def work(world: World, tx: Any, number: int) -> None:
        values = {name: counted([item(n) for n in range(number)])}
        made = world.create(tx, "subnet", network_id="net1", cidr="10.128.0.0/9", **values)
        world.update(tx, "subnet", made.id, **{name: values[name][::-1]})

    return work


def _fixed_ips(world: World, tx: Any, number: int) -> None:
    """Any of a subnet of which as many are taken, and then certain ones of it."""
    subnet = _wide(world, tx)
    first = counted([{"subnet_id": subnet.id}] * number)
    made = world.create(tx, "port", network_id="net1", fixed_ips=first)
    world.create(tx, "port", network_id="net1", fixed_ips=first)
    world.update(tx, "port", made.id, fixed_ips=[{"ip_address": "10.129.0.1"}, *first])
    certain = counted([{"ip_address": f"10.130.0.{n + 1}"} for n in range(number)])
    world.update(tx, "port", made.id, fixed_ips=certain)


def _many_subnets(world: World, tx: Any, number: int) -> Callable[[], None]:
    """As many subnets as addresses."""
    network = world.create(tx, "network").id
    for n in range(number):
        world.create(tx, "subnet", network_id=network, cidr=f"10.100.{n}.0/24")
    wanted = counted([{"ip_address": f"10.100.{n}.9"} for n in range(number)])

    def run() -> None:
        port = world.create(tx, "port", network_id=network, fixed_ips=wanted)
        routers.add_interface(tx, world.create(tx, "router"), {"port_id": port.id}, None)

    return run


def _uplink(world: World, tx: Any, number: int) -> None:
    outside = world.create(tx, "network", None, **{"router:external": True}).id
    _wide(world, tx, outside)
    wanted = counted([{"ip_address": f"10.130.0.{n + 1}"} for n in range(number)])
    info = {"network_id": outside, "external_fixed_ips": wanted}
    made = world.create(tx, "router", external_gateway_info=info)
    info["external_fixed_ips"] = wanted[::-1]
    world.update(tx, "router", made.id, external_gateway_info=info)


def _foreign_pools(world: World, tx: Any, number: int) -> None:
    """A port with as many addresses as another project's subnet has pools."""
    pools = [{"start": f"10.128.{n}.2", "end": f"10.128.{n}.9"} for n in range(number)]
    network = world.create(tx, "network", "b", shared=True).id
    world.create(tx, "subnet", "b", network_id=network, cidr="10.128.0.0/9", allocation_pools=pools)
    wanted = counted([{"ip_address": f"10.128.{n}.2"} for n in range(number)])
    port = world.create(tx, "port", network_id=network, fixed_ips=wanted)
    routers.add_interface(tx, world.create(tx, "router"), {"port_id": port.id}, "a")


def _users(world: World, tx: Any, number: int) -> Callable[[], Attributes]:
    """A group that many connections use gets other endpoints."""
    peers = world.create(tx, "endpoint_group", type="cidr", endpoints=[cidr(1)])
    for each in range(number):
        name = f"{each}.example.com"
        world.connection(tx, peer_ep_group_id=peers.id, peer_address=name, peer_id=name)
    changed = counted([cidr(n) for n in range(100)])
    return lambda: world.update(tx, "endpoint_group", peers.id, endpoints=changed)


#: Of each list that a client may send (`lists`), how it is brought in; and what else is in lists.
RULES_OF: dict[str, tuple[Work, int]] = {
    "ipsec_site_connection.peer_cidrs": (_peer_cidrs, 150),
    "endpoint_group.endpoints": (_group, 150),
    "subnet.allocation_pools": (_pools, 100),
    "subnet.dns_nameservers": (_of_subnet("dns_nameservers", address), 100),
    "subnet.host_routes": (_of_subnet("host_routes", ITEMS[HostRoutes]), 100),
    "port.fixed_ips": (_fixed_ips, 60),
    "router.external_gateway_info": (_uplink, 60),
    "subnets of a group": (_subnet_group, 60),
    "users of a group": (_users, 30),
    "subnets of a network": (_many_subnets, 50),
    "addresses in pools": (_foreign_pools, 60),
}


@pytest.mark.parametrize("what", RULES_OF)
def test_rules_grow_with_what_they_are_given(world: World, what: str) -> None:
    work, many = RULES_OF[what]
    once, twice = (rule_steps(world, work, number) for number in (many, 2 * many))
    assert twice / once < DOUBLE


def test_every_list_is_brought_in() -> None:
    """A list that is new in the attribute table needs a case in `RULES_OF` and one in `ITEMS`."""
    assert {str(listed) for listed in LISTS} <= RULES_OF.keys()


def arrays(schema: Any, path: str = "") -> Iterator[str]:
    """Where a schema has lists, however deep."""
    if isinstance(schema, dict):
        kinds = schema.get("type", [])
        if "array" in ([kinds] if isinstance(kinds, str) else kinds):
            yield path
        for name, inside in schema.get("properties", {}).items():
            yield from arrays(inside, f"{path}.{name}" if path else name)
        yield from arrays(schema.get("items"), f"{path}[]")


def test_no_list_is_hidden_from_these_tests() -> None:
    """Neither in an attribute of a resource nor in any other body that the API describes."""
    known = {
        f"{listed}.external_fixed_ips"
        if isinstance(listed.attribute.type, Gateway)
        else f"{listed}"
        for listed in LISTS
    }
    schemas = document()["components"]["schemas"]
    found = {
        f"{name.removesuffix(end)}.{path}"
        for end in ("_create", "_update")
        for name, schema in schemas.items()
        if name.endswith(end)
        for path in arrays(schema)
    }
    assert found == known


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

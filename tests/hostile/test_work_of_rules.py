"""What the rules do with lists and crowds costs grows with them, no faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from landbridge.api.schema.address_types import Gateway, HostRoutes
from landbridge.api.schema.openapi.document import document
from landbridge.store import columns
from landbridge.vpn.inventory import routers
from landbridge.vpn.rows import Attributes
from tests.environments.databases import Databases
from tests.hostile.attributelists import ITEMS, LISTS, address, cidr
from tests.hostile.growth import DOUBLE
from tests.hostile.work import counted, steps_of
from tests.unit.vpn.world import LEGACY, World


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


def _tags(world: World, tx: Any, number: int) -> None:
    world.create(tx, "port", network_id="net1", tags=counted([f"tag-{n}" for n in range(number)]))


def _routes(world: World, tx: Any, number: int) -> Any:
    ways = counted(
        [{"destination": cidr(n), "nexthop": f"10.1.0.{100 + n}"} for n in range(number)]
    )
    world.update(tx, "router", "router1", routes=ways)
    return world.update(tx, "router", "router1", routes=ways[::-1])


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
    "subnet.dns_nameservers": (_of_subnet("dns_nameservers", address), 2),
    "subnet.host_routes": (_of_subnet("host_routes", ITEMS[HostRoutes]), 10),
    "port.fixed_ips": (_fixed_ips, 60),
    "port.tags": (_tags, 25),
    "router.external_gateway_info": (_uplink, 60),
    "router.routes": (_routes, 15),
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
    if isinstance(schema, dict) and schema.get("maxItems") != 0:
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
    known.add("token.roles")  # of no rule: at most 32, each looked up in a set
    schemas = document()["components"]["schemas"]
    found = {
        f"{name.removesuffix(end)}.{path}"
        for end in ("_create", "_update")
        for name, schema in schemas.items()
        if name.endswith(end)
        for path in arrays(schema)
    }
    assert found == known

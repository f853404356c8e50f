"""What is asked of the inventory: of the reference by `make oracle`, of landbridge by `make test`.

A case is a list of requests, one after the other, on the topology; what it makes is taken away
after it. Words in braces stand for ids: those of the topology, and those that a request keeps
(`keep`). ``{NAME.rev}`` is the revision number that NAME had when it was kept.

Rules this module keeps:
- `cases` gives the same list each time: those written by hand (what clients send, and one request
  after another), one for each value of each attribute, and combinations drawn with a fixed seed.
- No two objects of one list have the same name, no answer depends on a random id or address.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

Body = dict[str, Any]

SEED: Final = 13
COMBINATIONS: Final = 10  # of each resource and verb


def step(
    method: str,
    path: str,
    body: Any = None,
    *,
    by: str = "a",
    keep: str = "",
    params: tuple[tuple[str, str], ...] = (),
    headers: dict[str, str] | None = None,
) -> Body:
    """One request."""
    made: Body = {"method": method, "path": f"/v2.0/{path}", "profile": by}
    if body is not None:
        made["body"] = body
    if keep:
        made["keep"] = keep
    if params:
        made["params"] = [list(each) for each in params]
    if headers:
        made["headers"] = headers
    return made


def post(kind: str, values: Body, *, by: str = "a", keep: str = "") -> Body:
    return step("POST", f"{kind}s", {kind: values}, by=by, keep=keep)


def put(kind: str, id: str, values: Body, *, by: str = "a", **more: Any) -> Body:
    return step("PUT", f"{kind}s/{{{id}}}", {kind: values}, by=by, **more)


def get(kind: str, id: str, *, by: str = "a", **more: Any) -> Body:
    return step("GET", f"{kind}s/{{{id}}}", by=by, **more)


def listed(collection: str, *params: tuple[str, str], by: str = "a") -> Body:
    return step("GET", collection, by=by, params=params)


def interface(verb: str, at: str, by: str = "a", **what: Any) -> Body:
    return step("PUT", f"routers/{{{at}}}/{verb}_router_interface", what, by=by)


TOPOLOGY: Final = (
    post("network", {"name": "ext", "router:external": True}, by="admin", keep="ext"),
    post(
        "subnet",
        {"name": "ext4", "network_id": "{ext}", "cidr": "172.24.0.0/16", "ip_version": 4,
         "enable_dhcp": False},
        by="admin", keep="ext4",
    ),
    post("network", {"name": "pub", "shared": True}, by="admin", keep="pub"),
    post("subnet", {"name": "pub4", "network_id": "{pub}", "cidr": "10.200.0.0/24",
                    "ip_version": 4}, by="admin", keep="pub4"),
    post("network", {"name": "net"}, keep="net"),
    post("subnet", {"name": "sub", "network_id": "{net}", "cidr": "10.1.0.0/24",
                    "ip_version": 4}, keep="sub"),
    post("subnet", {"name": "sub6", "network_id": "{net}", "cidr": "fd00:1::/64",
                    "ip_version": 6}, keep="sub6"),
    post("network", {"name": "bare"}, keep="bare"),
    post("network", {"name": "netb"}, by="b", keep="netb"),
    post("subnet", {"name": "subb", "network_id": "{netb}", "cidr": "10.8.0.0/24",
                    "ip_version": 4}, by="b", keep="subb"),
    post("router", {"name": "rb"}, by="b", keep="rb"),
)  # fmt: skip

LONG: Final = "x" * 255
TOO_LONG: Final = "x" * 256
_TEXT: Final[tuple[Any, ...]] = ("", "ä", LONG, TOO_LONG, None, 5, ["a"], " x", "a\nb")
_FLAG: Final[tuple[Any, ...]] = (True, False, "False", 1, None, "maybe", [])
_BASE: Final[dict[str, Body]] = {
    "network": {"name": "made"},
    "subnet": {
        "name": "made", "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4,
    },
    "port": {"name": "made", "network_id": "{net}"},
    "router": {"name": "made"},
}  # fmt: skip
_READ_ONLY: Final = (("id", "99999999-9999-4999-8999-999999999999"), ("status", "DOWN"),
                     ("created_at", "2020-01-01T00:00:00Z"), ("revision_number", 7))  # fmt: skip
_ANYWHERE: Final[dict[str, tuple[Any, ...]]] = {
    "name": _TEXT,
    "description": ("", TOO_LONG, None, 5, " x"),
    "admin_state_up": _FLAG,
    "tags": ([], ["red"], ["red", "red"], ["x" * 256], [""], None, "red", [5], ["a,b"], {}),
    "tenant_id": ("proj-a", "proj-b", "", None),
    "project_id": ("proj-a", "proj-b"),
    "nonsense": (1,),
    **{name: (value,) for name, value in _READ_ONLY},
}
VALUES: Final[dict[str, dict[str, tuple[Any, ...]]]] = {
    "network": _ANYWHERE | {
        "shared": _FLAG,
        "router:external": _FLAG,
        "mtu": (0, 1, 67, 68, 1280, 1500, 1501, 9000, 65535, 65536, -1, None, "1400", "x", "",
                 10**10, 1400.5, True, []),
        "availability_zone_hints": ([], ["nova"], None, "nova", [1], {}),
        "provider:network_type": ("local", "flat", None, ""),
        "provider:physical_network": ("phys", None),
        "provider:segmentation_id": (5, None),
        "segments": ([], None),
        "vlan_transparent": (False, True, None),
        "qinq": (False, None),
        "is_default": (False, True, None),
        "port_security_enabled": (True, False),
        "dns_domain": ("",),
        "qos_policy_id": (None,),
        "subnets": ([],),
    },
    "subnet": _ANYWHERE | {
        "network_id": ("{net}", "{pub}", "{ext}", "{netb}", "{sub}", "x", "", None, 5),
        "cidr": ("10.5.0.9/24", "10.5.0.0", "10.5.0.0/33", "0.0.0.0/0", "224.0.0.0/24",
                 "239.1.0.0/16", "240.0.0.0/24", "10.5.0.0/32", "10.5.0.0/31", "10.5.0.0/30",
                 "10.5.0.0/29", "127.0.0.0/8", "169.254.0.0/16", "0.1.2.0/24", "10.5/16", "10.5.0.0/255.255.255.0",
                 "fd00:5::/64", "", None, 5, "x", ["10.5.0.0/24"]),
        "ip_version": (4, 6, "4", "6", 5, None, "", "x"),
        "gateway_ip": (None, "10.5.0.1", "10.5.0.254", "10.5.0.0", "10.5.0.255", "10.6.0.1",
                       "172.24.0.1", "fd00::1", "", "0.0.0.0", "255.255.255.255", "224.0.0.1",
                       "127.0.0.1", "x", 5, "10.5.0.1/24"),
        "allocation_pools": (
            [], None, "", "x", {}, [{}], [5],
            [{"start": "10.5.0.10", "end": "10.5.0.20"}],
            [{"start": "10.5.0.10", "end": "10.5.0.20"}, {"start": "10.5.0.30", "end": "10.5.0.40"}],
            [{"start": "10.5.0.30", "end": "10.5.0.40"}, {"start": "10.5.0.10", "end": "10.5.0.20"}],
            [{"start": "10.5.0.20", "end": "10.5.0.10"}],
            [{"start": "10.5.0.10", "end": "10.5.0.20"}, {"start": "10.5.0.15", "end": "10.5.0.25"}],
            [{"start": "10.5.0.10", "end": "10.5.1.20"}],
            [{"start": "10.6.0.10", "end": "10.6.0.20"}],
            [{"start": "10.5.0.1", "end": "10.5.0.20"}],
            [{"start": "10.5.0.0", "end": "10.5.0.20"}],
            [{"start": "10.5.0.200", "end": "10.5.0.255"}],
            [{"start": "10.5.0.10"}],
            [{"start": "10.5.0.10", "end": "10.5.0.20", "more": 1}],
            [{"start": "fd00::1", "end": "fd00::9"}],
            [{"start": "10.5.0.10", "end": "10.5.0.10"}],
            [{"start": "x", "end": "10.5.0.20"}],
        ),
        "dns_nameservers": ([], None, "", "9.9.9.9", ["9.9.9.9"], ["9.9.9.9", "1.1.1.1"],
                            ["9.9.9.9", "9.9.9.9"], ["x"], [""], ["fd00::53"], [5], [None],
                            ["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4", "5.5.5.5", "6.6.6.6"],
                            ["0.0.0.0"], {}),
        "host_routes": (
            [], None, "", "x", [{}], [5], {},
            [{"destination": "10.7.0.0/24", "nexthop": "10.5.0.9"}],
            [{"destination": "10.7.0.0/24", "nexthop": "10.9.0.9"}],
            [{"destination": "10.7.0.9/24", "nexthop": "10.5.0.9"}],
            [{"destination": "10.7.0.0/24", "nexthop": "10.5.0.9"}] * 2,
            [{"destination": "0.0.0.0/0", "nexthop": "10.5.0.9"}],
            [{"destination": "fd00:7::/64", "nexthop": "fd00:5::9"}],
            [{"destination": "10.7.0.0/24", "nexthop": "fd00:5::9"}],
            [{"destination": "10.7.0.0/24"}],
            [{"destination": "10.7.0.0/24", "nexthop": "x"}],
            [{"destination": "x", "nexthop": "10.5.0.9"}],
            [{"destination": "10.7.0.0/24", "nexthop": "10.5.0.9", "more": 1}],
        ),
        "enable_dhcp": _FLAG,
        "ipv6_ra_mode": ("slaac", "dhcpv6-stateful", "x", None, "", 5),
        "ipv6_address_mode": ("slaac", "dhcpv6-stateless", "x", None, "", 5),
        "service_types": ([], None, ["compute:nova"], ["network:router_gateway"], ["x"], "x", [5], [""], {}),
        "subnetpool_id": (None, "", "x", "99999999-9999-4999-8999-999999999999"),
        "prefixlen": (None, 24, "x"),
        "use_default_subnetpool": (False, None, True),
        "segment_id": (None,),
        "router:external": (False,),
        "dns_publish_fixed_ip": (False,),
    },
    "port": _ANYWHERE | {
        "network_id": ("{pub}", "{ext}", "{netb}", "{bare}", "x", None),
        "mac_address": (None, "", "fa:16:3e:aa:bb:cc", "FA:16:3E:AA:BB:CC", "fa-16-3e-aa-bb-cc",
                        "fa163eaabbcc", "x", "01:00:5e:00:00:01", "00:00:00:00:00:00",
                        "ff:ff:ff:ff:ff:ff", 5),
        "fixed_ips": (
            None, [], "", "x", {}, [{}], [5],
            [{"subnet_id": "{sub}"}], [{"subnet_id": "{sub6}"}], [{"subnet_id": "{subb}"}],
            [{"subnet_id": "{sub}"}, {"subnet_id": "{sub}"}],
            [{"subnet_id": "{sub}"}, {"subnet_id": "{sub6}"}],
            [{"ip_address": "10.1.0.77"}], [{"ip_address": "fd00:1::77"}],
            [{"subnet_id": "{sub}", "ip_address": "10.1.0.78"}],
            [{"subnet_id": "{sub}", "ip_address": "10.2.0.78"}],
            [{"subnet_id": "{sub}", "ip_address": "10.1.0.1"}],
            [{"subnet_id": "{sub}", "ip_address": "10.1.0.0"}],
            [{"subnet_id": "{sub}", "ip_address": "10.1.0.255"}],
            [{"ip_address": "10.99.0.1"}], [{"ip_address": ""}], [{"ip_address": None}],
            [{"subnet_id": None}], [{"subnet_id": "x"}], [{"subnet_id": ""}],
            [{"subnet_id": "{sub}", "ip_address": None}],
            [{"subnet_id": "{sub}", "ip_address": ""}],
            [{"subnet_id": "99999999-9999-4999-8999-999999999999"}],
            [{"ip_address": "10.1.0.79"}, {"ip_address": "10.1.0.79"}],
            [{"ip_address": "10.1.0.79"}, {"ip_address": "10.1.0.80"}],
            [{"ip_address": "10.1.0.79", "more": 1}],
            [{"ip_address": f"10.1.0.{n}"} for n in range(80, 86)],
            [{"subnet_id": "{sub6}", "ip_address": "10.1.0.79"}],
        ),
        "device_id": ("", "x", TOO_LONG, None, 5, " x"),
        "device_owner": ("", "compute:nova", "network:dhcp", "x", None, TOO_LONG, 5),
        "security_groups": ([], None, "", "x", ["99999999-9999-4999-8999-999999999999"], ["x"]),
        "allowed_address_pairs": ([], None, "", {}, [{"ip_address": "10.1.0.9"}], [{}],
                                  [{"ip_address": "x"}], [5]),
        "extra_dhcp_opts": ([], None, "", {}, [{"opt_name": "mtu", "opt_value": "1400"}], [{}]),
        "binding:vnic_type": ("normal", "direct", "macvtap", "x", None, ""),
        "binding:host_id": ("", "h", None),
        "binding:profile": ({}, None, {"a": 1}, "x"),
        "port_security_enabled": (True,),
        "qos_policy_id": (None,),
        "dns_name": ("",),
        "numa_affinity_policy": (None, "required", "x"),
        "device_profile": (None, "x"),
        "hints": (None, {}),
        "trusted": (None, False),
        "propagate_uplink_status": (True,),
        "value_specs": ({},),
    },
    "router": _ANYWHERE | {
        "external_gateway_info": (
            None, {}, "", "x", [], 5,
            {"network_id": "{ext}"}, {"network_id": "{net}"}, {"network_id": "{netb}"},
            {"network_id": "x"}, {"network_id": None}, {"network_id": ""},
            {"network_id": "99999999-9999-4999-8999-999999999999"},
            {"enable_snat": True}, {"network_id": "{ext}", "enable_snat": True},
            {"network_id": "{ext}", "enable_snat": False},
            {"network_id": "{ext}", "enable_snat": "true"},
            {"network_id": "{ext}", "enable_snat": None},
            {"network_id": "{ext}", "external_fixed_ips": []},
            {"network_id": "{ext}", "external_fixed_ips": None},
            {"network_id": "{ext}", "external_fixed_ips": [{"ip_address": "172.24.9.9"}]},
            {"network_id": "{ext}", "external_fixed_ips": [{"subnet_id": "{ext4}"}]},
            {"network_id": "{ext}", "external_fixed_ips": [{"subnet_id": "{sub}"}]},
            {"network_id": "{ext}", "external_fixed_ips": [{"ip_address": "10.1.0.9"}]},
            {"network_id": "{ext}", "external_fixed_ips": [{"ip_address": "172.24.0.1"}]},
            {"network_id": "{ext}", "external_fixed_ips": "x"},
            {"network_id": "{ext}", "more": 1},
            {"network_id": "{ext}", "qos_policy_id": None},
        ),
        "distributed": (False, True, None),
        "ha": (False, True, None),
        "availability_zone_hints": ([], ["nova"], None, "nova"),
        "flavor_id": (None, "", "x", "99999999-9999-4999-8999-999999999999"),
        "service_type_id": (None,),
        "routes": ([], None, [{"destination": "10.7.0.0/24", "nexthop": "10.1.0.9"}]),
        "enable_ndp_proxy": (False,),
        "external_gateways": ([],),
        "enable_default_route_bfd": (False,),
    },
}  # fmt: skip


def cases() -> list[Body]:
    """Raises nothing; each has a name of its own."""
    found = [*_of_values(), *_as_administrator(), *_of_subnets6(), *_combined(), *_by_hand()]
    names = [case["name"] for case in found]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, twice
    return found


def case(name: str, *steps: Body) -> Body:
    return {"name": name, "steps": list(steps)}


def _bodies(*bodies: Body) -> tuple[Body, ...]:
    return bodies


def _made(kind: str, by: str = "a", **values: Any) -> Body:
    return post(kind, _BASE[kind] | values, by=by, keep="it")


def _of_values() -> Iterator[Body]:
    for kind, attributes in VALUES.items():
        for attribute, values in attributes.items():
            yield from _of_attribute(kind, attribute, values)
    for kind, base in _BASE.items():
        lefts = [{n: value for n, value in base.items() if n != each} for each in base]
        yield case(f"create.{kind}.without", *(post(kind, left) for left in [*lefts, {}]))
        yield case(f"update.{kind}.nothing", _made(kind), put(kind, "it", {}), get(kind, "it"))


def _of_attribute(
    kind: str, attribute: str, values: tuple[Any, ...], by: str = "a", prefix: str = ""
) -> Iterator[Body]:
    """Each value in a POST and in a PUT; the POSTs apart where two would be in each other's way."""
    name = f"{prefix}{kind}.{attribute}"
    shared = kind == "subnet" and attribute in _ANYWHERE  # the same for all: two of a subnet do
    made = [_made(kind, by, **{attribute: v}) for v in (values[:2] if shared else values)]
    if kind == "subnet" or attribute in _TAKEN:
        yield from (case(f"create.{name}.{n}", each) for n, each in enumerate(made))
    else:
        yield case(f"create.{name}", *made)
    changed = (put(kind, "it", {attribute: value}, by=by) for value in values)
    yield case(f"update.{name}", _made(kind, by), *changed, get(kind, "it", by=by))


_TAKEN: Final = ("mac_address", "fixed_ips", "provider:physical_network")
_ADMINS: Final = (
    ("network", "shared"), ("network", "router:external"), ("network", "provider:network_type"),
    ("network", "provider:physical_network"), ("network", "provider:segmentation_id"),
    ("network", "is_default"), ("network", "tenant_id"), ("router", "distributed"),
    ("router", "ha"), ("router", "tenant_id"), ("port", "tenant_id"), ("port", "binding:host_id"),
    ("port", "binding:profile"), ("subnet", "tenant_id"),
)  # fmt: skip


def _as_administrator() -> Iterator[Body]:
    for kind, attribute in _ADMINS:
        yield from _of_attribute(kind, attribute, VALUES[kind][attribute], "admin", "admin.")


_MODES: Final = (None, "slaac", "dhcpv6-stateful", "dhcpv6-stateless")


def _of_subnets6() -> Iterator[Body]:
    base = _BASE["subnet"] | {"cidr": "fd00:5::/64", "ip_version": 6}
    for ra in _MODES:
        for address in _MODES:
            modes = {"ipv6_ra_mode": ra, "ipv6_address_mode": address}
            given = {name: value for name, value in modes.items() if value}
            yield case(f"subnet6.modes.{ra}.{address}", post("subnet", base | given))
    for number, more in enumerate(_bodies(
        {"cidr": "fd00:5::9/64"}, {"cidr": "ff00::/64"}, {"cidr": "fe80::/64"},
        {"cidr": "fd00:5::/128"}, {"cidr": "fd00:5::/127"}, {"cidr": "fd00:5::/126"},
        {"cidr": "fd00:5::/80"}, {"cidr": "fd00:5::/48"}, {"cidr": "::/0"}, {"cidr": "::1/128"},
        {"cidr": "::ffff:0:0/96"}, {"cidr": "FD00:5::/64"}, {"cidr": "10.5.0.0/24"},
        {"cidr": "fd00:1::/64", "network_id": "{net}"},
        {"cidr": "fd00:5::/80", "ipv6_address_mode": "slaac"},
        {"cidr": "fd00:5::/80", "ipv6_address_mode": "dhcpv6-stateful"},
        {"ipv6_address_mode": "slaac", "enable_dhcp": False},
        {"ipv6_ra_mode": "slaac", "enable_dhcp": False},
        {"ipv6_ra_mode": None, "ipv6_address_mode": None, "enable_dhcp": False},
        {"gateway_ip": None}, {"gateway_ip": "fd00:5::1"}, {"gateway_ip": "fd00:5::"},
        {"gateway_ip": "fe80::1"}, {"gateway_ip": "fd00:6::1"}, {"gateway_ip": "10.5.0.1"},
        {"gateway_ip": "FD00:5::0:1"},
        {"allocation_pools": [{"start": "fd00:5::10", "end": "fd00:5::20"}]},
        {"allocation_pools": [{"start": "fd00:5::", "end": "fd00:5::20"}]},
        {"dns_nameservers": ["fd00::53", "9.9.9.9"]},
        {"host_routes": [{"destination": "fd00:7::/64", "nexthop": "fd00:5::9"}]},
        {"host_routes": [{"destination": "fd00:7::9/64", "nexthop": "fd00:5::9"}]},
    )):  # fmt: skip
        yield case(f"subnet6.value.{number}", post("subnet", base | more))
    for number, more in enumerate(_bodies(
        {"cidr": "224.0.0.0/24"}, {"cidr": "10.5.0.0/32"}, {"cidr": "10.5.0.0/31"},
        {"cidr": "10.5.0.0/30"}, {"cidr": "0.0.0.0/0"}, {"cidr": "127.0.0.0/8"},
        {"cidr": "169.254.0.0/16"}, {"ipv6_ra_mode": "slaac"}, {"ipv6_address_mode": "slaac"},
        {"cidr": "10.5.0.0/32", "gateway_ip": None}, {"cidr": "10.5.0.0/31", "gateway_ip": None},
        {"cidr": "10.5.0.0/32", "gateway_ip": "10.5.0.0"},
        {"cidr": "10.5.0.0/31", "gateway_ip": "10.5.0.0"},
        {"gateway_ip": "10.6.0.1"}, {"gateway_ip": "10.5.0.0"}, {"gateway_ip": "10.5.0.255"},
        {"network_id": "{net}", "cidr": "10.1.0.0/24"},
        {"network_id": "{net}", "cidr": "10.1.0.0/16"},
        {"network_id": "{net}", "cidr": "10.1.0.128/25"},
        {"network_id": "{net}", "cidr": "10.2.0.0/24"},
    )):  # fmt: skip
        yield case(
            f"subnet4.no_dhcp.{number}",
            post("subnet", _BASE["subnet"] | {"enable_dhcp": False} | more),
        )


def _combined() -> Iterator[Body]:
    for kind, attributes in VALUES.items():
        known = sorted(attributes.keys() - {"nonsense", *(name for name, _ in _READ_ONLY)})
        for number in range(COMBINATIONS):
            drawn = random.Random(f"{SEED} {kind} {number}")  # noqa: S311 - always the same
            chosen = drawn.sample(known, drawn.choice((2, 3, 4)))
            values = {name: drawn.choice(attributes[name]) for name in chosen}
            by = drawn.choice(("a", "a", "admin"))
            if number % 2:
                yield case(f"combined.create.{kind}.{number}", _made(kind, by, **values))
            else:
                yield case(
                    f"combined.update.{kind}.{number}",
                    _made(kind, by),
                    put(kind, "it", values, by=by),
                    get(kind, "it", by=by),
                )


def _by_hand() -> Iterator[Body]:
    yield from _of_clients()
    yield from _of_access()
    yield from _of_lists()
    yield from _of_interfaces()
    yield from _of_gateways()
    yield from _of_routes()
    yield from _of_tags()
    yield from _of_deletions()


def _of_clients() -> Iterator[Body]:
    """The bodies that clients send, with what they leave in of defaults."""
    yield case("client.heat.net", post("network", {
        "name": "stack-net", "admin_state_up": True, "shared": False}))  # fmt: skip
    yield case("client.heat.net.all", post("network", {
        "name": "stack-net", "admin_state_up": True, "shared": False, "tenant_id": "proj-a"}))  # fmt: skip
    yield case("client.heat.provider_net", post("network", {
        "name": "stack-net", "admin_state_up": True, "shared": False, "router:external": False,
        "provider:network_type": "flat", "provider:physical_network": "phys"}, by="admin"))  # fmt: skip
    yield case("client.heat.subnet", post("subnet", {
        "name": "stack-sub", "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4,
        "enable_dhcp": True, "dns_nameservers": [], "allocation_pools": [], "host_routes": []}))  # fmt: skip
    yield case("client.heat.subnet6", post("subnet", {
        "name": "stack-sub", "network_id": "{bare}", "cidr": "fd00:5::/64", "ip_version": 6,
        "enable_dhcp": True, "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}))  # fmt: skip
    yield case("client.heat.port", post("port", {
        "name": "stack-port", "network_id": "{net}", "admin_state_up": True,
        "fixed_ips": [{"subnet_id": "{sub}"}], "security_groups": [],
        "binding:vnic_type": "normal", "device_owner": "", "device_id": ""}))  # fmt: skip
    yield case("client.heat.router",
        post("router", {"name": "stack-router", "admin_state_up": True,
             "external_gateway_info": {"network_id": "{ext}"}}, keep="it"),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}"}}),
        put("router", "it", {"external_gateway_info": {}}))  # fmt: skip
    yield case("client.heat.extra_route",
        _made("router"), interface("add", "it", subnet_id="{sub}"), get("router", "it"),
        put("router", "it", {"routes": [{"destination": "10.7.0.0/24", "nexthop": "10.1.0.9"}]}),
        get("router", "it"), put("router", "it", {"routes": []}))  # fmt: skip
    yield case("client.horizon.net", post("network", {
        "name": "h", "admin_state_up": True, "shared": False, "availability_zone_hints": []}))  # fmt: skip
    yield case("client.horizon.net.external_false", post("network", {
        "name": "h", "admin_state_up": True, "shared": False, "router:external": False}))  # fmt: skip
    yield case("client.horizon.net.update", _made("network"), put("network", "it", {
        "name": "h2", "admin_state_up": True, "shared": False}))  # fmt: skip
    yield case("client.horizon.subnet", post("subnet", {
        "name": "h", "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4,
        "enable_dhcp": True, "allocation_pools": [], "dns_nameservers": [], "host_routes": []}))  # fmt: skip
    yield case("client.horizon.subnet.no_gateway", post("subnet", {
        "name": "h", "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4,
        "gateway_ip": None, "enable_dhcp": False}))  # fmt: skip
    yield case("client.horizon.port", post("port", {
        "name": "h", "network_id": "{net}", "admin_state_up": True, "device_id": "",
        "device_owner": "", "binding:vnic_type": "normal"}))  # fmt: skip
    yield case("client.horizon.router", post("router", {
        "name": "h", "admin_state_up": True, "availability_zone_hints": []}))  # fmt: skip
    yield case("client.terraform.net", post("network", {
        "name": "t", "admin_state_up": True, "shared": False, "description": "",
        "availability_zone_hints": []}, keep="it"), get("network", "it"),
        put("network", "it", {"name": "t2", "description": "d"}))  # fmt: skip
    yield case("client.terraform.net.mtu", post("network", {
        "name": "t", "admin_state_up": True, "mtu": 1400, "router:external": False}))  # fmt: skip
    yield case("client.terraform.subnet", post("subnet", {
        "name": "t", "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4,
        "enable_dhcp": True, "gateway_ip": "10.5.0.1", "service_types": [],
        "allocation_pools": [{"start": "10.5.0.2", "end": "10.5.0.254"}]}, keep="it"),
        put("subnet", "it", {"dns_nameservers": ["9.9.9.9"], "host_routes": []}),
        put("subnet", "it", {"dns_nameservers": []}))  # fmt: skip
    yield case("client.terraform.port", post("port", {
        "name": "t", "network_id": "{net}", "admin_state_up": True, "security_groups": [],
        "allowed_address_pairs": [], "extra_dhcp_opts": [],
        "fixed_ips": [{"subnet_id": "{sub}", "ip_address": "10.1.0.55"}]}, keep="it"),
        put("port", "it", {"name": "t2", "allowed_address_pairs": [], "security_groups": []}),
        step("DELETE", "ports/{it}"))  # fmt: skip
    yield case("client.terraform.router", post("router", {
        "name": "t", "admin_state_up": True, "availability_zone_hints": [],
        "external_gateway_info": {"network_id": "{ext}"}}, keep="it"), get("router", "it"),
        step("PUT", "routers/{it}/tags", {"tags": ["red", "blue"]}), get("router", "it"),
        put("router", "it", {"name": "t2", "external_gateway_info": {}}))  # fmt: skip
    yield case("client.terraform.router.distributed", post("router", {
        "name": "t", "admin_state_up": True, "distributed": False}))  # fmt: skip
    yield case("client.ansible.net", post("network", {
        "name": "n", "admin_state_up": True, "shared": False, "router:external": False}))  # fmt: skip
    yield case("client.ansible.subnet", post("subnet", {
        "name": "n", "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4,
        "enable_dhcp": True, "dns_nameservers": ["9.9.9.9"], "tenant_id": "proj-a"}))  # fmt: skip
    yield case("client.ansible.port", post("port", {
        "name": "n", "network_id": "{net}", "admin_state_up": True, "security_groups": [],
        "binding:vnic_type": "normal", "fixed_ips": [{"ip_address": "10.1.0.56"}]}))  # fmt: skip
    yield case("client.cli.subnet", post("subnet", {
        "name": "c", "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4,
        "subnetpool_id": None, "enable_dhcp": True}))  # fmt: skip
    yield case("client.cli.port", post("port", {
        "name": "c", "network_id": "{net}", "admin_state_up": True, "mac_address": None}))  # fmt: skip
    yield case("client.cli.port.no_fixed_ip", post("port", {
        "name": "c", "network_id": "{net}", "admin_state_up": True, "fixed_ips": []}))  # fmt: skip
    yield case("client.cli.port.no_security_group", post("port", {
        "name": "c", "network_id": "{net}", "security_groups": []}))  # fmt: skip
    yield case("client.cli.router.unset",
        _made("router", external_gateway_info={"network_id": "{ext}"}),
        put("router", "it", {"external_gateway_info": None}),
        put("router", "it", {"routes": []}))  # fmt: skip
    yield case("client.cli.net.share", _made("network"), put("network", "it", {"shared": True}),
        put("network", "it", {"shared": False}), put("network", "it", {"router:external": False}),
        put("network", "it", {"is_default": False}))  # fmt: skip
    yield case("client.gophercloud.subnet.pools", post("subnet", {
        "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4, "gateway_ip": None,
        "host_routes": [], "dns_nameservers": []}))  # fmt: skip
    yield case("bulk.networks", step("POST", "networks", {"networks": [{"name": "b1"},
        {"name": "b2"}]}))  # fmt: skip


def _of_access() -> Iterator[Body]:
    for kind, base in _BASE.items():
        yield case(f"access.{kind}.reader", post(kind, base, by="ro"))
        yield case(f"access.{kind}.other", _made(kind), get(kind, "it", by="b"),
            put(kind, "it", {"name": "x"}, by="b"), step("DELETE", f"{kind}s/{{it}}", by="b"),
            get(kind, "it", by="ro"), put(kind, "it", {"name": "x"}, by="ro"),
            step("DELETE", f"{kind}s/{{it}}", by="ro"))  # fmt: skip
        yield case(f"access.{kind}.admin", _made(kind), get(kind, "it", by="admin"),
            put(kind, "it", {"name": "y"}, by="admin"),
            step("DELETE", f"{kind}s/{{it}}", by="admin"), get(kind, "it"))  # fmt: skip
        yield case(f"access.{kind}.missing", step("GET", f"{kind}s/x"),
            put(kind, "NOID", {"name": "x"}), step("DELETE", f"{kind}s/{{NOID}}"))  # fmt: skip
        yield case(f"access.{kind}.if_match", _made(kind),
            put(kind, "it", {"name": "z"}, headers={"If-Match": "revision_number=999"}),
            put(kind, "it", {"name": "z"}, headers={"If-Match": "revision_number={it.rev}"}))  # fmt: skip
    yield case("access.shared", get("network", "pub"), get("subnet", "pub4"),
        put("network", "pub", {"name": "x"}), put("subnet", "pub4", {"name": "x"}),
        step("DELETE", "networks/{pub}"), post("subnet", _BASE["subnet"] | {"network_id": "{pub}"}),
        post("port", {"name": "made", "network_id": "{pub}"}),
        post("port", {"name": "made2", "network_id": "{pub}",
                      "fixed_ips": [{"ip_address": "10.200.0.9"}]}),
        post("port", {"name": "made3", "network_id": "{pub}",
                      "fixed_ips": [{"subnet_id": "{pub4}"}]}))  # fmt: skip
    yield case("access.external", get("network", "ext"), get("subnet", "ext4"),
        put("network", "ext", {"name": "x"}),
        post("port", {"name": "made", "network_id": "{ext}"}))  # fmt: skip


def _of_lists() -> Iterator[Body]:
    make = [
        post("network", {"name": f"l{n}", "mtu": 1400 + n, "admin_state_up": n != 1}, keep=f"l{n}")
        for n in range(4)
    ]
    yield case("list.network", *make, *(listed("networks", *params) for params in (
        (), (("name", "l1"),), (("name", "l1"), ("name", "l2")), (("name", "L1"),),
        (("name", ""),), (("admin_state_up", "False"),), (("admin_state_up", "x"),),
        (("shared", "True"),), (("shared", "False"),), (("shared", "x"),), (("shared", ""),),
        (("shared", "True"), ("shared", "False")),
        (("router:external", "True"),), (("router:external", "False"),),
        (("router:external", "True"), ("shared", "True")),
        (("status", "ACTIVE"),), (("status", "DOWN"),), (("mtu", "1401"),), (("mtu", "x"),),
        (("id", "{l1}"),), (("id", "{l1}"), ("id", "{l2}")), (("id", "x"),),
        (("tenant_id", "proj-a"),), (("project_id", "proj-a"),), (("tenant_id", "proj-b"),),
        (("nonsense", "1"),), (("subnets", "{sub}"),), (("description", ""),),
        (("is_default", "False"),), (("is_default", "True"),),
        (("availability_zone_hints", "nova"),), (("provider:network_type", "local"),),
        (("revision_number", "1"),), (("created_at", "x"),), (("changed_since", "2020-01-01T00:00:00Z"),),
        (("changed_since", "x"),), (("fields", "id"),), (("fields", "name"), ("fields", "mtu")),
        (("fields", "nonsense"),), (("fields", "tags"),), (("name", "l1"), ("fields", "name")),
        (("sort_key", "name"), ("sort_dir", "asc")), (("sort_key", "mtu"), ("sort_dir", "desc"), ("sort_key", "name"), ("sort_dir", "asc")),
        (("sort_key", "name"),), (("sort_key", "nonsense"), ("sort_dir", "asc")),
        (("sort_key", "shared"), ("sort_dir", "asc")), (("sort_key", "subnets"), ("sort_dir", "asc")),
        (("sort_key", "name"), ("sort_dir", "x")),
        (("sort_key", "name"), ("sort_dir", "asc"), ("limit", "2")),
        (("sort_key", "name"), ("sort_dir", "asc"), ("limit", "2"), ("marker", "{l1}")),
        (("sort_key", "name"), ("sort_dir", "desc"), ("limit", "2"), ("marker", "{l2}")),
        (("sort_key", "name"), ("sort_dir", "asc"), ("limit", "2"), ("marker", "{l2}"),
         ("page_reverse", "True")),
        (("sort_key", "name"), ("sort_dir", "asc"), ("limit", "1"), ("marker", "{NOID}")),
        (("limit", "0"),), (("limit", "x"),), (("limit", "-1"),), (("limit", "100"), ("sort_key", "name"), ("sort_dir", "asc")),
        (("name", "l1"), ("limit", "1")),
        (("sort_key", "name"), ("sort_dir", "asc"), ("limit", "2"), ("shared", "True")),
        (("sort_key", "name"), ("sort_dir", "asc"), ("limit", "3"), ("shared", "False"),
         ("fields", "name")),
    )))  # fmt: skip
    yield case("list.network.admin", *make, listed("networks", by="admin"),
        listed("networks", ("shared", "True"), by="admin"),
        listed("networks", ("provider:network_type", "local"), by="admin"),
        listed("networks", ("tenant_id", "proj-b"), by="admin"))  # fmt: skip
    yield case("list.subnet", *(listed("subnets", *params) for params in (
        (), (("shared", "True"),), (("shared", "False"),), (("cidr", "10.1.0.0/24"),),
        (("cidr", "10.1.0.0/23"),), (("cidr", "x"),),
        (("ip_version", "6"),), (("ip_version", "x"),), (("enable_dhcp", "True"),),
        (("gateway_ip", "10.1.0.1"),), (("gateway_ip", "x"),), (("network_id", "{net}"),),
        (("network_id", "x"),),
        (("name", "sub"),), (("router:external", "True"),), (("subnetpool_id", "x"),),
        (("subnetpool_id", ""),), (("ipv6_ra_mode", ""),), (("service_types", "x"),),
        (("dns_nameservers", "x"),), (("allocation_pools", "x"),), (("host_routes", "x"),),
        (("description", ""),), (("sort_key", "cidr"), ("sort_dir", "asc")),
        (("sort_key", "enable_dhcp"), ("sort_dir", "asc"), ("fields", "nonsense")),
        (("fields", "cidr"),), (("segment_id", ""),),
    )))  # fmt: skip
    ports = [
        post("port", {"name": f"p{n}", "network_id": "{net}", "device_id": f"d{n % 2}",
                      "device_owner": "compute:x", "mac_address": f"fa:16:3e:00:00:0{n}",
                      "fixed_ips": [{"ip_address": f"10.1.0.6{n}"}]}, keep=f"p{n}")
        for n in range(4)
    ]  # fmt: skip
    yield case("list.port", *ports, *(listed("ports", *params) for params in (
        (), (("device_id", "d1"),), (("device_id", "D1"),), (("device_owner", "compute:x"),),
        (("device_owner", "network:router_interface"),), (("mac_address", "fa:16:3e:00:00:02"),),
        (("mac_address", "FA:16:3E:00:00:02"),), (("mac_address", "x"),),
        (("fixed_ips", "ip_address=10.1.0.61"),), (("fixed_ips", "subnet_id={sub}"),),
        (("fixed_ips", "ip_address=10.1.0.61"), ("fixed_ips", "subnet_id={sub}")),
        (("fixed_ips", "ip_address=10.1.0.61"), ("fixed_ips", "ip_address=10.1.0.62")),
        (("fixed_ips", "ip_address_substr=0.6"),), (("fixed_ips", "x"),), (("fixed_ips", ""),),
        (("fixed_ips", "ip_address=x"),), (("fixed_ips", "nonsense=1"),),
        (("status", "NOWHERE"),), (("network_id", "{net}"),), (("network_id", "{netb}"),),
        (("security_groups", "{NOID}"),), (("binding:host_id", "h"),), (("binding:vnic_type", "normal"),),
        (("admin_state_up", "True"),), (("tenant_id", "proj-a"),), (("name", "p1"),),
        (("ip_allocation", "x"),), (("mac_address", "fa:16:3e:00:00:02"), ("fields", "id")),
        (("sort_key", "name"), ("sort_dir", "desc"), ("limit", "2")),
        (("sort_key", "fixed_ips"), ("sort_dir", "desc")),
        (("sort_key", "mac_address"), ("sort_dir", "desc")),
        (("fields", "fixed_ips"), ("name", "p2")),
    )))  # fmt: skip
    routers = [post("router", {"name": f"r{n}"}, keep=f"r{n}") for n in range(3)]
    yield case("list.router", *routers, *(listed("routers", *params) for params in (
        (), (("name", "r1"),), (("admin_state_up", "True"),), (("status", "ACTIVE"),),
        (("status", "x"),), (("tenant_id", "proj-b"),), (("external_gateway_info", "x"),),
        (("routes", "x"),), (("distributed", "False"),), (("ha", "False"),), (("flavor_id", "x"),),
        (("fields", "name"),), (("sort_key", "name"), ("sort_dir", "desc"), ("limit", "2")),
        (("sort_key", "external_gateway_info"), ("sort_dir", "desc")), (("nonsense", "x"),),
        (("availability_zone_hints", "x"),), (("enable_ndp_proxy", "x"),),
    )))  # fmt: skip
    yield case("list.router.other", *routers, listed("routers", by="b"),
        listed("routers", by="admin"), listed("routers", by="ro"))  # fmt: skip


def _of_interfaces() -> Iterator[Body]:
    router = _made("router")
    port = post("port", {"name": "leg", "network_id": "{net}", "fixed_ips": [
        {"subnet_id": "{sub}", "ip_address": "10.1.0.44"}]}, keep="leg")  # fmt: skip
    plain = post("port", {"name": "bare", "network_id": "{net}", "fixed_ips": []}, keep="leg")
    taken = post("port", {"name": "vm", "network_id": "{net}", "device_id": "vm",
                          "device_owner": "compute:x"}, keep="leg")  # fmt: skip
    for verb in ("add", "remove"):
        yield case(f"interface.{verb}", router, *(interface(verb, "it", **body) for body in (
            {}, {"subnet_id": "{sub}"}, {"subnet_id": "{NOID}"}, {"subnet_id": "x"},
            {"subnet_id": ""}, {"subnet_id": None}, {"subnet_id": 5}, {"port_id": "{NOID}"},
            {"port_id": "x"}, {"port_id": ""}, {"port_id": None}, {"subnet_id": "{subb}"},
            {"subnet_id": "{pub4}"}, {"subnet_id": "{ext4}"},
            {"subnet_id": "{sub}", "port_id": "{NOID}"}, {"nonsense": 1}, {"network_id": "{net}"},
            {"router": {"subnet_id": "{sub}"}}, {"subnet_id": "{sub6}"},
        )))  # fmt: skip
        yield case(f"interface.{verb}.list", router,
            step("PUT", f"routers/{{it}}/{verb}_router_interface", [1]))  # fmt: skip
        yield case(f"interface.{verb}.no_body", router,
            step("PUT", f"routers/{{it}}/{verb}_router_interface"))  # fmt: skip
        yield case(f"interface.{verb}.post", router,
            step("POST", f"routers/{{it}}/{verb}_router_interface", {"subnet_id": "{sub}"}))  # fmt: skip
    yield case("interface.by_port", router, port, interface("add", "it", port_id="{leg}"),
        get("port", "leg"), listed("ports", ("device_id", "{it}")),
        interface("remove", "it", port_id="{leg}"), get("port", "leg"))  # fmt: skip
    yield case("interface.twice", router, interface("add", "it", subnet_id="{sub}"),
        interface("add", "it", subnet_id="{sub}"))  # fmt: skip
    yield case("interface.port.no_address", router, plain,
        interface("add", "it", port_id="{leg}"))  # fmt: skip
    yield case("interface.port.taken", router, taken, interface("add", "it", port_id="{leg}"))
    yield case("interface.other_router", _made("router"), interface("add", "rb", subnet_id="{sub}"))
    yield case("interface.reader", router, interface("add", "it", by="ro", subnet_id="{sub}"))
    yield case("interface.both", router, port,
        interface("add", "it", port_id="{leg}", subnet_id="{sub}"),
        interface("add", "it", port_id="{leg}"),
        interface("remove", "it", port_id="{leg}", subnet_id="{sub6}"),
        interface("remove", "it", port_id="{leg}", subnet_id="{sub}"))  # fmt: skip
    yield case("interface.delete_router", router, interface("add", "it", subnet_id="{sub}"),
        step("DELETE", "routers/{it}"), interface("remove", "it", subnet_id="{sub}"),
        step("DELETE", "routers/{it}"))  # fmt: skip
    yield case("interface.delete_port", router, port, interface("add", "it", port_id="{leg}"),
        step("DELETE", "ports/{leg}"), put("port", "leg", {"name": "n"}),
        put("port", "leg", {"device_id": ""}), put("port", "leg", {"device_owner": ""}),
        put("port", "leg", {"fixed_ips": []}), put("port", "leg", {"mac_address":
        "fa:16:3e:00:00:01"}), put("port", "leg", {"admin_state_up": False}))  # fmt: skip
    own = [post("network", {"name": "n2"}, keep="n2"),
           post("subnet", {"name": "s2", "network_id": "{n2}", "cidr": "10.1.0.0/25",
                           "ip_version": 4}, keep="s2"),
           post("subnet", {"name": "s3", "network_id": "{n2}", "cidr": "10.3.0.0/24",
                           "ip_version": 4, "gateway_ip": None}, keep="s3")]  # fmt: skip
    yield case("interface.overlap", router, *own, interface("add", "it", subnet_id="{sub}"),
        interface("add", "it", subnet_id="{s2}"), interface("add", "it", subnet_id="{s3}"),
        interface("remove", "it", subnet_id="{s2}"), step("DELETE", "subnets/{sub}"),
        put("subnet", "sub", {"gateway_ip": "10.1.0.2"}))  # fmt: skip
    outside = [post("network", {"name": "n2"}, keep="n2"),
               post("subnet", {"name": "s2", "network_id": "{n2}", "cidr": "10.4.0.0/24",
                               "ip_version": 4, "gateway_ip": "10.6.0.1"}, keep="s2")]  # fmt: skip
    yield case("interface.gateway_outside", router, *outside,
        interface("add", "it", subnet_id="{s2}"))  # fmt: skip


def _of_gateways() -> Iterator[Body]:
    routed = _made("router", external_gateway_info={"network_id": "{ext}"})
    yield case("gateway.keep", routed, put("router", "it", {"name": "x"}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}"}}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
                                                       "enable_snat": True}}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
                                                       "enable_snat": False}}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "external_fixed_ips": [{"ip_address": "172.24.7.7"}]}}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "external_fixed_ips": [{"ip_address": "172.24.7.7"}]}}, by="admin"),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "enable_snat": False}}, by="admin"),
        put("router", "it", {"external_gateway_info": None}), get("router", "it"))  # fmt: skip
    yield case("gateway.own_addresses_again", routed,
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "external_fixed_ips": [{"subnet_id": "{ext4}"}]}}))  # fmt: skip
    yield case("gateway.admin",
        _made("router", "admin", external_gateway_info={"network_id": "{ext}",
            "enable_snat": False, "external_fixed_ips": [{"ip_address": "172.24.9.10"}]}),
        put("router", "it", {"external_gateway_info": {"network_id": "{ext}",
            "external_fixed_ips": [{"subnet_id": "{ext4}", "ip_address": "172.24.9.11"}]}},
            by="admin"))  # fmt: skip
    yield case("gateway.network_in_use", routed, step("DELETE", "networks/{ext}", by="admin"),
        put("network", "ext", {"router:external": False}, by="admin"),
        step("DELETE", "subnets/{ext4}", by="admin"))  # fmt: skip


def _of_routes() -> Iterator[Body]:
    inside = [_made("router"), interface("add", "it", subnet_id="{sub}"),
              interface("add", "it", subnet_id="{sub6}")]  # fmt: skip
    one = {"destination": "10.7.0.0/24", "nexthop": "10.1.0.9"}
    two = {"destination": "10.7.1.0/24", "nexthop": "10.1.0.9"}
    six = {"destination": "fd00:7::/64", "nexthop": "fd00:1::9"}
    lists: tuple[Any, ...] = (
        [], None, [one], [one, two], [one, one], [six], [one, six],
        [one | {"nexthop": "10.1.0.10"}, one],
        [{"destination": "0.0.0.0/0", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.9/24", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.0", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.0/24", "nexthop": "10.9.0.9"}],
        [{"destination": "10.7.0.0/24", "nexthop": "10.1.0.1"}],
        [{"destination": "10.7.0.0/24", "nexthop": "fd00:1::9"}],
        [{"destination": "10.7.0.0/24", "nexthop": "x"}],
        [{"destination": "x", "nexthop": "10.1.0.9"}], [{"destination": "10.7.0.0/24"}],
        [{"nexthop": "10.1.0.9"}], [{}], [5], "x", {}, 5,
        [one | {"more": 1}], [{"destination": "10.1.0.0/24", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.0/24", "nexthop": "10.1.0.0"}],
        [{"destination": "10.7.0.0/24", "nexthop": "10.1.0.255"}],
        [{"destination": "10.7.0.1/32", "nexthop": "10.1.0.9"}],
        [{"destination": "10.7.0.0/24", "nexthop": ""}],
        [{"destination": "10.7.0.0/24", "nexthop": None}],
        [{"destination": f"10.70.{n}.0/24", "nexthop": "10.1.0.9"} for n in range(30)],
        [{"destination": f"10.70.{n}.0/24", "nexthop": "10.1.0.9"} for n in range(31)],
        [{"destination": "FD00:7::0/64", "nexthop": "FD00:1::9"}],
    )  # fmt: skip
    changes = (put("router", "it", {"routes": routes}) for routes in lists)
    yield case("routes.update", *inside, *changes, get("router", "it"))
    yield case("routes.change", *inside, put("router", "it", {"routes": [one]}),
        put("router", "it", {"routes": [two]}), put("router", "it", {"name": "x"}),
        put("router", "it", {"routes": [two, one]}), put("router", "it", {"routes": []}))  # fmt: skip
    yield case("routes.hold_interface", *inside, put("router", "it", {"routes": [one]}),
        interface("remove", "it", subnet_id="{sub}"), interface("remove", "it", subnet_id="{sub6}"),
        put("router", "it", {"routes": []}), interface("remove", "it", subnet_id="{sub}"))  # fmt: skip
    yield case("routes.no_interface", _made("router"), put("router", "it", {"routes": [one]}))
    yield case("routes.by_gateway", _made("router", external_gateway_info={"network_id": "{ext}"}),
        put("router", "it", {"routes": [one | {"nexthop": "172.24.0.9"}]}),
        put("router", "it", {"external_gateway_info": None}),
        put("router", "it", {"external_gateway_info": None, "routes": []}))  # fmt: skip
    yield case("routes.reader", *inside, put("router", "it", {"routes": [one]}, by="ro"))
    yield case("routes.delete", _made("router"), step("DELETE", "routers/{it}"))
    add, remove = "routers/{it}/add_extraroutes", "routers/{it}/remove_extraroutes"
    for number, body in enumerate((
        {"router": {"routes": [one]}}, {"router": {"routes": []}}, {"router": {"routes": None}},
        {"router": {}}, {}, {"routes": [one]}, {"router": {"routes": [one, one]}},
        {"router": {"routes": [{"destination": "10.7.0.0/24", "nexthop": "10.9.0.9"}]}},
        {"router": {"routes": "x"}}, {"router": {"routes": [one], "name": "x"}},
        {"router": {"routes": [{"destination": "x", "nexthop": "10.1.0.9"}]}},
        {"router": {"routes": [{}]}}, {"router": "x"}, [1],
    )):  # fmt: skip
        yield case(f"routes.atomic.add.{number}", *inside, step("PUT", add, body))
        yield case(f"routes.atomic.remove.{number}", *inside, put("router", "it", {"routes":
            [one, two]}), step("PUT", remove, body))  # fmt: skip
    yield case("routes.atomic", *inside, step("PUT", add, {"router": {"routes": [one]}}),
        step("PUT", add, {"router": {"routes": [one, two]}}), get("router", "it"),
        step("PUT", remove, {"router": {"routes": [one]}}),
        step("PUT", remove, {"router": {"routes": [one]}}), get("router", "it"),
        step("PUT", add, {"router": {"routes": [one]}}, by="b"),
        step("PUT", add, {"router": {"routes": [one]}}, by="ro"))  # fmt: skip


def _of_tags() -> Iterator[Body]:
    for kind in _BASE:
        tags = f"{kind}s/{{it}}/tags"
        yield case(f"tags.{kind}", _made(kind), step("GET", tags),
            step("PUT", tags, {"tags": ["red", "blue"]}), step("GET", tags), get(kind, "it"),
            step("PUT", f"{tags}/green"), step("GET", f"{tags}/green"),
            step("GET", f"{tags}/none"), step("PUT", f"{tags}/green"),
            step("DELETE", f"{tags}/red"), step("DELETE", f"{tags}/red"), get(kind, "it"),
            step("POST", tags, {"tags": ["one", "two"]}), step("GET", tags),
            step("DELETE", tags), step("GET", tags), step("DELETE", tags))  # fmt: skip
        yield case(f"tags.{kind}.access", _made(kind), step("GET", tags, by="ro"),
            step("PUT", tags, {"tags": ["x"]}, by="ro"), step("GET", tags, by="b"),
            step("PUT", tags, {"tags": ["x"]}, by="b"), step("PUT", f"{tags}/x", by="b"),
            step("PUT", f"{tags}/x", by="admin"), step("DELETE", tags, by="ro"),
            step("DELETE", f"{tags}/x", by="b"), step("GET", tags))  # fmt: skip
        yield case(f"tags.{kind}.missing", step("GET", f"{kind}s/{{NOID}}/tags"),
            step("PUT", f"{kind}s/{{NOID}}/tags", {"tags": ["x"]}),
            step("PUT", f"{kind}s/{{NOID}}/tags/x"), step("DELETE", f"{kind}s/{{NOID}}/tags"))  # fmt: skip
        yield case(f"tags.{kind}.revision", _made(kind),
            step("PUT", tags, {"tags": ["x"]}, headers={"If-Match": "revision_number=999"}))  # fmt: skip
        made = [post(kind, values | {"name": f"t{n}"}, keep=f"t{n}")
                for n, values in enumerate(_several(kind))]  # fmt: skip
        made += [step("PUT", f"{kind}s/{{t{n}}}/tags", {"tags": list(each)})
                 for n, each in enumerate((("red", "blue"), ("red",), ("Red", "green")))]  # fmt: skip
        yield case(f"tags.{kind}.filters", *made, *(
            listed(f"{kind}s", *params, ("fields", "name"), ("fields", "tags"))
            for params in (
                [("tags", "red")], [("tags", "red,blue")], [("tags", "red"), ("tags", "blue")],
                [("tags-any", "red,green")], [("tags-any", "none")], [("not-tags", "red")],
                [("not-tags", "red,blue")], [("not-tags-any", "blue,green")],
                [("tags", "red"), ("not-tags", "blue")], [("tags", "")], [("tags", "none")],
                [("tags", "red"), ("name", "t1")], [("tags_any", "red")], [("tags", "RED")],
                [("tags", "red"), ("sort_key", "name"), ("sort_dir", "desc"), ("limit", "1")],
            )
        ))  # fmt: skip
    tags = "networks/{it}/tags"
    bodies: tuple[Any, ...] = (
        {"tags": []}, {"tags": None}, {"tags": "x"}, {"tags": ["x", "x"]}, {"tags": [""]},
        {"tags": [5]}, {"tags": ["x" * 255]}, {"tags": ["x" * 256]}, {"tags": ["a,b"]},
        {"tags": ["a b"]}, {"tags": ["a/b"]}, {}, {"tag": ["x"]}, [], ["x"], {"tags": {"a": 1}},
        {"tags": [f"t{n}" for n in range(50)]}, {"tags": [f"t{n}" for n in range(51)]},
        {"tags": ["ä"]}, {"tags": ["x"], "more": 1}, {"network": {"tags": ["x"]}},
        {"tags": [None]}, {"tags": [" x "]},
    )  # fmt: skip
    yield case("tags.body.put", _made("network"), *(step("PUT", tags, body) for body in bodies))
    for number, body in enumerate(bodies):
        yield case(f"tags.body.post.{number}", _made("network"), step("POST", tags, body))
    yield case("tags.no_body", _made("network"), step("PUT", tags), step("POST", tags))
    yield case("tags.one.words", _made("network"), step("PUT", f"{tags}/a b"),
        step("PUT", f"{tags}/a,b"), step("PUT", f"{tags}/{'x' * 255}"),
        step("PUT", f"{tags}/{'x' * 256}"), step("PUT", f"{tags}/x", {"tag": "x"}),
        step("POST", f"{tags}/x"), step("GET", tags))  # fmt: skip
    yield case("tags.unknown_resource", step("GET", "nothings/{NOID}/tags"))
    yield case("tags.vpn", step("POST", "vpn/ikepolicies", {"ikepolicy":
        {"name": "made", "auth_algorithm": "sha256"}}, keep="ike"),
        step("GET", "vpn/ikepolicies/{ike}/tags"), step("GET", "ikepolicies/{ike}/tags"),
        step("PUT", "vpn/ikepolicies/{ike}/tags", {"tags": ["x"]}),
        step("GET", "vpn/ikepolicies", params=(("tags", "x"),)))  # fmt: skip
    yield case("tags.created", _made("network", tags=["red"]), get("network", "it"),
        put("network", "it", {"tags": ["blue"]}))  # fmt: skip
    yield case("extensions.tag", step("GET", "extensions/standard-attr-tag"),
        step("GET", "extensions/tag-creation"), step("GET", "extensions/extraroute"),
        step("GET", "extensions/extraroute-atomic"))  # fmt: skip


def _several(kind: str) -> Iterator[Body]:
    for number in range(3):
        more = {"cidr": f"10.5.{number}.0/24"} if kind == "subnet" else {}
        yield _BASE[kind] | more


def _of_deletions() -> Iterator[Body]:
    yield case("delete.network.with_subnet", _made("network"),
        post("subnet", _BASE["subnet"] | {"network_id": "{it}"}, keep="s"),
        step("DELETE", "networks/{it}"), get("subnet", "s"))  # fmt: skip
    yield case("delete.network.with_port", _made("network"),
        post("port", {"name": "p", "network_id": "{it}"}, keep="p"),
        step("DELETE", "networks/{it}"), step("DELETE", "ports/{p}"),
        step("DELETE", "networks/{it}"))  # fmt: skip
    yield case("delete.subnet.with_port", _made("subnet"),
        post("port", {"name": "p", "network_id": "{bare}"}, keep="p"),
        step("DELETE", "subnets/{it}"), put("port", "p", {"fixed_ips": []}),
        step("DELETE", "subnets/{it}"), get("port", "p"))  # fmt: skip
    yield case("delete.twice", _made("network"), step("DELETE", "networks/{it}"),
        step("DELETE", "networks/{it}"), get("network", "it"))  # fmt: skip
    yield case("delete.body", _made("network"), step("DELETE", "networks/{it}", {"network": {}}))
    yield case("share.used", _made("network", "admin", shared=True),
        post("port", {"name": "p", "network_id": "{it}"}, keep="p"),
        put("network", "it", {"shared": False}, by="admin"), step("DELETE", "ports/{p}"),
        put("network", "it", {"shared": False}, by="admin"))  # fmt: skip
    yield case("mac.twice", _made("port", mac_address="fa:16:3e:00:01:01"),
        post("port", _BASE["port"] | {"mac_address": "fa:16:3e:00:01:01"}),
        post("port", {"name": "q", "network_id": "{pub}",
                      "mac_address": "fa:16:3e:00:01:01"}))  # fmt: skip
    yield case("address.twice", _made("port", fixed_ips=[{"ip_address": "10.1.0.90"}]),
        post("port", _BASE["port"] | {"fixed_ips": [{"ip_address": "10.1.0.90"}]}))  # fmt: skip
    yield case("subnet.shrink_pool", _made("subnet"),
        post("port", {"name": "p", "network_id": "{bare}",
                      "fixed_ips": [{"ip_address": "10.5.0.100"}]}),
        put("subnet", "it", {"allocation_pools": [{"start": "10.5.0.2", "end": "10.5.0.9"}]}),
        put("subnet", "it", {"gateway_ip": "10.5.0.254"}),
        put("subnet", "it", {"gateway_ip": None}), get("subnet", "it"))  # fmt: skip
    yield case("subnet.gateway_of_port", _made("subnet"),
        post("port", {"name": "p", "network_id": "{bare}",
                      "fixed_ips": [{"ip_address": "10.5.0.1"}]}),
        put("subnet", "it", {"gateway_ip": "10.5.0.2"}))  # fmt: skip

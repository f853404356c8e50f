"""Cases of the inventory: one for each value of each attribute, and combinations with a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

from tests.contract.inventory_requests import BASE, Body, case, get, making, post, put, requests

SEED: Final = 13
COMBINATIONS: Final = 10  # of each resource and verb
LONG: Final = "x" * 255
TOO_LONG: Final = "x" * 256
_TEXT: Final[tuple[Any, ...]] = ("", "ä", LONG, TOO_LONG, None, 5, ["a"], " x", "a\nb")
_FLAG: Final[tuple[Any, ...]] = (True, False, "False", 1, None, "maybe", [])
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


def of_values() -> Iterator[Body]:
    for kind, attributes in VALUES.items():
        for attribute, values in attributes.items():
            yield from _of_attribute(kind, attribute, values)
    for kind, base in BASE.items():
        lefts = [{n: value for n, value in base.items() if n != each} for each in base]
        yield case(f"create.{kind}.without", *(post(kind, left) for left in [*lefts, {}]))
        yield case(f"update.{kind}.nothing", making(kind), put(kind, "it", {}), get(kind, "it"))


def _of_attribute(
    kind: str, attribute: str, values: tuple[Any, ...], by: str = "a", prefix: str = ""
) -> Iterator[Body]:
    """Each value in a POST and in a PUT; the POSTs apart where two would be in each other's way."""
    name = f"{prefix}{kind}.{attribute}"
    shared = kind == "subnet" and attribute in _ANYWHERE  # the same for all: two of a subnet do
    made = [making(kind, by, **{attribute: v}) for v in (values[:2] if shared else values)]
    if kind == "subnet" or attribute in _TAKEN:
        yield from (case(f"create.{name}.{n}", each) for n, each in enumerate(made))
    else:
        yield case(f"create.{name}", *made)
    changed = (put(kind, "it", {attribute: value}, by=by) for value in values)
    yield case(f"update.{name}", making(kind, by), *changed, get(kind, "it", by=by))


_TAKEN: Final = ("mac_address", "fixed_ips", "provider:physical_network")
_ADMINS: Final = (
    ("network", "shared"), ("network", "router:external"), ("network", "provider:network_type"),
    ("network", "provider:physical_network"), ("network", "provider:segmentation_id"),
    ("network", "is_default"), ("network", "tenant_id"), ("router", "distributed"),
    ("router", "ha"), ("router", "tenant_id"), ("port", "tenant_id"), ("port", "binding:host_id"),
    ("port", "binding:profile"), ("subnet", "tenant_id"),
)  # fmt: skip


def as_administrator() -> Iterator[Body]:
    for kind, attribute in _ADMINS:
        yield from _of_attribute(kind, attribute, VALUES[kind][attribute], "admin", "admin.")


_MODES: Final = (None, "slaac", "dhcpv6-stateful", "dhcpv6-stateless")


def of_subnets6() -> Iterator[Body]:
    base = BASE["subnet"] | {"cidr": "fd00:5::/64", "ip_version": 6}
    for ra in _MODES:
        for address in _MODES:
            modes = {"ipv6_ra_mode": ra, "ipv6_address_mode": address}
            given = {name: value for name, value in modes.items() if value}
            yield case(f"subnet6.modes.{ra}.{address}", post("subnet", base | given))
    for number, more in enumerate(requests(
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
    for number, more in enumerate(requests(
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
            post("subnet", BASE["subnet"] | {"enable_dhcp": False} | more),
        )


def combined() -> Iterator[Body]:
    for kind, attributes in VALUES.items():
        known = sorted(attributes.keys() - {"nonsense", *(name for name, _ in _READ_ONLY)})
        for number in range(COMBINATIONS):
            drawn = random.Random(f"{SEED} {kind} {number}")  # noqa: S311 - always the same
            chosen = drawn.sample(known, drawn.choice((2, 3, 4)))
            values = {name: drawn.choice(attributes[name]) for name in chosen}
            by = drawn.choice(("a", "a", "admin"))
            if number % 2:
                yield case(f"combined.create.{kind}.{number}", making(kind, by, **values))
            else:
                yield case(
                    f"combined.update.{kind}.{number}",
                    making(kind, by),
                    put(kind, "it", values, by=by),
                    get(kind, "it", by=by),
                )

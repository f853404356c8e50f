"""Cases of the inventory: lists with filters, sorting and pages; tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.contract.inventory_requests import (
    BASE,
    Body,
    case,
    get,
    listed,
    making,
    post,
    put,
    several,
    step,
)


def of_lists() -> Iterator[Body]:
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


def of_tags() -> Iterator[Body]:
    for kind in BASE:
        tags = f"{kind}s/{{it}}/tags"
        yield case(f"tags.{kind}", making(kind), step("GET", tags),
            step("PUT", tags, {"tags": ["red", "blue"]}), step("GET", tags), get(kind, "it"),
            step("PUT", f"{tags}/green"), step("GET", f"{tags}/green"),
            step("GET", f"{tags}/none"), step("PUT", f"{tags}/green"),
            step("DELETE", f"{tags}/red"), step("DELETE", f"{tags}/red"), get(kind, "it"),
            step("POST", tags, {"tags": ["one", "two"]}), step("GET", tags),
            step("DELETE", tags), step("GET", tags), step("DELETE", tags))  # fmt: skip
        yield case(f"tags.{kind}.access", making(kind), step("GET", tags, by="ro"),
            step("PUT", tags, {"tags": ["x"]}, by="ro"), step("GET", tags, by="b"),
            step("PUT", tags, {"tags": ["x"]}, by="b"), step("PUT", f"{tags}/x", by="b"),
            step("PUT", f"{tags}/x", by="admin"), step("DELETE", tags, by="ro"),
            step("DELETE", f"{tags}/x", by="b"), step("GET", tags))  # fmt: skip
        yield case(f"tags.{kind}.missing", step("GET", f"{kind}s/{{NOID}}/tags"),
            step("PUT", f"{kind}s/{{NOID}}/tags", {"tags": ["x"]}),
            step("PUT", f"{kind}s/{{NOID}}/tags/x"), step("DELETE", f"{kind}s/{{NOID}}/tags"))  # fmt: skip
        yield case(f"tags.{kind}.revision", making(kind),
            step("PUT", tags, {"tags": ["x"]}, headers={"If-Match": "revision_number=999"}))  # fmt: skip
        made = [post(kind, values | {"name": f"t{n}"}, keep=f"t{n}")
                for n, values in enumerate(several(kind))]  # fmt: skip
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
    yield case("tags.body.put", making("network"), *(step("PUT", tags, body) for body in bodies))
    for number, body in enumerate(bodies):
        yield case(f"tags.body.post.{number}", making("network"), step("POST", tags, body))
    yield case("tags.no_body", making("network"), step("PUT", tags), step("POST", tags))
    yield case("tags.one.words", making("network"), step("PUT", f"{tags}/a b"),
        step("PUT", f"{tags}/a,b"), step("PUT", f"{tags}/{'x' * 255}"),
        step("PUT", f"{tags}/{'x' * 256}"), step("PUT", f"{tags}/x", {"tag": "x"}),
        step("POST", f"{tags}/x"), step("GET", tags))  # fmt: skip
    yield case("tags.unknown_resource", step("GET", "nothings/{NOID}/tags"))
    yield case("tags.vpn", step("POST", "vpn/ikepolicies", {"ikepolicy":
        {"name": "made", "auth_algorithm": "sha256"}}, keep="ike"),
        step("GET", "vpn/ikepolicies/{ike}/tags"), step("GET", "ikepolicies/{ike}/tags"),
        step("PUT", "vpn/ikepolicies/{ike}/tags", {"tags": ["x"]}),
        step("GET", "vpn/ikepolicies", params=(("tags", "x"),)))  # fmt: skip
    yield case("tags.created", making("network", tags=["red"]), get("network", "it"),
        put("network", "it", {"tags": ["blue"]}))  # fmt: skip
    yield case("extensions.tag", step("GET", "extensions/standard-attr-tag"),
        step("GET", "extensions/tag-creation"), step("GET", "extensions/extraroute"),
        step("GET", "extensions/extraroute-atomic"))  # fmt: skip

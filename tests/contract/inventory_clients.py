"""Cases of the inventory: what clients send, and who may do what."""

from __future__ import annotations

from collections.abc import Iterator

from tests.contract.inventory_requests import (
    BASE,
    Body,
    case,
    get,
    interface,
    making,
    post,
    put,
    step,
)


def of_clients() -> Iterator[Body]:
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
        making("router"), interface("add", "it", subnet_id="{sub}"), get("router", "it"),
        put("router", "it", {"routes": [{"destination": "10.7.0.0/24", "nexthop": "10.1.0.9"}]}),
        get("router", "it"), put("router", "it", {"routes": []}))  # fmt: skip
    yield case("client.horizon.net", post("network", {
        "name": "h", "admin_state_up": True, "shared": False, "availability_zone_hints": []}))  # fmt: skip
    yield case("client.horizon.net.external_false", post("network", {
        "name": "h", "admin_state_up": True, "shared": False, "router:external": False}))  # fmt: skip
    yield case("client.horizon.net.update", making("network"), put("network", "it", {
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
        making("router", external_gateway_info={"network_id": "{ext}"}),
        put("router", "it", {"external_gateway_info": None}),
        put("router", "it", {"routes": []}))  # fmt: skip
    yield case("client.cli.net.share", making("network"), put("network", "it", {"shared": True}),
        put("network", "it", {"shared": False}), put("network", "it", {"router:external": False}),
        put("network", "it", {"is_default": False}))  # fmt: skip
    yield case("client.gophercloud.subnet.pools", post("subnet", {
        "network_id": "{bare}", "cidr": "10.5.0.0/24", "ip_version": 4, "gateway_ip": None,
        "host_routes": [], "dns_nameservers": []}))  # fmt: skip
    yield case("bulk.networks", step("POST", "networks", {"networks": [{"name": "b1"},
        {"name": "b2"}]}))  # fmt: skip


def of_access() -> Iterator[Body]:
    for kind, base in BASE.items():
        yield case(f"access.{kind}.reader", post(kind, base, by="ro"))
        yield case(f"access.{kind}.other", making(kind), get(kind, "it", by="b"),
            put(kind, "it", {"name": "x"}, by="b"), step("DELETE", f"{kind}s/{{it}}", by="b"),
            get(kind, "it", by="ro"), put(kind, "it", {"name": "x"}, by="ro"),
            step("DELETE", f"{kind}s/{{it}}", by="ro"))  # fmt: skip
        yield case(f"access.{kind}.admin", making(kind), get(kind, "it", by="admin"),
            put(kind, "it", {"name": "y"}, by="admin"),
            step("DELETE", f"{kind}s/{{it}}", by="admin"), get(kind, "it"))  # fmt: skip
        yield case(f"access.{kind}.missing", step("GET", f"{kind}s/x"),
            put(kind, "NOID", {"name": "x"}), step("DELETE", f"{kind}s/{{NOID}}"))  # fmt: skip
        yield case(f"access.{kind}.if_match", making(kind),
            put(kind, "it", {"name": "z"}, headers={"If-Match": "revision_number=999"}),
            put(kind, "it", {"name": "z"}, headers={"If-Match": "revision_number={it.rev}"}))  # fmt: skip
    yield case("access.shared", get("network", "pub"), get("subnet", "pub4"),
        put("network", "pub", {"name": "x"}), put("subnet", "pub4", {"name": "x"}),
        step("DELETE", "networks/{pub}"), post("subnet", BASE["subnet"] | {"network_id": "{pub}"}),
        post("port", {"name": "made", "network_id": "{pub}"}),
        post("port", {"name": "made2", "network_id": "{pub}",
                      "fixed_ips": [{"ip_address": "10.200.0.9"}]}),
        post("port", {"name": "made3", "network_id": "{pub}",
                      "fixed_ips": [{"subnet_id": "{pub4}"}]}))  # fmt: skip
    yield case("access.external", get("network", "ext"), get("subnet", "ext4"),
        put("network", "ext", {"name": "x"}),
        post("port", {"name": "made", "network_id": "{ext}"}))  # fmt: skip

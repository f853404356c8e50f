"""The site that the tests of one module share: made with `openstack`, as an operator would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.clients.clouds import Cloud
from tests.clients.openstack_cli import OpenStack

EXTERNAL = "198.51.100.0/24"


def build(cloud: Cloud) -> Mapping[str, str]:
    """Names and ids by what they are; ids under ``<name>_id``."""
    admin, member = cloud.openstack("admin"), cloud.openstack("a")
    admin.show("network create --external public")
    admin.show(f"subnet create --network public --no-dhcp --subnet-range {EXTERNAL} public-v4")
    ids: dict[str, Any] = {}
    member.show("network create site-net")
    ids["subnet"] = member.show(
        "subnet create --network site-net --subnet-range 10.1.0.0/24 site-subnet"
    )
    ids["router"] = member.show("router create site-router")
    member.do("router set --external-gateway public site-router")
    member.do("router add subnet site-router site-subnet")
    ids["ike"] = member.show("vpn ike policy create --ike-version v2 site-ike")
    ids["ipsec"] = member.show("vpn ipsec policy create site-ipsec")
    ids["service"] = member.show("vpn service create --router site-router site-service")
    ids |= _legacy(member)
    for group, subnet, cidr in (("", "site-subnet", "10.2.0.0/24"), ("2", "more", "10.3.0.0/24")):
        ids[f"local{group}"] = member.show(
            f"vpn endpoint group create --type subnet --value {subnet} site-local{group}"
        )
        ids[f"peer{group}"] = member.show(
            f"vpn endpoint group create --type cidr --value {cidr} site-peer{group}"
        )
    names = {
        what: str(shown["Name"] if "Name" in shown else shown["name"])
        for what, shown in ids.items()
    }
    return {
        **names,
        **{
            f"{what}_id": shown["ID"] if "ID" in shown else shown["id"]
            for what, shown in ids.items()
        },
        "gateway": gateway_address(member.show("router show site-router")),
    }


def _legacy(member: OpenStack) -> dict[str, Any]:
    """A second router, whose service names its subnet: the mode of `peer_cidrs`."""
    member.show("subnet create --network site-net --subnet-range 10.1.1.0/24 more")
    member.do("router add subnet site-router more")
    member.show("network create old-net")
    member.show("subnet create --network old-net --subnet-range 10.4.0.0/24 old-subnet")
    member.show("router create --external-gateway public old-router")
    member.do("router add subnet old-router old-subnet")
    return {
        "legacy": member.show(
            "vpn service create --router old-router --subnet old-subnet old-service"
        )
    }


def gateway_address(router: Mapping[str, Any]) -> str:
    return str(router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"])

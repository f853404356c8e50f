"""`openstack network|subnet|router|port ...`: what a VPN service needs around it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.clouds import Cloud
from tests.clients.openstack_cli import OpenStack

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def operator(cloud: Cloud) -> OpenStack:
    return cloud.openstack("admin")


@pytest.fixture(scope="module")
def member(cloud: Cloud) -> OpenStack:
    return cloud.openstack("a")


@pytest.fixture(scope="module")
def public(operator: OpenStack) -> Iterator[str]:
    operator.show("network create --external public")
    operator.show("subnet create --network public --no-dhcp --subnet-range 198.51.100.0/24 v4")
    yield "public"
    operator.do("network delete public")


@pytest.fixture
def router(member: OpenStack, public: str) -> Iterator[str]:
    member.show("router create r --description mine")
    yield "r"
    member.do("router delete r")


def test_networks(operator: OpenStack, member: OpenStack, public: str) -> None:
    made = member.show("network create n --description mine --mtu 1400 --disable")
    assert (made["name"], made["description"], made["mtu"]) == ("n", "mine", 1400)
    assert made["admin_state_up"] is False
    assert made["router:external"] is False
    member.do("network set n --enable --name renamed --description changed")
    shown = member.show("network show renamed")
    assert (shown["admin_state_up"], shown["description"]) == (True, "changed")
    assert [row["Name"] for row in member.list("network list --external")] == [public]
    assert [row["Name"] for row in member.list("network list --internal")] == ["renamed"]
    assert "disallowed by policy" in member.refused("network create --external mine-too")
    member.do("network delete renamed")
    assert "renamed" in member.refused("network show renamed")


def test_subnets(member: OpenStack) -> None:
    member.show("network create n")
    made = member.show(
        "subnet create s --network n --subnet-range 10.1.0.0/24 --gateway 10.1.0.9"
        " --allocation-pool start=10.1.0.100,end=10.1.0.200 --no-dhcp --description mine"
        " --dns-nameserver 192.0.2.53 --host-route destination=10.9.0.0/16,gateway=10.1.0.9"
    )
    assert made["dns_nameservers"] == ["192.0.2.53"]
    assert made["host_routes"] == [{"destination": "10.9.0.0/16", "nexthop": "10.1.0.9"}]
    assert made["gateway_ip"] == "10.1.0.9"
    assert made["allocation_pools"] == [{"start": "10.1.0.100", "end": "10.1.0.200"}]
    assert made["enable_dhcp"] is False
    plain = member.show("subnet create p --network n --subnet-range 10.2.0.0/24")
    assert plain["gateway_ip"] == "10.2.0.1"
    six = member.show("subnet create six --network n --ip-version 6 --subnet-range fd00:1::/64")
    assert (six["ip_version"], six["gateway_ip"]) == (6, "fd00:1::1")
    assert "overlaps" in member.refused("subnet create --network n --subnet-range 10.1.0.0/25 o")
    member.do("subnet set s --name renamed --gateway none --description changed")
    assert member.show("subnet show renamed")["gateway_ip"] is None
    names = {row["Name"] for row in member.list("subnet list --network n --ip-version 4")}
    assert names == {"renamed", "p"}
    member.do("subnet delete renamed p six")
    member.do("network delete n")


def test_a_routers_gateway_and_subnets(member: OpenStack, public: str, router: str) -> None:
    member.do(f"router set --external-gateway {public} {router}")
    gateway = member.show(f"router show {router}")["external_gateway_info"]
    assert gateway["external_fixed_ips"][0]["ip_address"].startswith("198.51.100.")

    member.show("network create n")
    subnet = member.show("subnet create s --network n --subnet-range 10.1.0.0/24")
    member.do(f"router add subnet {router} s")
    interfaces = member.show(f"router show {router}")["interfaces_info"]
    assert [one["subnet_id"] for one in interfaces] == [subnet["id"]]
    ports = member.list(f"port list --router {router} --long")
    assert {"network:router_interface"} <= {row["Device Owner"] for row in ports}
    assert member.refused(f"router delete {router}")
    assert member.refused("subnet delete s")

    member.do(f"router remove subnet {router} s")
    member.do(f"router unset --external-gateway {router}")
    assert member.show(f"router show {router}")["external_gateway_info"] is None
    member.do("network delete n")  # its subnet goes with it


def test_a_router_takes_a_port_with_the_address_it_should_have(
    member: OpenStack, router: str
) -> None:
    member.show("network create n")
    member.show("subnet create s --network n --subnet-range 10.1.0.0/24")
    port = member.show("port create p --network n --fixed-ip subnet=s,ip-address=10.1.0.77")
    assert [one["ip_address"] for one in port["fixed_ips"]] == ["10.1.0.77"]
    member.do(f"router add port {router} p")
    assert member.show("port show p")["device_owner"] == "network:router_interface"
    member.do(f"router remove port {router} p")
    member.do("network delete n")


def test_a_network_on_the_hosts_bridge(operator: OpenStack, member: OpenStack) -> None:
    """As docs/operations.md has it."""
    flat = "--provider-network-type flat --provider-physical-network"
    made = operator.show(f"network create {flat} office office")
    assert made["provider:physical_network"] == "office"
    operator.do("network set --provider-network-type local office")
    assert operator.show("network show office")["provider:network_type"] == "local"
    operator.do(f"network set {flat} office office")
    assert operator.show("network show office")["provider:network_type"] == "flat"
    assert [row["Name"] for row in operator.list("network list --provider-physical-network office")
            ] == ["office"]  # fmt: skip
    assert "disallowed by policy" in member.refused(f"network create {flat} lan lan")
    operator.do("network delete office")


def test_a_port_with_all_that_an_owner_may_choose(member: OpenStack) -> None:
    member.show("network create n")
    member.show("subnet create s --network n --subnet-range 10.1.0.0/24")
    chosen = "--fixed-ip subnet=s,ip-address=10.1.0.9 --mac-address fa:16:3e:00:00:09"
    port = member.show(f"port create p --network n {chosen} --device-owner network:dhcp")
    assert port["mac_address"] == "fa:16:3e:00:00:09"
    member.do("port set p --fixed-ip subnet=s,ip-address=10.1.0.10")
    member.do("port delete p")
    member.do("network delete n")


def test_a_routers_own_attributes(member: OpenStack, router: str) -> None:
    member.do(f"router set {router} --disable --description changed")
    shown = member.show(f"router show {router}")
    assert (shown["admin_state_up"], shown["description"]) == (False, "changed")
    assert router in {row["Name"] for row in member.list("router list --long")}
    member.do(f"router set {router} --enable --name other")
    member.do(f"router set other --name {router}")


def test_a_gateway_with_an_address_of_choice(operator: OpenStack, public: str) -> None:
    made = operator.show(
        f"router create fixed --external-gateway {public}"
        " --fixed-ip subnet=v4,ip-address=198.51.100.77"
    )
    addresses = made["external_gateway_info"]["external_fixed_ips"]
    assert [one["ip_address"] for one in addresses] == ["198.51.100.77"]
    operator.do("router delete fixed")


def test_extensions(member: OpenStack) -> None:
    aliases = {row["Alias"] for row in member.list("extension list --network")}
    assert {"vpnaas", "vpn-endpoint-groups", "router", "external-net"} <= aliases
    assert member.show("extension show vpnaas")["alias"] == "vpnaas"


def test_quotas(cloud: Cloud, operator: OpenStack, member: OpenStack) -> None:
    """The client asks the identity service for the project."""
    project = cloud.callers.project_id("a")
    operator.do(f"quota set --networks 1 {project}")
    shown = member.list("quota show --network")
    assert {row["Resource"]: row["Limit"] for row in shown}["networks"] == 1
    member.show("network create only")
    assert "Quota exceeded" in member.refused("network create too-many")
    member.do("network delete only")
    operator.do(f"quota set --networks 5 {project}")
    member.show("network create one")
    member.show("network create two")
    too_few = "must be greater than or equal to already used 2"
    assert too_few in operator.refused(f"quota set --networks 1 {project}")
    operator.do(f"quota set --networks 1 --force {project}")
    member.do("network delete one two")
    operator.do(f"quota delete --network {project}")


def test_the_program_itself(cloud: Cloud) -> None:
    """Once as a person starts it, not through the driver."""
    program = Path(sys.executable).with_name("openstack")
    login = {"PATH": os.environ["PATH"], **cloud.callers.environment("a")}
    done = subprocess.run(
        [program, "vpn", "ike", "policy", "list", "-f", "csv"],
        env=login,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith('"ID","Name"')

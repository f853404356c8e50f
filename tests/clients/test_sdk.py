"""openstacksdk and python-neutronclient, as programs use them: Terraform's and Heat's ways.

Same cloud as `openstack`: both strategies, both databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from neutronclient.common import exceptions as neutron_errors
from neutronclient.v2_0.client import Client as Neutron
from openstack import exceptions
from openstack.network.v2._proxy import Proxy

from tests.clients.clouds import Cloud

# The libraries deprecate their own parts, which is nothing of ours.
pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]


@dataclass(frozen=True)
class Site:
    """What a connection needs, made through the SDK."""

    public: Any
    router: Any
    subnet: Any
    service: Any
    ike: Any
    ipsec: Any
    local: Any
    peer: Any

    def connection(self, **more: Any) -> dict[str, Any]:
        return {
            "name": "to-b",
            "vpnservice_id": self.service.id,
            "ikepolicy_id": self.ike.id,
            "ipsecpolicy_id": self.ipsec.id,
            "local_ep_group_id": self.local.id,
            "peer_ep_group_id": self.peer.id,
            "peer_address": "203.0.113.9",
            "peer_id": "203.0.113.9",
            "psk": "secret",
            **more,
        }


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Proxy:
    return cloud.sdk("a").network


@pytest.fixture(scope="module")
def site(cloud: Cloud, network: Proxy) -> Iterator[Site]:
    operator = cloud.sdk("admin").network
    with ExitStack() as undo:

        def made(resource: Any, delete: Any) -> Any:
            undo.callback(delete, resource)
            return resource

        public = made(
            operator.create_network(name="sdk-public", is_router_external=True),
            operator.delete_network,
        )
        operator.create_subnet(network_id=public.id, ip_version=4, cidr="198.51.100.0/24")
        inside = made(network.create_network(name="sdk-inside"), network.delete_network)
        subnet = network.create_subnet(network_id=inside.id, ip_version=4, cidr="10.1.0.0/24")
        router = made(
            network.create_router(name="r", external_gateway_info={"network_id": public.id}),
            network.delete_router,
        )
        network.add_interface_to_router(router, subnet=subnet.id)
        undo.callback(network.remove_interface_from_router, router, subnet=subnet.id)
        yield Site(
            public,
            router,
            subnet,
            made(network.create_vpn_service(router_id=router.id), network.delete_vpn_service),
            made(network.create_vpn_ike_policy(name="sdk"), network.delete_vpn_ike_policy),
            made(network.create_vpn_ipsec_policy(name="sdk"), network.delete_vpn_ipsec_policy),
            made(
                network.create_vpn_endpoint_group(type="subnet", endpoints=[subnet.id]),
                network.delete_vpn_endpoint_group,
            ),
            made(
                network.create_vpn_endpoint_group(type="cidr", endpoints=["10.2.0.0/24"]),
                network.delete_vpn_endpoint_group,
            ),
        )


def test_a_connection_from_birth_to_death(network: Proxy, site: Site) -> None:
    dpd = {"action": "restart", "interval": 10, "timeout": 60}
    made = network.create_vpn_ipsec_site_connection(**site.connection(dpd=dpd, mtu=1400))
    assert made.status == "PENDING_CREATE"
    assert made.dpd == dpd
    assert made.mtu == 1400
    assert network.find_vpn_ipsec_site_connection("to-b", ignore_missing=False).id == made.id
    assert network.get_vpn_ipsec_site_connection(made.id).peer_address == "203.0.113.9"

    changed = network.update_vpn_ipsec_site_connection(
        made, dpd={"timeout": 90}, psk="new", is_admin_state_up=False, peer_id="b.example.org"
    )
    assert changed.dpd == dpd | {"timeout": 90}
    assert (changed.psk, changed.is_admin_state_up) == ("new", False)
    assert changed.peer_id == "b.example.org"

    listed = network.vpn_ipsec_site_connections(peer_id="b.example.org")
    assert [one.id for one in listed] == [made.id]
    network.delete_vpn_ipsec_site_connection(made.id, ignore_missing=False)
    assert network.find_vpn_ipsec_site_connection(made.id) is None


def test_the_selector_mode_in_effect_is_there(network: Proxy, site: Site) -> None:
    """The SDK's own class knows the reference's attributes only; what it is made of has all."""
    made = network.create_vpn_ipsec_site_connection(**site.connection(name="modes"))
    try:
        raw = network.get(f"/vpn/ipsec-site-connections/{made.id}").json()
        shown = raw["ipsec_site_connection"]
        assert (shown["selector_mode"], shown["child_sas"]) == (None, [])
        assert network.find_extension("landbridge-vpn-selector-mode") is not None
    finally:
        network.delete_vpn_ipsec_site_connection(made.id, ignore_missing=False)


def test_policies_keep_their_lifetime(network: Proxy) -> None:
    lifetime = {"units": "seconds", "value": 7200}
    ike = network.create_vpn_ike_policy(name="long", ike_version="v2", lifetime=lifetime)
    ipsec = network.create_vpn_ipsec_policy(name="long", lifetime={"value": 1800})
    try:
        assert network.get_vpn_ike_policy(ike.id).lifetime == lifetime
        assert ipsec.lifetime == {"units": "seconds", "value": 1800}
        assert network.update_vpn_ike_policy(ike, lifetime={"value": 60}).lifetime["value"] == 60
    finally:
        network.delete_vpn_ike_policy(ike, ignore_missing=False)
        network.delete_vpn_ipsec_policy(ipsec, ignore_missing=False)


def test_pages_are_walked(network: Proxy) -> None:
    made = [network.create_vpn_ike_policy(name=f"page {number}") for number in range(5)]
    try:
        walked = [one.id for one in network.vpn_ike_policies(limit=2)]
        assert {one.id for one in made} <= set(walked)
        assert len(walked) == len(set(walked))
        named = network.vpn_ike_policies(name="page 3")
        assert [one.id for one in named] == [made[3].id]
    finally:
        for one in made:
            network.delete_vpn_ike_policy(one, ignore_missing=False)


def test_errors_are_what_programs_catch(network: Proxy, site: Site) -> None:
    with pytest.raises(exceptions.NotFoundException):
        network.get_vpn_service("11111111-2222-3333-4444-555555555555")
    with pytest.raises(exceptions.BadRequestException, match="MTU 12"):
        network.create_vpn_ipsec_site_connection(**site.connection(mtu=12))
    with pytest.raises(exceptions.ConflictException, match="ports"):
        network.delete_router(site.router, ignore_missing=False)
    with pytest.raises(exceptions.PreconditionFailedException):
        network.update_router(site.router.id, name="x", if_revision=9999)


def test_projects_do_not_see_each_other(cloud: Cloud, network: Proxy, site: Site) -> None:
    other = cloud.sdk("b").network
    assert list(other.vpn_services()) == []
    with pytest.raises(exceptions.NotFoundException):
        other.get_vpn_service(site.service.id)
    with pytest.raises(exceptions.NotFoundException):
        other.update_vpn_ike_policy(site.ike.id, name="mine")
    reader = cloud.sdk("ro").network
    assert list(reader.vpn_services()) == []
    mine = [one.id for one in network.vpn_services()]
    assert mine == [site.service.id]
    assert site.service.id in [one.id for one in cloud.sdk("admin").network.vpn_services()]


def test_the_extensions_are_found(network: Proxy) -> None:
    assert network.find_extension("vpnaas") is not None
    assert network.find_extension("vpn-endpoint-groups") is not None
    assert network.find_extension("no-such-thing") is None


@pytest.fixture(scope="module")
def neutron(cloud: Cloud) -> Neutron:
    return Neutron(session=cloud.sdk("a").session, service_type="network")


def test_neutronclient_does_the_same(neutron: Neutron, site: Site) -> None:
    """What Heat's OS::Neutron::VPN resources call."""
    body = {"ipsec_site_connection": site.connection(peer_cidrs=[], name="heat")}
    made = neutron.create_ipsec_site_connection(body)["ipsec_site_connection"]
    try:
        found = neutron.list_ipsec_site_connections(name="heat")["ipsec_site_connections"]
        assert [one["id"] for one in found] == [made["id"]]
        shown = neutron.show_ipsec_site_connection(made["id"])["ipsec_site_connection"]
        assert shown == made
        change = {"ipsec_site_connection": {"description": "changed"}}
        neutron.update_ipsec_site_connection(made["id"], change)
        with pytest.raises(neutron_errors.BadRequest, match="in use"):
            neutron.delete_endpoint_group(site.peer.id)
    finally:
        neutron.delete_ipsec_site_connection(made["id"])
    with pytest.raises(neutron_errors.NotFound):
        neutron.show_ipsec_site_connection(made["id"])

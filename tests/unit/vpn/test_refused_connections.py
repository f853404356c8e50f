"""Connections that are refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from landbridge.vpn.rows import Attributes
from tests.unit.vpn.connections import V6, case, refused
from tests.unit.vpn.world import LEGACY, NOWHERE, World

ON_R2 = {"vpnservice_id": "svc_r2", "local_ep_group_id": "epg_local_r2"}
REFUSED_TO_BOTH: list[tuple[Attributes, int, str, str]] = [
    ({"mtu": 67}, 400, "IPsecSiteConnectionMtuError", "MTU 67 is too small for ipv4"),
    ({"mtu": 1}, 400, "IPsecSiteConnectionMtuError", "MTU 1 is too small for ipv4"),
    (
        {"dpd": {"interval": 30, "timeout": 30}},
        400,
        "IPsecSiteConnectionDpdIntervalValueError",
        "ipsec_site_connection dpd_timeout is equal to or less than dpd_interval",
    ),
    ({"dpd": {"interval": 120}}, 400, "IPsecSiteConnectionDpdIntervalValueError", "dpd_timeout"),
    ({"dpd": {"timeout": 30}}, 400, "IPsecSiteConnectionDpdIntervalValueError", "dpd_timeout"),
    ({"peer_address": ""}, 400, "VPNPeerAddressNotResolved", "Peer address  cannot be resolved"),
    ({"peer_address": "999.1.1.1"}, 400, "VPNPeerAddressNotResolved", "Peer address 999.1.1.1"),
    ({"peer_address": "no-such-host.invalid"}, 400, "VPNPeerAddressNotResolved", "no-such-host"),
    ({"peer_address": "%any"}, 400, "VPNPeerAddressNotResolved", "Peer address %any"),
    ({"peer_address": " 198.51.100.77 "}, 400, "VPNPeerAddressNotResolved", "198.51.100.77"),
    ({"peer_address": "198.51.100.7\n left=1"}, 400, "VPNPeerAddressNotResolved", "\n left=1"),
    ({"peer_address": "fe80::1%eth0"}, 400, "VPNPeerAddressNotResolved", "fe80::1%eth0"),
    (
        {"local_ep_group_id": None},
        400,
        "MissingRequiredEndpointGroup",
        "Missing endpoint group local for IPSec site-to-site connection",
    ),
    (
        {"local_ep_group_id": None, "peer_ep_group_id": None},
        400,
        "MissingRequiredEndpointGroup",
        "Missing endpoint groups local and peer for IPSec site-to-site connection",
    ),
    (
        {"peer_cidrs": ["192.168.1.0/24"]},
        400,
        "PeerCidrsInvalid",
        "Peer CIDRs cannot be specified, when using endpoint groups",
    ),
    (
        {"peer_ep_group_id": NOWHERE},
        404,
        "VPNEndpointGroupNotFound",
        f"Endpoint group {NOWHERE} could not be found",
    ),
    ({"peer_ep_group_id": "epg_peer_b"}, 404, "VPNEndpointGroupNotFound", "Endpoint group "),
    (
        {"peer_ep_group_id": "epg_local"},
        400,
        "WrongEndpointGroupType",
        "type is 'subnet' and should be 'cidr'",
    ),
    (
        {"local_ep_group_id": "epg_peer", "peer_ep_group_id": "epg_local"},
        400,
        "WrongEndpointGroupType",
        "type is 'cidr' and should be 'subnet'",
    ),
    (
        {"local_ep_group_id": "epg_local_unattached"},
        400,
        "SubnetIsNotConnectedToRouter",
        "is not connected to Router",
    ),
    (
        {"local_ep_group_id": "epg_local_mixed"},
        400,
        "MixedIPVersionsForIPSecEndpoints",
        "do not have the same IP version, as required for IPSec site-to-site connection",
    ),
    ({"peer_ep_group_id": "epg_peer_mixed"}, 400, "MixedIPVersionsForIPSecEndpoints", "IP version"),
    (
        {"peer_ep_group_id": "epg_peer6"},
        400,
        "MixedIPVersionsForIPSecConnection",
        "IP versions are not compatible between peer and local endpoints",
    ),
    ({"ikepolicy_id": NOWHERE}, 404, "IKEPolicyNotFound", f"IKEPolicy {NOWHERE} could not"),
    ({"ikepolicy_id": "ipsec"}, 404, "IKEPolicyNotFound", "could not be found"),
    ({"ipsecpolicy_id": "ipsec_b"}, 404, "IPsecPolicyNotFound", "could not be found"),
    (
        {"ipsecpolicy_id": "ipsec_ahesp"},
        400,
        "IpsecValidationFailure",
        "IPSec does not support IPsec Policy attribute transform_protocol with value 'ah-esp'",
    ),
    (
        {"ipsecpolicy_id": "ipsec_transport"},
        400,
        "IpsecValidationFailure",
        "encapsulation_mode with value 'transport': transport mode carries only packets between",
    ),
]
REFUSED_TO_CREATE: list[tuple[Attributes, int, str, str]] = [
    ({"vpnservice_id": NOWHERE}, 404, "VPNServiceNotFound", f"VPNService {NOWHERE} could not"),
    ({"vpnservice_id": "svc_b"}, 404, "VPNServiceNotFound", "could not be found"),
    ({"vpnservice_id": "svc_r2"}, 400, "SubnetIsNotConnectedToRouter", "not connected to Router"),
    (
        {**LEGACY, "peer_cidrs": []},
        400,
        "MissingPeerCidrs",
        "Missing peer CIDRs for IPsec site-to-site connection",
    ),
    (
        {**LEGACY, "local_ep_group_id": "epg_local"},
        400,
        "InvalidEndpointGroup",
        "Endpoint group local cannot be specified, when VPN Service has subnet specified",
    ),
    (
        {**LEGACY, "peer_cidrs": ["192.168.1.0/24", "fd00:9::/64"]},
        400,
        "MixedIPVersionsForPeerCidrs",
        "Peer CIDRs do not have the same IP version",
    ),
    ({**LEGACY, "peer_cidrs": ["fd00:9::5/64"]}, 400, "MixedIPVersionsForIPSecConnection", ""),
    ({**V6, "mtu": 1279}, 400, "IPsecSiteConnectionMtuError", "MTU 1279 is too small for ipv6"),
    (
        {**ON_R2, "peer_address": "2001:db8::9"},
        400,
        "ExternalNetworkHasNoSubnet",
        "external network has no IPv6 subnet",
    ),
]


@pytest.mark.parametrize(
    ("values", "status", "kind", "words"), REFUSED_TO_BOTH + REFUSED_TO_CREATE, ids=case
)
def test_refuses_to_create(
    world: World, values: Attributes, status: int, kind: str, words: str
) -> None:
    error = refused(world, lambda tx: world.connection(tx, **values))
    assert (error.status, error.type) == (status, kind)
    assert words in error.message


@pytest.mark.parametrize(("values", "status", "kind", "words"), REFUSED_TO_BOTH, ids=case)
def test_refuses_to_update(
    world: World, values: Attributes, status: int, kind: str, words: str
) -> None:
    def attempt(tx: Connection) -> Any:
        return world.update(tx, "ipsec_site_connection", "conn", **values)

    error = refused(world, attempt)
    assert (error.status, error.type) == (status, kind)
    assert words in error.message

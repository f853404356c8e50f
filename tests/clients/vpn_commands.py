"""Every option of the `openstack vpn ...` commands, and what `show` must say afterwards.

A case is created, shown, listed, set, shown again and deleted. Names in braces stand for
objects of the site that the tests share (`tests.clients.site`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

Shown = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`create` and `set_` are options; `created` and `changed` are columns of `show`."""

    kind: str
    title: str
    create: str
    created: Shown
    set_: str
    changed: Shown
    listed: tuple[str, ...] = field(default=())  # columns that only `list --long` has


IKE: Final = (
    Case(
        "ike policy",
        "defaults",
        "",
        {
            "Authentication Algorithm": "sha256",
            "Encryption Algorithm": "aes-128",
            "IKE Version": "v1",
            "Perfect Forward Secrecy (PFS)": "group5",
            "Phase1 Negotiation Mode": "main",
            "Lifetime": {"units": "seconds", "value": 3600},
            "Description": "",
        },
        "--auth-algorithm sha384 --encryption-algorithm aes-256-gcm-16 --ike-version v2"
        " --pfs group19 --description changed",
        {
            "Authentication Algorithm": "sha384",
            "Encryption Algorithm": "aes-256-gcm-16",
            "IKE Version": "v2",
            "Perfect Forward Secrecy (PFS)": "group19",
            "Description": "changed",
        },
        ("Phase1 Negotiation Mode", "Lifetime", "Description"),
    ),
    Case(
        "ike policy",
        "everything",
        "--auth-algorithm sha512 --encryption-algorithm aes-192 --ike-version v1 --pfs group14"
        " --phase1-negotiation-mode aggressive --description 'as our partner wants it'",
        {
            "Authentication Algorithm": "sha512",
            "Encryption Algorithm": "aes-192",
            "IKE Version": "v1",
            "Perfect Forward Secrecy (PFS)": "group14",
            "Phase1 Negotiation Mode": "aggressive",
            "Description": "as our partner wants it",
        },
        "--phase1-negotiation-mode main",
        {"Phase1 Negotiation Mode": "main", "Description": "as our partner wants it"},
    ),
)
IPSEC: Final = (
    Case(
        "ipsec policy",
        "defaults",
        "",
        {
            "Authentication Algorithm": "sha256",
            "Encapsulation Mode": "tunnel",
            "Transform Protocol": "esp",
            "Encryption Algorithm": "aes-128",
            "Perfect Forward Secrecy (PFS)": "group5",
            "Lifetime": {"units": "seconds", "value": 3600},
        },
        "--auth-algorithm sha512 --encryption-algorithm aes-256 --pfs group20"
        " --encapsulation-mode transport --transform-protocol ah --description changed",
        {
            "Authentication Algorithm": "sha512",
            "Encryption Algorithm": "aes-256",
            "Perfect Forward Secrecy (PFS)": "group20",
            "Encapsulation Mode": "transport",
            "Transform Protocol": "ah",
            "Description": "changed",
        },
        ("Perfect Forward Secrecy (PFS)", "Lifetime", "Description"),
    ),
    Case(
        "ipsec policy",
        "everything",
        "--auth-algorithm aes-cmac --encryption-algorithm aes-256-ctr --pfs group31"
        " --encapsulation-mode transport --transform-protocol ah-esp --description d",
        {
            "Authentication Algorithm": "aes-cmac",
            "Encryption Algorithm": "aes-256-ctr",
            "Perfect Forward Secrecy (PFS)": "group31",
            "Encapsulation Mode": "transport",
            "Transform Protocol": "ah-esp",
            "Description": "d",
        },
        "--encapsulation-mode tunnel",
        {"Encapsulation Mode": "tunnel", "Transform Protocol": "ah-esp"},
    ),
)
ENDPOINT_GROUPS: Final = (
    Case(
        "endpoint group",
        "CIDRs",
        "--type cidr --value 10.9.0.0/24 --value 10.9.1.0/24 --description peers",
        {"Type": "cidr", "Endpoints": ["10.9.0.0/24", "10.9.1.0/24"], "Description": "peers"},
        "--description changed",
        {"Description": "changed", "Endpoints": ["10.9.0.0/24", "10.9.1.0/24"]},
        ("Description", "Project"),
    ),
    Case(
        "endpoint group",
        "a subnet by its name",
        "--type subnet --value {subnet}",
        {"Type": "subnet", "Endpoints": ["{subnet_id}"]},
        "--description changed",
        {"Description": "changed", "Endpoints": ["{subnet_id}"]},
    ),
)
SERVICES: Final = (
    Case(
        "service",
        "with a subnet",
        "--router {router} --subnet {subnet} --description mine --disable",
        {
            "Router": "{router_id}",
            "Subnet": "{subnet_id}",
            "Description": "mine",
            "State": False,
            "Flavor": None,
        },
        "--description changed --enable",
        {"Description": "changed", "State": True},
        ("Description", "Project", "Ext v4 IP", "Ext v6 IP"),
    ),
    Case(
        "service",
        "without a subnet",
        "--router {router} --enable",
        {"Router": "{router_id}", "Subnet": None, "State": True, "Ext v4 IP": "{gateway}"},
        "--disable",
        {"State": False},
    ),
)
PARTS: Final = "--vpnservice {service} --ikepolicy {ike} --ipsecpolicy {ipsec}"
CONNECTIONS: Final = (
    Case(
        "ipsec site connection",
        "endpoint groups",
        PARTS + " --local-endpoint-group {local} --peer-endpoint-group {peer}"
        " --peer-address 203.0.113.7 --peer-id site-b.example.org --psk secret --enable",
        {
            "Peer Address": "203.0.113.7",
            "Peer ID": "site-b.example.org",
            "Pre-shared Key": "secret",
            "Local Endpoint Group ID": "{local_id}",
            "Peer Endpoint Group ID": "{peer_id}",
            "Peer CIDRs": [],
            "MTU": 1500,
            "Initiator": "bi-directional",
            "State": True,
            "Status": "PENDING_CREATE",
            "Authentication Algorithm": "psk",
            "Route Mode": "static",
            "Local ID": "",
            "DPD": {"action": "hold", "interval": 30, "timeout": 120},
            "VPN Service": "{service_id}",
            "IKE Policy": "{ike_id}",
            "IPSec Policy": "{ipsec_id}",
        },
        "--local-endpoint-group {local2} --peer-endpoint-group {peer2} --mtu 1400"
        " --initiator response-only --disable --local-id us@example.org --description changed"
        " --peer-id @keyid --peer-address gateway.example.org",
        {
            "Local Endpoint Group ID": "{local2_id}",
            "Peer Endpoint Group ID": "{peer2_id}",
            "MTU": 1400,
            "Initiator": "response-only",
            "State": False,
            "Local ID": "us@example.org",
            "Description": "changed",
            "Peer ID": "@keyid",
            "Peer Address": "gateway.example.org",
            "Pre-shared Key": "secret",
        },
        ("Description", "MTU", "DPD", "Local ID", "Peer ID", "Pre-shared Key", "Route Mode"),
    ),
    Case(
        "ipsec site connection",
        "peer CIDR",
        "--vpnservice {legacy} --ikepolicy {ike} --ipsecpolicy {ipsec} --peer-cidr 10.8.0.0/24"
        " --peer-address 203.0.113.8 --peer-id 203.0.113.8 --psk 'a longer secret' --mtu 1450"
        " --initiator response-only --disable --local-id 198.51.100.9 --description legacy",
        {
            "Peer CIDRs": ["10.8.0.0/24"],
            "MTU": 1450,
            "Initiator": "response-only",
            "State": False,
            "Local ID": "198.51.100.9",
            "Description": "legacy",
            "Pre-shared Key": "a longer secret",
            "Local Endpoint Group ID": None,
            "Peer Endpoint Group ID": None,
        },
        "--peer-cidr 10.7.0.0/24 --enable --initiator bi-directional",
        {"Peer CIDRs": ["10.7.0.0/24"], "State": True, "Initiator": "bi-directional"},
    ),
)
CASES: Final = (*IKE, *IPSEC, *ENDPOINT_GROUPS, *SERVICES, *CONNECTIONS)

"""Addresses, by tables."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from landbridge.store.resource_rows import Pool
from landbridge.vpn import addresses


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:DB8:0::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("10.1", "10.0.0.1"),
        ("010.1.1.1", "8.1.1.1"),
        ("0xC0000201", "192.0.2.1"),
        ("0x1ffffffff", None),
        ("0.0.0.0", "0.0.0.0"),
        ("vpn.example.com", "vpn.example.com"),
        ("vpn.example.com.", "vpn.example.com."),
        ("localhost", "localhost"),
        ("a-b_c.example", "a-b_c.example"),
        ("", None),
        (".", None),
        ("999.1.1.1", None),
        ("1.2.3.4.5", None),
        ("host.invalid", None),
        ("%any", None),
        ("fe80::1%eth0", None),
        ("a b", None),
        ("a\nb", None),
        ("-a.example", None),
        ("a..example", None),
        ("ex\u00e4mple.com", None),
        ("a" * 64 + ".example", None),
        (".".join(["a" * 63] * 4), None),
    ],
)
def test_peer_addresses(given: str, kept: str | None) -> None:
    assert addresses.kept_peer(given) == kept


@pytest.mark.parametrize(
    ("kept", "used"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("VPN.example.com", "VPN.example.com"),
    ],
)
def test_a_peer_address_is_used_in_one_spelling(kept: str, used: str) -> None:
    assert addresses.canonical_peer(kept) == used


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.5/24", "10.0.0.0/24"),
        ("::/0", "::/0"),
        ("10.0.0.0", None),
        ("10.0.0.0/33", None),
        (" 10.0.0.0/24", None),
        ("fe80::%eth0/64", None),
        (5, None),
        (None, None),
    ],
)
def test_networks(text: object, network: str | None) -> None:
    found = addresses.parse_network(text)
    assert (None if found is None else str(found)) == network


def test_cidrs_are_made_canonical_once() -> None:
    given = ["fd00:9::5/64", "10.0.0.1/8", "fd00:0009::/64"]
    assert addresses.canonical_cidrs(given) == ("fd00:9::/64", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("address", "cidr", "host"),
    [
        ("10.0.0.0", "10.0.0.0/24", False),
        ("10.0.0.255", "10.0.0.0/24", False),
        ("10.0.0.1", "10.0.0.0/24", True),
        ("10.0.0.0", "10.0.0.0/31", True),
        ("10.0.0.0", "10.0.0.0/32", True),
        ("fd00::", "fd00::/64", False),
        ("fd00::ffff:ffff:ffff:ffff", "fd00::/64", True),
        ("fd00::1", "10.0.0.0/24", False),
    ],
)
def test_host_addresses(address: str, cidr: str, host: bool) -> None:
    assert addresses.is_host_of(ip_address(address), ip_network(cidr)) is host


def test_the_lowest_free_addresses_are_given_out() -> None:
    pools: list[Pool] = [
        {"start": "10.0.0.2", "end": "10.0.0.3"},
        {"start": "10.0.0.9", "end": "10.0.0.9"},
    ]
    assert list(addresses.free(pools, {"10.0.0.2"})) == ["10.0.0.3", "10.0.0.9"]
    assert list(addresses.free(pools, {"10.0.0.2", "10.0.0.3", "10.0.0.9"})) == []
    taken = {"10.0.0.2"}
    found = addresses.free(pools, taken)
    assert next(found) == "10.0.0.3"
    taken.add("10.0.0.9")
    assert next(found, None) is None


@pytest.mark.parametrize(
    ("address", "inside"),
    [("10.0.0.1", False), ("10.0.0.2", True), ("10.0.0.5", True), ("10.0.0.6", False),
     ("10.0.0.9", True), ("10.0.0.10", False), ("fd00::1", False)],
)  # fmt: skip
def test_what_is_in_a_pool(address: str, inside: bool) -> None:
    pools: list[Pool] = [
        {"start": "10.0.0.9", "end": "10.0.0.9"},
        {"start": "10.0.0.2", "end": "10.0.0.5"},
    ]
    assert (address in addresses.Ranges(pools)) is inside

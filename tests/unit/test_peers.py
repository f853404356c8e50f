"""Where no peer can be: by table, and all over the networks concerned."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.impact.peers import OWN, why_never


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::7f00:1", "no longer used"),
        ("ff02::1", "multicast"),
        ("fe80::1", "link-local"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("::ffff:e000:1", "multicast"),
        ("localhost", "itself"),
        ("LocalHost.", "itself"),
        ("vpn.localhost", "itself"),
        ("localhost.localdomain", "itself"),
        ("ip6-localhost", "itself"),
    ],
)
def test_never(peer: str, words: str) -> None:
    assert words in (why_never(peer) or "")


@pytest.mark.parametrize(
    "peer",
    [
        "10.0.0.1", "100.64.0.1", "169.254.7.7", "172.16.0.1", "192.0.2.1", "192.168.1.1",
        "8.8.8.8", "198.18.0.1", "198.51.100.1", "203.0.113.1", "1.0.0.0", "126.255.255.255",
        "128.0.0.1", "223.255.255.255", "2001:db8::1", "fd00::1", "fec0::1", "64:ff9b::1",
        "::ffff:192.0.2.1",
        "vpn.example.com", "localhost.example.com", "notlocalhost", "local", "a", "",
    ],
)  # fmt: skip
def test_possible(peer: str) -> None:
    assert why_never(peer) is None


@given(st.ip_addresses(network="127.0.0.0/8") | st.ip_addresses(network="224.0.0.0/3"))
def test_all_over_the_network(address: object) -> None:
    assert why_never(str(address))
    assert why_never(f"::ffff:{address}")


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_the_routers_own(address: object) -> None:
    assert why_never(str(address), ["192.0.2.7", str(address)]) == OWN
    exploded = ip_address(str(address)).exploded
    assert why_never(str(address), [exploded]) == OWN

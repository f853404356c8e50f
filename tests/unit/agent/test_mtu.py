"""What `mtu` means for a packet that is about to enter a tunnel."""

from __future__ import annotations

import pytest

from landbridge.agent.dataplane.firewall import effective_mtu


@pytest.mark.parametrize(
    ("mtu", "version", "effective"),
    [
        (0, 4, 1400),  # not set
        (0, 6, 1400),
        (68, 4, 68),
        (68, 6, 1280),  # an IPv6 pair beside the IPv4 one that it was set for
        (1280, 6, 1280),
        (1399, 4, 1399),
        (1500, 4, 1400),  # what ESP leaves of the wire's 1500
        (9000, 6, 1400),
    ],
)
def test_effective_mtu(mtu: int, version: int, effective: int) -> None:
    assert effective_mtu(mtu, version) == effective

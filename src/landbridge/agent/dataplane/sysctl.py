"""Kernel switches of routers' namespaces and of bridges, as one table.

Rules this module keeps:
- A switch is written only when it differs: writing ``ip_forward`` anew resets others.
- A switch that this kernel does not have (IPv6 turned off) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from landbridge.agent.dataplane.netlink import translated, within

ROOT: Final = Path("/proc/sys/net")
PER_INTERFACE: Final[Mapping[str, str]] = {
    "ipv4/conf/{}/rp_filter": "0",  # a tunnel's packets come in by another way than they left
    "ipv4/conf/{}/promote_secondaries": "1",  # an address that goes takes no other with it
    "ipv4/conf/{}/send_redirects": "0",
    "ipv4/conf/{}/accept_redirects": "0",
    "ipv6/conf/{}/accept_redirects": "0",
    "ipv6/conf/{}/accept_ra": "0",  # routers of a network must not steer ours
    "ipv6/conf/{}/accept_dad": "0",  # addresses are given by the API; use them at once
}


def of_router(*, forwarding: bool) -> dict[str, str]:
    """The switches of a router's namespace; forwarding comes first (it resets the rest)."""
    value = "1" if forwarding else "0"
    return {
        "ipv4/ip_forward": value,
        "ipv6/conf/all/forwarding": value,
        **of_interfaces(("all", "default")),
    }


def of_interfaces(names: Sequence[str]) -> dict[str, str]:
    return {key.format(name): value for name in names for key, value in PER_INTERFACE.items()}


def of_bridge(name: str) -> dict[str, str]:
    return {f"ipv6/conf/{name}/disable_ipv6": "1", f"ipv4/conf/{name}/arp_ignore": "8"}


async def ensure(namespace: str | None, wanted: Mapping[str, str]) -> None:
    """Set what differs, in a namespace or (None) on the host.

    Raises:
        GatewayError: the kernel refuses.
    """

    def write() -> None:
        for key, value in wanted.items():
            path = ROOT / key
            if path.exists() and path.read_text().strip() != value:
                path.write_text(value)

    with translated(f"set kernel switches in {namespace or 'the host'}"):
        await within(namespace, write)

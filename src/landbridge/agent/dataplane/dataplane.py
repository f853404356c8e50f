"""What the tunnel side asks of the network side, and the only words they share.

Rules this module keeps:
- `router.py` says which tunnels exist and which of them carry traffic now; whoever
  implements `Dataplane` turns that into routes, blocks and clamps, whole and idempotent.
- Level, not edge: every call carries all tunnels of the router.
- A tunnel that is not `up` is blocked: its traffic must not leave in clear (that is also
  true of a tunnel whose SAs are being set up for the first time).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from landbridge.model.fields import Model
from landbridge.model.router import Router


class Backend(StrEnum):
    """Who encrypts: the kernel (XFRM, where it has ESP) or charon itself through a TUN."""

    NETLINK = "kernel-netlink"
    LIBIPSEC = "kernel-libipsec"


class TunnelNet(Model, frozen=True, kw_only=True):
    """The part of a tunnel that routes and filters see.

    `local_cidrs` and `peer_cidrs` include those of an older configuration whose SAs still
    carry traffic, so that what stays in use stays routed during an update.
    """

    id: str
    local_cidrs: tuple[str, ...]
    peer_cidrs: tuple[str, ...]
    up: bool
    mtu: int
    backend: Backend


class Dataplane(Protocol):
    """Implemented by the firewall side; called for one router never concurrently."""

    async def apply(self, router: Router, tunnels: Mapping[str, TunnelNet]) -> Mapping[str, str]:
        """Make routes, blocks and clamps of `router` be exactly those of `tunnels`. Returns, by
        id, why what one of them needs is refused: of that one things stay as they were.

        Raises `landbridge.agent.errors.GatewayError` when the host refuses.
        """
        ...

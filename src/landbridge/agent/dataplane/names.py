"""The names of what landbridge makes on a gateway host.

Rules this module keeps:
- A name follows from an id alone, so that a restarted agent finds what it made.
- Every name is at most 15 characters, the kernel's limit for interfaces.
- No text that a user typed is ever part of a name: only hex digits of ids.
"""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

from landbridge.model.router import Leg

ROUTER_PREFIX: Final = "lbr-"
HOST_VETH_PREFIX: Final = "lbp"
BRIDGE_PREFIX: Final = "lb"
UPLINK_PREFIX: Final = "u"
INSIDE_PREFIX: Final = "i"
TUNNEL_DEVICE: Final = "ipsec0"
ID_DIGITS: Final = 12


def hex12(identifier: str) -> str:
    """The first 12 hex digits of a UUID; of anything else 12 digits of its SHA-256."""
    try:
        return UUID(identifier).hex[:ID_DIGITS]
    except ValueError:
        return hashlib.sha256(identifier.encode()).hexdigest()[:ID_DIGITS]


def namespace_name(router_id: str) -> str:
    return ROUTER_PREFIX + hex12(router_id)


def host_veth(leg: Leg) -> str:
    """The end of a leg's veth that sits in the network's bridge."""
    return HOST_VETH_PREFIX + hex12(leg.port_id)


def auto_bridge(network_id: str) -> str:
    """The bridge of a network that the configuration maps to none."""
    return BRIDGE_PREFIX + hex12(network_id)


def uplink_interface(leg: Leg) -> str:
    return UPLINK_PREFIX + hex12(leg.port_id)


def inside_interface(leg: Leg) -> str:
    return INSIDE_PREFIX + hex12(leg.port_id)


def is_leg_interface(name: str) -> bool:
    """Whether an interface in a router's namespace is one that we made for a leg."""
    digits = name[1:]
    return (
        name[:1] in (UPLINK_PREFIX, INSIDE_PREFIX)
        and len(digits) == ID_DIGITS
        and all(digit in "0123456789abcdef" for digit in digits)
    )

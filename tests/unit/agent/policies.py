"""Policies of tunnels, and their configuration."""

from __future__ import annotations

from typing import Any

import msgspec

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.tunnels.desired import Target
from landbridge.model.tunnel import EspProposal, IkeProposal
from tests.unit.agent.tunnels import tunnel

BASE = tunnel()
BETWEEN_GATEWAYS: dict[str, Any] = {
    "local_cidrs": ("198.51.100.1/32",),
    "peer_cidrs": ("198.51.100.2/32",),
}


def ike(**changes: Any) -> IkeProposal:
    return msgspec.structs.replace(BASE.ike, **changes)


def esp(**changes: Any) -> EspProposal:
    return msgspec.structs.replace(BASE.esp, **changes)


def planned(**changes: Any) -> Target:
    return target(tunnel(**changes), Backend.LIBIPSEC)

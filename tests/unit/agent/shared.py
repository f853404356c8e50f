"""Members of a group of tunnels that share an IKE_SA."""

from __future__ import annotations

from typing import Any

from landbridge.agent.charon.connection_config import target
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.tunnels.desired import Target
from landbridge.model.tunnel import Secret, Tunnel
from tests.unit.agent.tunnels import tunnel


def member(tunnel_id: str, *remote: int, **changes: Any) -> Tunnel:
    cidrs = tuple(f"10.2.{number}.0/24" for number in remote)
    usual = {"id": tunnel_id, "peer_cidrs": cidrs, "psk": Secret(value="secret 1")}
    return tunnel(**{**usual, **changes})


def own(each: Tunnel) -> Target:
    return target(each, Backend.LIBIPSEC)

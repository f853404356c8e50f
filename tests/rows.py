"""Example rows of the database; a test changes them with `msgspec.structs.replace`."""

from __future__ import annotations

from typing import Final

from landbridge.store.resource_rows import ConnectionRow, RouterRow, ServiceRow

_NOW: Final = "2026-01-01T10:00:00Z"

SERVICE: Final = ServiceRow(
    id="1", project_id="p", name="n", description="", tags=[], revision_number=0, created_at=_NOW,
    updated_at=_NOW, router_id="r", subnet_id=None, admin_state_up=True,
    external_v4_ip="203.0.113.1", external_v6_ip=None, status="ACTIVE",
)  # fmt: skip
ROUTER: Final = RouterRow(
    id="r", project_id="p", name="n", description="", tags=[], revision_number=0, created_at=_NOW,
    updated_at=_NOW, admin_state_up=True, status="ACTIVE", external_network_id="x",
    enable_snat=True, gateway_id="gw1", revision=1, applied_revision=0, ready=None,
    status_reason=None, status_message=None, routes=[],
)  # fmt: skip
CONNECTION: Final = ConnectionRow(
    id="c", project_id="p", name="", description="", tags=[], revision_number=3, created_at=_NOW,
    updated_at=_NOW, vpnservice_id="s", ikepolicy_id="i", ipsecpolicy_id="e",
    local_ep_group_id="l", peer_ep_group_id="q", peer_address="198.51.100.1",
    peer_id="198.51.100.1", local_id="", peer_cidrs=[], split_selector=False, mtu=1500,
    initiator="bi-directional", auth_mode="psk", route_mode="static", dpd_action="hold",
    dpd_interval=30, dpd_timeout=120, psk_sealed=b"1", psk_generation=1, admin_state_up=True,
    status="ACTIVE", status_reason=None, status_message=None, status_changed_at=_NOW,
    revision=2, applied_revision=2, observed_state="up", established=True, told_until=0.0,
    selector_mode=None, child_sas=[],
)  # fmt: skip

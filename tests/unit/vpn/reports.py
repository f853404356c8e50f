"""A gateway that reports on the connection of a world and its router."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from landbridge.model.status import (
    Reason,
    ReasonCode,
    Report,
    RouterStatus,
    TunnelState,
    TunnelStatus,
)
from landbridge.vpn.status import apply
from landbridge.vpn.status.apply import Changed
from tests.unit.vpn.world import GATEWAY, World

CONN = "ipsec_site_connection"
WHY = Reason(code=ReasonCode.PSK_MISMATCH, message="The peer refused our PSK.")
S = TunnelState


class Reports:
    """A gateway that reports on connection `conn` and its router."""

    def __init__(self, world: World, tx: Connection) -> None:
        self.world = world
        self.tx = tx
        self.sequence = 0

    def tunnel(
        self, state: TunnelState, revision: int, applied: int, reason: Reason | None = None
    ) -> Changed:
        told = TunnelStatus(
            id=self.world.ids["conn"],
            revision=revision,
            applied_revision=applied,
            state=state,
            reason=reason,
            observed_at=0.0,
        )
        return self.send(Report(epoch=1, sequence=self.next(), tunnels=(told,)))

    def unknown(self, revision: int, message: str = "nft refuses.") -> Changed:
        told = TunnelStatus(
            id=self.world.ids["conn"],
            revision=revision,
            applied_revision=0,
            state=S.DOWN,
            reason=Reason(code=ReasonCode.GATEWAY_ERROR, message=message),
            observed_at=0.0,
            known=False,
        )
        return self.send(Report(epoch=1, sequence=self.next(), tunnels=(told,)))

    def router(self, ready: bool, reason: Reason | None = None) -> Changed:
        row = self.world.row(self.tx, "router", "router1")
        told = RouterStatus(
            id=row.id, revision=row.revision, ready=ready, reason=reason, observed_at=0.0
        )
        return self.send(Report(epoch=1, sequence=self.next(), routers=(told,)))

    def send(self, report: Report, gateway: str = GATEWAY) -> Changed:
        return apply.apply(self.tx, gateway, report)

    def next(self) -> int:
        self.sequence += 1
        return self.sequence

    @property
    def row(self) -> Any:
        return self.world.row(self.tx, CONN, "conn")

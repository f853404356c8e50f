"""A gateway's side of the API, spoken by hand in the application's own process."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, TypeVar

import httpx2
import msgspec

from landbridge.auth.caller import AGENT_ROLE
from landbridge.model.gateway import Desired, Lease
from landbridge.model.status import (
    Reason,
    Report,
    RouterStatus,
    TunnelEvent,
    TunnelState,
    TunnelStatus,
)
from tests.api.harness import Api

T = TypeVar("T")


class Gateway:
    def __init__(self, api: Api, name: str = "gw-1") -> None:
        self.api = api
        self.name = name
        self.epoch = 0
        self.sequence = 0
        self._caller = f"agent {name}"
        api.caller(self._caller, "agents", AGENT_ROLE, gateway=name)

    def call(self, method: str, path: str, content: Any = None) -> httpx2.Response:
        return self.api.request(
            method,
            f"/agent/v1{path}",
            self._caller,
            params=[("gateway_id", self.name)],
            content=None if content is None else msgspec.json.encode(content),
        )

    def lease(self, epoch: int | None = None) -> httpx2.Response:
        asked = {"gateway_id": self.name, "hostname": "h", "version": "1", "epoch": epoch}
        answer = self.call("POST", "/lease", asked | {"capabilities": {"backend": "kernel-x"}})
        if answer.status_code == 200:
            self.epoch = msgspec.json.decode(answer.content, type=Lease).epoch
        return answer

    def desired(self) -> Desired:
        return msgspec.json.decode(self.call("GET", "/desired").content, type=Desired)

    def get(self, path: str, kind: type[T]) -> T:
        return msgspec.json.decode(self.call("GET", path).content, type=kind)

    def routers(self) -> None:
        """All routers are ready."""
        now = time.time()
        told = tuple(
            RouterStatus(id=r.id, revision=r.revision, ready=True, reason=None, observed_at=now)
            for r in self.desired().routers
        )
        self.send(routers=told)

    def tunnel(
        self,
        tunnel_id: str,
        state: TunnelState,
        reason: Reason | None = None,
        *,
        applied: int | None = None,
        events: Iterable[TunnelEvent] = (),
        **observed: Any,
    ) -> None:
        [ref] = [found for found in self.desired().tunnels if found.id == tunnel_id]
        self.send(
            tunnels=(
                TunnelStatus(
                    id=tunnel_id,
                    revision=ref.revision,
                    applied_revision=ref.revision if applied is None else applied,
                    state=state,
                    reason=reason,
                    observed_at=time.time(),
                    events=tuple(events),
                    **observed,
                ),
            )
        )

    def send(self, **statuses: Any) -> None:
        self.sequence += 1
        report = Report(epoch=self.epoch, sequence=self.sequence, **statuses)
        answer = self.call("POST", "/report", report)
        assert answer.status_code == 204, answer.text

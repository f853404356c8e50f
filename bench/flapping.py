"""A gateway whose tunnels go up and down: reports, as an agent sends them, from a thread.

Rules this module keeps:
- Every tunnel changes once in `PERIOD` seconds, evenly spread; a report has what has changed in
  `EVERY` seconds.
- It keeps its lease, and reports for as long as the block lasts.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from bench.service import Service
from landbridge.client import Api, ApiError
from landbridge.model.gateway import Lease
from landbridge.model.status import (
    Reason,
    ReasonCode,
    Report,
    RouterStatus,
    TunnelState,
    TunnelStatus,
)

NAME: Final = "bench"
PERIOD: Final = 10.0  # seconds
EVERY: Final = 0.1
_RENEWED: Final = 4.0
_DOWN: Final = Reason(code=ReasonCode.DPD_TIMEOUT, message="198.51.100.2 stopped answering.")


class Flapping:
    """The gateway; has the lease from the beginning on."""

    def __init__(self, service: Service) -> None:
        command = ("gateway", "add", NAME, "--replace", f"--state-dir={service.state}")
        token = subprocess.check_output([sys.executable, "-m", "landbridge", *command], text=True)
        self._api = Api(service.api.base, token.strip())
        self._epoch: int | None = None
        self._sequence = 0
        self._revisions: dict[str, int] = {}
        self.sent = 0  # changes of tunnels
        self.renew()

    def close(self) -> None:
        self._api.close()

    def renew(self) -> None:
        facts: dict[str, Any] = {"gateway_id": NAME, "hostname": "bench", "version": "0"}
        try:
            answer = self._api.call("POST", "/agent/v1/lease", facts | {"epoch": self._epoch})
        except ApiError:  # it has run out meanwhile: taken again
            answer = self._api.call("POST", "/agent/v1/lease", facts | {"epoch": None})
        lease = msgspec.convert(answer, Lease)
        self._epoch, self._sequence = lease.epoch, max(self._sequence, lease.sequence)

    def take_all(self) -> list[str]:
        """All routers are ready, all tunnels up; the tunnels."""
        self.renew()
        desired = self._api.call("GET", "/agent/v1/desired", params={"gateway_id": NAME})
        now = time.time()
        routers = tuple(
            RouterStatus(id=each["id"], revision=each["revision"], ready=True, reason=None,
                         observed_at=now)
            for each in desired["routers"]
        )  # fmt: skip
        self._revisions = {each["id"]: each["revision"] for each in desired["tunnels"]}
        self._send(
            routers=routers, tunnels=tuple(self._status(each, True) for each in self._revisions)
        )
        return list(self._revisions)

    @contextmanager
    def flapping(self, tunnels: Sequence[str]) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._flap, args=(tunnels, ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _flap(self, tunnels: Sequence[str], ended: threading.Event) -> None:
        at_once = max(1, round(len(tunnels) * EVERY / PERIOD))
        turns = itertools.cycle([False, True])
        up, left = next(turns), list(tunnels)
        due = renewed = time.monotonic()
        while not ended.wait(max(0.0, due - time.monotonic())):
            due += EVERY
            chosen, left = left[:at_once], left[at_once:]
            if not left:
                up, left = next(turns), list(tunnels)
            self._send(tunnels=tuple(self._status(each, up) for each in chosen))
            self.sent += len(chosen)
            if time.monotonic() - renewed > _RENEWED:
                renewed = time.monotonic()
                self.renew()

    def _status(self, tunnel: str, up: bool) -> TunnelStatus:
        revision = self._revisions[tunnel]
        return TunnelStatus(
            id=tunnel,
            revision=revision,
            applied_revision=revision,
            state=TunnelState.UP if up else TunnelState.DOWN,
            reason=None if up else _DOWN,
            observed_at=time.time(),
        )

    def _send(self, **statuses: Any) -> None:
        self._sequence += 1
        assert self._epoch is not None
        report = Report(epoch=self._epoch, sequence=self._sequence, **statuses)
        path = f"/agent/v1/report?gateway_id={NAME}"
        self._api.call("POST", path, msgspec.to_builtins(report))

"""A gateway that answers questions about its tunnels, as an agent does on its stream."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import msgspec

from landbridge.auth.caller import AGENT_ROLE
from landbridge.model.diagnosis import Diagnosis
from landbridge.model.gateway import Change
from tests.api.remote import Remote


class Answering:
    """A gateway's stream, on which it hears questions; it answers with `found`."""

    def __init__(self, at: Remote, name: str, found: Diagnosis | None) -> None:
        self.questions: list[Change] = []
        self.statuses: list[int] = []
        self.found = found
        at.caller("stream", "agents", AGENT_ROLE, gateway=name)
        self._http = httpx2.Client(
            base_url=f"{at.server.url}/agent/v1",
            headers={"X-Auth-Token": at.token("stream")},
            params={"gateway_id": name},
            timeout=20,
            trust_env=False,
        )
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(name,), daemon=True)

    @contextmanager
    def listening(self) -> Iterator[None]:
        self._thread.start()
        assert self._listening.wait(20)
        try:
            yield
        finally:
            self._http.close()

    def _listen(self, name: str) -> None:
        with contextlib.suppress(httpx2.TransportError, httpx2.StreamError, RuntimeError):
            desired = self._http.get("/desired").json()
            params = {"gateway_id": name, "cursor": desired["cursor"]}
            with self._http.stream("GET", "/stream", params=params) as stream:
                for line in stream.iter_lines():
                    self._listening.set()
                    if line:
                        self._take(msgspec.json.decode(line, type=Change))

    def _take(self, change: Change) -> None:
        if change.kind != "diagnose":
            return
        self.questions.append(change)
        if self.found is not None:
            found = msgspec.structs.replace(self.found, tunnel_id=change.id)
            body = msgspec.json.encode(found)
            answer = self._http.post(f"/diagnostics/{change.diagnosis_id}", content=body)
            self.statuses.append(answer.status_code)

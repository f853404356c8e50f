"""Many listeners are one encoding: counted, as no time would be the same on two machines."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge.api.events import broadcast
from landbridge.api.events import stream as events
from landbridge.api.events.stream import PATH
from tests.api.harness import Api, running_api
from tests.environments.databases import Databases
from tests.hostile.wire import DEADLINE

POLICIES = "/v2.0/vpn/ikepolicies"
# How much work they are
MANY = 2_000


class Stream:
    """A listener without a socket: the application's own answer, as it would be sent."""

    def __init__(self, app: Any, token: str) -> None:
        self.content = b""
        self.status = 0
        self._gone = asyncio.Event()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "path": PATH, "raw_path": PATH.encode(), "root_path": "", "scheme": "http",
            "query_string": b"", "headers": [(b"x-auth-token", token.encode())],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 9696),
        }  # fmt: skip
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.content += message.get("body", b"")

    def close(self) -> None:
        self._gone.set()


async def told(streams: list[Stream], word: bytes, times: int) -> None:
    """Until all of them have it so often."""

    def lacking() -> bool:
        return any(stream.content.count(word) < times for stream in streams)

    async with asyncio.timeout(DEADLINE * 3):
        while lacking():  # noqa: ASYNC110 - of thousands
            await asyncio.sleep(0.01)


@pytest.fixture
def wide(databases: Databases, tmp_path: Path) -> Iterator[Api]:
    limits = dict.fromkeys(("listeners", "listeners_per_project", "listeners_per_token"), "5000")
    with databases.fresh("sqlite") as url, running_api(url, tmp_path, limits=limits) as api:
        yield api


def counting(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often an event is written, and how often what a caller sees is put together."""
    times: Counter[str] = Counter()

    def counted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            times[name] += 1
            return work(*given)

        return run

    monkeypatch.setattr(broadcast, "rendered", counted("written", broadcast.rendered))
    monkeypatch.setattr(broadcast, "_encode", counted("encoded", broadcast._encode))
    sees = events.EventViews.sees
    monkeypatch.setattr(events.EventViews, "sees", counted("judged", sees))
    return times


@pytest.mark.parametrize("tokens", [1, 20])
def test_many_listeners_are_one_encoding(
    wide: Api, monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    callers = [f"listener {number}" for number in range(tokens)]
    for caller in callers:
        wide.caller(caller, "proj-a", "member", "reader")
    made = wide.request("POST", POLICIES, "a", json={"ikepolicy": {"name": "0"}}).json()
    path = f"{POLICIES}/{made['ikepolicy']['id']}"
    secrets_ = [wide._tokens[caller] for caller in callers]
    app = wide._client._transport.app  # type: ignore[attr-defined]
    times = counting(monkeypatch)
    rounds = 3

    async def run() -> None:
        streams = [Stream(app, secrets_[number % tokens]) for number in range(MANY)]
        await told(streams, b"retry:", 1)
        times.clear()
        for number in range(rounds):
            body = {"ikepolicy": {"description": f"round {number}"}}
            headers = {"X-Auth-Token": wide._tokens["a"]}
            answer = await wide._client.put(path, json=body, headers=headers)
            assert answer.status_code == 200
            for stream in streams:
                assert stream.status == 200
            await told(streams, b"event: updated", number + 1)
        for stream in streams:
            stream.close()
        await asyncio.gather(*(stream.task for stream in streams))
        assert len({stream.content.partition(b"event:")[2] for stream in streams}) == 1

    wide.run(run())
    assert times["written"] == times["encoded"] == rounds
    assert times["judged"] <= rounds * tokens

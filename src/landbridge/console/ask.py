"""How the console asks: the API's own endpoints, called in this process.

Rules this module keeps:
- Every question goes the way of a client's request, with the viewer's token: authentication,
  policy, validation, turns of the fair queue, transaction. So the console can neither see nor do
  anything that the API would not let this viewer see or do.
- A refusal is the API's `errors.ApiError`, raised as it is; no text is parsed.
- No network, no second request id, no second line in the log: what the pages ask is a part of the
  viewer's request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from landbridge.api.events.stream import PATH as EVENTS
from landbridge.api.schema.resource import Resource

View = dict[str, Any]
Parameters = Sequence[tuple[str, str]]

MOST_IDS: Final = 200  # in one question by ids; the API takes 256 values of a filter

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


class Ask:
    """Asks the API as the holder of `token`."""

    def __init__(self, api: ASGIApp, token: str) -> None:
        self._api = api
        self._token = token

    async def get(self, path: str, parameters: Parameters = ()) -> Any:
        """The decoded answer. All methods raise: errors.ApiError."""
        return await self.send("GET", path, parameters=parameters)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        parameters: Parameters = (),
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        content = b"" if body is None else _encode(body)
        answer = _Answer(content)
        await self._api(self._scope(method, path, parameters, headers), answer.receive, answer.send)
        return _decode(answer.body) if answer.body else None

    async def every(self, resource: Resource, parameters: Parameters = ()) -> list[View]:
        views: list[View] = (await self.get(resource.path, parameters))[resource.collection]
        return views

    async def by_id(
        self, resource: Resource, ids: Sequence[str], fields: Sequence[str] = ()
    ) -> dict[str, View]:
        """Those of the objects that the viewer may see."""
        found: dict[str, View] = {}
        wanted = [("fields", field) for field in fields]
        for start in range(0, len(ids), MOST_IDS):
            chosen = [("id", each) for each in ids[start : start + MOST_IDS]]
            found |= {view["id"]: view for view in await self.every(resource, [*chosen, *wanted])}
        return found

    async def show(self, resource: Resource, id: str) -> View:
        view: View = (await self.get(f"{resource.path}/{id}"))[resource.name]
        return view

    async def create(self, resource: Resource, values: View) -> View:
        made: View = (await self.send("POST", resource.path, {resource.name: values}))[
            resource.name
        ]
        return made

    async def update(self, resource: Resource, id: str, values: View, revision: int | None) -> View:
        """`revision`: what the viewer saw, so that nobody else's change is overwritten."""
        path, body = f"{resource.path}/{id}", {resource.name: values}
        updated: View = (await self.send("PUT", path, body, headers=_if_match(revision)))[
            resource.name
        ]
        return updated

    async def plan(self, resource: Resource, id: str, values: View, revision: int | None) -> View:
        """What `update` would do and cost; nothing is changed."""
        path, body = f"{resource.path}/{id}/plan", {resource.name: values}
        plan: View = (await self.send("POST", path, body, headers=_if_match(revision)))["plan"]
        return plan

    async def delete(self, resource: Resource, id: str) -> None:
        await self.send("DELETE", f"{resource.path}/{id}")

    async def follow(self, last: str | None, receive: Receive, send: Send) -> None:
        """Answer with the stream of events, for as long as the token is good."""
        headers = {"Last-Event-ID": last} if last else {}
        await self._api(self._scope("GET", EVENTS, (), headers), receive, send)

    def _scope(
        self, method: str, path: str, parameters: Parameters, headers: Mapping[str, str] | None
    ) -> Scope:
        sent = {"X-Auth-Token": self._token, **(headers or {})}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "server": ("console", 80),
            "method": method,
            "root_path": "",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(parameters).encode(),
            "headers": [(name.lower().encode(), text.encode()) for name, text in sent.items()],
        }


class _Answer:
    """One request's body and the response to it, in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.body = b""

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self._content, "more_body": False}

    async def send(self, message: Message) -> None:
        self.body += message.get("body", b"")


def _if_match(revision: int | None) -> dict[str, str]:
    return {} if revision is None else {"If-Match": f"revision_number={revision}"}

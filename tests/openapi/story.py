"""Plays requests on a server and keeps them as examples for the OpenAPI document.

Ids, times, MAC addresses and the server's own address are made the same in every run, in the order
in which they appear, and the caller's token; everything else is as it was sent and as it came.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, Final

from landbridge.api.schema.openapi.document import document
from tests.api import described
from tests.api.remote import Remote

Node = dict[str, Any]

LONGEST: Final = 10_000  # characters of a request that is kept
TOKEN: Final = "lbt_of-proj-a"
ADDRESS: Final = "http://127.0.0.1:9696"
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MAC: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SECONDS: Final = {
    re.compile(r'("answered_in": )[0-9.e-]+'): "0.0042",
    re.compile(r'("lease_seconds": )[0-9.e-]+'): "14.2",
    re.compile(r'("secret": )"[^"]+"'): '"lbt_shown-this-once"',
}
_SPACE: Final = uuid.UUID("6d1e3c52-3a5c-4f0e-9f0a-2f1f6a0c9d11")


class Story:
    """`play` sends the request of an operation, by the document's path and method."""

    def __init__(self, server: Remote) -> None:
        self._server = server
        self._steps: list[Node] = []
        self._at = {
            node["operationId"]: (method, path)
            for path, item in document()["paths"].items()
            for method, node in item.items()
            if method != "parameters"
        }

    def play(
        self,
        operation: str,
        body: Any = None,
        /,
        *,
        caller: str | None = "a",
        status: int | None = None,
        query: str = "",
        headers: dict[str, str] | None = None,
        **path: str,
    ) -> Any:
        """The answer's content. `status`: of an error that is expected."""
        method, template = self._at[operation]
        where = template.format(**path) + query
        answer = self._server.request(
            method.upper(), where, caller, json=body, headers=headers or {}
        )
        assert answer.status_code == (status or answer.status_code), answer.text
        assert (answer.status_code < 400) == (status is None), answer.text
        step: Node = {"operation": operation, "path": where, "status": answer.status_code}
        if body is not None:
            if status is None:
                assert described.is_documented(method, where, body), (operation, body)
            step["request"] = body if len(str(body)) < LONGEST else "..."
        if answer.content:
            step["answer"] = answer.json()
        self._steps.append(step)
        return step.get("answer")

    def tell(self, operation: str, answer: str) -> None:
        """What a stream said."""
        path = self._at[operation][1]
        self._steps.append({"operation": operation, "path": path, "status": 200, "answer": answer})

    def written(self) -> str:
        """The examples, the same in every run."""
        text = json.dumps(self._steps, indent=1, ensure_ascii=False) + "\n"
        text = text.replace(self._server.server.url, ADDRESS)
        text = text.replace(self._server.token("a"), TOKEN)
        text = _MOMENT.sub(lambda m: f"2026-11-01T09:00:00{'.000000' if m[1] else ''}Z", text)
        for pattern, seconds in _SECONDS.items():
            text = pattern.sub(rf"\g<1>{seconds}", text)
        return _renamed(_renamed(text, _UUID, _id), _MAC, _mac)


def _renamed(text: str, pattern: re.Pattern[str], name: Any) -> str:
    found = {each: name(number) for number, each in enumerate(dict.fromkeys(pattern.findall(text)))}
    return pattern.sub(lambda match: found[match[0]], text)


def _id(number: int) -> str:
    made = uuid.uuid5(_SPACE, str(number))
    return str(uuid.UUID(bytes=made.bytes, version=4))


def _mac(number: int) -> str:
    return f"fa:16:3e:00:00:{number + 1:02x}"

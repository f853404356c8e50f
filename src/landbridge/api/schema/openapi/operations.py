"""One operation of the OpenAPI document, from what is said of it to its node.

Rules this module keeps:
- Every operation has an id, a tag, a summary, a description and its errors; ids are unique, and
  stay: generated clients call their functions so.
- Every operation that needs a token can fail with 401 and 503; one that takes input with 400, one
  with a body with 413.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from landbridge.api.schema.openapi.failures import NEUTRON, Shape, failing, headers
from landbridge.api.schema.openapi.nodes import JSON, Node, content

OPEN: Final[list[Node]] = []  # needs no token


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """`answer`: the schema of the answer's body, None where there is none. `errors`: statuses
    besides those that follow from the rest. `sends`: headers of the answer besides the request's
    id. `shape`: of the errors."""

    id: str
    tag: str
    summary: str
    about: str
    status: str = "200"
    answer: Node | None = None
    answered: str = ""
    media: str = JSON
    body: Node | None = None
    parameters: tuple[Node, ...] = ()
    takes_path: bool = False
    errors: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    shape: Shape = NEUTRON
    public: bool = False

    def node(self) -> Node:
        told: Node = {
            "description": self.answered or _ANSWERED.get(self.status, "The answer."),
            "headers": headers(*self.sends),
        }
        if self.answer is not None:
            told["content"] = content(self.answer, self.media)
        node: dict[str, Any] = {
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.about,
        }
        if self.parameters:
            node["parameters"] = list(self.parameters)
        if self.body is not None:
            node["requestBody"] = {"required": True, "content": content(self.body)}
        node["responses"] = {self.status: told, **failing(self.shape, *sorted(self._statuses()))}
        if self.public:
            node["security"] = OPEN
        return node

    def _statuses(self) -> set[str]:
        found = set(self.errors)
        if not self.public:
            found |= {"401", "503"}
        if self.takes_path or self.parameters or self.body is not None:
            found.add("400")
        if self.body is not None:
            found.add("413")
        return found


_ANSWERED: Final = {
    "200": "It is done; the answer shows it.",
    "201": "It was created; the answer shows all of it.",
    "204": "It is done; the answer has no body.",
}

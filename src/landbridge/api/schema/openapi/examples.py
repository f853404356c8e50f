"""Examples of bodies: what a test has sent to a server, and what it was answered.

Rules this module keeps:
- Nobody writes them: ``tests/openapi/test_examples.py`` plays a story and keeps what is sent and
  what comes in ``examples.json`` (``LANDBRIDGE_WRITE_DOCS=1``); without that it compares them.
- Ids, times and addresses of the server are made the same in every run.
"""

from __future__ import annotations

from importlib import resources
from typing import Any, Final

import msgspec

from landbridge.api.schema.openapi.nodes import Node

FILE: Final = "examples.json"
_METHODS: Final = ("get", "post", "put", "delete")


def load() -> list[Node]:
    """The steps of the story, in order: `operation`, `path`, `status`, and what was sent and
    answered."""
    content = resources.files(__package__).joinpath(FILE).read_bytes()
    steps: list[Node] = msgspec.json.decode(content)
    return steps


def of_errors(steps: list[Node], *, identity: bool) -> Node:
    """A body by status. `identity`: of what is below ``/identity``."""
    return {
        str(each["status"]): each["answer"]
        for each in steps
        if each["status"] >= 400 and each["path"].startswith("/identity/") is identity  # noqa: PLR2004
    }


def attach(paths: Node, steps: list[Node]) -> None:
    """Put the examples into the operations: the last step of each that went well."""
    found = {each["operation"]: each for each in steps if each["status"] < 400}  # noqa: PLR2004
    for item in paths.values():
        for method in _METHODS:
            if method in item and (step := found.get(item[method]["operationId"])):
                _attach(item[method], step)


def _attach(operation: Node, step: Node) -> None:
    if "request" in step and "requestBody" in operation:
        _only(operation["requestBody"]["content"])["example"] = step["request"]
    answer: Any = operation["responses"][str(step["status"])]
    if "answer" in step and "content" in answer:
        _only(answer["content"])["example"] = step["answer"]


def _only(content: Node) -> Any:
    return next(iter(content.values()))

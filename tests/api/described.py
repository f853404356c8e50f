"""Holds every answer that a test gets against the OpenAPI document.

What is checked of an answer to an operation of the document: its status is one that the operation
lists, its body fits the schema and has nothing that the schema does not name. Errors have the shape
of their part of the API, also those of paths that the document does not have. An answer to a POST
or PUT is compared where the request was in the documented form: members of `dpd` and `lifetime`
come back as they were sent.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, NamedTuple

import httpx2
import jsonschema_rs

from landbridge.api.schema.openapi.document import document
from landbridge.api.schema.vpn import STATUSES

Node = dict[str, Any]

_JSON = "application/json"
#: Statuses that replays of the reference put into rows; landbridge knows none of them.
_OF_THE_REFERENCE = ["CREATED", "INACTIVE", "PENDING_DELETE"]
#: What `default` stands for, as far as tests bring it about: a body where none is taken, a fault.
_OF_ANY = frozenset({413, 500})


class Operation(NamedTuple):
    """`answers`: validators by status, None where there is no body."""

    id: str
    request: Any
    answers: dict[int, Any]


class Undescribed(AssertionError):
    """The answer is not what the document says."""


def check(method: str, path: str, sent: bytes, answer: httpx2.Response) -> None:
    """Raises: Undescribed."""
    if method in ("HEAD", "OPTIONS"):
        return
    operation = _operation(method.lower(), path)
    if answer.status_code >= 400:
        _check_error(operation, path, answer)
    elif operation is not None:
        _check_answer(operation, sent, answer)


def _check_error(operation: Operation | None, path: str, answer: httpx2.Response) -> None:
    if answer.headers.get("Content-Type") != _JSON:
        raise Undescribed(f"{answer.status_code}: {answer.headers} {answer.text[:200]}")
    _validate(_error(_shape_of(path)), answer.json(), f"{answer.status_code}")
    if operation is not None and answer.status_code not in {*operation.answers, *_OF_ANY}:
        raise Undescribed(f"{operation.id}: {answer.status_code} {answer.text}")


def _check_answer(operation: Operation, sent: bytes, answer: httpx2.Response) -> None:
    if answer.status_code not in operation.answers:
        raise Undescribed(f"{operation.id}: {answer.status_code}")
    validator = operation.answers[answer.status_code]
    if validator is None:
        if answer.headers.get("Content-Type") == _JSON:
            raise Undescribed(f"{operation.id}: a body, {answer.text[:200]}")
    elif operation.request is None or _fits(operation.request, sent):
        _validate(validator, answer.json(), operation.id)


def _fits(validator: Any, sent: bytes) -> bool:
    try:
        return bool(validator.is_valid(json.loads(sent)))
    except ValueError:
        return False


def _validate(validator: Any, content: Any, what: str) -> None:
    wrong = next(iter(validator.iter_errors(content)), None)
    if wrong is not None:
        raise Undescribed(
            f"{what}: {wrong.message} at {wrong.instance_path} of {str(content)[:300]}"
        )


def _operation(method: str, path: str) -> Operation | None:
    for pattern, template in _templates():
        if pattern.fullmatch(path.partition("?")[0]):
            return _made(template, method)
    return None


@cache
def _whole() -> Node:
    return document()


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    """Those with fewer variables first."""
    paths = sorted(_whole()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in paths]


@cache
def _made(template: str, method: str) -> Operation | None:
    node = _whole()["paths"][template].get(method)
    if node is None:
        return None
    body = node.get("requestBody")
    return Operation(
        node["operationId"],
        None if body is None else _validator(body["content"][_JSON]["schema"], strict=False),
        {int(status): _answered(answer) for status, answer in node["responses"].items()
         if status != "default"},
    )  # fmt: skip


def _answered(node: Node) -> Any:
    if "$ref" in node:  # an error, see `_check_error`
        return None
    schema = node.get("content", {}).get(_JSON, {}).get("schema")
    return None if schema is None else _validator(schema, strict=True)


def _shape_of(path: str) -> str:
    return "identity_error" if path.startswith("/identity") else "error"


@cache
def _error(name: str) -> Any:
    return _validator({"$ref": f"#/components/schemas/{name}"}, strict=True)


def _validator(schema: Node, *, strict: bool) -> Any:
    components = {"schemas": _whole()["components"]["schemas"]}
    whole = {**schema, "components": components}
    return jsonschema_rs.Draft202012Validator(_strict(whole) if strict else whole)


def _strict(node: Any) -> Any:
    """Objects have what is named, and nothing else."""
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: _strict(value) for name, value in node.items()}
    if made.get("enum") == list(STATUSES):
        made["enum"] += _OF_THE_REFERENCE
    if isinstance(made.get("properties"), dict) and "type" in made:
        made["additionalProperties"] = False
    return made


def is_documented(method: str, path: str, body: Any) -> bool:
    """Whether a request has the documented form."""
    operation = _operation(method, path)
    assert operation is not None
    return operation.request is not None and bool(operation.request.is_valid(body))

"""The errors in the OpenAPI document: their shapes, and which operation can give which.

Rules this module keeps:
- An operation lists the errors that its own code can raise. What a request can fail with before its
  path is looked at is `default`.
- Their examples are what a test was answered (`landbridge.api.schema.openapi.examples`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from landbridge.api.schema.openapi.nodes import (
    INTEGER,
    TEXT,
    Node,
    array,
    content,
    header,
    members,
    response,
    schema,
    told,
    whole,
)


class Failure(NamedTuple):
    """One status. `headers`: those that come with it."""

    name: str
    about: str
    headers: tuple[str, ...] = ()


FAILURES: Final = {
    "400": Failure(
        "BadRequest", "Something in the request is invalid; the message names the attribute."
    ),
    "401": Failure("Unauthorized", "No token, or none that is good.", ("WWW-Authenticate",)),
    "403": Failure("Forbidden", "The policy does not allow the caller to do it."),
    "404": Failure(
        "NotFound",
        "There is no such object, or the caller may not see it. The message says of which: also an "
        "object that the body names may be it.",
    ),
    "409": Failure(
        "Conflict",
        "It is in use, or collides with another object or with a change made meanwhile, or the "
        "quota is used up.",
    ),
    "412": Failure(
        "PreconditionFailed", "If-Match: the object has another revision_number by now."
    ),
    "413": Failure("TooLarge", "The body is too large."),
    "429": Failure("TooMany", "The caller has too much open at a time.", ("Retry-After",)),
    "503": Failure(
        "Unavailable",
        "The database or the identity service is away or busy, or the server is full.",
        ("Retry-After",),
    ),
    "default": Failure(
        "Refused",
        "The request was refused before its path was looked at: 400 (no HTTP, a NUL character, "
        "more than 512 parameters), 405 (the path has no such method; `Allow` says which it has), "
        "408 (it did not arrive in time), 413 or 431 (body or head are too large), 414 (path and "
        "query are too long), 429 (too many connections), 503 (the server is full), or 500: a "
        "fault of ours, with the request's id to look for in the log.",
    ),
}


class Shape(NamedTuple):
    """How the errors of a part of the API look: their schema, what their names begin with, and
    which there are."""

    schema: str
    prefix: str
    statuses: tuple[str, ...]


NEUTRON: Final = Shape("error", "", tuple(FAILURES))
IDENTITY: Final = Shape(
    "identity_error", "Identity", ("400", "401", "403", "404", "413", "503", "default")
)

HEADERS: Final[Node] = {
    "X-Openstack-Request-Id": {
        "description": "The request's id; it is in the server's log as well.",
        "schema": {"type": "string", "pattern": "^req-[0-9a-f-]{36}$"},
    },
    "WWW-Authenticate": {"description": "Where a token is to be had.", "schema": TEXT},
    "Retry-After": {
        "description": "Seconds after which the same request may do.",
        "schema": {"type": "integer", "minimum": 1},
    },
}

_SAID: Final[Node] = {
    "type": told("One word for programs.", TEXT),
    "message": told("What was wrong and where, for people.", TEXT),
    "detail": told("More of it; mostly empty.", TEXT),
}
_AT: Final[Node] = {
    "part": told("Which of several objects in one request it is about.", TEXT),
    "attribute": told("Which attribute of that; empty: not one alone.", TEXT),
}
ERROR: Final = whole(
    "What an error looks like, whatever its status.",
    NeutronError=members(
        {
            **_SAID,
            **_AT,
            "errors": told(
                "All that is wrong with such a request, this one first.",
                array(whole(**_SAID, **_AT)),
            ),
        },
        tuple(_SAID),
    ),
)


IDENTITY_ERROR: Final = whole(
    "What an error looks like below `/identity`.",
    error=whole(
        code={**INTEGER, "description": "The status."},
        title={**TEXT, "description": "One word for programs."},
        message={**TEXT, "description": "What was wrong and where, for people."},
    ),
)


def responses(shape: Shape, examples: Node) -> Node:
    """For the components. `examples`: a body by status."""
    made = {}
    for status in shape.statuses:
        failure = FAILURES[status]
        body: Node = content(_body(shape, status))
        if status in examples:
            body["application/json"]["example"] = examples[status]
        made[f"{shape.prefix}{failure.name}"] = {
            "description": failure.about,
            "headers": headers(*failure.headers),
            "content": body,
        }
    return made


def _body(shape: Shape, status: str) -> Node:
    """What is refused before its path is looked at is refused in the one shape as well."""
    if status == "default" and shape is not NEUTRON:
        return {"anyOf": [schema(shape.schema), schema(NEUTRON.schema)]}
    return schema(shape.schema)


def headers(*names: str) -> Node:
    """Of an answer; every one has the request's id."""
    return {name: header(name) for name in ("X-Openstack-Request-Id", *names)}


def failing(shape: Shape, *statuses: str) -> dict[str, Any]:
    """The references of an operation that can fail so."""
    return {
        status: response(f"{shape.prefix}{FAILURES[status].name}")
        for status in (*statuses, "default")
    }

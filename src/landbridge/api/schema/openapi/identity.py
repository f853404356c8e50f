"""What is spoken of the Identity API, in the OpenAPI document.

Rules this module keeps:
- It is in the document of a server with landbridge's own tokens only.
- Its errors have the shape that clients of the Identity API read.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from landbridge.api.schema.openapi import examples, failures
from landbridge.api.schema.openapi.nodes import (
    BOOLEAN,
    MOMENT,
    TEXT,
    Node,
    array,
    in_head,
    in_path,
    in_query,
    maybe,
    members,
    schema,
    told,
    whole,
)
from landbridge.api.schema.openapi.operations import Operation

TAG: Final = "identity"
ABOUT: Final = "As much of the Identity API as clients need that cannot do without one."
_SUBJECT: Final = "X-Subject-Token"
HEADERS: Final[Node] = {_SUBJECT: {"description": "The token.", "schema": TEXT}}
_V3: Final = "/identity/v3"
_NAMED: Final[Node] = whole(id=TEXT, name=TEXT)

_identity = partial(Operation, tag=TAG, shape=failures.IDENTITY)


def responses(story: list[Node]) -> Node:
    return failures.responses(failures.IDENTITY, examples.of_errors(story, identity=True))


def schemas() -> Node:
    return {
        "identity_error": failures.IDENTITY_ERROR,
        "identity_version": whole(
            "The version of the Identity API.",
            id=TEXT,
            status=TEXT,
            updated=MOMENT,
            links=array(whole(rel=TEXT, href={**TEXT, "format": "uri"})),
            **{"media-types": array(whole(base=TEXT, type=TEXT))},
        ),
        "identity_token": _token(),
        "identity_project": whole(
            "A project: a word in tokens.",
            **dict.fromkeys(("id", "name", "domain_id", "parent_id", "description"), TEXT),
            **dict.fromkeys(("enabled", "is_domain"), BOOLEAN),
            tags=array(TEXT),
            options={"type": "object"},
            links={"type": "object"},
        ),
        "identity_login": _login(),
    }


def paths() -> Node:
    version = _identity(
        id="show_identity_version", public=True, summary="Show the version of the Identity API",
        about="Clients look here for what is spoken.",
        answer=whole(version=schema("identity_version")),
    )  # fmt: skip
    versions = _identity(
        id="list_identity_versions", public=True, status="300",
        summary="List the versions of the Identity API", about="There is one.",
        answered="The versions to choose from.",
        answer=whole(versions=whole(values=array(schema("identity_version")))),
    )  # fmt: skip
    return {
        "/identity": {"get": versions.node()},
        _V3: {"get": version.node()},
        f"{_V3}/auth/tokens": {"get": _show().node(), "post": _issue().node()},
        **_projects(),
    }


def _issue() -> Operation:
    return _identity(
        id="authenticate", public=True, summary="Log in with a token",
        about="Makes no token: who has one is told whose it is and where the API is, and is given "
        "the same token back. `expires_at` says when to ask again.",
        status="201", answered="Whose token it is.", body=schema("identity_login"),
        answer=whole(token=schema("identity_token")), sends=(_SUBJECT,),
        errors=("401", "403", "503"),
    )  # fmt: skip


def _show() -> Operation:
    about = "The token, once more: a token is shown to the one who has it."
    return _identity(
        id="show_token", summary="Show whose a token is",
        about="What logging in with it says. Another's token is answered 404.",
        answered="Whose token it is.", answer=whole(token=schema("identity_token")),
        parameters=({**in_head(_SUBJECT, about), "required": True},), sends=(_SUBJECT,),
        errors=("403", "404"),
    )  # fmt: skip


def _projects() -> Node:
    many = _identity(
        id="list_projects", summary="List the projects of the caller",
        about="The one of the token; an administrator sees any by its name.",
        answer=whole(
            projects=array(schema("identity_project")),
            links=whole(next=maybe(TEXT), previous=maybe(TEXT)),
        ),
        parameters=(in_query("name", "The one that is called so."),), errors=("403",),
    )  # fmt: skip
    one = _identity(
        id="show_project", summary="Show a project",
        about="The caller's own; an administrator sees any.",
        answer=whole(project=schema("identity_project")), takes_path=True,
        errors=("403", "404"),
    )  # fmt: skip
    name = in_path("id", "The project.", TEXT)
    return {
        f"{_V3}/projects": {"get": many.node()},
        f"{_V3}/projects/{{id}}": {"parameters": [name], "get": one.node()},
    }


def _token() -> Node:
    endpoint = dict.fromkeys(("id", "interface", "region", "region_id"), TEXT)
    return whole(
        "Whose a token is, and where the API is.",
        methods=array(TEXT),
        user=whole(id=TEXT, name=TEXT, domain=_NAMED, password_expires_at={"type": "null"}),
        project=whole(id=TEXT, name=TEXT, domain=_NAMED),
        is_domain=BOOLEAN,
        roles=array(_NAMED),
        issued_at=MOMENT,
        expires_at=MOMENT,
        audit_ids=array(TEXT),
        catalog=array(
            whole(
                **dict.fromkeys(("id", "type", "name"), TEXT),
                endpoints=array(whole(**endpoint, url={**TEXT, "format": "uri"})),
            )
        ),
    )


def _login() -> Node:
    token = told("The only method; there are no passwords.", {**TEXT, "enum": ["token"]})
    methods = array(token, minItems=1, maxItems=1)
    identity = whole(methods=methods, token=whole(id=told("A token of landbridge's.", TEXT)))
    scope = told(
        "The project of the token, by its id or name; a token is of one project.",
        members({"project": members({"id": TEXT, "name": TEXT})}),
    )
    auth = members({"identity": identity, "scope": scope}, ("identity",))
    return whole("A token to log in with.", auth=auth)

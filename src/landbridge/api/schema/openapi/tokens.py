"""Tokens of landbridge's own in the OpenAPI document.

Rules this module keeps:
- It is in the document of a server with landbridge's own tokens only.
- What a token is stands in the answer to its creation, in no other.
"""

from __future__ import annotations

from landbridge.api.schema.openapi import attributes
from landbridge.api.schema.openapi.nodes import TEXT, Node, in_path, members, schema, told, whole
from landbridge.api.schema.openapi.operations import Operation
from landbridge.api.schema.openapi.resources import listing
from landbridge.api.schema.tokens import TOKEN, TOKENS

TAG = TOKEN.collection


def schemas() -> Node:
    shown = attributes.shown(TOKEN)
    secret = told("The token itself, this once.", TEXT)
    made = members({**shown["properties"], "secret": secret}, ("secret",), "A new token.")
    return {"token": shown, "token_create": attributes.create(TOKEN), "token_made": made}


def paths() -> Node:
    create = Operation(
        id="create_token", tag=TAG, summary="Create a token",
        about="For administrators. The answer has the token in `secret`, which is shown this once "
        "and kept nowhere.",
        status="201", answer=whole(token=schema("token_made")),
        body=whole(token=schema("token_create")), errors=("403", "409"),
    )  # fmt: skip
    revoke = Operation(
        id="revoke_token", tag=TAG, summary="Revoke a token",
        about="Requests with it are refused within a second, and its event streams end within two.",
        status="204", takes_path=True, errors=("403", "404", "409"),
    )  # fmt: skip
    return {
        TOKENS: {"get": listing(TOKEN, ("403",)).node(), "post": create.node()},
        f"{TOKENS}/{{id}}": {
            "parameters": [in_path("id", "The id of the token.")],
            "delete": revoke.node(),
        },
    }

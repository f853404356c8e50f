"""The OpenAPI 3.1 document, composed.

Rules this module keeps:
- It is made once, when the application is; it is served as it is.
- Of the configuration it depends on the strategy of authentication alone: with Keystone nothing is
  below ``/identity``, since Keystone is the identity service.
- ``/agent/v1`` and ``/console`` are not in it: the one is spoken between landbridge's own halves,
  the other is pages for people.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.openapi import (
    actions,
    discovery,
    examples,
    failures,
    identity,
    inspection,
    overview,
    resources,
    together,
)
from landbridge.api.schema.openapi.nodes import Node, in_head

_ABOUT: Final = (
    "Site-to-site IPsec by the OpenStack Networking VPN API. Networks, subnets, ports and routers "
    "are those of the Networking API; connections run on real strongSwan gateways.\n\n"
    "Every error has the schema `error`, whatever its status{besides}. Every answer has a request "
    "id, which is in the server's log as well."
)
_TOKENS: Final = {
    "token": "A token of `landbridge token create`; the first one is in `<state-dir>/admin-token`.",
    "keystone": "A token of Keystone's.",
}
_IF_MATCH: Final = in_head(
    "If-Match",
    "`revision_number=N`: only if the object still has this revision; otherwise 412.",
    {"type": "string", "pattern": '^"?revision_number=[0-9]+"?$'},
)
_BESIDES: Final = "; below `/identity` it is `identity_error`"
_TAGS: Final = (
    (actions.TAG, "How many objects of each kind a project may have."),
    (inspection.EVENTS, "What happens to the VPN resources, as it happens."),
    (overview.TAG, "How everything is."),
    (discovery.DISCOVERY, "What there is."),
    (discovery.HEALTH, "Whether it runs and how."),
)


def document(strategy: str = "token") -> Node:
    """`strategy`: as in ``[auth]``."""
    story = examples.load()
    local = strategy == "token"
    paths = {
        **resources.paths(),
        **actions.paths(),
        **inspection.paths(),
        **overview.paths(),
        **together.paths(),
        **(identity.paths() if local else {}),
        **discovery.paths(),
    }
    examples.attach(paths, story)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "landbridge",
            "version": version("landbridge"),
            "summary": "Site-to-site IPsec as a service",
            "description": _ABOUT.format(besides=_BESIDES if local else ""),
            "contact": {"name": "The operator of this server"},
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The server that this document is from."}],
        "security": _security(strategy),
        "tags": [
            *({"name": each.collection, "description": each.about} for each in RESOURCES),
            *({"name": name, "description": about} for name, about in _TAGS),
            *([{"name": identity.TAG, "description": identity.ABOUT}] if local else []),
        ],
        "paths": paths,
        "components": _components(strategy, story),
    }


def _components(strategy: str, story: list[Node]) -> Node:
    local = strategy == "token"
    return {
        "securitySchemes": _schemes(strategy),
        "parameters": {"IfMatch": _IF_MATCH},
        "headers": failures.HEADERS | (identity.HEADERS if local else {}),
        "responses": {
            **failures.responses(failures.NEUTRON, examples.of_errors(story, identity=False)),
            **(identity.responses(story) if local else {}),
        },
        "schemas": {
            "error": failures.ERROR,
            **resources.schemas(),
            **actions.schemas(),
            **inspection.schemas(),
            **overview.schemas(),
            **together.schemas(),
            **(identity.schemas() if local else {}),
            **discovery.schemas(),
        },
    }


def _security(strategy: str) -> list[Node]:
    own: list[Node] = [{"token": []}]
    return [*own, {"token": [], "service_token": []}] if strategy == "keystone" else own


def _schemes(strategy: str) -> Node:
    of_service = {
        "service_token": _in_head("X-Service-Token", "Of a service that speaks for its user.")
    }
    token = {"token": _in_head("X-Auth-Token", _TOKENS[strategy])}
    return token | (of_service if strategy == "keystone" else {})


def _in_head(name: str, about: str) -> Node:
    return {"type": "apiKey", "in": "header", "name": name, "description": about}

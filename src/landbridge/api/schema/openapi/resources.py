"""Create, read, update and delete of every resource in the OpenAPI document, its tags and plans.

Rules this module keeps:
- Everything is made from `catalogue.RESOURCES`.
- Which statuses an operation can give follows from what it does: one that refers to other objects
  can miss them (404), one that writes can collide (409).
"""

from __future__ import annotations

from functools import partial
from typing import Final

from landbridge.api.schema.address_types import FixedIps, Gateway
from landbridge.api.schema.catalogue import PLANNED, RESOURCES
from landbridge.api.schema.field_types import TEXT_LENGTH, Flavor
from landbridge.api.schema.openapi import attributes
from landbridge.api.schema.openapi.nodes import (
    BOOLEAN,
    TEXT,
    Node,
    a,
    array,
    in_path,
    in_query,
    members,
    parameter,
    schema,
    sentence,
    told,
    whole,
)
from landbridge.api.schema.openapi.operations import Operation
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.tag_types import Tags
from landbridge.api.schema.vpn import VPN

IF_MATCH: Final = parameter("IfMatch")
_WRITES: Final = ("403", "404", "409", "412")
_TAGS: Final[Node] = whole(tags=Tags().schema())

_SEARCH: Final = (
    "Only those that have this text, in whatever case, in their id, name, description, "
    "peer_address, peer_id, cidr or mac_address."
)


def schemas() -> Node:
    made: Node = {}
    for resource in RESOURCES:
        made[resource.name] = attributes.shown(resource)
        made[f"{resource.name}_create"] = attributes.create(resource)
        made[f"{resource.name}_update"] = attributes.update(resource)
    made["link"] = whole(
        "The page before or behind this one.",
        rel={**TEXT, "enum": ["next", "previous"]},
        href={**TEXT, "format": "uri"},
    )
    return made


def paths() -> Node:
    made: Node = {}
    for resource in RESOURCES:
        path = resource.path
        made[path] = {"get": _list(resource).node(), "post": _create(resource).node()}
        made[f"{path}/{{id}}"] = _item(resource)
        made[f"{path}/{{id}}/tags"] = _tags(resource)
        made[f"{path}/{{id}}/tags/{{tag}}"] = _tag(resource)
    return made | {f"{each.path}/{{id}}/plan": _plan(each) for each in PLANNED}


def identity(resource: Resource) -> Node:
    return in_path("id", f"The id of the {resource.words}.")


def plural(resource: Resource) -> str:
    words = resource.words
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _list(resource: Resource) -> Operation:
    return listing(resource, () if resource in VPN else ("404",))


def listing(resource: Resource, errors: tuple[str, ...]) -> Operation:
    content = members(
        {
            resource.collection: array(schema(resource.name)),
            f"{resource.collection}_links": told(
                "The pages beside this one, where there is a `limit`.", array(schema("link"))
            ),
        },
        (resource.collection,),
    )
    return Operation(
        id=f"list_{resource.collection}",
        tag=resource.collection,
        summary=f"List {plural(resource)}",
        about="Those that the caller may see. Filters narrow them down together; one that is given "
        "several times lets any of its values through. Without `limit` all come at once; with it "
        f"`{resource.collection}_links` leads to the pages beside.",
        answer=content,
        answered=f"The {plural(resource)}.",
        parameters=tuple(_list_parameters(resource)),
        errors=errors,
    )


def _create(resource: Resource) -> Operation:
    misses = any(
        each.post and (each.refers or isinstance(each.type, Gateway | FixedIps | Flavor))
        for each in resource.attributes
    )
    return Operation(
        id=f"create_{resource.name}",
        tag=resource.collection,
        summary=f"Create {a(resource.words)}",
        about=sentence(resource.about, "An attribute that is not known is refused."),
        status="201",
        answer=_wrapped(resource),
        body=_body(resource, "create"),
        errors=("403", "409", *(("404",) if misses else ())),
    )


def _item(resource: Resource) -> Node:
    name, words = resource.name, resource.words
    show = Operation(
        id=f"show_{name}",
        tag=resource.collection,
        summary=f"Show {a(words)}",
        about=f"All attributes of the {words} that the caller may see, or those in `fields`.",
        answer=_wrapped(resource),
        answered=f"The {words}.",
        parameters=(_fields(resource),),
        takes_path=True,
        errors=("404",),
    )
    update = Operation(
        id=f"update_{name}",
        tag=resource.collection,
        summary=f"Update {a(words)}",
        about=sentence(
            "Changes the attributes that the body names; the others stay.",
            f"What it would cost a tunnel is told by `plan_{name}`." if resource in PLANNED else "",
        ),
        answer=_wrapped(resource),
        body=_body(resource, "update"),
        parameters=(IF_MATCH,),
        takes_path=True,
        errors=_WRITES,
    )
    delete = Operation(
        id=f"delete_{name}",
        tag=resource.collection,
        summary=f"Delete {a(words)}",
        about=f"What uses the {words} keeps it: 409 or 400, which name the user. Takes no body.",
        status="204",
        parameters=(IF_MATCH,),
        takes_path=True,
        errors=_WRITES,
    )
    return {
        "parameters": [identity(resource)],
        "get": show.node(),
        "put": update.node(),
        "delete": delete.node(),
    }


def _plan(resource: Resource) -> Node:
    answer = whole(
        **{resource.name: schema(resource.name)},
        connections=array(schema("connection_plan")),
    )
    operation = Operation(
        id=f"plan_{resource.name}",
        tag=resource.collection,
        summary=f"Plan an update of {a(resource.words)}",
        about="Answers what the update with this body would answer, and for each connection "
        "concerned the steps and what they cost its traffic. Changes nothing.",
        answer=whole(plan=answer),
        answered="The plan.",
        body=_body(resource, "update"),
        parameters=(IF_MATCH,),
        takes_path=True,
        errors=_WRITES,
    )
    return {"parameters": [identity(resource)], "post": operation.node()}


def _tags(resource: Resource) -> Node:
    name, words = resource.name, resource.words
    of = f"the tags of {a(words)}"
    operation = partial(Operation, tag=resource.collection, takes_path=True)
    show = operation(
        id=f"list_{name}_tags", summary=f"List {of}", about="Its tags, in alphabetical order.",
        answer=_TAGS, answered="The tags.", errors=("404",),
    )  # fmt: skip
    replace = operation(
        id=f"replace_{name}_tags", summary=f"Replace {of}",
        about="Sets these tags and no others.", answer=_TAGS, body=_TAGS,
        parameters=(IF_MATCH,), errors=_WRITES,
    )  # fmt: skip
    add = operation(
        id=f"add_{name}_tags", summary=f"Add to {of}", about="Adds these tags to those there are.",
        answer=_TAGS, body=_TAGS, parameters=(IF_MATCH,), errors=_WRITES,
    )  # fmt: skip
    remove = operation(
        id=f"delete_{name}_tags", summary=f"Delete {of}", about="Takes all of its tags away.",
        status="204", parameters=(IF_MATCH,), errors=_WRITES,
    )  # fmt: skip
    return {
        "parameters": [identity(resource)],
        "get": show.node(),
        "put": replace.node(),
        "post": add.node(),
        "delete": remove.node(),
    }


def _tag(resource: Resource) -> Node:
    name, words = resource.name, resource.words
    operation = partial(Operation, tag=resource.collection, takes_path=True, status="204")
    has = operation(
        id=f"check_{name}_tag", summary=f"Whether {a(words)} has a tag",
        about="204 if it has the tag, 404 if not.", errors=("404",),
        answered="It has it.",
    )  # fmt: skip
    add = operation(
        id=f"add_{name}_tag", summary=f"Add a tag to {a(words)}",
        about="Adds one tag; one that is there already is no error.",
        parameters=(IF_MATCH,), errors=_WRITES,
        answer={"type": "null"}, answered="It has it now.",
        status="201",
    )  # fmt: skip
    remove = operation(
        id=f"delete_{name}_tag", summary=f"Delete a tag of {a(words)}",
        about="Takes one tag away; 404 if it is not there.",
        parameters=(IF_MATCH,), errors=_WRITES,
    )  # fmt: skip
    word = {**Tags().item(), "minLength": 1}
    return {
        "parameters": [identity(resource), in_path("tag", "The tag.", word)],
        "get": has.node(),
        "put": add.node(),
        "delete": remove.node(),
    }


def _list_parameters(resource: Resource) -> list[Node]:
    sortable = array({**TEXT, "enum": [each.name for each in resource.attributes if each.sort]})
    direction = array({**TEXT, "enum": ["asc", "desc"]})
    filters = [
        in_query(each.name, f"Filter. {each.about}", array(attributes.filter_of(each)))
        for each in resource.attributes
        if each.filter
    ]
    return [
        _fields(resource),
        in_query("sort_key", "What to sort by; one `sort_dir` for each.", sortable),
        in_query("sort_dir", "Which way, in the order of the keys.", direction),
        in_query("limit", "How many at most; 0: all.", {"type": "integer", "minimum": 0}),
        in_query("marker", "With `limit`: the id of the last object of the page before."),
        in_query("page_reverse", "With `limit`: the page before the marker.", BOOLEAN),
        in_query("search", _SEARCH, {**TEXT, "maxLength": TEXT_LENGTH}),
        *filters,
    ]


def _fields(resource: Resource) -> Node:
    names = [each.name for each in resource.attributes if each.visible]
    return in_query("fields", "The attributes to show; all by default.",
                    array({**TEXT, "enum": names}))  # fmt: skip


def _wrapped(resource: Resource) -> Node:
    return whole(**{resource.name: schema(resource.name)})


def _body(resource: Resource, verb: str) -> Node:
    return whole(**{resource.name: schema(f"{resource.name}_{verb}")})

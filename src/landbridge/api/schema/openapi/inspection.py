"""What is told of connections beside their attributes, in the OpenAPI document: plans, history,
diagnostics, events.

Rules this module keeps:
- Schemas of what has a struct are made from the struct; only what answers put together themselves
  is described by hand.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from landbridge.api.schema.openapi.attributes import answered
from landbridge.api.schema.openapi.nodes import (
    BOOLEAN,
    ID,
    INTEGER,
    MOMENT,
    TEXT,
    Node,
    array,
    content,
    in_head,
    in_query,
    maybe,
    members,
    schema,
    told,
    whole,
)
from landbridge.api.schema.openapi.operations import Operation
from landbridge.api.schema.openapi.resources import identity
from landbridge.api.schema.vpn import IPSEC_SITE_CONNECTION, VPN
from landbridge.impact.conflicts import Collision
from landbridge.impact.impact import Effect
from landbridge.impact.steps import Disruption, Step
from landbridge.model.diagnosis import Diagnosis, TrafficSeries
from landbridge.model.initiation import Initiation
from landbridge.store.events import KEPT, KEPT_HISTORY, KEPT_ROUTINE, MOST_PAGE, USUAL_PAGE
from landbridge.vpn.event_kinds import EventKind
from landbridge.vpn.status.findings import Finding

EVENTS: Final = "events"
EVENT_STREAM: Final = "text/event-stream"
_NAMES: Final = {
    "Diagnosis": "tunnel_diagnosis",
    "IkeDiagnosis": "ike_sa_diagnosis",
    "ChildDiagnosis": "child_sa_diagnosis",
    "TunnelState": "tunnel_state",
    "Reason": "tunnel_reason",
    "ReasonCode": "reason_code",
    "SelectorMode": "selector_mode",
    "Exchange": "ike_exchange",
    "TrafficSeries": "traffic_series",
    "Initiation": "initiation",
    "InitiationState": "initiation_state",
    "Finding": "finding",
    "Effect": "update_effect",
    "Disruption": "disruption",
    "Step": "update_step",
    "Collision": "collision",
}
_KIND: Final[Node] = {**TEXT, "enum": [each.value for each in EventKind]}

_EVENT: Final[Node] = {
    "at": MOMENT,
    "kind": _KIND,
    "resource": {**TEXT, "enum": [each.name for each in VPN]},
    "id": told("Of the object.", ID),
    "project_id": TEXT,
}


def schemas() -> Node:
    structs = _of_structs(
        Diagnosis, Finding, Effect, Step, Disruption, Collision, TrafficSeries, Initiation
    )
    for apart in ("traffic", "initiation"):  # they have addresses of their own
        _leave_out(structs["tunnel_diagnosis"], apart)
    _put_in(structs["initiation"], connection_id=ID)
    _put_in(structs["traffic_series"], connection_id=ID, answered=BOOLEAN)
    return {
        **structs,
        "connection_plan": whole(
            "What an update costs one connection.",
            id=ID,
            name=TEXT,
            disruption=schema("disruption"),
            steps=told("In this order.", array(schema("update_step"))),
            attributes=told("What changes, and its share.", array(schema("update_effect"))),
            collisions=told(
                "Connections of the same router that it cannot run beside.",
                array(schema("collision")),
            ),
        ),
        "history_entry": members(
            {"id": told("Grows with time.", INTEGER), "at": MOMENT, "kind": _KIND, **_CONTENT},
            ("id", "at", "kind"),
            "An event of one connection, with what was true then.",
        ),
        "event": members(
            _EVENT | _CONTENT, tuple(_EVENT), "An event of one object, with what was true then."
        ),
        "numbered_event": members(
            {"number": told("Grows with time.", INTEGER), **_EVENT, **_CONTENT},
            ("number", *_EVENT),
            "The same, with its number among all events.",
        ),
        "diagnostics": _diagnostics(),
    }


def paths() -> Node:
    path = f"{IPSEC_SITE_CONNECTION.path}/{{id}}"
    at = {"parameters": [identity(IPSEC_SITE_CONNECTION)]}
    return {
        f"{path}/history": at | {"get": _history().node()},
        f"{path}/diagnostics": at | {"get": _diagnose().node()},
        f"{path}/traffic": at | {"get": _traffic().node()},
        f"{path}/initiate": at | {"post": _initiate().node()},
        "/landbridge/v1/events": {"get": _stream()},
        "/landbridge/v1/events/log": {"get": _log().node()},
    }


def _history() -> Operation:
    most = {**INTEGER, "minimum": 1, "default": KEPT_HISTORY}
    about = f"How many at most; {KEPT_HISTORY + KEPT_ROUTINE} are kept."
    return Operation(
        id="show_ipsec_site_connection_history",
        tag=IPSEC_SITE_CONNECTION.collection,
        summary="Show the history of an IPsec site connection",
        about="Its last events, newest first.",
        answer=whole(history=array(schema("history_entry"))),
        answered="The events.",
        parameters=(in_query("limit", about, most),),
        takes_path=True,
        errors=("404",),
    )


def _diagnose() -> Operation:
    return Operation(
        id="diagnose_ipsec_site_connection",
        tag=IPSEC_SITE_CONNECTION.collection,
        summary="Diagnose an IPsec site connection",
        about="Asks the gateway to look closely, and says what is probably wrong and what to "
        "change on which side. A gateway that does not answer within three seconds is no error: "
        "`gateway.answered` is false then, and `tunnel` null.",
        answer=whole(diagnostics=schema("diagnostics")),
        answered="What was found.",
        takes_path=True,
        errors=("404", "409"),
    )


def _traffic() -> Operation:
    return Operation(
        id="show_ipsec_site_connection_traffic",
        tag=IPSEC_SITE_CONNECTION.collection,
        summary="Show what an IPsec site connection has carried",
        about="Asks the gateway for its samples of the last hour. One that does not answer is no "
        "error: `answered` is false then, and the lists are empty.",
        answer=whole(traffic=schema("traffic_series")),
        answered="The samples.",
        takes_path=True,
        errors=("404", "409"),
    )


def _initiate() -> Operation:
    return Operation(
        id="initiate_ipsec_site_connection",
        tag=IPSEC_SITE_CONNECTION.collection,
        summary="Initiate an IPsec site connection",
        about="Has its gateway initiate now what is missing of it, whatever pause it has come to "
        "after attempts that failed. What is established is not touched: where nothing is missing "
        "there is nothing to do. 409 where it cannot be initiated: it is switched off, it only "
        "responds, or no gateway answers. What comes of it is the connection's status.",
        status="202",
        answer=whole(initiation=schema("initiation")),
        answered="What its gateway does.",
        takes_path=True,
        errors=("403", "404", "409"),
    )


def _stream() -> Node:
    number = {**TEXT, "pattern": "^[0-9]{1,18}$"}
    operation = Operation(
        id="stream_events",
        tag=EVENTS,
        summary="Stream events as they happen",
        about="Server-Sent Events of the VPN resources that the caller may see. `id` is the "
        "event's number, `event` its kind, `data` the schema `event` as JSON. The event `reset` "
        "says that what was missed is not kept any more: read everything again. The stream ends "
        "when the token does.",
        answered="The stream; it does not end by itself.",
        parameters=(
            in_head("Last-Event-ID", "The number that an earlier stream came to.", number),
            in_query("last_event_id", "The same, for those who cannot send a header.", number),
        ),
        errors=("429",),
    )
    text = {
        **TEXT,
        "description": "Lines of `id`, `event` and `data`.",
        "contentMediaType": "application/json",
        "contentSchema": schema("event"),
    }
    node = operation.node()
    node["responses"]["200"]["content"] = content(text, EVENT_STREAM)
    return node


def _log() -> Operation:
    number = {**INTEGER, "minimum": 1}
    kinds, names = array(_KIND), array(_EVENT["resource"])
    return Operation(
        id="list_events",
        tag=EVENTS,
        summary="List the events that are kept",
        about="Newest first, what the stream has told, or would have; the newest "
        f"{KEPT:,} of all projects are kept. Filters narrow them down together.",
        answer=whole(
            events=array(schema("numbered_event")),
            before=told("Where the next page begins; null: there are no older ones.",
                        maybe(INTEGER)),
        ),
        answered="The events.",
        parameters=(
            in_query("kind", "What happened.", kinds),
            in_query("resource", "To which kind of object.", names),
            in_query("id", "To which object.", array(ID)),
            in_query("name", "To objects whose name has this text, in whatever case."),
            in_query("before", "Only those before this number.", number),
            in_query("limit", "How many at most.",
                     {**number, "maximum": MOST_PAGE, "default": USUAL_PAGE}),
        ),
    )  # fmt: skip


_CONTENT: Final[Node] = {
    "name": TEXT,
    "status": TEXT,
    "status_reason": maybe(TEXT),
    "status_message": maybe(TEXT),
    "status_changed_at": maybe(MOMENT),
    "selector_mode": maybe(TEXT),
    "revision_number": INTEGER,
    "revision": told("The newest that is wanted.", INTEGER),
    "applied_revision": told("The newest that is in effect.", INTEGER),
    "changed": told("The attributes that an update changed.", array(TEXT)),
    "message": told("What the gateway says of it.", TEXT),
    "request_id": told("The request that did it.", maybe(TEXT)),
}


def _diagnostics() -> Node:
    connection = IPSEC_SITE_CONNECTION.name
    identity_of = whole(
        id=told("As charon writes it; empty: the gateway's address.", TEXT),
        type=told("What it is taken for.", TEXT),
    )
    return whole(
        "What is known of a connection, here and on its gateway.",
        connection=told("Some of its attributes.", {"allOf": [schema(connection)]}),
        identities=whole(local=identity_of, peer=identity_of),
        desired=whole(revision=INTEGER),
        applied=whole(revision=INTEGER, in_effect=BOOLEAN),
        gateway=whole(
            "The gateway of its router; `id` null: there is none.",
            id=maybe(TEXT),
            hostname=TEXT,
            version=TEXT,
            backend=TEXT,
            router_id=ID,
            router_ready=maybe(BOOLEAN),
            reports=told("Its lease has not run out.", BOOLEAN),
            answered=BOOLEAN,
            answered_in=told("Seconds; null: it did not.", maybe({"type": "number"})),
        ),
        findings=told("Most probable first.", array(schema("finding"))),
        tunnel={"anyOf": [schema("tunnel_diagnosis"), {"type": "null"}]},
        history=told("The last events, newest first.", array(schema("history_entry"))),
    )


def _of_structs(*structs: Any) -> Node:
    """Schemas of what the structs are in answers: all fields are there."""
    _, made = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    return {_NAMES[name]: _of_struct(node) for name, node in made.items()}


def _leave_out(node: Node, name: str) -> None:
    del node["properties"][name]
    node["required"].remove(name)


def _put_in(node: Node, **properties: Node) -> None:
    node["properties"] |= properties
    node["required"] += properties


def _of_struct(node: Node) -> Node:
    found: Node = _renamed(answered(node))
    found.pop("title", None)
    found["description"] = " ".join(found["description"].split())
    if "properties" in found:
        found["required"] = list(found["properties"])
    return found


def _renamed(node: Any) -> Any:
    """With our names of schemas, and the type of enumerations."""
    if isinstance(node, list):
        return [_renamed(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return schema(_NAMES[node["$ref"].rpartition("/")[2]])
    made = {name: _renamed(value) for name, value in node.items()}
    return {"type": "string", **made} if "enum" in made else made

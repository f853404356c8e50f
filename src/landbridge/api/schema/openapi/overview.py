"""How everything is, counted, in the OpenAPI document: the summary, the gateways.

Rules this module keeps:
- What is counted is described as it is answered; the numbers are those of the caller's scope.
"""

from __future__ import annotations

from typing import Final

from landbridge.api.schema.openapi.nodes import (
    BOOLEAN,
    INTEGER,
    TEXT,
    Node,
    array,
    maybe,
    schema,
    told,
    whole,
)
from landbridge.api.schema.openapi.operations import Operation

TAG: Final = "overview"


def schemas() -> Node:
    return {
        "summary": whole(
            "The connections that the caller may see, counted, and what happened to them.",
            connections=told("By what they are.", array(schema("connection_share"))),
            changed_in_last_hour=told("How many events there were.", INTEGER),
            events=told("The newest of them, newest first.", array(schema("numbered_event"))),
        ),
        "connection_share": whole(
            "How many connections are so.",
            status=TEXT,
            reason=told("As `status_reason`.", maybe(TEXT)),
            up=told("Their tunnels carry traffic.", BOOLEAN),
            number=INTEGER,
        ),
        "gateway": whole(
            "A host that runs tunnels.",
            id=TEXT,
            hostname=TEXT,
            version=told("Of landbridge.", TEXT),
            reports=told("Its lease has not run out.", BOOLEAN),
            lease_seconds=told("Until its lease runs out; 0: it has.", {"type": "number"}),
            epoch=told("How often it began anew.", INTEGER),
            holds=told("Why it follows this server no more; empty: it does.", TEXT),
            routers=told("How many it runs.", INTEGER),
            connections=told("How many it runs.", INTEGER),
        ),
    }


def paths() -> Node:
    summary = Operation(
        id="show_summary", tag=TAG, summary="Show how the connections are",
        about="Counts the connections of the caller's project, or all for an administrator. It is "
        "counted once a second, whoever asks.",
        answer=whole(summary=schema("summary")), errors=("403",),
    )  # fmt: skip
    gateways = Operation(
        id="list_gateways", tag=TAG, summary="List the gateways",
        about="For administrators: which there are, whether they report, and what they run.",
        answer=whole(gateways=array(schema("gateway"))), errors=("403",),
    )  # fmt: skip
    return {
        "/landbridge/v1/summary": {"get": summary.node()},
        "/landbridge/v1/gateways": {"get": gateways.node()},
    }

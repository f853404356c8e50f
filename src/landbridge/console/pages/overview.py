"""The overview: how many tunnels are up, down and waiting, why, and what has changed.

Rules this module keeps:
- Everything is of ``/landbridge/v1/summary``, which is counted once a second for all who look; what
  pages ask for again and again is drawn once for all who are told the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from starlette.responses import HTMLResponse, Response

from landbridge import errors
from landbridge.api.actions.overview import GATEWAYS, SUMMARY
from landbridge.console import words
from landbridge.console.endpoint import Visit
from landbridge.console.lists import Query, address
from landbridge.console.sections import BY_NAME, CONNECTIONS

HERE: Final = "overview"
_PENDING: Final = frozenset({"BUILD", "PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE"})
_OFF: Final = frozenset({"admin-down", "service-down", "router-down"})


class Tile(msgspec.Struct, frozen=True):
    """One number. `kind`: its colour."""

    title: str
    number: int
    kind: words.Kind
    about: str


class Why(msgspec.Struct, frozen=True):
    """The connections of one state and reason."""

    state: words.State
    word: str
    meaning: str
    number: int
    href: str


class Happened(msgspec.Struct, frozen=True):
    """An event. `href` empty: its object is gone."""

    at: str
    name: str
    href: str
    what: str
    did: str
    detail: str
    kind: words.Kind


async def show(visit: Visit) -> Response:
    try:
        summary = (await visit.ask.get(SUMMARY))["summary"]
    except errors.PolicyNotAuthorized:
        return await visit.page("overview_closed.html", here=HERE)
    shares = summary["connections"]
    gateways: list[dict[str, Any]] = []
    if visit.may("get_gateway"):
        gateways = (await visit.ask.get(GATEWAYS))["gateways"]
    may = {
        "operator": visit.may("get_gateway"),
        "may_create": visit.may("create_ipsec_site_connection"),
    }
    values: dict[str, Any] = {
        "tiles": tiles(shares),
        "total": sum(share["number"] for share in shares),
        "why": whys(shares),
        "changed": summary["changed_in_last_hour"],
        "events": [happened(event) for event in summary["events"]],
        "gateways": gateways,
        **may,
    }
    if not visit.partial:
        return await visit.page("overview.html", here=HERE, **values)
    told = [summary, gateways, may]
    once = visit.console.once
    return HTMLResponse(await once.page("overview_fragment.html", told, **values))


def tiles(shares: Iterable[dict[str, Any]]) -> list[Tile]:
    numbers = dict.fromkeys(("up", "down", "waiting", "off"), 0)
    for share in shares:
        numbers[_place(share)] += share["number"]
    return [
        Tile("Up", numbers["up"], words.Kind.GOOD, "carry traffic"),
        Tile("Down", numbers["down"], words.Kind.BAD, "carry nothing, and should"),
        Tile("Waiting", numbers["waiting"], words.Kind.BUSY, "are being set up"),
        Tile("Off", numbers["off"], words.Kind.OFF, "are switched off"),
    ]


def _place(share: dict[str, Any]) -> str:
    if share["reason"] in _OFF:
        return "off"
    if share["up"]:
        return "up"
    return "waiting" if share["status"] in _PENDING else "down"


def whys(shares: Iterable[dict[str, Any]]) -> list[Why]:
    """What is not simply up, the most frequent first."""
    numbers: Counter[tuple[words.State, str, str]] = Counter()
    for share in shares:
        status, reason = share["status"], share["reason"] or ""
        if status != "ACTIVE" or reason:
            state = words.state({"status": status, "status_reason": reason})
            numbers[state, reason, "" if reason else status] += share["number"]
    return [_why(*key, number) for key, number in numbers.most_common()]


def _why(state: words.State, reason: str, status: str, number: int) -> Why:
    filters = (("status_reason", reason),) if reason else (("status", status),)
    word = words.reason_word(reason)
    return Why(
        state,
        "" if word == state.word else word,
        words.reason(reason),
        number,
        address(CONNECTIONS, Query(filters=filters)),
    )


def happened(event: dict[str, Any]) -> Happened:
    """An event of the API's, as a line."""
    section = BY_NAME.get(event["resource"])
    name = event.get("name") or f"{event['resource'].replace('_', ' ')} {event['id'][:8]}"
    gone = event["kind"] == "deleted" or section is None
    return Happened(
        at=event["at"],
        name=name,
        href="" if gone or section is None else section.of(event["id"]),
        what=section.one if section else event["resource"],
        did=words.event(event["kind"]),
        detail=words.event_detail(event),
        kind=words.event_kind(event["kind"]),
    )

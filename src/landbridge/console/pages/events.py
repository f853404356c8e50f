"""The events: what happened to whom, newest first, narrowed down, live.

Rules this module keeps:
- Everything is of ``/landbridge/v1/events/log``: what is kept, by the viewer's policies. An event
  on the stream is a hint to ask for the newest page again, so nothing is missed while the stream
  is away; earlier pages stand still.
- A page has `SIZE` rows at most, whatever happens.
- A name is what its object was called then; it leads to the object as long as there is one.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from landbridge.api.events.log import KINDS
from landbridge.api.events.log import PATH as LOG
from landbridge.api.schema.vpn import VPN
from landbridge.console import words
from landbridge.console.ask import View
from landbridge.console.endpoint import Visit
from landbridge.console.numbers import whole
from landbridge.console.render import EVENTS
from landbridge.console.sections import BY_NAME

SIZE: Final = 100
HERE: Final = "events"
_RESOURCES: Final = tuple(each.name for each in VPN)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the page's address asks for; empty: all. `before`: a number of an event."""

    name: str = ""
    resource: str = ""
    kind: str = ""
    id: str = ""
    before: str = ""

    @property
    def narrowed(self) -> bool:
        return bool(self.name or self.resource or self.kind or self.id)

    def changed(self, **values: str) -> str:
        """The address of the same with these values."""
        asked = msgspec.structs.asdict(self) | values
        asked["q"] = asked.pop("name")
        given = {name: value for name, value in asked.items() if value}
        return EVENTS + (f"?{urlencode(given)}" if given else "")

    @property
    def address(self) -> str:
        return self.changed()

    def of_api(self) -> list[tuple[str, str]]:
        asked = msgspec.structs.asdict(self)
        return [("limit", str(SIZE)), *((name, value) for name, value in asked.items() if value)]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """`href` empty: its object is gone. `only`: the events of this object alone."""

    number: int
    at: str
    what: str
    name: str
    href: str
    only: str
    did: str
    kind: words.Kind
    detail: str
    project: str


def parse(visit: Visit) -> Question:
    """What is no question is left out."""
    resource, kind, before = visit.query("resource"), visit.query("kind"), visit.query("before")
    return Question(
        name=visit.query("q").strip()[:255],
        resource=resource if resource in _RESOURCES else "",
        kind=kind if kind in KINDS else "",
        id=visit.query("id")[:64],
        before=before if whole(before, digits=17) else "",
    )


async def show(visit: Visit) -> Response:
    asked = parse(visit)
    told = await visit.ask.get(LOG, asked.of_api())
    there = await _there(visit, told["events"])
    rows = [_row(event, there) for event in told["events"]]
    template = "events_fragment.html" if visit.partial else "events.html"
    return await visit.page(
        template,
        here=HERE,
        asked=asked,
        rows=rows,
        of=next((row.name for row in rows if asked.id), asked.id[:8]),
        older=asked.changed(before=str(told["before"])) if told["before"] else "",
        newest=asked.changed(before=""),
        without_id=asked.changed(id="", before=""),
        resources=_resources(visit),
        kinds=[(each, _sentence(words.event(each))) for each in KINDS],
        everyone=visit.viewer.is_admin,
    )


def _resources(visit: Visit) -> list[tuple[str, str]]:
    """The kinds of objects that the viewer may see."""
    return [(name, _sentence(BY_NAME[name].one)) for name in _RESOURCES if visit.may(f"get_{name}")]


async def _there(visit: Visit, events: list[View]) -> frozenset[str]:
    """The ids of those objects that are there still."""
    wanted: dict[str, dict[str, None]] = {}
    for event in events:
        wanted.setdefault(event["resource"], {})[event["id"]] = None
    found: set[str] = set()
    for name, ids in wanted.items():
        found |= (await visit.ask.by_id(BY_NAME[name].resource, list(ids), ("id",))).keys()
    return frozenset(found)


def _row(event: dict[str, Any], there: frozenset[str]) -> Row:
    section, key = BY_NAME[event["resource"]], event["id"]
    kind, did = words.event_kind(event["kind"]), words.event(event["kind"])
    if event["kind"] in ("status", "reason") and event.get("status"):
        state = words.state(event)
        kind, did = state.kind, f"{did}: {state.word}"
    return Row(
        number=event["number"],
        at=event["at"],
        what=_sentence(section.one),
        name=event.get("name") or f"{section.one} {key[:8]}",
        href=section.of(key) if key in there else "",
        only=f"{EVENTS}?{urlencode({'id': key})}",
        did=_sentence(did),
        kind=kind,
        detail=words.event_detail(event),
        project=event["project_id"],
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]

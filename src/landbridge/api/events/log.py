"""``GET /landbridge/v1/events/log``: the events that are kept, newest first.

Rules this module keeps:
- A caller gets what the stream would have told it: the events of its project (an administrator:
  all), each by its own policy.
- A page is bounded, and so is what is read for it: the newest events are kept, no others
  (`landbridge.store.events`).
- What a question can name is a table; anything else in it is refused, with what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.http.query import MOST_VALUES
from landbridge.api.requests.handlers import ApiContext
from landbridge.api.requests.service import scope_of
from landbridge.api.schema.field_types import TEXT_LENGTH
from landbridge.api.schema.vpn import VPN
from landbridge.auth.caller import Caller
from landbridge.store import events
from landbridge.store.events import Event, Wanted
from landbridge.vpn.event_kinds import EventKind

PATH: Final = "/landbridge/v1/events/log"
BATCH: Final = 500
_DIGITS: Final = 18

KINDS: Final = tuple(each.value for each in EventKind)
RESOURCES: Final = tuple(each.name for each in VPN)
#: What there is of each; empty: any text.
_ASKED: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": KINDS, "resource": RESOURCES, "id": (), "name": (), "before": (), "limit": (),
}  # fmt: skip

Sees = Callable[[Event], bool]


class Question(NamedTuple):
    """`before`: a number; None: from the newest on."""

    wanted: Wanted
    before: int | None
    limit: int


class EventLogHandlers:
    def __init__(self, context: ApiContext) -> None:
        self._db = context.db
        self._queue = context.queue
        self._policy = context.auth.policy

    async def index(self, request: Request, caller: Caller) -> Response:
        asked = question(request.query_params.multi_items())

        def sees(event: Event) -> bool:
            owner = {"project_id": event.project_id}
            return self._policy.check(caller, f"get_{event.resource}", owner)

        async with self._queue.turn(caller.project_id):
            found, before = await self._db.read(page, scope_of(caller), asked, sees)
        shown = [{"number": each.number} | events.shown(each) for each in found]
        return json_body.Json({"events": shown, "before": before})


def question(parameters: list[tuple[str, str]]) -> Question:
    """Raises: BadRequest, BadPart."""
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if name not in _ASKED:
            raise errors.BadRequest(
                f"{name}: events are not asked for by it, but by {', '.join(_ASKED)}."
            )
        if _ASKED[name] and value not in _ASKED[name]:
            raise errors.BadRequest(
                f"{name}: there is no '{value[:TEXT_LENGTH]}'; there are {', '.join(_ASKED[name])}."
            )
        given.setdefault(name, []).append(value)
    if too_many := [name for name, values in given.items() if len(values) > MOST_VALUES]:
        raise errors.BadRequest(f"{too_many[0]}: a filter takes at most {MOST_VALUES} values.")
    name = given.get("name", [""])[-1].strip()
    if len(name) > TEXT_LENGTH:
        raise errors.BadPart("name", f"It is longer than {TEXT_LENGTH} characters")
    before = _number("before", given, 1)
    return Question(
        Wanted(
            kinds=tuple(given.get("kind", ())),
            resources=tuple(given.get("resource", ())),
            ids=tuple(each.lower() for each in given.get("id", ())),
            name=name,
        ),
        before,
        min(_number("limit", given, 1) or events.USUAL_PAGE, events.MOST_PAGE),
    )


def _number(name: str, given: Mapping[str, list[str]], least: int) -> int | None:
    """Raises: BadPart."""
    text = given.get(name, [""])[-1]
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS) or int(text) < least:
        raise errors.BadPart(name, f"'{text[:TEXT_LENGTH]}' is not a whole number greater than 0")
    return int(text)


def page(
    tx: Connection, scope: str | None, asked: Question, sees: Sees
) -> tuple[list[Event], int | None]:
    """The events of a page, and before which number the next one begins; None: there is none."""
    name, before = asked.wanted.name.lower(), asked.before
    found: list[Event] = []
    while True:
        batch = events.older(tx, before, scope, asked.wanted, BATCH)
        for event in batch:
            if name and name not in str(event.content.get("name", "")).lower():
                continue
            if sees(event):
                found.append(event)
                if len(found) > asked.limit:
                    return found[: asked.limit], found[asked.limit - 1].number
        if len(batch) < BATCH:
            return found, None
        before = batch[-1].number

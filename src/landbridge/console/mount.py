"""Composes the console: its routes, beside those of the API.

Rules this module keeps:
- Switched off, there is none: ``/console/`` is a path like any other that is not there.
- One table of paths; each path is one `PageEndpoint`, which guards it.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from landbridge import errors
from landbridge.api.app import Pages as MakePages
from landbridge.api.http.worker_thread import WorkerThread
from landbridge.auth.authentication import Authentication
from landbridge.config.settings import Settings
from landbridge.console import guard, static_files
from landbridge.console.drawn_once import DrawnOnce
from landbridge.console.endpoint import SIGN_IN, Console, Page, PageEndpoint, Visit
from landbridge.console.pages import (
    connection,
    connections,
    edit,
    gateways,
    initiate,
    live,
    new_connection,
    overview,
    resources,
    sign_in,
    sparklines,
)
from landbridge.console.render import GATEWAYS, Renderer
from landbridge.console.sections import CONNECTIONS, SECTIONS, Section
from landbridge.console.session import Sessions
from landbridge.console.static_files import StaticFiles
from landbridge.store.secrets import Sealer


def console_pages(
    settings: Settings, auth: Authentication, sealer: Sealer | None
) -> MakePages | None:
    """What makes the console's routes of the API's, for `create_app`; None: it is switched off."""
    if not settings.console.enabled:
        return None
    static = StaticFiles()

    def pages(api: Router) -> Sequence[BaseRoute]:
        renderer, thread = Renderer(static), WorkerThread()
        console = Console(
            api=api,
            auth=auth,
            sessions=Sessions(sealer or Sealer.generate()),
            renderer=renderer,
            static=static,
            thread=thread,
            once=DrawnOnce(renderer, thread),
            keystone=settings.auth.strategy == "keystone",
        )
        return routes(console)

    return pages


def routes(console: Console) -> list[BaseRoute]:
    parts = resources.Pages(CONNECTIONS, new=resources.WITH_PARTS)

    def at(path: str, *, public: bool = False, **pages: Page) -> Route:
        return Route(path, PageEndpoint(console, path, pages, public=public))

    return [
        Route("/console", _Bare()),
        Route(f"{static_files.PATH}{{name}}", _Static(console.static)),
        at(guard.HOME, GET=overview.show),
        at(SIGN_IN, GET=sign_in.show, POST=sign_in.submit, public=True),
        at("/console/sign-out", POST=sign_in.leave),
        at("/console/live", GET=live.follow),
        at("/console/here", GET=live.here),
        at(GATEWAYS, GET=gateways.show),
        at(CONNECTIONS.path, GET=connections.show),
        at(f"{CONNECTIONS.path}/sparklines", GET=sparklines.Sparklines().show),
        at("/console/psk", POST=edit.new_psk),
        at(new_connection.ADDRESS, GET=new_connection.show, POST=new_connection.submit),
        at(resources.WITH_PARTS, GET=parts.new, POST=parts.create),
        *_of_one_connection(console),
        *(route for section in SECTIONS for route in _of(console, section)),
        at("/console/{path:path}", GET=_nothing, POST=_nothing),
    ]


def _of_one_connection(console: Console) -> list[BaseRoute]:
    """What is of connections alone; before what every section has."""
    path = f"{CONNECTIONS.path}/{{id:uuid}}"

    editing = edit.Editing(CONNECTIONS)

    def at(path: str, **pages: Page) -> Route:
        return Route(path, PageEndpoint(console, path, pages))

    return [
        at(path, GET=connection.show),
        at(f"{path}/inspection", GET=connection.inspection),
        at(f"{path}/traffic", GET=connection.carried),
        at(f"{path}/progress", GET=connection.progress),
        at(f"{path}/psk", POST=connection.psk),
        at(f"{path}/initiate", POST=initiate.submit),
        at(f"{path}/edit", GET=editing.show, POST=editing.submit),
    ]


def _of(console: Console, section: Section) -> list[BaseRoute]:
    verbs, path = resources.Pages(section), section.path

    def at(path: str, **pages: Page) -> Route:
        return Route(path, PageEndpoint(console, path, pages))

    return [
        at(path, GET=verbs.index),
        at(f"{path}/new", GET=verbs.new, POST=verbs.create),
        at(f"{path}/{{id}}", GET=verbs.show),
        at(f"{path}/{{id}}/edit", GET=verbs.edit, POST=verbs.update),
        at(f"{path}/{{id}}/delete", GET=verbs.confirm, POST=verbs.delete),
    ]


async def _nothing(visit: Visit) -> Response:
    raise errors.NotFound("The console has no such page.")


class _Bare:
    """``/console``: the same with a slash."""

    template = "/console"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await RedirectResponse(guard.HOME, 308, guard.HEADERS)(scope, receive, send)


class _Static:
    template = f"{static_files.PATH}{{name}}"

    def __init__(self, static: StaticFiles) -> None:
        self._static = static

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if request.method not in guard.SAFE:
            raise errors.MethodNotAllowed(tuple(sorted(guard.SAFE)))
        file = self._static.get(request.path_params["name"])
        if file is None:
            raise errors.NotFound("The resource could not be found.")
        headers = {**guard.HEADERS, **static_files.HEADERS, "ETag": file.tag}
        if request.headers.get("if-none-match") == file.tag:
            answer = Response(status_code=304, headers=headers)
        else:
            answer = Response(file.content, headers={**headers, "Content-Type": file.type})
        await answer(scope, receive, send)

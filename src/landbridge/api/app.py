"""Composes the application: all routes and the middleware around them.

Rules this module keeps:
- `create_app` makes everything and keeps nothing; there are no globals.
- Paths that are not here are answered 404; those under ``/v2.0`` only with a valid token.
- Layers, from outside in: `RequestMiddleware` (id, log, metrics, unexpected errors), the
  framework's exception handlers with `ErrorHandlers`, the routes with their endpoints, which
  authenticate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router

from landbridge import errors
from landbridge.api.actions.extraroutes import ExtraRouteHandlers
from landbridge.api.actions.identity import PROJECTS, TOKENS, IdentityHandlers
from landbridge.api.actions.initiation import InitiationHandlers
from landbridge.api.actions.inspection import InspectionHandlers
from landbridge.api.actions.interfaces import InterfaceHandlers
from landbridge.api.actions.overview import GATEWAYS, SUMMARY, OverviewHandlers
from landbridge.api.actions.quotas import QuotaHandlers
from landbridge.api.actions.tags import TagHandlers
from landbridge.api.actions.together import PATH as TOGETHER
from landbridge.api.actions.together import PLAN, TogetherHandlers
from landbridge.api.agents.routes import agent_routes
from landbridge.api.events.stream import PATH as EVENTS_PATH
from landbridge.api.events.stream import EventHandlers
from landbridge.api.http import json_body
from landbridge.api.http.discovery import Discovery
from landbridge.api.http.endpoints import Endpoint, Handler, Objection, PublicEndpoint
from landbridge.api.http.fair_queue import FairQueue
from landbridge.api.http.json_body import IDENTITY
from landbridge.api.http.metrics import ApiMetrics, census
from landbridge.api.http.middleware import ErrorHandlers, RequestMiddleware
from landbridge.api.http.request_log import RequestLog
from landbridge.api.http.shared_response import Shared
from landbridge.api.http.stream_slots import Limit, StreamSlots
from landbridge.api.http.worker_thread import WorkerThread
from landbridge.api.jobs.readiness import Readiness
from landbridge.api.requests.handlers import ApiContext, Handlers
from landbridge.api.schema.catalogue import PLANNED, RESOURCES
from landbridge.api.schema.openapi.document import document
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.validate import AlgorithmPolicy
from landbridge.api.schema.vpn import IPSEC_SITE_CONNECTION
from landbridge.auth.authentication import Authentication
from landbridge.auth.caller import Caller
from landbridge.config.settings import LimitSettings, Settings
from landbridge.store.database import Database
from landbridge.vpn.resources.registry import RULES

#: Makes pages for people of the API's own routes (`landbridge.console`).
Pages = Callable[[Router], Sequence[BaseRoute]]

COUNTED_FOR: Final = 1.0  # seconds for which the counts are cached


def create_app(
    settings: Settings,
    db: Database,
    auth: Authentication,
    metrics: ApiMetrics | None = None,
    pages: Pages | None = None,
) -> Starlette:
    """The API of one process, on an open database. `pages`: what is served beside it."""
    algorithms = AlgorithmPolicy(weak_algorithms=settings.vpn.weak_algorithms)
    context = ApiContext(db, auth, algorithms, settings.quotas, WorkerThread(), FairQueue())
    metrics, error_handlers = metrics or ApiMetrics(), ErrorHandlers(auth)
    db.measure = metrics.transaction
    routes: list[BaseRoute] = [
        *(route for resource in RESOURCES for route in _resource(context, resource)),
        *(route for resource in RESOURCES for route in _tags(context, resource)),
        *(_plan(context, resource) for resource in PLANNED),
        *_inspection(context, metrics, settings.limits),
        *_interfaces(context),
        *_quotas(context),
        *_overview(context),
        *_together(context),
        *(_identity(auth) if auth.is_local else ()),
        *_discovery(db, auth, settings, Discovery(weak_algorithms=algorithms.weak_algorithms)),
        _measured(db, metrics),
        *agent_routes(db, auth, metrics, context.worker, _of_gateways(settings.limits)),
        _guarded(auth, "/v2.0/{path:path}", {"GET": _nothing_there}, every_method=True),
    ]
    beside = pages(Router(routes, redirect_slashes=False)) if pages else ()
    app = Starlette(
        routes=[*routes, *beside],
        middleware=[Middleware(RequestMiddleware, metrics=metrics, told=RequestLog(settings.log))],
        exception_handlers={
            errors.ApiError: error_handlers.api_error,
            404: error_handlers.no_route,
            405: error_handlers.no_method,
        },
    )
    app.router.redirect_slashes = False
    return app


def _resource(context: ApiContext, resource: Resource) -> list[BaseRoute]:
    verbs = Handlers(context, resource, RULES[resource.name])
    many = {"GET": verbs.index, "POST": verbs.create}
    one = {"GET": verbs.show, "PUT": verbs.update, "DELETE": verbs.delete}
    return [
        _guarded(context.auth, resource.path, many),
        _guarded(context.auth, f"{resource.path}/", many),
        _guarded(context.auth, f"{resource.path}/{{id}}", one, {"POST": verbs.object_to_post}),
    ]


def _tags(context: ApiContext, resource: Resource) -> list[BaseRoute]:
    verbs: TagHandlers[Any] = TagHandlers(context, resource, RULES[resource.name])
    many = {
        "GET": verbs.index,
        "PUT": verbs.replace_all,
        "POST": verbs.add_many,
        "DELETE": verbs.remove_all,
    }
    one = {"GET": verbs.has, "PUT": verbs.add, "DELETE": verbs.remove}
    return [
        _guarded(context.auth, f"{resource.path}/{{id}}/tags", many),
        _guarded(context.auth, f"{resource.path}/{{id}}/tags/{{tag}}", one),
    ]


def _plan(context: ApiContext, resource: Resource) -> BaseRoute:
    verbs = Handlers(context, resource, RULES[resource.name])
    return _guarded(context.auth, f"{resource.path}/{{id}}/plan", {"POST": verbs.plan})


def _inspection(context: ApiContext, metrics: ApiMetrics, limits: LimitSettings) -> list[BaseRoute]:
    verbs = InspectionHandlers(context, metrics)
    each = (
        Limit(limits.listeners_per_token, "with this token"),
        Limit(limits.listeners_per_project, "of this project"),
    )
    slots = StreamSlots("listeners to events", each, limits.listeners)
    listening = EventHandlers(context.db, context.auth, metrics, context.queue, slots)
    path = f"{IPSEC_SITE_CONNECTION.path}/{{id}}"
    return [
        _guarded(context.auth, f"{path}/history", {"GET": verbs.history}),
        _guarded(context.auth, f"{path}/diagnostics", {"GET": verbs.diagnostics}),
        _guarded(context.auth, f"{path}/traffic", {"GET": verbs.traffic}),
        _guarded(context.auth, f"{path}/initiate", {"POST": InitiationHandlers(context).initiate}),
        _guarded(context.auth, EVENTS_PATH, {"GET": listening.stream}),
    ]


def _of_gateways(limits: LimitSettings) -> StreamSlots:
    return StreamSlots("streams of changes", [Limit(limits.streams_per_gateway, "of this gateway")])


def _measured(db: Database, metrics: ApiMetrics) -> BaseRoute:
    counted = Shared(partial(db.read, census), COUNTED_FOR)

    async def page(_: Request) -> Response:
        return Response(metrics.page(await counted.get()), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", PublicEndpoint("/metrics", page))


def _interfaces(context: ApiContext) -> list[BaseRoute]:
    verbs, routes = InterfaceHandlers(context), ExtraRouteHandlers(context)
    path = "/v2.0/routers/{id}"
    return [
        _guarded(context.auth, f"{path}/add_router_interface", {"PUT": verbs.add}),
        _guarded(context.auth, f"{path}/remove_router_interface", {"PUT": verbs.remove}),
        _guarded(context.auth, f"{path}/add_extraroutes", {"PUT": routes.add}),
        _guarded(context.auth, f"{path}/remove_extraroutes", {"PUT": routes.remove}),
    ]


def _quotas(context: ApiContext) -> list[BaseRoute]:
    verbs, path = QuotaHandlers(context), "/v2.0/quotas/{id}"
    one = {"GET": verbs.show, "PUT": verbs.update, "DELETE": verbs.delete}
    return [
        _guarded(context.auth, "/v2.0/quotas", {"GET": verbs.index}),
        _guarded(context.auth, path, one),
        _guarded(context.auth, f"{path}/default", {"GET": verbs.default}),
        _guarded(context.auth, f"{path}/details", {"GET": verbs.details}),
        _guarded(context.auth, f"{path}/details.json", {"GET": verbs.details}),
    ]


def _overview(context: ApiContext) -> list[BaseRoute]:
    verbs = OverviewHandlers(context)
    return [
        _guarded(context.auth, SUMMARY, {"GET": verbs.summary}),
        _guarded(context.auth, GATEWAYS, {"GET": verbs.gateways}),
    ]


def _together(context: ApiContext) -> list[BaseRoute]:
    verbs = TogetherHandlers(context)
    return [
        _guarded(context.auth, TOGETHER, {"POST": verbs.create}),
        _guarded(context.auth, PLAN, {"POST": verbs.plan}),
    ]


def _discovery(
    db: Database, auth: Authentication, settings: Settings, discovery: Discovery
) -> list[BaseRoute]:
    description = json_body.Json(document(settings.auth.strategy)).body

    async def openapi(_: Request) -> Response:
        return Response(description, media_type="application/json")

    return [
        Route("/", PublicEndpoint("/", discovery.versions)),
        Route("/healthcheck", PublicEndpoint("/healthcheck", discovery.health)),
        Route("/readyz", PublicEndpoint("/readyz", Readiness(db).answer)),
        Route("/openapi.json", PublicEndpoint("/openapi.json", openapi)),
        _guarded(auth, "/v2.0", {"GET": discovery.resources}),
        _guarded(auth, "/v2.0/", {"GET": discovery.resources}),
        _guarded(auth, "/v2.0/extensions", {"GET": discovery.extensions}),
        _guarded(auth, "/v2.0/extensions/{id}", {"GET": discovery.extension}),
    ]


def _identity(auth: Authentication) -> list[BaseRoute]:
    verbs = IdentityHandlers(auth)
    return [
        *(Route(path, PublicEndpoint(path, verbs.versions)) for path in (IDENTITY, f"{IDENTITY}/")),
        *(
            Route(path, PublicEndpoint(path, verbs.version))
            for path in (f"{IDENTITY}/v3", f"{IDENTITY}/v3/")
        ),
        Route(TOKENS, PublicEndpoint(TOKENS, verbs.show, {"POST": verbs.issue})),
        _guarded(auth, PROJECTS, {"GET": verbs.projects}),
        _guarded(auth, f"{PROJECTS}/{{id}}", {"GET": verbs.project}),
    ]


async def _nothing_there(request: Request, caller: Caller) -> Response:
    raise errors.PathNotFound(request.scope["path"])


def _guarded(
    auth: Authentication,
    path: str,
    handlers: Mapping[str, Handler],
    refused: Mapping[str, Objection] | None = None,
    *,
    every_method: bool = False,
) -> Route:
    """A path that needs a token, with its methods."""
    otherwise = _nothing_there if every_method else None
    return Route(path, Endpoint(auth, path, handlers, refused or {}, otherwise))

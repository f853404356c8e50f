"""The application: every route and every layer around them, on one screen.

Rules this module keeps:
- `create_app` makes everything and keeps nothing; there are no globals.
- What is not here is not served: 404 behind the door for ``/v2.0``, 404 for the rest.
- Layers, from outside in: `Requests` (id, log, metrics, the last net), the framework's
  exception handlers with `Faults`, the routes with their endpoints, which hold the door.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from landbridge import errors
from landbridge.api.actions.inspection import InspectionHandlers
from landbridge.api.actions.interfaces import InterfaceHandlers
from landbridge.api.actions.quotas import QuotaHandlers
from landbridge.api.agents.routes import agent_routes
from landbridge.api.events.stream import PATH as EVENTS_PATH
from landbridge.api.events.stream import EventHandlers
from landbridge.api.http import json_body
from landbridge.api.http.discovery import Discovery
from landbridge.api.http.endpoints import Endpoint, Handler, Objection, OpenEndpoint
from landbridge.api.http.fair_queue import Lanes
from landbridge.api.http.metrics import ApiMetrics, census
from landbridge.api.http.middleware import Faults, Requests
from landbridge.api.http.places import Most, Places
from landbridge.api.http.request_log import RequestLog
from landbridge.api.http.shared_response import Shared
from landbridge.api.http.worker_thread import Aside
from landbridge.api.jobs.readiness import Readiness
from landbridge.api.requests.handlers import Handlers, Service
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.openapi import document
from landbridge.api.schema.resource import Resource
from landbridge.api.schema.validate import AlgorithmPolicy
from landbridge.api.schema.vpn import IPSEC_SITE_CONNECTION, VPN
from landbridge.auth.authentication import Door
from landbridge.auth.caller import Caller
from landbridge.config.settings import LimitSettings, Settings
from landbridge.store.database import Database
from landbridge.vpn.resources.registry import RULES

COUNTED_FOR: Final = 1.0  # seconds that a census is good for


def create_app(
    settings: Settings, db: Database, door: Door, metrics: ApiMetrics | None = None
) -> Starlette:
    """The API of one process, on an open database behind a door."""
    algorithms = AlgorithmPolicy(weak_algorithms=settings.vpn.weak_algorithms)
    service = Service(db, door, algorithms, settings.quotas, Aside(), Lanes())
    metrics, faults = metrics or ApiMetrics(), Faults(door)
    db.measure = metrics.transaction
    app = Starlette(
        routes=[
            *(route for resource in RESOURCES for route in _resource(service, resource)),
            *(_plan(service, resource) for resource in VPN),
            *_inspection(service, metrics, settings.limits),
            *_interfaces(service),
            *_quotas(service),
            *_discovery(db, door, Discovery(weak_algorithms=algorithms.weak_algorithms)),
            _measured(db, metrics),
            *agent_routes(db, door, metrics, service.aside, _of_gateways(settings.limits)),
            _guarded(door, "/v2.0/{path:path}", {"GET": _nothing_there}, every_method=True),
        ],
        middleware=[Middleware(Requests, metrics=metrics, told=RequestLog(settings.log))],
        exception_handlers={errors.ApiError: faults.api_error, HTTPException: faults.http_error},
    )
    app.router.redirect_slashes = False
    return app


def _resource(service: Service, resource: Resource) -> list[BaseRoute]:
    verbs = Handlers(service, resource, RULES[resource.name])
    many = {"GET": verbs.index, "POST": verbs.create}
    one = {"GET": verbs.show, "PUT": verbs.update, "DELETE": verbs.delete}
    return [
        _guarded(service.door, resource.path, many),
        _guarded(service.door, f"{resource.path}/", many),
        _guarded(service.door, f"{resource.path}/{{id}}", one, {"POST": verbs.object_to_post}),
    ]


def _plan(service: Service, resource: Resource) -> BaseRoute:
    verbs = Handlers(service, resource, RULES[resource.name])
    return _guarded(service.door, f"{resource.path}/{{id}}/plan", {"POST": verbs.plan})


def _inspection(service: Service, metrics: ApiMetrics, limits: LimitSettings) -> list[BaseRoute]:
    verbs = InspectionHandlers(service, metrics)
    each = (
        Most(limits.listeners_per_token, "with this token"),
        Most(limits.listeners_per_project, "of this project"),
    )
    places = Places("listeners to events", each, limits.listeners)
    listening = EventHandlers(service.db, service.door, metrics, service.lanes, places)
    path = f"{IPSEC_SITE_CONNECTION.path}/{{id}}"
    return [
        _guarded(service.door, f"{path}/history", {"GET": verbs.history}),
        _guarded(service.door, f"{path}/diagnostics", {"GET": verbs.diagnostics}),
        _guarded(service.door, EVENTS_PATH, {"GET": listening.stream}),
    ]


def _of_gateways(limits: LimitSettings) -> Places:
    return Places("streams of changes", [Most(limits.streams_per_gateway, "of this gateway")])


def _measured(db: Database, metrics: ApiMetrics) -> BaseRoute:
    counted = Shared(partial(db.read, census), COUNTED_FOR)

    async def page(_: Request) -> Response:
        return Response(metrics.page(await counted.get()), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", OpenEndpoint("/metrics", page))


def _interfaces(service: Service) -> list[BaseRoute]:
    verbs, path = InterfaceHandlers(service), "/v2.0/routers/{id}"
    return [
        _guarded(service.door, f"{path}/add_router_interface", {"PUT": verbs.add}),
        _guarded(service.door, f"{path}/remove_router_interface", {"PUT": verbs.remove}),
    ]


def _quotas(service: Service) -> list[BaseRoute]:
    verbs, path = QuotaHandlers(service), "/v2.0/quotas/{id}"
    one = {"GET": verbs.show, "PUT": verbs.update, "DELETE": verbs.delete}
    return [
        _guarded(service.door, "/v2.0/quotas", {"GET": verbs.index}),
        _guarded(service.door, path, one),
        _guarded(service.door, f"{path}/default", {"GET": verbs.default}),
        _guarded(service.door, f"{path}/details", {"GET": verbs.details}),
        _guarded(service.door, f"{path}/details.json", {"GET": verbs.details}),
    ]


def _discovery(db: Database, door: Door, discovery: Discovery) -> list[BaseRoute]:
    description = json_body.Json(document()).body

    async def openapi(_: Request) -> Response:
        return Response(description, media_type="application/json")

    return [
        Route("/", OpenEndpoint("/", discovery.versions)),
        Route("/healthcheck", OpenEndpoint("/healthcheck", discovery.health)),
        Route("/readyz", OpenEndpoint("/readyz", Readiness(db).answer)),
        Route("/openapi.json", OpenEndpoint("/openapi.json", openapi)),
        _guarded(door, "/v2.0", {"GET": discovery.resources}),
        _guarded(door, "/v2.0/", {"GET": discovery.resources}),
        _guarded(door, "/v2.0/extensions", {"GET": discovery.extensions}),
        _guarded(door, "/v2.0/extensions/{id}", {"GET": discovery.extension}),
    ]


async def _nothing_there(_: Request, caller: Caller) -> Response:
    raise errors.NotFound("The resource could not be found.")


def _guarded(
    door: Door,
    path: str,
    handlers: Mapping[str, Handler],
    refused: Mapping[str, Objection] | None = None,
    *,
    every_method: bool = False,
) -> Route:
    """A path behind the door, with its methods."""
    otherwise = _nothing_there if every_method else None
    return Route(path, Endpoint(door, path, handlers, refused or {}, otherwise))

"""One path of the console: from a request to a page, or to what stands in its way.

Rules this module keeps:
- Order: method, session, origin and token of an unsafe request, the viewer's token at the API, the
  page. Nothing of a request is looked at before these.
- A page gets a `Visit` and raises the API's errors; they become pages here, in the API's words.
- Without a session a GET leads to the sign-in page and back; a fragment is told so (401), so that a
  page keeps what it shows.
- Every answer has the headers of `guard`; none is stored by a browser.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import msgspec
import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from landbridge import errors
from landbridge.api.http import json_body
from landbridge.api.http.worker_thread import WorkerThread
from landbridge.api.schema.vpn import VPN
from landbridge.auth.authentication import Authentication
from landbridge.auth.caller import Caller
from landbridge.console import guard
from landbridge.console.ask import Ask
from landbridge.console.drawn_once import DrawnOnce
from landbridge.console.render import Frame, Renderer, navigation
from landbridge.console.sections import SECTIONS
from landbridge.console.session import Session, Sessions
from landbridge.console.static_files import StaticFiles

COOKIE: Final = "landbridge_console"
SIGN_IN_COOKIE: Final = "landbridge_sign_in"
SIGN_IN: Final = "/console/sign-in"
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"
MOST_FIELDS: Final = 2000

Fields = dict[str, list[str]]
log = structlog.get_logger("landbridge.console")


class Console(msgspec.Struct, frozen=True, kw_only=True):
    """What all pages share. `thread`: where long pages are rendered; `once`: what is the same for
    many."""

    api: ASGIApp
    auth: Authentication
    sessions: Sessions
    renderer: Renderer
    static: StaticFiles
    thread: WorkerThread
    once: DrawnOnce
    keystone: bool

    def may(self, caller: Caller, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        """Whether the policy lets the viewer; without a target: something of its own project."""
        own = {"project_id": caller.project_id, "network:project_id": caller.project_id}
        return self.auth.policy.check(caller, rule, own if target is None else target)


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a viewer. `caller` None: nobody has signed in. `fields`: of its form."""

    console: Console
    request: Request
    session: Session
    caller: Caller | None
    ask: Ask
    fields: Fields

    def __repr__(self) -> str:
        """Without the fields, which may hold a secret."""
        return f"Visit({self.request.method} {self.request.url.path})"

    @property
    def viewer(self) -> Caller:
        if self.caller is None:
            raise errors.Unauthorized("Nobody is signed in.")
        return self.caller

    @property
    def partial(self) -> bool:
        """Whether a page asks for its fragment, to replace it."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-request-type") == "partial"

    @property
    def path(self) -> str:
        return str(self.request.path_params.get("id", ""))

    def may(self, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        return self.console.may(self.viewer, rule, target)

    def field(self, name: str) -> str:
        return self.fields.get(name, [""])[-1]

    def query(self, name: str) -> str:
        return self.request.query_params.get(name, "")

    def frame(self, here: str = "") -> Frame:
        if self.caller is None:
            return Frame(csrf=self.session.csrf, here=here)
        return Frame(
            user=self.session.user or self.caller.user_id,
            project=self.session.project or self.caller.project_id,
            csrf=self.session.csrf,
            navigation=navigation(self._seen()),
            here=here,
        )

    def _seen(self) -> set[str]:
        """What the navigation has for this viewer."""
        seen = {each.resource.name for each in SECTIONS if self.may(f"get_{each.resource.name}")}
        everyones = self.may("get_quota", {"project_id": ""})
        places = {
            "events": any(each.name in seen for each in VPN),
            "gateways": self.may("get_gateway"),
            "tokens": self.console.auth.is_local and self.may("get_token"),
            "quotas": everyones,
            "own-quotas": not everyones and self.may("get_quota"),
        }
        return seen | {key for key, is_there in places.items() if is_there}

    async def page(
        self, template: str, *, here: str = "", status: int = 200, **values: Any
    ) -> Response:
        """A template, rendered beside the event loop."""
        render = self.console.renderer.page
        frame = self.frame(here)
        text = await self.console.thread.run(lambda: render(template, frame, **values))
        return HTMLResponse(text, status)


Page = Callable[[Visit], Awaitable[Response]]


class PageEndpoint:
    """The pages of one path by method. `public`: they need no session."""

    def __init__(
        self, console: Console, template: str, pages: Mapping[str, Page], *, public: bool = False
    ) -> None:
        self.template = template
        self._console = console
        self._pages = pages
        self._public = public

    @property
    def methods(self) -> frozenset[str]:
        return frozenset(self._pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        guarded = _Guarded(send)
        try:
            response = await self._answer(request)
            await response(scope, receive, guarded)
        except ClientDisconnect:
            raise
        except Exception as error:
            if guarded.began:
                raise
            answer = await self._refusal(request, error)
            await answer(scope, receive, guarded)

    async def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        page = self._pages.get(method)
        if page is None:
            raise errors.MethodNotAllowed(tuple(self._pages))
        session, fields = self._session(request), Fields()
        if method not in guard.SAFE:
            fields = await self._form(request, session)
        if self._public:
            return await page(self._visit(request, session, None, fields))
        if session is None:
            return _to_sign_in(request)
        try:
            caller = await self._console.auth.admit(session.token)
        except errors.Unauthorized:
            answer = _to_sign_in(request, ended=True)
            answer.delete_cookie(COOKIE, path="/console")
            return answer
        return await page(self._visit(request, session, caller, fields))

    def _session(self, request: Request) -> Session | None:
        name = SIGN_IN_COOKIE if self._public else COOKIE
        value = request.cookies.get(name)
        return self._console.sessions.open(value) if value else None

    async def _form(self, request: Request, session: Session | None) -> Fields:
        """The fields of a form of ours. Raises: Forbidden, RequestTooLarge, BadRequest."""
        content = await json_body.read_body(request)
        fields = decoded(content)
        if not guard.is_ours(request.headers):
            raise Forbidden("This form was not sent by a page of this console.")
        sent = request.headers.get(CSRF_HEADER) or fields.get(CSRF_FIELD, [""])[-1]
        if session is None and self._public:
            raise Forbidden("This form is too old, or cookies are off. Load the page again.")
        if session is not None and not guard.is_same(sent, session.csrf):
            raise Forbidden("This form is of another session. Load the page again.")
        return fields

    def _visit(
        self, request: Request, session: Session | None, caller: Caller | None, fields: Fields
    ) -> Visit:
        known = session or self._console.sessions.begin()
        ask = Ask(self._console.api, known.token)
        return Visit(
            console=self._console,
            request=request,
            session=known,
            caller=caller,
            ask=ask,
            fields=fields,
        )

    async def _refusal(self, request: Request, error: Exception) -> Response:
        """The page of an error; what nobody foresaw is logged and has no words of its own."""
        if not isinstance(error, errors.ApiError):
            log.error("unforeseen error", route=self.template, exc_info=error)
            error = Unforeseen()
        return await refusal(self._console, request, error)


class Forbidden(errors.ApiError):
    """A form that did not come from where forms come from."""

    status = 403


class Unforeseen(errors.ApiError):
    status = 500

    def __init__(self) -> None:
        super().__init__("This went wrong here, by no fault of yours. The server's log says why.")


async def refusal(console: Console, request: Request, error: errors.ApiError) -> Response:
    """The page of an error, with as much around it as the viewer may see."""
    value = request.cookies.get(COOKIE)
    session = console.sessions.open(value) if value else None
    caller: Caller | None = None
    if session is not None:
        try:
            caller = await console.auth.admit(session.token)
        except errors.ApiError:
            caller = None
    visit = Visit(
        console=console,
        request=request,
        session=session or console.sessions.begin(),
        caller=caller,
        ask=Ask(console.api, ""),
        fields={},
    )
    template = "error_fragment.html" if visit.partial else "error.html"
    answer = await visit.page(
        template, status=error.status, title=_title(error.status), message=error.message
    )
    if error.retry_after:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def decoded(content: bytes) -> Fields:
    """A form's fields. Raises: BadRequest."""
    try:
        pairs = parse_qsl(
            content.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except (ValueError, UnicodeDecodeError):
        raise errors.BadRequest("The form cannot be read.") from None
    fields: Fields = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return fields


def set_cookie(answer: Response, request: Request, name: str, value: str) -> None:
    answer.set_cookie(
        name,
        value,
        path="/console",
        httponly=True,
        samesite="strict",
        secure=guard.is_secure(request.url.scheme, request.headers),
    )


def _to_sign_in(request: Request, *, ended: bool = False) -> Response:
    """Where to sign in, and the way back."""
    partial = request.headers.get("hx-request") == "true"
    if partial or "text/event-stream" in request.headers.get("accept", ""):
        return Response("Your session has ended.", 401, media_type="text/plain")
    if guard.is_foreign_visit(request.headers) and COOKIE not in request.cookies:
        return _come_again(request)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = here if request.method in guard.SAFE else guard.HOME
    query = f"?next={quote(guard.way_back(back), safe='/')}" + ("&ended=1" if ended else "")
    return RedirectResponse(SIGN_IN + query, 303)


def _come_again(request: Request) -> Response:
    """A browser that comes by a link of another site has left its cookie out: ask it to come again,
    from here."""
    return HTMLResponse(
        '<!doctype html><html lang="en"><title>landbridge</title>'
        '<meta http-equiv="refresh" content="0"><p>One moment ...</p></html>'
    )


def _title(status: int) -> str:
    return {
        400: "That was not understood",
        401: "Sign in first",
        403: "Not allowed",
        404: "Not found",
        409: "Not possible now",
        412: "Somebody else was faster",
        429: "Too much at a time",
        503: "Not available now",
    }.get(status, HTTPStatus(status).phrase)


class _Guarded:
    """`send`, with the headers that every page has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.began = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.began = True
            headers = MutableHeaders(scope=message)
            for name, value in guard.HEADERS.items():
                headers[name] = value
            if "cache-control" not in headers:
                headers["Cache-Control"] = "no-store"
            headers.add_vary_header("HX-Request")
        await self._send(message)

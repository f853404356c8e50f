"""Signing in and out, and what keeps a page from being used by others, over HTTP."""

from __future__ import annotations

import re
import time
import uuid
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from starlette.routing import Route

from landbridge.auth import local_tokens
from landbridge.console import guard, mount
from landbridge.console.endpoint import PageEndpoint
from landbridge.console.session import LONGEST, Sessions
from landbridge.store.secrets import Sealer
from tests.api.remote import Remote
from tests.console.http import Client, Clients


@pytest.fixture
def client(clients: Clients) -> Client:
    return clients()


def _cookie(answer: httpx2.Response, name: str) -> dict[str, str]:
    for line in answer.headers.get_list("set-cookie"):
        if morsel := SimpleCookie(line).get(name):
            return {"value": morsel.value, **morsel}
    return {}


def test_every_answer_has_the_headers_that_guard_it(served: Remote, client: Client) -> None:
    paths = ["/console", "/console/", "/console/sign-in", "/console/nothing"]
    answers = [client.get(path) for path in paths]
    client.signed_in(served.token("a"))
    paths = ["/console/", "/console/connections", "/console/nothing", "/console/networks/new"]
    answers += [client.get(path) for path in paths]
    answers.append(client.post("/console/"))
    answers.append(client.post("/console/networks/new", {}, Origin="https://elsewhere.example"))
    for answer in answers:
        for name, value in guard.HEADERS.items():
            assert answer.headers[name] == value, (answer.url, name)
        if "location" not in answer.headers:
            assert answer.headers["cache-control"] == "no-store"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "<style" not in answer.text
        assert " style=" not in answer.text
        assert " onclick" not in answer.text


def test_the_cookie_says_nothing_and_is_sent_to_nobody_else(served: Remote, client: Client) -> None:
    token = served.token("a")
    answer = client.sign_in(token)
    cookie = _cookie(answer, "landbridge_console")
    assert cookie["httponly"]
    assert (cookie["samesite"].lower(), cookie["path"]) == ("strict", "/console")
    assert not cookie["secure"]
    assert token not in cookie["value"]
    assert token not in answer.headers["location"]
    client.get("/console/sign-in")
    behind = client.post("/console/sign-in", {"token": token}, **{"X-Forwarded-Proto": "https"})
    assert _cookie(behind, "landbridge_console")["secure"]


def test_a_wrong_token_is_told_in_words_and_leads_nowhere(client: Client) -> None:
    answer = client.sign_in("lbt_guess")
    assert answer.status_code == 401
    assert "The token is not known, or was revoked." in answer.text
    assert "lbt_guess" not in answer.text
    assert client.get("/console/").status_code == 303
    assert "Give a token." in client.sign_in("  ").text
    assert "longer than a browser keeps" in client.sign_in("x" * 9000).text


@pytest.mark.parametrize(
    "next",
    ["https://elsewhere.example/", "//elsewhere.example", "/console/../x\\y", "/v2.0",
     "javascript:x", "/console//elsewhere.example", "/console/sign-out", "/console/\r\nX: y",
     "/console/../v2.0/networks", "/console/%2e%2E/v2.0", "/console/./x"],
)  # fmt: skip
def test_the_way_back_leads_into_the_console_only(
    served: Remote, client: Client, next: str
) -> None:
    assert client.sign_in(served.token("a"), next).headers["location"] == "/console/"


def test_who_was_somewhere_comes_back_there(served: Remote, client: Client) -> None:
    asked = client.get("/console/connections?q=x&sort=name").headers["location"]
    page = client.get(asked)
    assert 'value="/console/connections?q=x&amp;sort=name"' in page.text
    fields = {"token": served.token("a"), "next": "/console/connections?q=x&sort=name"}
    answer = client.post("/console/sign-in", fields)
    assert answer.headers["location"] == "/console/connections?q=x&sort=name"


def test_forms_come_from_pages_of_this_session_only(served: Remote, client: Client) -> None:
    client.signed_in(served.token("a"))
    mine, fields = client.csrf, {"name": "net"}
    refused = [
        client.post("/console/networks/new", fields, Origin="https://elsewhere.example"),
        client.post("/console/networks/new", fields, Origin="null"),
        client.post("/console/networks/new", fields, **{"Sec-Fetch-Site": "cross-site"}),
        client.post("/console/networks/new", fields, **{"Sec-Fetch-Site": "", "Origin": ""}),
        client.post("/console/networks/new", {**fields, "csrf": ""}),
        client.post("/console/networks/new", {**fields, "csrf": "x" * len(mine)}),
        client.post("/console/sign-out", {"csrf": "other"}),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert client.post("/console/networks/new", fields).status_code == 303


def test_signing_out_ends_the_session_here(served: Remote, client: Client) -> None:
    client.signed_in(served.token("a"))
    answer = client.post("/console/sign-out")
    assert answer.headers["location"] == "/console/sign-in"
    assert client.get("/console/").status_code == 303


def test_a_copy_of_the_cookie_is_worth_nothing_after_signing_out(
    served: Remote, client: Client, clients: Clients
) -> None:
    client.signed_in(served.token("a"))
    thief, other = clients(), clients().signed_in(served.token("a"))
    thief.http.cookies.set(
        "landbridge_console", client.http.cookies["landbridge_console"], path="/console"
    )
    assert thief.get("/console/").status_code == 200
    client.post("/console/sign-out")
    assert thief.get("/console/").status_code == 303
    assert thief.fragment("/console/").status_code == 401
    assert other.get("/console/").status_code == 200


def test_no_form_is_taken_without_its_session(served: Remote, client: Client) -> None:
    """All there are."""
    client.signed_in(served.token("admin"))
    nothing: Any = SimpleNamespace(static=None, auth=SimpleNamespace(is_local=True))
    forms = [
        route.path
        for route in mount.routes(nothing)
        if isinstance(route, Route)
        and isinstance(route.endpoint, PageEndpoint)
        and "POST" in route.endpoint.methods
    ]
    assert len(forms) > 30
    for form in forms:
        path = re.sub(r"\{\w+(:\w+)?\}", str(uuid.uuid4()), form)
        for fields, headers in (
            ({"csrf": ""}, {}),
            ({"csrf": "of-another-session"}, {}),
            ({}, {"Origin": "https://elsewhere.example"}),
            ({}, {"Sec-Fetch-Site": "same-site"}),
            ({}, {"Sec-Fetch-Site": "", "Origin": ""}),
        ):
            assert client.post(path, fields, **headers).status_code == 403, (path, headers)
    assert client.get("/console/").status_code == 200


def test_a_session_ends_with_its_token(served: Remote, client: Client) -> None:
    served.caller("leaving", "proj-a", "member")
    client.signed_in(served.token("leaving"))
    served.revoke("leaving")
    deadline = time.monotonic() + 10
    while client.get("/console/connections").status_code != 303:
        assert time.monotonic() < deadline
    # The answer that has noticed takes the cookie away.
    assert "landbridge_console" not in client.http.cookies


def test_a_fragment_is_told_that_the_session_has_ended(served: Remote, client: Client) -> None:
    assert client.fragment("/console/").status_code == 401
    assert client.get("/console/live", Accept="text/event-stream").status_code == 401


def test_a_token_that_has_expired_says_so_at_the_door(served: Remote, client: Client) -> None:
    secret = local_tokens.new_secret()

    def add(tx: object) -> None:
        local_tokens.add(
            tx, secret, name="late", project_id="p", roles=["member"],  # type: ignore[arg-type]
            expires_at=int(time.time()) - 1,
        )  # fmt: skip

    served.db.write_sync(add)
    assert "The token has expired." in client.sign_in(secret).text
    page = client.get("/console/sign-in?ended=1")
    assert "Your session has ended" in page.text


def test_who_comes_by_a_link_of_another_site_is_asked_to_come_again(
    served: Remote, client: Client
) -> None:
    """Browsers leave a strict cookie out then, and would show the sign-in page."""
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = client.get("/console/connections", **foreign)
    assert (answer.status_code, "http-equiv" in answer.text) == (200, True)
    again = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/console/connections", **again).status_code == 303


def test_scripts_are_kept_by_browsers(served: Remote, client: Client) -> None:
    page = client.get("/console/sign-in").text
    path = page.partition('href="/console/static/console.')[2].partition('"')[0]
    path = f"/console/static/console.{path}"
    answer = client.get(path)
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    known = client.get(path, **{"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert client.get("/console/static/console.css").status_code == 404
    assert client.get("/console/static/..%2f__init__.py").status_code in (303, 404)


def test_a_session_is_sealed_and_has_an_end() -> None:
    now = [1000.0]
    sealer = Sealer.generate()
    sessions = Sessions(sealer, lambda: now[0])
    value = sessions.seal(sessions.begin("lbt_x", user="u", project="p"))
    found = sessions.open(value)
    assert found is not None
    assert (found.token, found.user) == ("lbt_x", "u")
    others = (Sessions(Sealer.generate()).seal(found), sealer.seal("session", "x").hex())
    for other in (value[:-4], value[:-1] + "A" * 5, "", "%%%", *others):
        assert sessions.open(other) is None
    now[0] += LONGEST + 1
    assert sessions.open(value) is None

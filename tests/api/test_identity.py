"""`/identity/v3`: who comes with a token learns whose it is and where the API is, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from landbridge.auth.local_tokens import new_secret
from tests.api.harness import BASE, Api, running_api
from tests.environments.databases import Databases

TOKENS = "/identity/v3/auth/tokens"


@pytest.fixture(scope="module")
def api(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    state = tmp_path_factory.mktemp("state")
    with databases.fresh("sqlite") as url, running_api(url, state) as running:
        running.caller("gw", "proj-gw", "landbridge-agent", gateway="g1")
        running.caller("gone", "proj-b", "member")
        yield running


def log_in(api: Api, token: str, **scope: Any) -> httpx2.Response:
    auth = {"identity": {"methods": ["token"], "token": {"id": token}}, **scope}
    return api.request("POST", TOKENS, None, json={"auth": auth})


def test_a_token_is_told_its_project_its_roles_and_where_the_api_is(api: Api) -> None:
    answer = log_in(api, api.token("a"))
    assert answer.status_code == 201
    assert answer.headers["X-Subject-Token"] == api.token("a")
    told = answer.json()["token"]
    assert told["project"]["id"] == told["project"]["name"] == "proj-a"
    assert [role["name"] for role in told["roles"]] == ["member", "reader"]
    where = {
        each["type"]: {endpoint["url"] for endpoint in each["endpoints"]}
        for each in told["catalog"]
    }
    assert where == {"network": {BASE}, "identity": {f"{BASE}/identity"}}
    assert api.token("a") not in answer.text
    shown = api.request("GET", TOKENS, "a", headers={"X-Subject-Token": api.token("a")})
    assert shown.status_code == 200
    assert shown.json()["token"]["user"] == told["user"]


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ({"project": {"id": "proj-a"}}, 201),
        ({"project": {"name": "proj-a", "domain": {"id": "default"}}}, 201),
        ("unscoped", 201),
        ({"project": {"id": "proj-b"}}, 401),
        ({"project": {"id": ""}}, 401),
        ({"domain": {"id": "default"}}, 401),
        ({"system": {"all": True}}, 401),
        (7, 400),
    ],
)
def test_a_token_is_of_its_project_only(api: Api, scope: Any, status: int) -> None:
    assert log_in(api, api.token("a"), scope=scope).status_code == status


def test_what_is_no_token_of_a_user_is_refused(api: Api) -> None:
    gone = api.token("gone")
    api.revoke("gone")
    assert [log_in(api, each).status_code for each in ("", "x", new_secret(), gone)] == [401] * 4
    assert log_in(api, api.token("gw")).status_code == 403
    assert api.request("GET", "/identity/v3/projects", "gw").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"auth": {}}',
        b'{"auth": {"identity": {"methods": "token"}}}',
        b'{"auth": {"identity": {"methods": ["password"], "password": {}}}}',
        b'{"auth": {"identity": {"methods": ["token"], "token": {"id": 5}}}}',
        b"\xff",
    ],
)
def test_a_body_that_is_none_is_400(api: Api, body: bytes) -> None:
    answer = api.request("POST", TOKENS, None, content=body)
    assert answer.status_code == 400
    told = answer.json()["error"]
    assert (told["code"], told["title"]) == (400, "BadRequest")
    assert told["message"].startswith("Bad auth request: ")


def test_a_token_is_shown_to_who_has_it_only(api: Api) -> None:
    for caller in ("a", "admin"):
        asked = {"X-Subject-Token": api.token("b")}
        assert api.request("GET", TOKENS, caller, headers=asked).status_code == 404
    assert api.request("GET", TOKENS, None).status_code == 401
    assert api.request("DELETE", TOKENS, "a").status_code == 405


def test_projects_are_seen_by_their_members_and_administrators(api: Api) -> None:
    def status(project: str, caller: str) -> int:
        return api.request("GET", f"/identity/v3/projects/{project}", caller).status_code

    def names(caller: str, **query: str) -> list[str]:
        params = list(query.items())
        answer = api.request("GET", "/identity/v3/projects", caller, params=params).json()
        return [each["name"] for each in answer["projects"]]

    assert [status("proj-a", who) for who in ("a", "b", "admin")] == [200, 404, 200]
    assert (names("a"), names("a", name="proj-b")) == (["proj-a"], [])
    assert (names("admin"), names("admin", name="blue")) == (["proj-admin"], ["blue"])


def test_the_versions_lead_to_it(api: Api) -> None:
    listed = api.request("GET", "/identity", None)
    (version,) = listed.json()["versions"]["values"]
    assert (listed.status_code, version["links"][0]["href"]) == (300, f"{BASE}/identity/v3/")
    assert api.request("GET", "/identity/v3", None).json() == {"version": version}

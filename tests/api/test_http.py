"""What holds for every request, whatever it asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote

import httpx2
import keystoneauth1.exceptions
import pytest
import requests
import structlog

from landbridge.api.schema.openapi.document import document
from tests.api.harness import Api, running_api
from tests.environments.databases import Databases

IKE = "/v2.0/vpn/ikepolicies"
#: What the document leaves out: what landbridge's own halves speak, and pages for people.
BESIDE = ("/agent/v1/", "/console")
OWN_QUOTA = "/v2.0/quotas/project"  # one of quotas/{id}
_REQUEST_ID = re.compile(r"req-[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


def _error(answer: httpx2.Response) -> dict[str, str]:
    """The envelope's inside: every error has it, whatever its status."""
    assert answer.headers["Content-Type"] == "application/json"
    envelope = answer.json()
    assert list(envelope) == ["NeutronError"]
    error: dict[str, str] = envelope["NeutronError"]
    assert set(error) == {"type", "message", "detail"}
    assert "<" not in error["message"]
    return error


@pytest.fixture
def api(databases: Databases, tmp_path: Path) -> Any:
    with databases.fresh("sqlite") as url, running_api(url, tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "caller"),
    [
        ("GET", "/", None),
        ("GET", "/nowhere", None),
        ("GET", IKE, None),
        ("GET", IKE, "a"),
        ("PATCH", IKE, "a"),
        ("GET", f"{IKE}/x", "a"),
        ("GET", "/v2.0/nowhere", "a"),
    ],
)
def test_every_answer_has_a_request_id(
    api: Api, method: str, path: str, caller: str | None
) -> None:
    answer = api.request(method, path, caller)
    assert _REQUEST_ID.fullmatch(answer.headers["X-Openstack-Request-Id"])


def test_without_a_token_one_learns_where_to_get_one(api: Api) -> None:
    answer = api.request("GET", "/v2.0/nowhere", None)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"]
    assert _error(answer) == {
        "type": "HTTPUnauthorized", "message": "The request has no X-Auth-Token.", "detail": "",
    }  # fmt: skip


def test_a_bad_token_is_refused_in_words(api: Api) -> None:
    answer = api.request("GET", IKE, None, headers={"X-Auth-Token": "nonsense"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"]
    assert _error(answer)["message"] == "The token is not known, or was revoked."


@pytest.mark.parametrize("path", ["/v3", "/v2.0/bogus", "/v2.0/vpn/", f"{IKE}/x/y", "/a%3Fb/%2F"])
def test_a_path_that_is_not_there_is_told_so(api: Api, path: str) -> None:
    answer = api.request("GET", path, "a")
    assert answer.status_code == 404
    error = _error(answer)
    assert error["type"] == "HTTPNotFound"
    assert error["message"].startswith(f"The API has no path {unquote(path)}.")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", IKE, {"GET", "POST", "OPTIONS"}),
        ("PUT", IKE, {"GET", "POST", "OPTIONS"}),
        ("BREW", IKE, {"GET", "POST", "OPTIONS"}),
        ("PATCH", f"{IKE}/x", {"GET", "PUT", "DELETE", "OPTIONS"}),
        ("GET", "/v2.0/routers/x/add_router_interface", {"PUT"}),
        ("POST", "/healthcheck", {"GET", "HEAD"}),
    ],
)
def test_methods_that_a_path_does_not_have(
    api: Api, method: str, path: str, allowed: set[str]
) -> None:
    answer = api.request(method, path, "a")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == allowed
    if method != "HEAD":
        said = _error(answer)["message"]
        assert said.startswith(f"{method} is not allowed, only {answer.headers['Allow']} ")
        assert said.endswith(f": {path}")


def test_the_document_is_served_and_has_every_path(api: Api) -> None:
    served = api.request("GET", "/openapi.json", None).json()
    assert served == document()
    paths = {route.path for route in api.app.routes}
    beside = {path for path in paths if path.startswith(BESIDE)}
    aliases = {path for path in paths if path.endswith(("/", ".json", "{path:path}"))}
    others = {"/", "/openapi.json", OWN_QUOTA}
    assert paths - beside - aliases | others == set(served["paths"])


def test_the_document_has_the_methods_of_every_path(api: Api) -> None:
    for path, node in document()["paths"].items():
        answer = api.request("PATCH", path.replace("{", "").replace("}", ""))
        assert answer.status_code == 405, path
        allowed = {each.lower() for each in answer.headers["Allow"].split(", ")}
        if path != OWN_QUOTA:
            assert allowed - {"head", "options"} == set(node) - {"parameters"}, path


def test_with_keystone_there_is_no_other_identity_service(
    databases: Databases, tmp_path: Path
) -> None:
    described = set(document()["paths"]) - set(document("keystone")["paths"])
    ours = ("/identity", "/landbridge/v1/tokens")
    assert described == {path for path in document()["paths"] if path.startswith(ours)}
    credentials = {"username": "landbridge", "password": "s", "project_name": "service"}
    options = {
        "auth": {"strategy": "keystone"},
        "keystone_authtoken": {"auth_url": "http://127.0.0.1:9/v3", **credentials},
    }
    with databases.fresh("sqlite") as url, running_api(url, tmp_path, **options) as keystone:
        routes = {route.path for route in keystone.app.routes}
        served = keystone.request("GET", "/openapi.json", None).json()
    assert served == document("keystone")
    assert not {path for path in routes if path.startswith(ours)}


@pytest.mark.parametrize(
    ("method", "path", "caller", "status"),
    [
        ("GET", "/identity/v3/projects", None, 401),
        ("GET", "/identity/v3/projects/other", "a", 404),
        ("GET", "/identity/v3/users", "a", 404),
        ("DELETE", "/identity/v3/auth/tokens", "a", 405),
        ("GET", "/identity/v3/projects?name=%00", "a", 400),
    ],
)
def test_errors_of_the_identity_service_are_read_by_its_clients(
    api: Api, method: str, path: str, caller: str | None, status: int
) -> None:
    answer = api.request(method, path, caller)
    told = answer.json()["error"]
    assert (answer.status_code, told["code"]) == (status, status)
    asked = requests.Response()
    asked.status_code, asked._content = answer.status_code, answer.content
    asked.headers.update(answer.headers)
    read = keystoneauth1.exceptions.from_response(asked, method, path)
    assert read.message.startswith(told["message"])


def test_a_post_to_one_object_is_read_and_then_refused(api: Api) -> None:
    body = {"ikepolicy": {"name": "x"}}
    answer = api.request("POST", f"{IKE}/x", "a", json=body)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, PUT, DELETE, OPTIONS")
    assert not api.request("GET", IKE, "a").json()["ikepolicies"]


def test_a_body_may_be_too_large(api: Api) -> None:
    answer = api.request("POST", IKE, "a", content=b" " * 114_689)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", [f"{IKE}/%00", f"{IKE}?name=%00", "/v2.0/quotas/a%00b"])
def test_nul_in_an_address(api: Api, path: str) -> None:
    assert api.request("GET", path, "a").status_code == 400


@pytest.mark.parametrize(
    "query",
    ["name=%ff", "mtu=99999999999999999999999", "revision_number=-5", "limit=99999999999999999999",
     "marker=%F0%9F%9A%80&limit=1", "admin_state_up=1&id=x&id=y", "created_at=x"],
)  # fmt: skip
def test_odd_queries(api: Api, query: str) -> None:
    answer = api.request("GET", f"/v2.0/vpn/ipsec-site-connections?{query}", "a")
    assert answer.status_code == 200
    assert answer.json()["ipsec_site_connections"] == []


def test_what_nobody_foresaw_is_logged_and_not_told(api: Api) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("the inner cause")

    with (
        structlog.testing.capture_logs() as lines,
        mock.patch("landbridge.api.requests.select.page", fails),
    ):
        answer = api.request("GET", IKE, "a")
    assert answer.status_code == 500
    assert "inner cause" not in answer.text
    unforeseen = next(line for line in lines if line["event"] == "unforeseen error")
    assert unforeseen["log_level"] == "error"
    told = next(line for line in lines if line["event"] == "request")
    assert (told["log_level"], told["status"]) == ("warning", 500)


@pytest.mark.parametrize(
    ("requests", "levels"),
    [("failures", ["debug", "debug"]), ("changes", ["debug", "info"]), ("all", ["info", "info"])],
)
def test_requests_are_told_as_the_operator_wants(
    databases: Databases, tmp_path: Path, requests: str, levels: list[str]
) -> None:
    options = {"log": {"requests": requests, "slow_request": "0"}}
    with (
        databases.fresh("sqlite") as url,
        running_api(url, tmp_path, **options) as api,
        structlog.testing.capture_logs() as lines,
    ):
        assert api.request("GET", IKE, "a").status_code == 200
        assert api.request("POST", IKE, "a", json={"ikepolicy": {}}).status_code == 201
    told = [line for line in lines if line["event"] == "request"]
    assert [line["log_level"] for line in told] == levels
    assert [(line["method"], line["status"]) for line in told] == [("GET", 200), ("POST", 201)]


def test_logs_hold_nothing_that_was_sent(api: Api) -> None:
    body = {"ipsec_site_connection": {"psk": "s3cret", "name": "given"}}
    path = "/v2.0/vpn/ipsec-site-connections?name=given"
    with structlog.testing.capture_logs() as lines:
        api.request("POST", path, "a", json=body)
    assert lines
    assert not re.search("s3cret|given", str(lines))


@pytest.mark.parametrize(
    ("told", "scheme"),
    [("https", "https"), ("HTTPS, http", "https"), ("javascript", "http"), ("", "http")],
)
def test_addresses_are_those_of_the_client(api: Api, told: str, scheme: str) -> None:
    headers = {"Host": "vpn.example.org", "X-Forwarded-Proto": told}
    answer = api.request("GET", "/", None, headers=headers).json()
    assert answer["versions"][0]["links"][0]["href"] == f"{scheme}://vpn.example.org/v2.0/"


def test_metrics_count_by_route(api: Api) -> None:
    api.request("GET", f"{IKE}/some-id", "a")
    text = api.request("GET", "/metrics", None).text
    assert 'code="404",method="GET",route="/v2.0/vpn/ikepolicies/{id}"' in text
    assert "some-id" not in text


def test_what_gateways_ask_all_the_time_is_counted_by_route_and_logged_at_debug(api: Api) -> None:
    with structlog.testing.capture_logs() as lines:
        api.request("GET", "/agent/v1/tunnels/some-id", "a")
    assert [line["log_level"] for line in lines if line["event"] == "request"] == ["debug"]
    text = api.request("GET", "/metrics", None).text
    assert 'code="403",method="GET",route="/agent/v1/tunnels/{id}"' in text

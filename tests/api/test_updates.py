"""Updates: what they answer, what they cost each other, who may see the key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.api.harness import Api, running_api
from tests.api.population import CONNECTIONS, Site
from tests.environments.databases import Databases
from tests.environments.landbridge import running, with_tokens

REFERENCE_UPDATE = {
    "peer_address": "peer.example.org",
    "peer_id": "peer.example.org",
    "psk": "another",
    "name": "vpnconnection1",
    "description": "New IPsec connection",
    "initiator": "response-only",
    "admin_state_up": False,
    "mtu": 1400,
    "dpd": {"action": "restart", "interval": 10, "timeout": 60},
    "local_id": "gateway.example.org",
    "split_selector": True,
}


def test_every_attribute_of_the_reference_document(api: Api) -> None:
    site = Site(api)
    path = f"{CONNECTIONS}/{site.connection()['id']}"
    body = {"ipsec_site_connection": REFERENCE_UPDATE}
    answer = api.request("PUT", path, "a", json=body)
    assert answer.status_code == 200
    changed = answer.json()["ipsec_site_connection"]
    assert changed | REFERENCE_UPDATE == changed
    shown = api.request("GET", path, "a").json()["ipsec_site_connection"]
    assert shown == changed
    assert shown["revision_number"] == 1


def test_an_update_that_changes_nothing(api: Api) -> None:
    site = Site(api)
    made = site.connection(name="x")
    path = f"{CONNECTIONS}/{made['id']}"
    answer = api.request("PUT", path, "a", json={"ipsec_site_connection": {"name": "x"}})
    assert answer.json()["ipsec_site_connection"] == made


def test_a_refused_update_changes_nothing(api: Api) -> None:
    site = Site(api)
    made = site.connection()
    path = f"{CONNECTIONS}/{made['id']}"
    body = {"ipsec_site_connection": {"name": "new", "dpd": {"timeout": 5}}}
    assert api.request("PUT", path, "a", json=body).status_code == 400
    assert api.request("GET", path, "a").json()["ipsec_site_connection"] == made


def test_only_if_it_still_has_this_revision(api: Api) -> None:
    site = Site(api)
    path = f"{CONNECTIONS}/{site.connection()['id']}"
    body = {"ipsec_site_connection": {"name": "x"}}
    condition = {"If-Match": "revision_number=0"}
    assert api.request("PUT", path, "a", json=body, headers=condition).status_code == 200
    again = api.request("PUT", path, "a", json=body, headers=condition)
    assert again.json()["NeutronError"]["type"] == "RevisionNumberConstraintFailed"
    assert api.request("DELETE", path, "a", headers=condition).status_code == 412
    assert api.request("DELETE", path, "a", headers={"If-Match": '"revision_number=1"'}).is_success


def test_quotas_hold_for_each_kind(api: Api) -> None:
    for limit, status in ((0, 409), (1, 201), (1, 409)):
        quota = {"quota": {"ikepolicy": limit}}
        assert api.request("PUT", "/v2.0/quotas/proj-a", "admin", json=quota).is_success
        body: dict[str, dict[str, str]] = {"ikepolicy": {}}
        assert api.request("POST", "/v2.0/vpn/ikepolicies", "a", json=body).status_code == status
    used = api.request("GET", "/v2.0/quotas/proj-a/details", "admin").json()["quota"]["ikepolicy"]
    assert used == {"limit": 1, "used": 1, "reserved": 0}
    assert api.request("DELETE", "/v2.0/quotas/proj-a", "admin").status_code == 204
    assert api.request("GET", "/v2.0/quotas/proj-a", "a").json()["quota"]["ikepolicy"] == -1
    assert api.request("PUT", "/v2.0/quotas/proj-a", "a", json={"quota": {}}).status_code == 403
    assert api.request("GET", "/v2.0/quotas", "a").status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "type", "message"),
    [
        ("GET", "/proj-a", "PolicyNotAuthorized", "rule:get_quota is disallowed by policy"),
        ("GET", "/proj-a/default", "PolicyNotAuthorized", "rule:get_quota is disallowed by policy"),
        ("GET", "", "PolicyNotAuthorized", "rule:get_quota is disallowed by policy"),
        ("PUT", "/proj-a", "PolicyNotAuthorized", "rule:update_quota is disallowed by policy"),
        ("DELETE", "/proj-a", "PolicyNotAuthorized", "rule:delete_quota is disallowed by policy"),
        (
            "GET",
            "/proj-a/details",
            "AdminRequired",
            "User does not have admin privileges: Only admin is authorized to access quotas for "
            "another project.",
        ),
    ],
)
def test_quotas_of_another_project_are_forbidden(
    api: Api, method: str, path: str, type: str, message: str
) -> None:
    body = {"quota": {"bogus": 1}} if method == "PUT" else None
    answer = api.request(method, f"/v2.0/quotas{path}", "b", json=body)
    error = answer.json()["NeutronError"]
    assert (answer.status_code, error["type"], error["message"]) == (403, type, message)


@pytest.fixture
def lenient(databases: Databases, tmp_path: Path) -> object:
    """An API whose readers are let in, but not to the keys."""
    policy = tmp_path / "policy.yaml"
    policy.write_text('"get_ipsec_site_connection": "role:admin or project_id:%(project_id)s"\n')
    options = {"oslo_policy": {"policy_file": str(policy)}}
    with databases.fresh("sqlite") as url, running_api(url, tmp_path, **options) as api:
        yield api


def test_readers_may_be_let_in_without_the_key(lenient: Api) -> None:
    made = Site(lenient).connection()
    path = f"{CONNECTIONS}/{made['id']}"
    for caller, seen in (("a", True), ("ro", False)):
        shown = lenient.request("GET", path, caller).json()["ipsec_site_connection"]
        (listed,) = lenient.request("GET", CONNECTIONS, caller).json()["ipsec_site_connections"]
        assert ("psk" in shown, "psk" in listed) == (seen, seen)
    body = {"ipsec_site_connection": {"name": "x"}}
    refused = lenient.request("PUT", f"{CONNECTIONS}/{made['id']}", "ro", json=body)
    assert refused.status_code == 403


def test_many_clients_lose_nothing(database_url: str, tmp_path: Path) -> None:
    """Different attributes both hold; with If-Match exactly one of all wins."""
    with (
        running(tmp_path, with_tokens(database_url)) as server,
        server.client(server.admin_token) as client,
    ):
        made = client.post("/vpn/ikepolicies", json={"ikepolicy": {"name": "first"}}).json()
        path = f"/vpn/ikepolicies/{made['ikepolicy']['id']}"
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda n: _put(client, path, n), range(40)))
        assert all(answer.status_code == 200 for answer in answers)
        found = client.get(path).json()["ikepolicy"]
        assert found["name"].isdigit()
        assert found["description"].isdigit()
        assert found["revision_number"] == 40
        condition = {"If-Match": f"revision_number={found['revision_number']}"}
        with ThreadPoolExecutor(8) as threads:
            raced = list(threads.map(lambda n: _put(client, path, n, condition), range(100, 116)))
        assert sorted(answer.status_code for answer in raced) == [200] + [412] * 15


def _put(
    client: httpx2.Client, path: str, number: int, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """Even numbers change the name, odd ones the description."""
    name = "name" if number % 2 == 0 else "description"
    body = {"ikepolicy": {name: f"{number}"}}
    return client.put(path, json=body, headers=headers)

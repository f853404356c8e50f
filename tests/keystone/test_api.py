"""A running landbridge behind a real Keystone: who gets in, who sees what, what is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.environments.databases import Databases
from tests.environments.keystone import SERVICE_USER, Keystone
from tests.environments.landbridge import Landbridge, running, with_keystone
from tests.environments.processes import POLL, free_port

POLICIES = "/vpn/ikepolicies"
DEADLINE = 15.0  # seconds
REVALIDATE_AFTER = "0.2"


@pytest.fixture(scope="module")
def landbridge(
    keystone: Keystone, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Landbridge]:
    state = tmp_path_factory.mktemp("api")
    with databases.fresh("postgresql") as url:
        configuration = {**with_keystone(url, keystone)}
        configuration["auth"] = {**configuration["auth"], "revalidate_after": REVALIDATE_AFTER}
        with running(state, configuration) as server:
            yield server


def get(landbridge: Landbridge, token: str, path: str = POLICIES) -> httpx2.Response:
    with landbridge.client(token) as client:
        return client.get(path)


def becomes(landbridge: Landbridge, token: str, status: int) -> httpx2.Response:
    """Ask until the answer is `status`, as it must be before the deadline."""
    end = time.monotonic() + DEADLINE
    while (answer := get(landbridge, token)).status_code != status:
        assert time.monotonic() < end, f"still {answer.status_code}: {answer.text}"
        time.sleep(POLL)
    return answer


def test_there_is_no_login_of_our_own_beside_keystone(landbridge: Landbridge) -> None:
    for path in ("/identity", "/identity/v3", "/identity/v3/auth/tokens"):
        assert httpx2.get(f"{landbridge.url}{path}").status_code == 404


def test_no_token_and_a_bad_one_are_told_where_to_log_in(
    landbridge: Landbridge, keystone: Keystone
) -> None:
    for token in ("", "garbage", "gAAAAA" + "x" * 200):
        answer = get(landbridge, token)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == f'Keystone uri="{keystone.auth_url}"'


def test_the_first_tokens_are_no_way_around_keystone(landbridge: Landbridge) -> None:
    """The agent's token is good for the agent's calls alone; nobody else's is any good."""
    assert get(landbridge, landbridge.admin_token).status_code == 401
    agent_token = (landbridge.state / "agent-token").read_text().strip()
    with landbridge.client(agent_token) as agent:
        assert agent.get(POLICIES).json() == {"ikepolicies": []}
        assert agent.post(POLICIES, json={"ikepolicy": {}}).status_code == 403


def test_an_unscoped_token_owns_nothing(landbridge: Landbridge, keystone: Keystone) -> None:
    with landbridge.client(keystone.unscoped_token()) as client:
        assert client.get(POLICIES).json() == {"ikepolicies": []}
        refused = client.post(POLICIES, json={"ikepolicy": {"name": "whose"}})
    assert 400 <= refused.status_code < 500


def test_each_role_does_what_it_may(landbridge: Landbridge, keystone: Keystone) -> None:
    codes: dict[str, tuple[int, ...]] = {}
    with landbridge.client(keystone.token("a")) as owner:
        made = owner.post(POLICIES, json={"ikepolicy": {"name": "of proj-a"}}).json()["ikepolicy"]
    assert made["project_id"] == keystone.users["a"].project_id
    one, change = f"{POLICIES}/{made['id']}", {"ikepolicy": {"name": "changed"}}
    for user in ("b", "ro", "a", "admin"):
        with landbridge.client(keystone.token(user)) as client:
            codes[user] = (
                client.post(POLICIES, json={"ikepolicy": {}}).status_code,
                len(client.get(POLICIES, params={"id": made["id"]}).json()["ikepolicies"]),
                client.get(one).status_code,
                client.put(one, json=change).status_code,
                client.delete(one).status_code if user == "admin" else 0,
            )
    assert codes == {
        "b": (201, 0, 404, 404, 0),
        "ro": (403, 0, 404, 404, 0),
        "a": (201, 1, 200, 200, 0),
        "admin": (201, 1, 200, 200, 204),
    }


def test_an_admin_makes_it_for_another_project(landbridge: Landbridge, keystone: Keystone) -> None:
    theirs = {"ikepolicy": {"project_id": keystone.users["b"].project_id}}
    with landbridge.client(keystone.token("admin")) as admin:
        made = admin.post(POLICIES, json=theirs).json()["ikepolicy"]
    assert get(landbridge, keystone.token("b"), f"{POLICIES}/{made['id']}").status_code == 200
    with landbridge.client(keystone.token("a")) as other:
        refused = other.post(POLICIES, json=theirs)
    assert refused.status_code == 400
    assert "other than the authenticated project" in refused.json()["NeutronError"]["message"]


def test_a_machines_port_goes_by_the_service_that_runs_the_machine(
    landbridge: Landbridge, keystone: Keystone
) -> None:
    """As nova deletes ports: with the user's token and its own beside it."""
    with landbridge.client(keystone.token("a")) as client:
        network = client.post("/networks", json={"network": {}}).json()["network"]["id"]
        port = {"network_id": network, "device_owner": "compute:nova"}
        made = client.post("/ports", json={"port": port}).json()["port"]
        path = f"/ports/{made['id']}"
        assert client.delete(path).status_code == 403
        beside = {"X-Service-Token": keystone.token(SERVICE_USER)}
        assert client.delete(path, headers=beside).status_code == 204


def test_a_revoked_token_is_refused_soon(landbridge: Landbridge, keystone: Keystone) -> None:
    token = keystone.token("a")
    assert get(landbridge, token).status_code == 200
    keystone.revoke(token)
    becomes(landbridge, token, 401)


def test_a_revoked_token_hears_no_more_events(landbridge: Landbridge, keystone: Keystone) -> None:
    """In the middle of a flood of them, which leaves no pause to ask in."""
    token, writer = keystone.token("a"), keystone.token("a")
    url = f"{landbridge.url}/landbridge/v1/events"
    headers = {"X-Auth-Token": token}
    revoked_at = 0.0
    with (
        landbridge.client(writer) as client,
        httpx2.stream("GET", url, headers=headers, timeout=DEADLINE) as stream,
    ):
        made = client.post(POLICIES, json={"ikepolicy": {}}).json()["ikepolicy"]
        for number, _ in enumerate(stream.iter_lines()):
            change = {"ikepolicy": {"description": str(number)}}
            client.put(f"{POLICIES}/{made['id']}", json=change)  # the next lines are of this
            if number == 10:
                keystone.revoke(token)
                revoked_at = time.monotonic()
            assert not revoked_at or time.monotonic() < revoked_at + DEADLINE, "it goes on"
    assert revoked_at


def test_a_disabled_user_is_refused_soon(landbridge: Landbridge, keystone: Keystone) -> None:
    token = keystone.token("b")
    assert get(landbridge, token).status_code == 200
    keystone.set_enabled("b", False)
    try:
        becomes(landbridge, token, 401)
    finally:
        keystone.set_enabled("b", True)


def test_an_expired_token_is_refused(landbridge: Landbridge, keystone: Keystone) -> None:
    token = keystone.short_lived_token("a", seconds=4)
    assert get(landbridge, token).status_code == 200
    becomes(landbridge, token, 401)


def test_without_keystone_there_is_a_503_that_says_so(
    keystone: Keystone, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    state = tmp_path_factory.mktemp("away")
    with databases.fresh("sqlite") as url:
        configuration = {**with_keystone(url, keystone)}
        nowhere = {"auth_url": f"http://127.0.0.1:{free_port()}/v3", "http_connect_timeout": "1"}
        configuration["keystone_authtoken"] = {**keystone.authtoken(), **nowhere}
        with running(state, configuration) as server:
            answer = get(server, keystone.token("a"))
    assert answer.status_code == 503
    assert "Keystone" in answer.json()["NeutronError"]["message"]

"""Signing in to the console where Keystone knows who people are."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
import pytest

from landbridge.lab.patience import patient
from tests.console.http import Client
from tests.environments.databases import Databases
from tests.environments.keystone import Keystone
from tests.environments.landbridge import Landbridge, running, with_keystone
from tests.environments.processes import POLL

DEADLINE = patient(15.0)  # seconds


@pytest.fixture(scope="module")
def landbridge(
    keystone: Keystone, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Landbridge]:
    with databases.fresh("sqlite") as url:
        configuration = {**with_keystone(url, keystone)}
        configuration["auth"] = {**configuration["auth"], "revalidate_after": "0.2"}
        with running(tmp_path_factory.mktemp("console"), configuration) as server:
            yield server


@pytest.fixture
def client(landbridge: Landbridge) -> Iterator[Client]:
    made = Client(landbridge.url)
    yield made
    made.http.close()


def _sign_in(client: Client, user: str, password: str, project: str) -> httpx2.Response:
    client.get("/console/sign-in")
    fields = {"how": "password", "user": user, "password": password, "project": project}
    answer = client.post("/console/sign-in", fields)
    assert password not in answer.text
    return answer


def test_people_sign_in_with_their_password(client: Client, keystone: Keystone) -> None:
    a = keystone.users["a"]
    assert _sign_in(client, "a", a.password, a.project).status_code == 303
    page = client.get("/console/").text
    assert ">a</bdi>" in page
    assert f">{a.project}</bdi>" in page
    assert client.post("/console/networks/new", {"name": "mine"}).status_code == 303


def test_what_was_wrong_is_not_told_apart(client: Client, keystone: Keystone) -> None:
    a = keystone.users["a"]
    tries = (
        ("a", "wrong password", a.project), ("nobody", a.password, a.project),
        ("a", a.password, "proj-b"), ("a", a.password, "no such project"),
    )  # fmt: skip
    told = set()
    for user, password, project in tries:
        answer = _sign_in(client, user, password, project)
        assert answer.status_code == 401
        told.add(answer.text.partition('role="alert">')[2].partition("<")[0])
    assert told == {"Keystone does not accept this user, password and project together."}
    nothing = _sign_in(client, "a", "some password", "")
    assert "Give a user, a password and a project." in nothing.text


def test_a_token_of_keystones_does_and_ends_the_session_with_it(
    client: Client, keystone: Keystone
) -> None:
    token = keystone.token("a")
    assert client.sign_in(token).status_code == 303
    assert client.get("/console/routers").status_code == 200
    keystone.revoke(token)
    end = time.monotonic() + DEADLINE
    while (answer := client.get("/console/routers")).status_code == 200:
        assert time.monotonic() < end
        time.sleep(POLL)
    assert answer.headers["location"].endswith("ended=1")
    assert client.sign_in(keystone.unscoped_token("a")).status_code == 403

"""A second API process, of another host, on a database that one uses: from nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.population import Site
from tests.api.remote import Remote, remote, share_key
from tests.environments.databases import Databases
from tests.environments.landbridge import Landbridge, running, with_tokens
from tests.environments.processes import NotStarted

PSK = "what both seal and open"


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.fresh("postgresql") as made:
        yield made


@pytest.fixture(scope="module")
def first(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    state = tmp_path_factory.mktemp("first")
    with running(state, with_tokens(url)) as server, remote(server, url) as made:
        yield made


def refusal(state: Path, url: str) -> str:
    with pytest.raises(NotStarted) as refused, running(state, with_tokens(url)):
        pass
    return str(refused.value)


def seen(server: Landbridge, token: str, id: str) -> str:
    """The PSK of the connection, as that server opens it."""
    with server.client(token) as client:
        answer = client.get(f"/vpn/ipsec-site-connections/{id}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["ipsec_site_connection"]["psk"])


def test_without_the_key_it_does_not_start_and_says_what_to_copy(
    first: Remote, url: str, tmp_path: Path
) -> None:
    """Before anything is sealed, and after; with no key, and with one of its own."""
    line = refusal(tmp_path, url)
    assert "copy the key file of another API's host to it" in line
    assert f"{tmp_path / 'secret.key'} is missing" in line
    assert not {"secret.key", "admin-token"} & {path.name for path in tmp_path.iterdir()}

    Site(first).connection(psk=PSK)
    (tmp_path / "secret.key").write_text(f"{'0a' * 4}:{'0b' * 32}\n")
    line = refusal(tmp_path, url)
    assert f"{tmp_path / 'secret.key'} does not have the key" in line
    assert "that 1 pre-shared keys in" in line


@pytest.mark.parametrize("given", ["state_dir", "key_file", "credential"])
def test_with_the_key_it_serves_the_same_and_ends_no_token(
    first: Remote, url: str, tmp_path: Path, given: str
) -> None:
    token = first.server.admin_token
    agent = (first.server.state / "agent-token").read_text().strip()
    made = Site(first).connection(psk=PSK)
    configuration, environment = dict(with_tokens(url)), dict(os.environ)
    places = {"state_dir": tmp_path, "key_file": tmp_path / "keys", "credential": tmp_path / "run"}
    share_key(first.server.state, places[given])
    owner = (first.server.state / "secret.key").stat()
    os.chown(places[given] / "secret.key", owner.st_uid, owner.st_gid)
    if given == "key_file":
        place = str(places[given] / "secret.key")
        configuration["database"] = {**configuration["database"], "key_file": place}
    elif given == "credential":
        environment["CREDENTIALS_DIRECTORY"] = str(places[given])

    with running(tmp_path, configuration, environment) as server:
        assert seen(server, token, made["id"]) == PSK
        body = {"ipsec_site_connection": {"psk": PSK[::-1]}}
        with server.client(token) as client:
            put = client.put(f"/vpn/ipsec-site-connections/{made['id']}", json=body)
        assert put.status_code == 200
        assert seen(first.server, token, made["id"]) == PSK[::-1]
        assert "another host that shares the database" in (tmp_path / "api.log").read_text()
        by_its_own = server.issue_token("proj-a", "admin")
        assert seen(first.server, by_its_own, made["id"]) == PSK[::-1]
    assert seen(first.server, token, made["id"]) == PSK[::-1]
    with first.server.client(agent) as client:
        assert client.get("/networks").status_code == 200
    assert not (tmp_path / "admin-token").exists()

"""An API that speaks https: to clients, to gateways, to its own host, and while its certificate is
renewed."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from landbridge.agent.link.client import Server, Unreachable
from landbridge.cli.main import cli
from landbridge.cli.serve import _ready
from landbridge.config.load import load
from landbridge.config.settings import Settings
from landbridge.servertrust import SYSTEM, ServerTrust, Trust
from tests.environments.certificates import Authority
from tests.environments.databases import Databases
from tests.environments.landbridge import CONFIGURATION, Landbridge, running, with_tokens

DEADLINE: Final = 20.0
NAMES: Final = ("api.example", "localhost")


class Place:
    """A running API, its authority, and its certificate's files."""

    def __init__(self, server: Landbridge, authority: Authority, files: Path) -> None:
        self.server = server
        self.authority = authority
        self.files = files
        port = server.url.rpartition(":")[2]
        self.url = f"https://localhost:{port}"
        self.headers = {"X-Auth-Token": server.admin_token}

    @property
    def settings(self) -> Settings:
        """As of the host that it runs on."""
        file = self.server.state / CONFIGURATION
        bind = self.server.url.removeprefix("https://")
        return load(file, state_dir=self.server.state, bind=bind, environment={})

    def client(self) -> httpx2.Client:
        context = ssl.create_default_context(cafile=self.authority.file)
        return httpx2.Client(
            base_url=self.url,
            headers=self.headers,
            verify=context,
            timeout=DEADLINE,
            trust_env=False,
        )

    def serial(self) -> int:
        host, port = self.server.url.removeprefix("https://").split(":")
        pem = ssl.get_server_certificate((host, int(port)))
        return x509.load_pem_x509_certificate(pem.encode()).serial_number

    def renew(self) -> int:
        made = self.authority.issue(*NAMES)
        made.write(self.files)
        return made.serial

    def said(self, what: str) -> list[dict[str, Any]]:
        lines = self.server.server.log.read_text().splitlines()
        return [json.loads(line) for line in lines if what in line]


@pytest.fixture(scope="module")
def place(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    authority, files = Authority(tmp_path_factory.mktemp("ca")), tmp_path_factory.mktemp("tls")
    certificate, key = authority.issue(*NAMES).write(files)
    api = {"tls_certificate": str(certificate), "tls_key": str(key)}
    state = tmp_path_factory.mktemp("state")
    with databases.fresh("sqlite") as url:
        configuration = {**with_tokens(url), "api": api, "log": {"format": "json"}}
        with running(state, configuration) as server:
            yield Place(server, authority, files)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_links_lead_where_the_client_came_from(place: Place) -> None:
    with place.client() as client:
        for number in range(2):
            body = {"ikepolicy": {"name": str(number)}}
            assert client.post("/v2.0/vpn/ikepolicies", json=body).status_code == 201
        versions = client.get("/").json()["versions"]
        assert versions[0]["links"][0]["href"] == f"{place.url}/v2.0/"
        page = client.get("/v2.0/vpn/ikepolicies", params={"limit": 1}).json()
        for link in page["ikepolicies_links"]:
            assert link["href"].startswith(f"{place.url}/v2.0/vpn/ikepolicies?")
            assert client.get(link["href"]).status_code == 200


def test_a_renewed_certificate_is_taken_while_all_goes_on(place: Place) -> None:
    """One that is broken is not, and that is one line."""
    with place.client() as client, client.stream("GET", "/landbridge/v1/events") as stream:
        lines = stream.iter_lines()
        assert next(lines)
        before, made = place.serial(), place.renew()
        until(lambda: place.serial() == made)
        assert before != made
        (place.files / "privkey.pem").write_bytes(place.authority.issue(*NAMES).key)
        until(lambda: bool(place.said("the one before stays")))
        assert place.serial() == made
        [line] = place.said("the one before stays")
        assert "does not belong to the certificate" in line["reason"]
        last = place.renew()
        until(lambda: place.serial() == last)
        created = client.post("/v2.0/vpn/ikepolicies", json={"ikepolicy": {"name": "heard"}})
        assert created.status_code == 201
        assert any("heard" in line for line in lines)  # the stream is the one of before


async def ask(place: Place, url: str, trust: Trust) -> None:
    """Raises: Unreachable."""
    token_file = place.server.state / "agent-token"
    name = place.settings.agent.gateway_id
    async with Server(url, name, token_file, trust) as server:
        await server.desired()


def test_a_gateway_verifies_the_api(place: Place, tmp_path: Path) -> None:
    asyncio.run(ask(place, place.url, Trust(ca_file=place.authority.file)))
    stranger = Authority(tmp_path)
    refused = {
        "not accepted: self-signed certificate in .* server_ca_file": (place.url, SYSTEM),
        "not accepted": (place.url, Trust(ca_file=stranger.file)),
        "not valid for '127.0.0.1'": (place.server.url, Trust(ca_file=place.authority.file)),
        "cannot be read: No such file": (place.url, Trust(ca_file=tmp_path / "none.pem")),
        "holds no certificate": (place.url, Trust(ca_file=place.files / "privkey.pem")),
    }
    for words, (url, trust) in refused.items():
        with pytest.raises(Unreachable, match=words):
            asyncio.run(ask(place, url, trust))


def test_the_gateway_of_the_same_host_knows_the_certificate(place: Place, tmp_path: Path) -> None:
    """Whatever names it has, and also when it is renewed; no other, also of the same authority."""
    agent = place.settings.agent
    assert agent.server_url == place.server.url
    assert agent.trust == Trust(own=place.files / "fullchain.pem")
    other, _ = place.authority.issue(*NAMES).write(tmp_path)
    with pytest.raises(Unreachable, match="not accepted"):
        asyncio.run(ask(place, place.server.url, Trust(own=other)))

    asyncio.run(ask(place, place.server.url, agent.trust))
    known = ServerTrust(agent.trust)
    known.refresh()
    assert agreed(place, known)
    made = place.renew()
    until(lambda: place.serial() == made)
    assert not agreed(place, known)
    known.refresh()
    assert agreed(place, known)
    known.refresh()  # nothing is new


def agreed(place: Place, trust: ServerTrust) -> bool:
    try:
        return httpx2.get(f"{place.server.url}/healthcheck", verify=trust.context).is_success
    except httpx2.ConnectError:
        return False


def test_serve_finds_its_api_ready(place: Place) -> None:
    assert _ready(place.settings)
    elsewhere = msgspec.structs.replace(place.settings, bind_port=1)
    assert not _ready(elsewhere)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_commands_speak_https(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    where = ("--config", place.server.state / CONFIGURATION, "--state-dir", place.server.state)
    monkeypatch.setenv("LANDBRIDGE_BIND", place.server.url.removeprefix("https://"))
    here = run("doctor", "nowhere", *where)
    assert "nowhere" in here.stderr, here.output
    unknown = here.stderr
    there = ("doctor", "nowhere", "--url", place.url, *where)
    assert run(*there, "--ca-file", place.authority.file).stderr == unknown
    refused = run(*there).stderr
    assert f"the certificate of {place.url} is not accepted: self-signed certificate" in refused
    assert "--ca-file" in refused


def test_what_is_no_certificate_is_one_line_at_the_start(place: Place, tmp_path: Path) -> None:
    file = tmp_path / CONFIGURATION
    file.write_text("[api]\ntls_certificate = /none/fullchain.pem\ntls_key = /none/privkey.pem\n")
    done = run("api", "--config", file, "--state-dir", tmp_path / "state")
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert "[api] tls_certificate: /none/fullchain.pem cannot be read" in line

"""``/agent/v1`` over real HTTP: who gets in, what goes down, what comes up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import msgspec
import pytest

from landbridge.api.agents.routes import HEARTBEAT
from landbridge.client import Api
from landbridge.lab import sites
from landbridge.model.gateway import Change, Desired, Lease
from landbridge.model.status import Report, RouterStatus, TunnelState, TunnelStatus
from landbridge.model.tunnel import Secret, Tunnel
from tests.environments.landbridge import Landbridge, running, with_tokens

GATEWAY = "gw-1"
DEADLINE = 10.0  # seconds
CALLS = [
    ("POST", "/lease"),
    ("GET", "/desired"),
    ("GET", "/tunnels"),
    ("GET", "/tunnels/x"),
    ("GET", "/routers/x"),
    ("GET", "/stream"),
    ("POST", "/report"),
]


class Agent:
    """A gateway's side of the API, spoken by hand."""

    def __init__(self, server: Landbridge, gateway: str) -> None:
        token = server.run("gateway", "add", gateway, "--replace").strip()
        self.gateway = gateway
        self.http = httpx2.Client(
            base_url=f"{server.url}/agent/v1", headers={"X-Auth-Token": token}, timeout=DEADLINE
        )

    def lease(self, hostname: str = "host-1", epoch: int | None = None) -> httpx2.Response:
        asked = {"gateway_id": self.gateway, "hostname": hostname, "version": "1", "epoch": epoch}
        return self.http.post("/lease", json=asked)

    def get(self, path: str, **params: str) -> httpx2.Response:
        return self.http.get(path, params={"gateway_id": self.gateway, **params})

    def desired(self) -> Desired:
        return msgspec.json.decode(self.get("/desired").content, type=Desired)

    def report(self, report: Report) -> httpx2.Response:
        body = msgspec.json.encode(report)
        return self.http.post("/report", params={"gateway_id": self.gateway}, content=body)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landbridge]:
    state = tmp_path_factory.mktemp("state")
    with running(state, with_tokens(f"sqlite:///{state / 'landbridge.db'}")) as started:
        yield started


@pytest.fixture(scope="module")
def api(server: Landbridge) -> Iterator[Api]:
    client = Api(server.url, server.admin_token)
    yield client
    client.close()


@pytest.fixture(scope="module")
def member(server: Landbridge) -> str:
    return server.issue_token("p", "member")


@pytest.fixture
def gateway(server: Landbridge) -> Iterator[Callable[[str], Agent]]:
    """Agents of further gateways, closed after the test."""
    with ExitStack() as stack:

        def another(name: str) -> Agent:
            agent = Agent(server, name)
            stack.callback(agent.http.close)
            return agent

        yield another


@pytest.fixture
def agent(gateway: Callable[[str], Agent]) -> Agent:
    agent = gateway(GATEWAY)
    agent.lease()
    return agent


@pytest.fixture
def objects(agent: Agent, api: Api) -> sites.Objects:
    return sites.ensure_objects(api)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_only_agents_get_in(server: Landbridge, member: str, method: str, path: str) -> None:
    url = f"{server.url}/agent/v1{path}?gateway_id={GATEWAY}"
    for token, expected in ((None, 401), ("x", 401), (member, 403), (server.admin_token, 403)):
        headers = {"X-Auth-Token": token} if token else {}
        assert httpx2.request(method, url, headers=headers).status_code == expected


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_says_what_is_missing(agent: Agent, method: str, path: str) -> None:
    answer = agent.http.request(method, path, content=b"{}" if method == "POST" else None)
    assert answer.status_code == 400
    assert "gateway_id" in answer.json()["NeutronError"]["message"] or path == "/report"


def test_a_lease_is_renewed_in_its_epoch_and_taken_by_one(
    gateway: Callable[[str], Agent],
) -> None:
    agent = gateway("gw-lease")
    first = msgspec.json.decode(agent.lease().content, type=Lease)
    renewed = msgspec.json.decode(agent.lease(epoch=first.epoch).content, type=Lease)
    assert renewed.epoch == first.epoch
    assert renewed.ttl > 0
    assert agent.lease(hostname="another").status_code == 409
    again = msgspec.json.decode(agent.lease().content, type=Lease)  # the same host, restarted
    assert again.epoch > first.epoch
    assert agent.lease(epoch=first.epoch).status_code == 409


def test_desired_names_what_the_gateway_runs_and_tunnels_come_one_by_one(
    agent: Agent, objects: sites.Objects, gateway: Callable[[str], Agent]
) -> None:
    desired = agent.desired()
    assert [router.id for router in desired.routers] == [objects.router["id"]]
    ids = {connection["id"] for connection in objects.connections.values()}
    assert {tunnel.id for tunnel in desired.tunnels} == ids
    demo = objects.connections["demo"]
    answer = agent.get(f"/tunnels/{demo['id']}")
    tunnel = msgspec.json.decode(answer.content, type=Tunnel)
    secret = Secret(value="lab-demo-secret")
    assert (tunnel.peer_address, tunnel.psk) == (demo["peer_address"], secret)
    assert answer.headers["cache-control"] == "no-store"
    together = msgspec.json.decode(agent.get("/tunnels").content, type=tuple[Tunnel, ...])
    assert tunnel in together
    assert agent.get("/tunnels/no-such").status_code == 404
    stranger = gateway("gw-stranger")
    assert stranger.get(f"/tunnels/{demo['id']}").status_code == 403
    assert stranger.desired().tunnels == ()


def test_a_change_runs_down_the_stream_at_once_and_without_the_key(
    agent: Agent, objects: sites.Objects, api: Api
) -> None:
    cursor, demo = agent.desired().cursor, objects.connections["demo"]
    with agent.http.stream("GET", "/stream", params=_from(cursor)) as stream:
        lines = stream.iter_lines()
        assert next(lines) == ""  # heard
        sent = time.monotonic()
        _update(api, demo["id"], psk="another-secret", mtu=1400)
        line = next(line for line in lines if line)
        took = time.monotonic() - sent
    change = msgspec.json.decode(line, type=Change)
    assert (change.kind, change.id, change.deleted) == ("tunnel", demo["id"], False)
    assert change.cursor > cursor
    assert took < HEARTBEAT / 2  # woken, not found by the slow look
    assert "secret" not in line


def test_a_stream_goes_on_where_it_ended(agent: Agent, objects: sites.Objects, api: Api) -> None:
    cursor, demo = agent.desired().cursor, objects.connections["demo"]
    for mtu in (1410, 1420):
        _update(api, demo["id"], mtu=mtu)
    with agent.http.stream("GET", "/stream", params=_from(cursor)) as stream:
        line = next(line for line in stream.iter_lines() if line)
    newest = msgspec.json.decode(agent.get(f"/tunnels/{demo['id']}").content, type=Tunnel)
    assert json.loads(line)["revision"] == newest.revision
    assert newest.mtu == 1420


def test_a_name_is_no_change_for_a_gateway(agent: Agent, objects: sites.Objects, api: Api) -> None:
    cursor = agent.desired().cursor
    _update(api, objects.connections["demo"]["id"], description="another")
    assert agent.desired().cursor == cursor


def test_an_idle_stream_shows_that_it_lives(agent: Agent, objects: sites.Objects) -> None:
    cursor = agent.desired().cursor
    with agent.http.stream("GET", "/stream", params=_from(cursor)) as stream:
        lines = stream.iter_lines()
        assert [next(lines), next(lines)] == ["", ""]


def test_a_cursor_of_another_time_is_gone(agent: Agent) -> None:
    assert agent.get("/stream", cursor="999999").status_code == 410
    assert agent.get("/stream", cursor="-1").status_code == 400
    assert agent.get("/stream", cursor="1" * 30).status_code == 400


def test_a_report_is_what_the_api_shows(agent: Agent, objects: sites.Objects, api: Api) -> None:
    demo = objects.connections["demo"]["id"]
    epoch = msgspec.json.decode(agent.lease().content, type=Lease).epoch
    report = _up(agent, objects.router["id"], demo, epoch, sequence=1)
    assert agent.report(report).status_code == 204
    assert api.show("ipsec_site_connection", demo)["status"] == "ACTIVE"
    later = msgspec.json.decode(agent.lease().content, type=Lease).epoch
    assert later > epoch
    assert agent.report(msgspec.structs.replace(report, sequence=2)).status_code == 409


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"epoch": "x"}', b"\xff", b'{"epoch": 1}', b"null"]
)
def test_a_report_that_is_none_is_refused(agent: Agent, body: bytes) -> None:
    for path in ("/report", "/lease"):
        answer = agent.http.post(path, params={"gateway_id": GATEWAY}, content=body)
        assert answer.status_code == 400
        assert answer.json()["NeutronError"]["type"] == "HTTPBadRequest"


def _from(cursor: int) -> dict[str, str]:
    return {"gateway_id": GATEWAY, "cursor": str(cursor)}


def _update(api: Api, connection: str, **attributes: Any) -> None:
    url = f"{api.base}/v2.0/vpn/ipsec-site-connections/{connection}"
    answer = httpx2.put(
        url, json={"ipsec_site_connection": attributes}, headers={"X-Auth-Token": api.token}
    )
    assert answer.status_code == 200, answer.text


def _up(agent: Agent, router: str, connection: str, epoch: int, sequence: int) -> Report:
    desired = agent.desired()
    revision = next(tunnel.revision for tunnel in desired.tunnels if tunnel.id == connection)
    [made] = [found for found in desired.routers if found.id == router]
    now = time.time()
    return Report(
        epoch=epoch,
        sequence=sequence,
        routers=(
            RouterStatus(
                id=router, revision=made.revision, ready=True, reason=None, observed_at=now
            ),
        ),
        tunnels=(
            TunnelStatus(
                id=connection,
                revision=revision,
                applied_revision=revision,
                state=TunnelState.UP,
                reason=None,
                observed_at=now,
            ),
        ),
    )

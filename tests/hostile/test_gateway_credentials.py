"""A gateway's credential in the wrong hands: it reads, takes and forges nothing of another's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from sqlalchemy import Connection, Update, insert, select, update

from landbridge.auth.caller import AGENT_ROLE
from landbridge.model.status import Report, RouterStatus, TunnelState, TunnelStatus
from landbridge.store import tables as t
from landbridge.store.columns import database_clock
from landbridge.store.records import diagnoses
from landbridge.vpn import rows
from tests.api.gateway import Gateway
from tests.api.harness import Api, running_api
from tests.api.population import Site
from tests.unit.vpn.test_findings import WELL

OWN, OTHER = "gw-own", "gw-other"
WHO = ("gw-own", "unbound", "admin", "member", "revoked", "nobody")
TABLES = (t.gateways, t.routers, t.vpnservices, t.ipsec_site_connections, t.changes, diagnoses)


class Scene(NamedTuple):
    """Two gateways: `other` runs the router with the connection, `own` is the attacker's."""

    api: Api
    other: Gateway
    router: str
    connection: str
    question: str


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    with running_api(database_url, tmp_path) as api:
        other = Gateway(api, OTHER)
        other.lease()
        site = Site(api)
        connection = site.connection()["id"]
        other.routers()
        other.tunnel(connection, TunnelState.UP)
        own = Gateway(api, OWN)
        own.lease()
        api.caller("gw-own", "agents", AGENT_ROLE, gateway=OWN)
        api.caller("unbound", "agents", AGENT_ROLE)
        api.caller("member", "proj-a", "member")
        api.caller("revoked", "agents", AGENT_ROLE, gateway=OTHER)
        api.revoke("revoked")
        yield Scene(api, other, site.router, connection, asked(api, connection))


def asked(api: Api, connection: str, gateway: str = OTHER) -> str:
    """A question to a gateway, as if somebody waited for the answer."""
    question = rows.new_id()
    values = {"id": question, "gateway_id": gateway, "connection_id": connection, "request_id": ""}
    make = insert(diagnoses).values(asked_at=database_clock(), **values)
    api.db.write_sync(lambda tx: tx.execute(make))
    return question


def everything(api: Api) -> list[Any]:
    """All that a gateway's calls could change; leases by their holder, not by the clock."""
    return api.db.read_sync(
        lambda tx: [[tuple(row) for row in tx.execute(select(table))] for table in TABLES]
    )


def _execute(tx: Connection, statement: Update) -> None:
    tx.execute(statement)


def forged(scene: Scene, epoch: int) -> Report:
    now = time.time()
    return Report(
        epoch=epoch,
        sequence=10**6,
        tunnels=(
            TunnelStatus(id=scene.connection, revision=9, applied_revision=9,
                         state=TunnelState.DOWN, reason=None, observed_at=now),
        ),
        routers=(
            RouterStatus(id=scene.router, revision=9, ready=False, reason=None, observed_at=now),
        ),
    )  # fmt: skip


def calls(scene: Scene) -> dict[str, tuple[str, str, Any]]:
    lease = {"gateway_id": OTHER, "hostname": "h", "holder": "x", "version": "1"}
    found = msgspec.structs.replace(WELL, tunnel_id=scene.connection)
    return {
        "lease": ("POST", "/lease", lease),
        "renewal": ("POST", "/lease", lease | {"epoch": scene.other.epoch}),
        "desired": ("GET", "/desired", None),
        "tunnels": ("GET", "/tunnels", None),
        "tunnel": ("GET", f"/tunnels/{scene.connection}", None),
        "router": ("GET", f"/routers/{scene.router}", None),
        "stream": ("GET", "/stream", None),
        "report": ("POST", "/report", forged(scene, scene.other.epoch)),
        "diagnosis": ("POST", f"/diagnostics/{scene.question}", found),
    }


CALLS = (
    *("lease", "renewal", "desired", "tunnels", "tunnel", "router", "stream", "report"),
    "diagnosis",
)


def call(scene: Scene, who: str, what: str, *named: str) -> Any:
    method, path, content = calls(scene)[what]
    return scene.api.request(
        method,
        f"/agent/v1{path}",
        None if who == "nobody" else who,
        params=[("gateway_id", name) for name in named],
        content=None if content is None else msgspec.json.encode(content),
    )


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("what", CALLS)
def test_nobody_speaks_for_another_gateway(scene: Scene, who: str, what: str) -> None:
    before = everything(scene.api)
    for named in ((OTHER,), (OWN, OTHER), (OTHER, OWN)):
        answer = call(scene, who, what, *named)
        assert answer.status_code == (401 if who in ("revoked", "nobody") else 403), answer.text
        assert "s3cret" not in answer.text
    assert everything(scene.api) == before


@pytest.mark.parametrize("what", ["tunnel", "router", "diagnosis"])
def test_under_its_own_name_it_touches_nothing_of_anothers(scene: Scene, what: str) -> None:
    before = everything(scene.api)
    answer = call(scene, "gw-own", what, OWN)
    assert answer.status_code == 403
    assert answer.json()["NeutronError"]["type"] == "RunsElsewhere"
    assert everything(scene.api) == before


def test_a_body_names_no_other_gateway_than_the_query(scene: Scene) -> None:
    before = everything(scene.api)
    assert call(scene, "gw-own", "lease", OWN).status_code == 403  # the body says `OTHER`
    assert everything(scene.api) == before


def test_lists_are_of_its_own(scene: Scene) -> None:
    assert call(scene, "gw-own", "desired", OWN).json()["tunnels"] == []
    assert call(scene, "gw-own", "tunnels", OWN).json() == []


def test_a_forged_report_is_taken_without_what_is_anothers(scene: Scene) -> None:
    """The gateway's own part is taken; the rest is told and not a reason to try again."""
    epoch = scene.api.db.read_sync(
        lambda tx: tx.execute(select(t.gateways.c.epoch).where(t.gateways.c.id == OWN)).scalar()
    )
    shown = scene.api.request("GET", f"/v2.0/vpn/ipsec-site-connections/{scene.connection}")
    report = msgspec.json.encode(forged(scene, epoch or 0))
    params = [("gateway_id", OWN)]
    answer = scene.api.request("POST", "/agent/v1/report", "gw-own", params=params, content=report)
    assert answer.status_code == 200
    assert answer.json() == {"elsewhere": [scene.connection, scene.router]}
    again = scene.api.request("GET", f"/v2.0/vpn/ipsec-site-connections/{scene.connection}")
    assert again.json() == shown.json()
    assert again.json()["ipsec_site_connection"]["status"] == "ACTIVE"


def test_what_moved_away_a_moment_ago_is_told_and_the_rest_is_taken(scene: Scene) -> None:
    """A report that was on its way while the router went to another gateway."""
    second = Site(scene.api)
    stays = second.connection()["id"]
    placed = update(t.routers).values(gateway_id=OTHER).where(t.routers.c.id == second.router)
    moved = update(t.routers).values(gateway_id=OWN).where(t.routers.c.id == scene.router)
    for each in (placed, moved):
        scene.api.db.write_sync(_execute, each)
    now = time.time()
    told = tuple(
        TunnelStatus(id=each, revision=1, applied_revision=1, state=TunnelState.UP, reason=None,
                     observed_at=now)
        for each in (scene.connection, stays, rows.new_id())
    )  # fmt: skip
    scene.other.sequence += 1
    report = Report(epoch=scene.other.epoch, sequence=scene.other.sequence, tunnels=told)
    answer = scene.other.call("POST", "/report", report)
    assert answer.json() == {"elsewhere": [scene.connection]}
    path = f"/v2.0/vpn/ipsec-site-connections/{stays}"
    assert scene.api.request("GET", path).json()["ipsec_site_connection"]["status"] == "ACTIVE"


def test_a_question_about_one_tunnel_is_not_answered_with_another(scene: Scene) -> None:
    stranger = msgspec.structs.replace(WELL, tunnel_id=rows.new_id())
    answer = scene.other.call("POST", f"/diagnostics/{scene.question}", stranger)
    assert answer.status_code == 400
    assert "tunnel_id" in answer.json()["NeutronError"]["message"]


def test_a_gateways_credential_is_good_for_agents_calls_only(scene: Scene) -> None:
    for path in ("/v2.0/vpn/ipsec-site-connections", "/v2.0/routers"):
        assert scene.api.request("GET", path, "gw-own").json()[_last(path)] == []
    made = scene.api.request("POST", "/v2.0/networks", "gw-own", json={"network": {}})
    assert made.status_code == 403


def _last(path: str) -> str:
    return path.rpartition("/")[2].replace("-", "_")


def test_a_policy_file_opens_no_gateway(database_url: str, tmp_path: Path) -> None:
    """`landbridge_agent` says who may; the credential says for whom."""
    (tmp_path / "policy.yaml").write_text('"landbridge_agent": "@"\n')
    with running_api(database_url, tmp_path) as api:
        for who in ("admin", "a"):
            params = [("gateway_id", OTHER)]
            answer = api.request("GET", "/agent/v1/desired", who, params=params)
            assert answer.status_code == 403

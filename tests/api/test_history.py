"""A connection's history, and what the metrics tell of it; on both databases."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from landbridge.model.status import (
    ChildStatus,
    Reason,
    ReasonCode,
    SelectorMode,
    Selectors,
    TunnelEvent,
    TunnelEventKind,
)
from landbridge.model.tunnel import Tunnel
from landbridge.store import events
from tests.api.gateway import Gateway
from tests.api.harness import Api
from tests.api.history import LOCAL, PEERS, WHY, S, Scene
from tests.api.population import CONNECTIONS, Site

GUIDE = Path(__file__).parents[2] / "docs" / "status.md"


@pytest.fixture
def scene(api: Api) -> Scene:
    return Scene(api)


def test_the_life_of_a_connection_is_told(scene: Scene) -> None:
    scene.update(mtu=1400)
    scene.gateway.tunnel(scene.id, S.UP, applied=1)
    scene.gateway.tunnel(scene.id, S.PARTIAL)
    scene.gateway.tunnel(scene.id, S.DOWN, WHY)
    scene.gateway.tunnel(scene.id, S.UP)
    assert scene.kinds() == [
        "created", "up", "updated", "reason", "partial", "applied", "down", "up",
    ]  # fmt: skip
    newest, before, *_ = scene.history()
    assert (newest["status"], newest["status_reason"]) == ("ACTIVE", None)
    assert before["status_message"] == WHY.message
    assert before["at"] <= newest["at"]
    assert [event["id"] for event in scene.history(limit="2")] == [newest["id"], before["id"]]


def example() -> dict[str, Any]:
    """What the guide shows of a connection with several CHILD_SAs."""
    (shown,) = re.findall(r'```json\n("selector_mode".*?)```', GUIDE.read_text(), re.DOTALL)
    made: dict[str, Any] = json.loads(f"{{{shown}}}")
    return made


def test_each_child_sa_is_told_of(scene: Scene) -> None:
    """What is up as negotiated, what is not, and which mode that is."""

    def up(peer: str, spi: str = "1") -> ChildStatus:
        return ChildStatus(name="c", local_ts=(LOCAL,), remote_ts=(peer,), spi_in=spi, spi_out=spi)

    def view(peer: str, status: str) -> dict[str, Any]:
        return {"local_cidrs": [LOCAL], "peer_cidrs": [peer], "status": status}

    down = Selectors(local=(LOCAL,), remote=(PEERS[1],))
    mode = SelectorMode.SPLIT
    half = Reason(code=ReasonCode.PARTIAL, message="1 of 2 CHILD_SAs are up. Not up: ...")
    scene.gateway.tunnel(
        scene.id, S.PARTIAL, half, children=(up(PEERS[0]),), missing=(down,), selector_mode=mode
    )
    shown = scene.shown()
    assert shown["selector_mode"] == "split"
    assert shown["child_sas"] == [view(PEERS[0], "ACTIVE"), view(PEERS[1], "DOWN")]
    assert {name: shown[name] for name in example()} == example()
    all_up = tuple(map(up, PEERS))
    scene.gateway.tunnel(scene.id, S.UP, children=(*all_up, up(PEERS[0], "2")), selector_mode=mode)
    known = scene.kinds()
    assert scene.shown()["child_sas"] == [view(peer, "ACTIVE") for peer in PEERS]
    scene.gateway.tunnel(
        scene.id, S.UP, children=(up(PEERS[1], "4"), up(PEERS[0], "3")), selector_mode=mode
    )
    assert scene.kinds() == known  # new keys are no news
    found = scene.api.request("GET", f"{CONNECTIONS}?selector_mode=split", "a").json()
    assert [each["id"] for each in found["ipsec_site_connections"]] == [scene.id]
    newest, before, *_ = scene.history()
    assert (newest["kind"], newest["selector_mode"]) == ("up", "split")
    assert (before["kind"], before["status_message"]) == ("partial", half.message)
    scene.silence()
    assert (scene.shown()["selector_mode"], scene.shown()["child_sas"]) == (None, [])


def test_a_child_sa_more_or_less_of_a_partial_tunnel_is_in_the_history(scene: Scene) -> None:
    for number in (2, 1):
        why = Reason(code=ReasonCode.PARTIAL, message=f"{number} of 3 CHILD_SAs are up.")
        scene.gateway.tunnel(scene.id, S.PARTIAL, why)
    newest, before, *_ = scene.history()
    assert [newest["kind"], before["kind"]] == ["reason", "partial"]
    assert newest["status_message"].startswith("1 of 3")


def test_what_a_gateway_tells_again_is_written_once(scene: Scene) -> None:
    now = time.time()
    told = [
        TunnelEvent(kind=TunnelEventKind.REKEYED, at=now + n / 1000, message=f"rekeyed {n}")
        for n in range(3)
    ]
    for upto in (1, 2, 3, 3):
        scene.gateway.tunnel(scene.id, S.UP, events=told[:upto])
    found = [event["message"] for event in scene.history() if event["kind"] == "rekeyed"]
    assert found == ["rekeyed 2", "rekeyed 1", "rekeyed 0"]
    moved = TunnelEvent(kind=TunnelEventKind.PEER_MOVED, at=now + 1, message="now 198.51.100.2")
    scene.gateway.tunnel(scene.id, S.UP, events=[*told, moved])
    assert scene.history()[0]["kind"] == "peer-moved"


def test_a_history_is_bounded_and_rekeys_crowd_out_nothing(scene: Scene) -> None:
    for number in range(events.KEPT_ROUTINE + 5):
        event = TunnelEvent(kind=TunnelEventKind.REKEYED, at=time.time(), message=str(number))
        scene.gateway.tunnel(scene.id, S.UP, events=[event])
    assert scene.kinds().count("rekeyed") == events.KEPT_ROUTINE
    assert "created" in scene.kinds()
    for number in range(events.KEPT_HISTORY):
        scene.update(name=str(number))
    assert "created" not in [event["kind"] for event in scene.history()]
    assert len(scene.history()) == events.KEPT_HISTORY
    assert scene.history()[0]["name"] == str(events.KEPT_HISTORY - 1)


@pytest.mark.parametrize("what", ["history", "diagnostics"])
def test_who_may_not_see_the_connection_is_told_that_it_is_not_there(
    scene: Scene, what: str
) -> None:
    path = f"{scene.path}/{what}"
    for caller, expected in (("b", 404), ("ro", 404), ("admin", 200), (None, 401)):
        assert scene.api.request("GET", path, caller).status_code == expected
    assert scene.api.request("POST", path, "a").status_code == 405
    assert scene.api.request("GET", f"{CONNECTIONS}/no-such/{what}", "a").status_code == 404


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1" * 20])
def test_a_limit_that_is_none(scene: Scene, limit: str) -> None:
    answer = scene.api.request("GET", f"{scene.path}/history", "a", params=[("limit", limit)])
    assert answer.status_code == 400


def test_a_reason_from_the_first_moment_on(api: Api) -> None:
    site = Site(api)
    alone = site.connection()
    assert (alone["status"], alone["status_reason"]) == ("PENDING_CREATE", "no-gateway")
    assert alone["status_changed_at"]
    gateway = Gateway(api)
    gateway.lease()
    placed = site.connection(peer_address="198.51.100.2")
    assert (placed["status"], placed["status_reason"]) == ("PENDING_CREATE", "pending")
    found = api.request("GET", "/v2.0/extensions/landbridge-vpn-status-reason", "a").json()
    assert "status_reason" in found["extension"]["description"]


def test_the_metrics_tell_connections_by_status(scene: Scene) -> None:
    scene.gateway.tunnel(scene.id, S.DOWN, WHY)
    lines = scene.api.request("GET", "/metrics", None).text.splitlines()
    assert 'landbridge_connections{reason="dpd-timeout",status="DOWN"} 1.0' in lines
    assert 'landbridge_connections{reason="",status="ACTIVE"} 0.0' in lines
    assert "landbridge_connections_configured 1.0" in lines
    assert "landbridge_connections_up 0.0" in lines
    assert 'landbridge_gateways{state="reporting"} 1.0' in lines
    told = [line for line in lines if line.startswith("landbridge_event_to_api_seconds_count")]
    assert float(told[0].split()[-1]) >= 2
    assert any('route="/agent/v1/report"' in line for line in lines)
    scene.api.request("INVENTED", scene.path, "a")
    page = scene.api.request("GET", "/metrics", None).text
    assert "INVENTED" not in page
    assert 'method="other"' in page


def test_a_request_is_known_at_the_gateway(scene: Scene) -> None:
    body = {"ipsec_site_connection": {"mtu": 1400}}
    answer = scene.api.request("PUT", scene.path, "a", json=body)
    tunnel = scene.gateway.get(f"/tunnels/{scene.id}", Tunnel)
    assert tunnel.request_id == answer.headers["X-Openstack-Request-Id"]
    assert scene.history()[0]["request_id"] == tunnel.request_id
    scene.gateway.tunnel(scene.id, S.UP)
    assert "request_id" not in scene.history()[0]  # a report is no client's request

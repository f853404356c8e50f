"""Gateways that do not report: what the API says of their connections; on both databases."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from landbridge.api.jobs.housekeeping import Housekeeping
from landbridge.store import tables as t
from tests.api.gateway import Gateway
from tests.api.harness import Api
from tests.api.history import S, Scene
from tests.api.population import CONNECTIONS, Site


@pytest.fixture
def scene(api: Api) -> Scene:
    return Scene(api)


def test_a_gateway_that_does_not_report_is_told_and_so_is_its_return(scene: Scene) -> None:
    since = scene.shown()["status_changed_at"]
    assert scene.service() == "ACTIVE"
    off = scene.site.connection(peer_address="198.51.100.3", admin_state_up=False)["id"]
    scene.gateway.tunnel(off, S.DOWN)
    scene.silence()
    shown = scene.shown()
    assert (shown["status"], shown["status_reason"]) == ("DOWN", "gateway-silent")
    assert shown["status_changed_at"] >= since
    assert "gw-1" in shown["status_message"]
    assert scene.service() == "DOWN"
    other = scene.api.request("GET", f"{CONNECTIONS}/{off}", "a").json()["ipsec_site_connection"]
    assert other["status_reason"] == "admin-down"
    scene.update(mtu=1300)
    assert scene.shown()["status_reason"] == "gateway-silent"
    assert scene.shown()["status"] == "PENDING_UPDATE"
    assert scene.kinds()[-2:] == ["silent", "updated"]
    assert scene.gateway.lease(scene.gateway.epoch).status_code == 409
    assert scene.gateway.lease().status_code == 200
    assert scene.shown()["status_reason"] == "pending"
    scene.gateway.routers()
    scene.gateway.tunnel(scene.id, S.UP)
    assert scene.shown()["status"] == "ACTIVE"
    assert scene.service() == "ACTIVE"


def test_an_api_that_was_away_blames_no_gateway(scene: Scene) -> None:
    scene.run_out()

    async def watch() -> None:
        watching = asyncio.create_task(Housekeeping(scene.api.db, period=0.01, grace=30.0).run())
        done, _ = await asyncio.wait([watching], timeout=0.3)  # thirty looks
        assert not done
        watching.cancel()

    scene.api.run(watch())
    assert scene.shown()["status"] == "ACTIVE"
    assert scene.gateway.lease(scene.gateway.epoch).status_code == 200


def test_silence_is_told_once_by_however_many_watch(scene: Scene) -> None:
    scene.silence(watches=4)
    assert scene.kinds().count("silent") == 1


def test_diagnostics_when_the_gateway_is_silent_or_none(api: Api) -> None:
    site = Site(api)
    path = f"{CONNECTIONS}/{site.connection()['id']}/diagnostics"
    told = api.request("GET", path, "a").json()["diagnostics"]
    assert told["gateway"]["answered"] is False
    assert told["findings"][0]["code"] == "no-gateway"
    assert told["tunnel"] is None
    gateway = Gateway(api)
    gateway.lease()
    expire = update(t.gateways).values(lease_expires=0)
    api.db.write_sync(lambda tx: tx.execute(expire))
    told = api.request("GET", path, "a").json()["diagnostics"]
    assert told["findings"][0]["code"] == "gateway-silent"
    assert told["gateway"]["reports"] is False
    assert told["applied"] == {"revision": 0, "in_effect": False}
    assert [event["kind"] for event in told["history"]][-1] == "created"
    assert "s3cret" not in str(told)

"""A host that refuses what a router needs, as the users of the API and of `doctor` see it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from landbridge.agent.routers.teardown import teardown
from landbridge.cli.exits import Exit
from landbridge.client import Api, Resource
from landbridge.config.load import load
from landbridge.lab import banner, sites
from landbridge.lab.service import wait_carrying
from tests.environments.processes import free_port
from tests.environments.refusing import NO_INET, Refusing
from tests.faults.service import Service, until

IN_STEP = "in step with the server"
pytestmark = pytest.mark.gateway


@pytest.fixture
def nft(tmp_path: Path) -> Refusing:
    return Refusing(tmp_path, "nft", NO_INET)


@pytest.fixture
def service(tmp_path: Path, nft: Refusing) -> Iterator[Service]:
    service = Service(tmp_path / "state", free_port(), environment=nft.environment)
    try:
        yield service
    finally:
        service.stop()
        teardown(load(None, state_dir=str(service.state), environment={}))


def test_what_nft_refuses_is_said_by_the_api_the_doctor_and_the_banner(
    service: Service, nft: Refusing
) -> None:
    base, token = f"http://127.0.0.1:{service.port}", service.state / "admin-token"
    with closing(Api.opened(base, token)) as api:
        nft.break_()
        made = sites.ensure_objects(api).connections.values()
        until("both connections say it", lambda: all(_refused(_now(api, each)) for each in made))
        demo = next(each for each in made if each["name"] == "demo")
        assert _now(api, demo)["status"] == "PENDING_CREATE"
        (vpnservice,) = api.list("vpnservice")
        assert vpnservice["status"] == "ERROR"
        diagnosed = _doctor(service)
        assert "Most probably: gateway-error" in diagnosed
        assert NO_INET in " ".join(diagnosed.split())
        printed = banner.text(api, wait_carrying(api, demo["id"], 0.0), service.state)
        assert NO_INET in printed
        changed = api.update("ipsec_site_connection", demo["id"], mtu=1300)
        until("said of the newest revision", lambda: _refused(_now(api, changed)))

        service.kill("agent")  # one that comes meanwhile comes up, and says so
        until("an agent is in step again", lambda: service.events().count(IN_STEP) == 2)
        assert _refused(_now(api, demo))

        nft.mend()
        until("nobody says it any more", lambda: not any(_refused(_now(api, c)) for c in made))
        until("the tunnel is tried", lambda: _now(api, demo)["status"] == "BUILD")
        (vpnservice,) = api.list("vpnservice")
        assert vpnservice["status"] == "ACTIVE"


def _now(api: Api, connection: Resource) -> Resource:
    return api.show("ipsec_site_connection", connection["id"])


def _refused(connection: Resource) -> bool:
    said = connection["status_message"] or ""
    return connection["status_reason"] == "gateway-error" and NO_INET in said


def _doctor(service: Service) -> str:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "landbridge", "doctor", "demo"),
            *(f"--url=http://127.0.0.1:{service.port}", f"--state-dir={service.state}"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == Exit.NOT_WELL, done.stderr
    return done.stdout

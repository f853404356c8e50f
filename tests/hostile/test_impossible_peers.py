"""Peer addresses where no peer can be, in any spelling: 400 on the way in, a reason afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.gateway import Gateway
from tests.api.harness import Api, running_api
from tests.api.population import CONNECTIONS, Site
from tests.environments.databases import KINDS, Databases

NEVER = (
    *("0.0.0.0", "0", "0x0", "00.0.0.0", "0.0.0.1", "127.0.0.1", "127.1", "127.0.0.01", "0177.1"),
    *("0x7f000001", "2130706433", "017700000001", "127.255.255.255", "224.0.0.1", "0xe0000001"),
    *("239.1.2.3", "255.255.255.255", "4294967295", "0xffffffff", "240.0.0.1", "254.1.1.1"),
    *(
        "::",
        "0:0:0:0:0:0:0:0",
        "::1",
        "0::1",
        "::0.0.0.1",
        "ff02::1",
        "FF05::2",
        "fe80::1",
        "febf::1",
    ),
    *("::ffff:127.0.0.1", "::FFFF:7F00:1", "::ffff:0:0", "::ffff:224.0.0.1", "::127.0.0.1"),
    *(
        "::ffff:255.255.255.255",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "x.LocalHost.",
    ),
    *("localhost.localdomain", "ip6-localhost", "ip6-loopback"),
)
BESIDE = ("203.0.113.0", "203.0.113.255", "0xcb0071ff", "3405804031")


class Scene:
    def __init__(self, api: Api) -> None:
        self.api = api
        Gateway(api).lease()
        self.site = Site(api)
        self.connection = self.site.connection()["id"]
        self.path = f"{CONNECTIONS}/{self.connection}"
        router = api.request("GET", f"/v2.0/routers/{self.site.router}", "a").json()["router"]
        [fixed] = router["external_gateway_info"]["external_fixed_ips"]
        self.outside = fixed["ip_address"]

    def refused(self, peer: str) -> None:
        """By POST, PUT and plan; and nothing is made or changed."""
        before = self.api.request("GET", CONNECTIONS, "a").json()
        body = {"peer_address": peer}
        given = {
            "vpnservice_id": self.site.service, "ikepolicy_id": self.site.ike, "psk": "x",
            "ipsecpolicy_id": self.site.ipsec, "peer_id": "x",
            "local_ep_group_id": self.site.local["id"], "peer_ep_group_id": self.site.peer["id"],
        }  # fmt: skip
        for method, path, values in (
            ("POST", CONNECTIONS, given | body),
            ("PUT", self.path, body),
            ("POST", f"{self.path}/plan", body),
        ):
            sent = {"ipsec_site_connection": values}
            answer = self.api.request(method, path, "a", json=sent)
            assert answer.status_code == 400, (method, peer, answer.text)
            message = answer.json()["NeutronError"]["message"]
            assert "peer_address" in message
            assert peer in message
            assert "no peer can be there" in message
        assert self.api.request("GET", CONNECTIONS, "a").json() == before


@pytest.fixture(scope="module", params=KINDS)
def scene(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    state: Path = tmp_path_factory.mktemp("peers")
    with databases.fresh(request.param) as url, running_api(url, state) as api:
        yield Scene(api)


@pytest.mark.parametrize("peer", [*NEVER, *BESIDE])
def test_no_peer_can_be_there(scene: Scene, peer: str) -> None:
    scene.refused(peer)


def test_the_router_is_not_its_own_peer(scene: Scene) -> None:
    for own in (scene.outside, "10.1.0.1"):
        scene.refused(own)


@pytest.mark.parametrize(
    "peer", ["203.0.113.77", "10.1.0.77", "192.168.0.1", "169.254.1.1", "vpn.example.com", "10.1"]
)
def test_a_peer_may_be_anywhere_else(scene: Scene, peer: str) -> None:
    body = {"ipsec_site_connection": {"peer_address": peer}}
    assert scene.api.request("PUT", scene.path, "a", json=body).status_code == 200


def test_a_router_that_moves_to_its_peers_address_is_told_of_by_the_gateway(scene: Scene) -> None:
    """The gateway gets both as they are, and says what is wrong (`tests/unit/agent/test_swan`)."""
    there = "203.0.113.99"
    body = {"ipsec_site_connection": {"peer_address": there}}
    assert scene.api.request("PUT", scene.path, "a", json=body).status_code == 200
    router = f"/v2.0/routers/{scene.site.router}"
    known = scene.api.request("GET", router, "a").json()["router"]["external_gateway_info"]
    info = {"network_id": known["network_id"], "external_fixed_ips": [{"ip_address": there}]}
    moved = scene.api.request("PUT", router, json={"router": {"external_gateway_info": info}})
    assert moved.status_code == 200, moved.text
    tunnel = Gateway(scene.api).call("GET", f"/tunnels/{scene.connection}").json()
    assert (tunnel["local_address"], tunnel["peer_address"]) == (there, there)
    info["external_fixed_ips"] = [{"ip_address": scene.outside}]
    back = scene.api.request("PUT", router, json={"router": {"external_gateway_info": info}})
    assert back.status_code == 200

"""The host's LAN is not had by a name: what `[agent] bridges` finds is an administrator's word."""

from __future__ import annotations

from typing import Final

import pytest

from landbridge.vpn.revisions import router_ports
from tests.hostile.projects import GATEWAY, PATHS, Body, Scene

NAMES: Final = ("office", "OFFICE", " office", "office\N{ZERO WIDTH SPACE}", "local", "flat")
NETWORKS: Final = PATHS["network"]


@pytest.fixture(scope="module")
def office(scene: Scene) -> Body:
    """The operator's own: what `[agent] bridges = office:br-lan` is for."""
    flat = {"provider:network_type": "flat", "provider:physical_network": "office"}
    return scene.make("network", "admin", name="office", **flat)


def _physical_networks(scene: Scene, caller: str, network: str) -> set[str]:
    """Of a new router with a leg on the network, as its gateway is told."""
    cidr = scene.cidr()
    subnet = scene.make("subnet", caller, network_id=network, ip_version=4, cidr=cidr)["id"]
    router = scene.make("router", caller)["id"]
    add = f"{PATHS['router']}/{router}/add_router_interface"
    assert scene.ask("PUT", add, caller, {"subnet_id": subnet})[0] == 200
    found = scene.remote.db.read_sync(router_ports.router, GATEWAY, router)
    assert found is not None
    return {leg.physical_network for leg in found.inside}


@pytest.mark.parametrize("name", NAMES)
def test_a_networks_name_leads_nowhere(scene: Scene, office: Body, name: str) -> None:
    status, answer = scene.ask("POST", NETWORKS, "a", {"network": {"name": name}})
    if status == 400:
        return  # no name at all
    network = answer["network"]["id"]
    assert _physical_networks(scene, "a", network) == {""}
    renamed = {"network": {"name": f"{name}2"}}
    assert scene.ask("PUT", f"{NETWORKS}/{network}", "a", renamed)[0] == 200
    assert scene.ask("PUT", f"{NETWORKS}/{network}", "a", {"network": {"name": name}})[0] == 200


def test_an_id_as_a_name_leads_nowhere(scene: Scene, office: Body) -> None:
    network = scene.make("network", "a", name=office["id"])["id"]
    assert _physical_networks(scene, "a", network) == {""}


GIVEN: Final[list[Body]] = [
    {"provider:physical_network": "office"},
    {"provider:network_type": "flat"},
    {"provider:network_type": "flat", "provider:physical_network": "office"},
    {"provider:segmentation_id": 1},
]


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("caller", ["a", "b-reader", "service"])
def test_members_neither_give_nor_see_it(
    scene: Scene, office: Body, caller: str, given: Body
) -> None:
    network = scene.a.ids["network"]
    assert scene.ask("POST", NETWORKS, caller, {"network": given})[0] == 403
    expected = 404 if caller == "b-reader" else 403
    assert scene.ask("PUT", f"{NETWORKS}/{network}", caller, {"network": given})[0] == expected
    for path in (f"{NETWORKS}/{network}", f"{NETWORKS}/{scene.shared}"):
        shown = scene.ask("GET", path, "a")[1]["network"]
        assert not [name for name in shown if name.startswith("provider:")]


def test_the_administrators_network_is_on_it(scene: Scene, office: Body) -> None:
    assert _physical_networks(scene, "admin", office["id"]) == {"office"}


REFUSED: Final[list[tuple[Body, int, str]]] = [
    ({"provider:physical_network": "p"}, 400, "network_type required"),
    ({"provider:network_type": "flat"}, 400, "physical_network required for flat"),
    ({"provider:network_type": "vlan"}, 400, "network_type value 'vlan' not supported"),
    (
        {"provider:network_type": "local", "provider:physical_network": "p"},
        400,
        "physical_network prohibited for local provider network",
    ),
    (
        {
            "provider:network_type": "flat",
            "provider:physical_network": "p",
            "provider:segmentation_id": 7,
        },
        400,
        "segmentation_id prohibited for flat provider network",
    ),
    (
        {"provider:network_type": "flat", "provider:physical_network": "office"},
        409,
        "Physical network office is in use",
    ),
]


@pytest.mark.parametrize(("given", "expected", "words"), REFUSED)
def test_what_an_administrator_is_told(
    scene: Scene, office: Body, given: Body, expected: int, words: str
) -> None:
    status, answer = scene.ask("POST", NETWORKS, "admin", {"network": given})
    assert (status, words in answer["NeutronError"]["message"]) == (expected, True)


def test_a_network_comes_to_a_physical_network_and_leaves_it(scene: Scene) -> None:
    """How a network of before is put on the host's bridge: its routers hear of it."""
    network = scene.make("network", "a")["id"]
    assert _physical_networks(scene, "a", network) == {""}
    (router,) = [
        each["device_id"]
        for each in scene.ask("GET", f"{PATHS['port']}?network_id={network}", "a")[1]["ports"]
    ]

    def leg() -> tuple[str, int]:
        found = scene.remote.db.read_sync(router_ports.router, GATEWAY, router)
        assert found is not None
        return found.inside[0].physical_network, found.revision

    _, first = leg()
    for given, expected in (
        ({"provider:physical_network": "lan"}, "lan"),
        ({"provider:network_type": "local"}, ""),
        ({"provider:network_type": "flat", "provider:physical_network": "lan"}, "lan"),
    ):
        path = f"{NETWORKS}/{network}"
        shown = scene.ask("PUT", path, "admin", {"network": given})[1]["network"]
        assert shown["provider:physical_network"] == (expected or None)
        assert shown["provider:network_type"] == ("flat" if expected else "local")
        physical, revision = leg()
        assert (physical, revision) == (expected, first + 1)
        first = revision

"""The examples of the OpenAPI document: each was sent to a server, and answered so.

``LANDBRIDGE_WRITE_DOCS=1`` keeps what is sent and answered now.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest

from landbridge.api.schema.catalogue import PLANNED, RESOURCES
from landbridge.api.schema.openapi import examples
from landbridge.api.schema.openapi.document import document
from landbridge.model.diagnosis import TrafficSeries
from landbridge.model.initiation import Initiation, InitiationState
from landbridge.model.status import ChildStatus, SelectorMode, TunnelState
from tests.api.answering import Answering
from tests.api.gateway import Gateway
from tests.api.remote import Listener, Remote
from tests.environments.databases import Databases
from tests.hostile.wire import served
from tests.openapi.story import Story
from tests.unit.vpn.test_findings import WELL

FILE = Path(str(resources.files(examples.__package__).joinpath(examples.FILE)))
#: The document itself, and what is no JSON.
WITHOUT = {"show_openapi", "show_metrics"}
GATEWAY = "gateway-1"
HOST = {
    "gateway_id": GATEWAY, "hostname": "gateway-1.example.net", "version": "0.1.0", "epoch": None,
    "capabilities": {"backend": "kernel-netlink"},
}  # fmt: skip
CHILD = ChildStatus(
    name="c", local_ts=("10.1.0.0/24",), remote_ts=("10.2.0.0/24",), spi_in="c1", spi_out="c2"
)
NEW: dict[str, dict[str, Any]] = {
    "network": {"name": "blue-inside", "mtu": 1450},
    "subnet": {"name": "blue-inside", "ip_version": 4, "cidr": "10.1.0.0/24"},
    "port": {"name": "blue-host", "fixed_ips": [{"ip_address": "10.1.0.10"}]},
    "router": {"name": "blue"},
    "ikepolicy": {
        "name": "strong", "ike_version": "v2", "encryption_algorithm": "aes-256",
        "auth_algorithm": "sha384", "pfs": "group20", "lifetime": {"value": 28800},
    },
    "ipsecpolicy": {
        "name": "strong", "encryption_algorithm": "aes-256-gcm-16", "pfs": "group20",
    },
    "vpnservice": {"name": "blue"},
    "ipsec_site_connection": {
        "name": "to-site-b", "peer_address": "198.51.100.7", "peer_id": "site-b.example.net",
        "psk": "a long and random secret", "dpd": {"action": "restart", "interval": 10,
        "timeout": 40},
    },
}  # fmt: skip
CHANGES: dict[str, dict[str, Any]] = {
    "network": {"mtu": 1500},
    "subnet": {"dns_nameservers": ["10.1.0.53"]},
    "port": {"fixed_ips": [{"ip_address": "10.1.0.11"}]},
    "router": {"description": "the blue project's"},
    "ikepolicy": {"lifetime": {"units": "seconds", "value": 14400}},
    "ipsecpolicy": {"pfs": "group21"},
    "vpnservice": {"description": "to all sites"},
    "ipsec_site_connection": {"mtu": 1400},
    "endpoint_group": {"name": "site-b", "endpoints": ["10.2.0.0/24", "10.3.0.0/24"]},
}


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    limits = {"listeners_per_token": "1"}
    with served(databases, tmp_path_factory.mktemp("examples"), limits=limits) as made:
        yield made


def test_the_examples_are_what_is_sent_and_answered(server: Remote) -> None:
    story = Story(server)
    _discover(story)
    gateway = Gateway(server, GATEWAY)
    gateway.epoch = gateway.call("POST", "/lease", HOST).json()["epoch"]
    with Listener(server, "a") as listener:
        ids = _build(story)
        gateway.routers()
        gateway.tunnel(
            ids["ipsec_site_connection"], TunnelState.UP, children=(CHILD,),
            selector_mode=SelectorMode.SINGLE,
        )  # fmt: skip
        heard = listener.wait("up")
        content = json.dumps(heard.content)
        story.tell("stream_events", f"id: {heard.number}\nevent: up\ndata: {content}\n\n")
        story.play("stream_events", status=429)
    _observe(story, server, ids["ipsec_site_connection"])
    _use(story, ids)
    _together(story, ids)
    _set_quotas(story)
    _make_tokens(story)
    _log_in(story, server.token("a"))
    _fail(story, ids)
    made = story.written()
    if os.environ.get("LANDBRIDGE_WRITE_DOCS"):
        FILE.write_text(made, "utf-8")
    assert json.loads(made) == json.loads(FILE.read_text("utf-8"))


def test_every_operation_that_has_a_body_has_an_example() -> None:
    without = set()
    for item in document()["paths"].values():
        for method, node in item.items():
            if method == "parameters":
                continue
            contents = [node["requestBody"]["content"]] if "requestBody" in node else []
            contents += [
                answer["content"] for answer in node["responses"].values() if "content" in answer
            ]
            if any("example" not in each for content in contents for each in content.values()):
                without.add(node["operationId"])
    assert without == WITHOUT


def test_every_error_that_a_caller_can_bring_about_has_an_example() -> None:
    answers = document()["components"]["responses"]
    without = {name for name, node in answers.items()
               if "example" not in node["content"]["application/json"]}  # fmt: skip
    assert without == {
        "Refused", "Unavailable", "IdentityRefused", "IdentityUnavailable",
    }  # fmt: skip


def _discover(story: Story) -> None:
    for operation in ("list_versions", "check_health", "check_readiness"):
        story.play(operation, caller=None)
    for operation in ("list_resources", "list_extensions", "show_own_project"):
        story.play(operation)
    story.play("show_extension", id="vpnaas")


def _build(story: Story) -> dict[str, str]:
    """One object of each kind, by the kind's name."""
    outside = _create(story, "network", caller="admin", name="outside", **{"router:external": True})
    _create(story, "subnet", caller="admin", name="outside", network_id=outside, ip_version=4,
            cidr="203.0.113.0/24")  # fmt: skip
    network = _create(story, "network")
    subnet = _create(story, "subnet", network_id=network)
    router = _create(story, "router", external_gateway_info={"network_id": outside})
    story.play("add_router_interface", {"subnet_id": subnet}, id=router)
    local = _create(story, "endpoint_group", name="blue", type="subnet", endpoints=[subnet])
    peer = _create(story, "endpoint_group", name="site-b", type="cidr", endpoints=["10.2.0.0/24"])
    made = {
        "network": network,
        "subnet": subnet,
        "router": router,
        "port": _create(story, "port", network_id=network),
        "ikepolicy": _create(story, "ikepolicy"),
        "ipsecpolicy": _create(story, "ipsecpolicy"),
        "vpnservice": _create(story, "vpnservice", router_id=router),
        "endpoint_group": peer,
    }
    connection = _create(
        story, "ipsec_site_connection", vpnservice_id=made["vpnservice"],
        ikepolicy_id=made["ikepolicy"], ipsecpolicy_id=made["ipsecpolicy"],
        local_ep_group_id=local, peer_ep_group_id=peer,
    )  # fmt: skip
    return {**made, "ipsec_site_connection": connection}


def _create(story: Story, kind: str, caller: str = "a", **attributes: Any) -> str:
    given = NEW.get(kind, {}) | attributes
    return str(story.play(f"create_{kind}", {kind: given}, caller=caller)[kind]["id"])


def _observe(story: Story, server: Remote, connection: str) -> None:
    series = TrafficSeries(
        at=(10.0, 20.5), bytes_in=(0, 84), packets_in=(0, 1), bytes_out=(0, 84),
        packets_out=(0, 1), lost_in=(0, 0),
    )  # fmt: skip
    begun = Initiation(
        state=InitiationState.INITIATING, message="It is initiated now.",
        pairs=("10.1.0.0/24 - 10.9.0.0/24",),
    )  # fmt: skip
    found = msgspec.structs.replace(
        WELL, revision=1, applied_revision=1, traffic=series, initiation=begun
    )
    with Answering(server, GATEWAY, found).listening():
        story.play("diagnose_ipsec_site_connection", id=connection)
        story.play("show_ipsec_site_connection_traffic", id=connection)
        story.play("initiate_ipsec_site_connection", id=connection)
    story.play("show_ipsec_site_connection_history", id=connection, query="?limit=2")

    story.play("show_summary")
    story.play("list_events", query="?kind=up&limit=1")
    story.play("list_gateways", caller="admin")


def _use(story: Story, ids: dict[str, str]) -> None:
    for resource in RESOURCES:
        name, mine = resource.name, ids[resource.name]
        listed = "type=cidr" if name == "endpoint_group" else f"name={NEW[name]['name']}"
        story.play(f"list_{resource.collection}", query=f"?{listed}&limit=10&fields=id&fields=name")
        story.play(f"show_{name}", id=mine)
        if resource in PLANNED:
            story.play(f"plan_{name}", {name: CHANGES[name]}, id=mine)
        story.play(f"update_{name}", {name: CHANGES[name]}, id=mine)
        story.play(f"replace_{name}_tags", {"tags": ["blue", "tested"]}, id=mine)
        story.play(f"add_{name}_tags", {"tags": ["new"]}, id=mine)
        story.play(f"add_{name}_tag", tag="checked", id=mine)
        story.play(f"list_{name}_tags", id=mine)
    routes = {"router": {"routes": [{"destination": "10.9.0.0/24", "nexthop": "10.1.0.11"}]}}
    story.play("add_extraroutes", routes, id=ids["router"])
    story.play("remove_extraroutes", routes, id=ids["router"])
    subnet = _create(story, "subnet", name="blue-second", network_id=ids["network"],
                     cidr="10.4.0.0/24")  # fmt: skip
    for verb in ("add", "remove"):
        story.play(f"{verb}_router_interface", {"subnet_id": subnet}, id=ids["router"])


def _together(story: Story, ids: dict[str, str]) -> None:
    local = story.play("list_endpoint_groups", query="?type=subnet")["endpoint_groups"][0]
    parts = {
        "ikepolicy": {"id": ids["ikepolicy"]},
        "ipsecpolicy": {"name": "to-site-c", "encryption_algorithm": "aes-256", "pfs": "group14"},
        "vpnservice": {"id": ids["vpnservice"]},
        "local_ep_group": {"id": local["id"]},
        "peer_ep_group": {"name": "site-c", "endpoints": ["10.5.0.0/24"]},
        "ipsec_site_connection": {
            "name": "to-site-c", "peer_address": "198.51.100.9", "peer_id": "site-c.example.net",
            "psk": "a long and random secret",
        },
    }  # fmt: skip
    story.play("plan_connection_with_parts", {"connection": parts})
    story.play("create_connection_with_parts", {"connection": parts})


def _set_quotas(story: Story) -> None:
    limits = {"quota": {"ipsec_site_connection": 20, "vpnservice": -1}}
    story.play("update_quota", limits, caller="admin", id="proj-a")
    story.play("show_quota", id="proj-a")
    story.play("show_default_quota", id="proj-a")
    story.play("show_quota_details", id="proj-a")
    story.play("list_quotas", caller="admin")


def _make_tokens(story: Story) -> None:
    wanted = {"name": "ci", "project_id": "proj-a", "roles": ["member"]}
    made = story.play("create_token", {"token": wanted}, caller="admin")["token"]
    story.play("list_tokens", caller="admin", query="?name=ci")
    story.play("revoke_token", caller="admin", id=made["id"])


def _log_in(story: Story, token: str) -> None:
    def with_token(method: str = "token") -> dict[str, Any]:
        identity = {"methods": [method], "token": {"id": token}}
        return {"auth": {"identity": identity, "scope": {"project": {"name": "proj-a"}}}}

    story.play("list_identity_versions", caller=None)
    story.play("show_identity_version", caller=None)
    story.play("authenticate", with_token(), caller=None)
    mine = {"X-Subject-Token": token}
    story.play("show_token", headers=mine)
    story.play("list_projects")
    story.play("show_project", id="proj-a")
    story.play("authenticate", with_token("password"), caller=None, status=400)
    story.play("list_projects", caller=None, status=401)
    story.play("list_projects", caller=f"agent {GATEWAY}", status=403)
    story.play("show_token", caller="b", headers=mine, status=404)
    story.play("authenticate", {"auth": "x" * 2**17}, caller=None, status=413)


def _fail(story: Story, ids: dict[str, str]) -> None:
    group = {"endpoint_group": {"type": "cidr", "endpoints": ["10.2.0.0/33"]}}
    story.play("create_endpoint_group", group, status=400)
    story.play("list_networks", caller=None, status=401)
    story.play("create_network", {"network": {"name": "x"}}, caller="ro", status=403)
    story.play("show_network", status=404, id=ids["subnet"])
    story.play("delete_subnet", status=409, id=ids["subnet"])
    large = {"network": {"description": "x" * 2**17}}
    story.play("create_network", large, status=413)
    story.play("update_network", {"network": {"name": "y"}}, status=412, id=ids["network"],
               headers={"If-Match": "revision_number=1"})  # fmt: skip

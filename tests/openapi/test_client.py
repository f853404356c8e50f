"""A client that is generated from the served document works against the server.

It is made by openapi-python-client, as its users make it, from ``/openapi.json``; the document has
nothing that it warns of.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import pytest

from landbridge.api.schema.openapi.document import document
from tests.api.remote import Remote
from tests.environments.databases import Databases
from tests.hostile.wire import served

PACKAGE = "generated_landbridge_client"
SETTINGS = f"package_name_override: {PACKAGE}\npost_hooks: []\n"
COLLECTIONS = {
    "network": "networks", "subnet": "subnets", "router": "routers", "ikepolicy": "ikepolicies",
    "ipsecpolicy": "ipsecpolicies", "vpnservice": "vpnservices",
    "endpoint_group": "endpoint_groups", "ipsec_site_connection": "ipsec_site_connections",
}  # fmt: skip


class Client:
    """Calls operations of the generated package by their ids, in sync."""

    def __init__(self, server: Remote, caller: str) -> None:
        self.models = import_module(f"{PACKAGE}.models")
        self.unset = import_module(f"{PACKAGE}.types").UNSET
        self.client = import_module(f"{PACKAGE}.client").AuthenticatedClient(
            base_url=server.server.url, token=server.token(caller), prefix="",
            auth_header_name="X-Auth-Token",
        )  # fmt: skip

    def call(self, tag: str, operation: str, *path: Any, **given: Any) -> Any:
        """The answer, decoded."""
        called: ModuleType = import_module(f"{PACKAGE}.api.{tag}.{operation}")
        return called.sync_detailed(*path, client=self.client, **given)

    def body(self, operation: str, content: dict[str, Any]) -> Any:
        name = "".join(part.capitalize() for part in operation.split("_"))
        return getattr(self.models, f"{name}Body").from_dict(content)

    def create(self, kind: str, **attributes: Any) -> Any:
        content = {kind: {n: str(v) if isinstance(v, UUID) else v for n, v in attributes.items()}}
        body = self.body(f"create_{kind}", content)
        answer = self.call(COLLECTIONS[kind], f"create_{kind}", body=body)
        assert answer.status_code == 201, answer
        return getattr(answer.parsed, kind)


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with served(databases, tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture(scope="module")
def generated(server: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package, where Python finds it."""
    directory = tmp_path_factory.mktemp("generated")
    settings = directory / "settings.yaml"
    settings.write_text(SETTINGS)
    program = Path(sys.executable).with_name("openapi-python-client")
    command: list[str | Path] = [
        program, "generate", "--url", f"{server.server.url}/openapi.json", "--meta", "none",
        "--output-path", directory / PACKAGE, "--config", settings, "--fail-on-warning",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(directory))
        yield


@pytest.fixture
def client(generated: None, server: Remote) -> Iterator[Client]:
    made = Client(server, "a")
    with made.client:
        yield made


@pytest.fixture
def admin(generated: None, server: Remote) -> Iterator[Client]:
    made = Client(server, "admin")
    with made.client:
        yield made


def test_from_a_network_to_a_connection_and_back(client: Client, admin: Client) -> None:
    outside = admin.create("network", **{"router:external": True})
    admin.create("subnet", network_id=outside.id, ip_version=4, cidr="203.0.113.0/24")
    made = _connection(client, outside.id)
    assert isinstance(made.id, UUID)
    assert made.status == "PENDING_CREATE"
    assert made.psk == "s3cret"
    assert made.dpd.interval == 30
    assert made.peer_cidrs == []
    assert made.selector_mode is None
    assert made.created_at.tzinfo is not None

    listed = client.call(
        "ipsec_site_connections", "list_ipsec_site_connections", name=["to-b"], limit=1,
        admin_state_up=[True], search="198.51",
    ).parsed  # fmt: skip
    assert [each.id for each in listed.ipsec_site_connections] == [made.id]
    assert [link.rel for link in listed.ipsec_site_connections_links] == ["next", "previous"]

    counted = client.call("overview", "show_summary").parsed.summary
    assert [each.number for each in counted.connections] == [1]
    assert counted.events[0].name == "to-b"
    assert admin.call("overview", "list_gateways").parsed.gateways == []

    change = {"ipsec_site_connection": {"mtu": 1400}}
    body = client.body("plan_ipsec_site_connection", change)
    planned = client.call(
        "ipsec_site_connections", "plan_ipsec_site_connection", made.id, body=body
    ).parsed.plan
    assert planned.ipsec_site_connection.mtu == 1400
    assert planned.connections[0].disruption == "none"
    body = client.body("update_ipsec_site_connection", change)
    updated = client.call(
        "ipsec_site_connections", "update_ipsec_site_connection", made.id, body=body,
        if_match=f"revision_number={made.revision_number}",
    ).parsed.ipsec_site_connection  # fmt: skip
    assert updated.mtu == 1400

    told = client.call(
        "ipsec_site_connections", "show_ipsec_site_connection_history", made.id
    ).parsed.history
    assert [each.kind for each in told] == ["updated", "created"]
    found = client.call(
        "ipsec_site_connections", "diagnose_ipsec_site_connection", made.id
    ).parsed.diagnostics
    assert (found.gateway.id, found.tunnel) == (None, None)
    assert found.findings[0].code == "no-gateway"
    gone = client.call("ipsec_site_connections", "delete_ipsec_site_connection", made.id)
    assert gone.status_code == 204


def test_errors_are_decoded(client: Client) -> None:
    missed = client.call("networks", "show_network", uuid4())
    assert missed.status_code == 404
    assert missed.parsed.neutron_error.type_ == "NetworkNotFound"
    network = client.create("network")
    body = client.body("update_network", {"network": {"name": "late"}})
    late = client.call(
        "networks", "update_network", network.id, body=body, if_match="revision_number=77"
    )
    assert late.status_code == 412
    assert "current revision is 0" in late.parsed.neutron_error.message
    wrong = {"subnet": {"network_id": str(network.id), "ip_version": 4, "cidr": "10.1.0.0/33"}}
    refused = client.call("subnets", "create_subnet", body=client.body("create_subnet", wrong))
    assert refused.status_code == 400
    assert "cidr" in refused.parsed.neutron_error.message


def test_whose_token_it_is(client: Client) -> None:
    asked = {"auth": {"identity": {"methods": ["token"], "token": {"id": client.client.token}}}}
    body = client.models.IdentityLogin.from_dict(asked)
    token = client.call("identity", "authenticate", body=body).parsed.token
    assert (token.project.name, token.is_domain) == ("proj-a", False)
    missed = client.call("identity", "show_project", "other")
    assert (missed.status_code, missed.parsed.error.code) == (404, 404)


def test_every_operation_is_in_the_client(generated: None) -> None:
    for item in document()["paths"].values():
        for method, node in item.items():
            if method != "parameters":
                import_module(f"{PACKAGE}.api.{node['tags'][0]}.{node['operationId']}")


def _connection(client: Client, outside: UUID) -> Any:
    inside = client.create("network", name="inside", mtu=1450)
    subnet = client.create("subnet", network_id=inside.id, cidr="10.1.0.0/24")
    router = client.create("router", external_gateway_info={"network_id": str(outside)})
    added = client.call(
        "routers", "add_router_interface", router.id,
        body=client.models.RouterInterfaceChange(subnet_id=subnet.id),
    ).parsed  # fmt: skip
    assert added.subnet_ids == [subnet.id]
    local = client.create("endpoint_group", type="subnet", endpoints=[str(subnet.id)])
    peer = client.create("endpoint_group", type="cidr", endpoints=["10.2.0.0/24"])
    return client.create(
        "ipsec_site_connection",
        name="to-b",
        vpnservice_id=client.create("vpnservice", router_id=router.id).id,
        ikepolicy_id=client.create("ikepolicy", ike_version="v2").id,
        ipsecpolicy_id=client.create("ipsecpolicy").id,
        local_ep_group_id=local.id,
        peer_ep_group_id=peer.id,
        peer_address="198.51.100.7",
        peer_id="site-b.example.net",
        psk="s3cret",
    )

"""``landbridge plan`` against a running API: shown before it is sent, and sent as planned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from landbridge.api.schema.catalogue import PLANNED
from landbridge.cli.main import cli
from landbridge.cli.plan import KINDS
from landbridge.client import Api
from tests.environments.databases import Databases
from tests.environments.landbridge import Landbridge, running, with_tokens
from tests.unit.examples import examples, printed

ALIKE = (
    "vpnservice_id", "ikepolicy_id", "ipsecpolicy_id", "peer_address", "peer_id", "psk"
)  # fmt: skip
KEY = "correct-horse-battery"


@pytest.fixture(scope="module")
def landbridge(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Landbridge]:
    state = tmp_path_factory.mktemp("state")
    with databases.fresh("sqlite") as url, running(state, with_tokens(url)) as started:
        yield started


@pytest.fixture(scope="module")
def connection(landbridge: Landbridge) -> Iterator[dict[str, Any]]:
    api = Api(landbridge.url, landbridge.admin_token)
    yield _site(api)
    api.close()


def _site(api: Api) -> dict[str, Any]:
    outer = api.create("network", **{"router:external": True})
    api.create("subnet", network_id=outer["id"], ip_version=4, cidr="203.0.113.0/24")
    inner = api.create("network")
    subnet = api.create("subnet", network_id=inner["id"], ip_version=4, cidr="10.1.0.0/24")
    router = api.create("router", external_gateway_info={"network_id": outer["id"]})
    path = f"/v2.0/routers/{router['id']}/add_router_interface"
    api.call("PUT", path, {"subnet_id": subnet["id"]})
    service = api.create("vpnservice", router_id=router["id"], subnet_id=subnet["id"])
    return api.create(
        "ipsec_site_connection",
        name="site-b",
        vpnservice_id=service["id"],
        ikepolicy_id=api.create("ikepolicy", name="strong", ike_version="v2")["id"],
        ipsecpolicy_id=api.create("ipsecpolicy")["id"],
        peer_cidrs=["10.9.0.0/24"],
        peer_address="198.51.100.1",
        peer_id="198.51.100.1",
        psk="s3cret",
    )


def plan(landbridge: Landbridge, *arguments: str, input: str | None = None) -> Result:
    places = ("--url", landbridge.url, "--state-dir", str(landbridge.state))
    return CliRunner().invoke(
        cli, ["plan", *arguments, *places], input=input, prog_name="landbridge"
    )


def now(landbridge: Landbridge, connection: dict[str, Any]) -> dict[str, Any]:
    api = Api(landbridge.url, landbridge.admin_token)
    try:
        return api.show("ipsec_site_connection", connection["id"])
    finally:
        api.close()


def test_it_shows_and_sends_nothing(
    landbridge: Landbridge, connection: dict[str, Any], tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    before = now(landbridge, connection)
    shown = plan(landbridge, "connection", "site-b", f"psk=@{key}", "dpd.interval=20")
    assert shown.exit_code == 0, shown.output
    for word in ("site-b", "replace-ike", "dpd.interval", "load-shared", "retire-ike"):
        assert word in shown.output
    assert KEY not in shown.output
    assert now(landbridge, connection) == before


def test_it_sends_what_was_planned(landbridge: Landbridge, connection: dict[str, Any]) -> None:
    arguments = ("peer_cidrs=10.9.0.0/24, 10.8.0.0/24", "psk=@-", "--apply", "--json")
    sent = plan(landbridge, "connection", connection["id"], *arguments, input=KEY)
    assert sent.exit_code == 0, sent.output
    promised = json.loads(sent.stdout)["ipsec_site_connection"]
    shown = now(landbridge, connection)
    assert shown["psk"] == promised["psk"] == KEY
    assert shown["peer_cidrs"] == ["10.9.0.0/24", "10.8.0.0/24"]
    assert shown["revision_number"] == promised["revision_number"]


def test_it_warns_of_a_collision(landbridge: Landbridge, connection: dict[str, Any]) -> None:
    alike = {name: connection[name] for name in ALIKE} | {"peer_cidrs": ["10.7.0.0/24"]}
    with closing(Api(landbridge.url, landbridge.admin_token)) as api:
        twin = api.create("ipsec_site_connection", name="twin", **alike)
        shown = plan(landbridge, "connection", "twin", "dpd.interval=20")
        api.delete("ipsec_site_connection", twin["id"])
    told = " ".join(shown.output.split())
    assert f"collision: Connection {connection['id']} has the same addresses" in told
    assert "its dpd differs. One of the two will be refused." in told


def test_a_policy_tells_of_its_connections(
    landbridge: Landbridge, connection: dict[str, Any]
) -> None:
    shown = plan(landbridge, "ikepolicy", "strong", "encryption_algorithm=aes-256")
    assert connection["id"] in shown.output
    assert "No connection" in plan(landbridge, "ikepolicy", "strong", "name=x").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("connection", "site-b", "psk=open"), "psk=@FILE"),
        (("connection", "site-b", "mtu"), "ATTRIBUTE=VALUE"),
        (("connection", "site-b", "mtu=9"), "400"),
        (("connection", "site-b", "nonsense=1"), "nonsense"),
        (("connection", "nobody", "mtu=1400"), "there is none"),
        (("connection", "site-b", "psk=@/absent"), "cannot read /absent"),
    ],
)
def test_what_is_wrong_is_one_line(
    landbridge: Landbridge, connection: dict[str, Any], arguments: tuple[str, ...], words: str
) -> None:
    refused = plan(landbridge, *arguments)
    assert refused.exit_code != 0
    assert words in refused.stderr.splitlines()[-1]


def test_every_resource_that_has_a_plan_can_be_named() -> None:
    assert set(KINDS.values()) == {resource.name for resource in PLANNED}


def test_a_router_s_update_is_planned(landbridge: Landbridge, connection: dict[str, Any]) -> None:
    with closing(Api(landbridge.url, landbridge.admin_token)) as api:
        service = api.show("vpnservice", connection["vpnservice_id"])
    router = service["router_id"]
    shown = plan(landbridge, "router", router, "admin_state_up=false")
    assert shown.exit_code == 0, shown.output
    assert "interrupt" in shown.output
    address = '[{"ip_address": "203.0.113.77"}]'
    moved = plan(
        landbridge,
        "router",
        router,
        f"external_gateway_info.network_id={_outside(landbridge, router)}",
        f"external_gateway_info.external_fixed_ips={address}",
    )
    assert moved.exit_code == 0, moved.output
    assert "replace-ike" in moved.output


def _outside(landbridge: Landbridge, router: str) -> str:
    with closing(Api(landbridge.url, landbridge.admin_token)) as api:
        return str(api.show("router", router)["external_gateway_info"]["network_id"])


def test_the_examples_of_the_page_are_so(
    landbridge: Landbridge, connection: dict[str, Any]
) -> None:
    """docs/cli.md; after all tests that make something of the connection."""
    environment = {
        "LANDBRIDGE_STATE_DIR": str(landbridge.state),
        "LANDBRIDGE_BIND": landbridge.url.removeprefix("http://"),
    }
    for typed, expected in examples(api=True):
        assert printed(typed, environment) == expected, typed

"""A key that a client types, in any shape and at any wrong place: no error and no line of the log
repeats it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.api.actions.together import PATH as TOGETHER
from landbridge.api.actions.together import PLAN
from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.parts import PARTS
from landbridge.api.schema.resource import Resource
from tests.api.harness import Api, running_api
from tests.api.population import CONNECTIONS, Site, made
from tests.environments.databases import Databases

KEY, NUMBER = "hush-4711-key", 4711081547114711
CONNECTION = "ipsec_site_connection"
NAMES = ("psk", "PSK", "new_psk", "secret", "password", "Psk ")
every_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.name)


def nested(value: Any, depth: int) -> Any:
    for level in range(depth):
        value = [value] if level % 2 else {"inner": value}
    return value


# A key as somebody may have typed it: of a wrong type, too long, with what no key may hold.
SHAPES: list[Any] = [
    KEY, NUMBER, -NUMBER, float(NUMBER), f"{KEY}\0", KEY * 100, [KEY], [[KEY]], {KEY: KEY},
    {"value": KEY}, [NUMBER, {"a": KEY}], nested(KEY, 60), [KEY] * 500, {"psk": KEY}, [f"{KEY}\n"],
    [True, KEY], {"": KEY},
]  # fmt: skip


class Scene:
    def __init__(self, api: Api) -> None:
        self.api = api
        self.site = Site(api)
        self.connection = self.site.connection(psk="another")
        port = made(api, "/v2.0/ports", "port", network_id=self._network())
        group = self.site.peer
        self.objects = {
            CONNECTION: self.connection["id"],
            "vpnservice": self.site.service,
            "ikepolicy": self.site.ike,
            "ipsecpolicy": self.site.ipsec,
            "endpoint_group": group["id"],
            "router": self.site.router,
            "network": port["network_id"],
            "port": port["id"],
            "subnet": self.site.local["endpoints"][0],
        }

    def _network(self) -> str:
        network = made(self.api, "/v2.0/networks", "network")["id"]
        made(self.api, "/v2.0/subnets", "subnet", network_id=network, ip_version=4,
             cidr="10.77.0.0/24")  # fmt: skip
        return str(network)

    def send(self, method: str, path: str, body: Any, **options: Any) -> None:
        """Whatever the answer is, an error has nothing of the key, nor has the log."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        with structlog.testing.capture_logs() as lines:
            answer = self.api.request(method, path, "a", content=content, **options)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            clean(answer.text, (method, path, content[:200]))
            assert len(answer.text) < 20_000
        clean(str(lines), (method, path, content[:200]))

    def everywhere(self, resource: Resource, body: Any) -> None:
        one = f"{resource.path}/{self.objects[resource.name]}"
        for method, path in (("POST", resource.path), ("PUT", one), ("POST", f"{one}/plan")):
            self.send(method, path, body)


def clean(text: str, sent: Any) -> None:
    for part in (KEY, str(NUMBER), KEY[:10], "4.711081547114711"):
        assert part not in text, (text[:500], sent)


@pytest.fixture(scope="module")
def scene(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    state: Path = tmp_path_factory.mktemp("keys")
    with databases.fresh("sqlite") as url, running_api(url, state) as api:
        yield Scene(api)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: json.dumps(shape)[:30])
def test_as_the_key_itself(scene: Scene, shape: Any) -> None:
    if isinstance(shape, str) and len(shape) < 256 and "\0" not in shape:
        shape = [shape]  # a good key is shown to who may see it
    connection = next(one for one in RESOURCES if one.name == CONNECTION)
    for attributes in ({"psk": shape}, {"psk": shape, "mtu": "x"}, {"mtu": "x", "psk": shape}):
        scene.everywhere(connection, {CONNECTION: attributes})
        good = {"vpnservice_id": scene.site.service, "peer_address": "198.51.100.9"}
        scene.everywhere(connection, {CONNECTION: good | attributes})


@every_resource
@pytest.mark.parametrize("name", NAMES)
def test_inside_another_attribute(scene: Scene, resource: Resource, name: str) -> None:
    for attribute in resource.attributes:
        for value in ({name: KEY}, [{name: KEY}], [{name: KEY}] * 2, {"x": [{name: [KEY]}]},
                      {name: NUMBER}, nested({name: KEY}, 30)):  # fmt: skip
            scene.everywhere(resource, {resource.name: {attribute.name: value}})


@every_resource
def test_in_a_wrong_envelope(scene: Scene, resource: Resource) -> None:
    inner = {"psk": KEY, "name": "x"}
    for body in (
        inner, [inner], [{resource.name: inner}], {resource.name: [inner]},
        {resource.name: json.dumps(inner)}, {f"{resource.name}s": [inner]}, {"plan": inner},
        {"connection": inner}, json.dumps({resource.name: inner}), KEY, NUMBER, [KEY],
        {resource.name: {"unknown": inner}}, {resource.name: inner, "psk": KEY},
    ):  # fmt: skip
        scene.everywhere(resource, body)
    for raw in (f'{{"{resource.name}": {{"psk": "{KEY}"', f"psk={KEY}", f'"{KEY}', f"{KEY}\xff"):
        scene.everywhere(resource, raw.encode("latin-1"))
        scene.send("DELETE", f"{resource.path}/none", raw.encode("latin-1"))


@every_resource
def test_in_an_address(scene: Scene, resource: Resource) -> None:
    one = f"{resource.path}/{scene.objects[resource.name]}"
    for path in (resource.path, one, f"{one}/history", f"{CONNECTIONS}/none"):
        for query in (f"psk={KEY}", f"psk={KEY}&psk={KEY}", f"PSK={KEY}", f"fields=psk&psk={KEY}"):
            scene.send("GET", f"{path}?{query}", b"")


def test_where_ids_are_asked_for(scene: Scene) -> None:
    router = f"/v2.0/routers/{scene.site.router}"
    for action in ("add_router_interface", "remove_router_interface"):
        for value in ({"psk": KEY}, [{"psk": KEY}], {"psk": {"a": NUMBER}}):
            for body in ({"port_id": value}, {"subnet_id": value}, {"psk": KEY}, [value]):
                scene.send("PUT", f"{router}/{action}", body)


def test_in_the_parts_of_a_connection(scene: Scene) -> None:
    inner = {"psk": KEY, "name": "x"}
    for part in (*(each.name for each in PARTS), CONNECTION):
        for value in (KEY, inner, [inner], {"id": inner}, {"id": [KEY], "psk": KEY},
                      {"name": inner, "psk": {"a": NUMBER}}, {"lifetime": inner, "dpd": inner},
                      {"endpoints": [inner], "type": inner}, nested(inner, 20)):  # fmt: skip
            scene.send("POST", PLAN, {"connection": {part: value}})
            scene.send("POST", TOGETHER, {"connection": {part: value, "psk": KEY}, "psk": KEY})


def test_in_quotas(scene: Scene) -> None:
    for body in ({"quota": {"router": {"psk": KEY}}}, {"quota": {"psk": KEY}}, {"psk": KEY}):
        content = json.dumps(body).encode()
        answer = scene.api.request("PUT", "/v2.0/quotas/p", "admin", content=content)
        assert answer.status_code == 400
        clean(answer.text, body)


LEAF = st.sampled_from([KEY, NUMBER, None, True, "x", 1.5, ""])
ANY = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "value", "psk", KEY]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(key=ANY, where=st.sampled_from(["psk", "dpd", "name", "peer_cidrs", "mtu", "peer_id"]))
def test_any_shape(scene: Scene, key: Any, where: str) -> None:
    if isinstance(key, str) and where == "psk":
        key = [key]
    value = key if where == "psk" else {"psk": key}
    connection = next(one for one in RESOURCES if one.name == CONNECTION)
    scene.everywhere(connection, {CONNECTION: {where: value}})


def test_an_empty_key_is_none(scene: Scene) -> None:
    path = f"{CONNECTIONS}/{scene.connection['id']}"
    scene.api.request("PUT", path, "a", json={CONNECTION: {"psk": "another"}})
    answer = scene.api.request("PUT", path, "a", json={CONNECTION: {"psk": ""}})
    assert answer.status_code == 400
    assert answer.json()["NeutronError"]["message"] == (
        "Invalid input for psk. Reason: the value must not be empty."
    )
    shown = scene.api.request("GET", path, "a").json()[CONNECTION]
    assert shown["psk"] == "another"

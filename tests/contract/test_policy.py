"""Who may do what to networks, subnets, ports and routers is what neutron decides.

`policy.json` was recorded from neutron's own code (`record_policy.py`): its rules, and for every
caller and target whether neutron lets it. Here every verdict becomes requests to the application.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from oslo_policy import policy as oslo

from landbridge.api.schema.catalogue import RESOURCES
from landbridge.api.schema.tag_types import Constant
from landbridge.auth import policy_rules
from tests.api.harness import Api, running_api
from tests.environments.databases import Databases

Body = dict[str, Any]

RECORDED: Final = json.loads(Path(__file__).with_name("policy.json").read_text())
VERDICTS: Final[list[Body]] = RECORDED["verdicts"]
CALLERS: Final[Body] = RECORDED["callers"]
KNOWN: Final[dict[str, dict[str, Any]]] = {
    r.name: {a.name: a.type for a in r.attributes} for r in RESOURCES
}
OURS: Final = ("get_ipsec_site_connection:psk", "get_quota", "update_quota", "delete_quota",
               "landbridge_agent", "get_gateway", "initiate_ipsec_site_connection",
               "get_router:gateway_id", "create_token", "get_token", "delete_token")  # fmt: skip


def test_rules_are_neutrons_by_name_and_default() -> None:
    theirs = {name: _parsed(name, check) for name, check in RECORDED["rules"].items()}
    for name, check in policy_rules.DEFAULTS.items():
        if name not in OURS and not name.endswith(
            tuple(f"_{n}" for n in policy_rules.VPN_RESOURCES)
        ):
            assert _parsed(name, check) == theirs[name], name
    assert {name for name in theirs if "_port" in name} <= policy_rules.DEFAULTS.keys()


def _parsed(name: str, check: str) -> str:
    return str(oslo.Rules.from_dict({name: check})[name])


class Scene:
    """The application, neutron's callers, and objects to try them on."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._numbers = itertools.count(1)
        for name, caller in CALLERS.items():
            api.caller(name, caller["project"], *caller["roles"])
        self.networks: dict[str, str] = {}
        self.subnets: dict[str, str] = {}
        self.prefixes: dict[str, str] = {}
        for number, name in enumerate(RECORDED["networks"]):
            self.networks[name] = self.network(name)["id"]
            self.prefixes[name] = f"172.{16 + number}"
            made = self.subnet(self.networks[name], cidr=f"{self.prefixes[name]}.0.0/16")
            self.subnets[name] = made["id"]

    def make(self, resource: str, /, **attributes: Any) -> Body:
        answer = self.ask("POST", f"/v2.0/{resource}s", "admin", {resource: attributes})
        assert answer[0] == 201, answer
        made: Body = answer[1][resource]
        return made

    def ask(self, method: str, path: str, caller: str, body: Any = None) -> tuple[int, Any]:
        answer = self.api.request(method, path, caller, json=body)
        return answer.status_code, answer.json() if answer.content else None

    def network(self, name: str) -> Body:
        return self.make("network", **RECORDED["networks"][name])

    def cidr(self) -> str:
        number = next(self._numbers)
        return f"10.{number // 250}.{number % 250}.0/24"

    def subnet(self, network_id: str, **attributes: Any) -> Body:
        given = {"ip_version": 4, "cidr": self.cidr()} | attributes
        return self.make("subnet", network_id=network_id, **given)

    def target(self, resource: str, verdict: Body) -> str:
        """A new object of the kind that a verdict is about."""
        place = verdict.get("network", "")
        made = {
            "network": lambda: self.network(place),
            "subnet": lambda: self.subnet(self.networks[place]),
            "port": lambda: self.make(
                "port",
                network_id=self.networks[place],
                project_id=verdict["of"],
                device_owner=verdict.get("device_owner", ""),
            ),
            "router": lambda: self.make("router", project_id="proj-a"),
        }[resource]()
        return str(made["id"])

    def body(self, resource: str, verdict: Body) -> Body:
        """What to send: the recorded attributes, with values of this scene."""
        place = verdict.get("network", "external")
        number = next(self._numbers)
        values = {
            "{subnet}": self.subnets[place],
            "{network}": self.networks["external"],
            "{address}": f"{self.prefixes[place]}.{200 + number // 250}.{number % 250 + 1}",
            "{mac}": f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}",
            "{name}": f"physnet-{number}",
            "10.0.0.0/24": self.cidr(),
        }
        text = json.dumps(verdict.get("attributes", {"name": "x"}))
        for word, value in values.items():
            text = text.replace(word, value)
        filled: Body = json.loads(text)
        if resource in ("port", "subnet") and verdict["rule"].startswith("create"):
            filled["network_id"] = self.networks[place]
        return filled


@pytest.fixture(scope="module")
def scene(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    state = tmp_path_factory.mktemp("state")
    with databases.fresh("sqlite") as url, running_api(url, state) as api:
        yield Scene(api)


def _resource(verdict: Body) -> str:
    found = verdict["rule"].partition("_")[2].partition(":")[0]
    return "router" if found == "router_interface" else str(found)


def _is_built(verdict: Body) -> bool:
    """Also an attribute that is not is known with the one value that it has."""
    known = KNOWN[_resource(verdict)]
    return all(
        name in known and (not isinstance(known[name], Constant) or value == known[name].value)
        for name, value in verdict.get("attributes", {}).items()
    )


def _of(*verbs: str, built: bool = True) -> list[Any]:
    chosen = [v for v in VERDICTS if v["rule"].partition("_")[0] in verbs]
    return [pytest.param(v, id=_name(v)) for v in chosen if _is_built(v) == built]


def _name(verdict: Body) -> str:
    about = (str(verdict.get(key, "")) for key in ("rule", "network", "of", "device_owner"))
    shown = json.dumps(verdict.get("attributes", "")).replace('"', "").replace(" ", "")
    return "-".join([*filter(None, about), shown])


def _sees(caller: str, verdict: Body) -> bool:
    """May the caller see the target of the verdict? By neutron's word."""
    resource = _resource(verdict)
    about = {key: verdict[key] for key in ("network", "of") if key in verdict}
    found = next(
        v
        for v in VERDICTS
        if v["rule"] == f"get_{resource}" and all(v.get(k) == about[k] for k in about)
    )
    return caller in found["allowed"]


def _refused(caller: str, verdict: Body) -> int:
    return 403 if _sees(caller, verdict) else 404


@pytest.mark.parametrize("verdict", _of("create"))
def test_create(scene: Scene, verdict: Body) -> None:
    resource = _resource(verdict)
    for caller in CALLERS:
        body = scene.body(resource, verdict)
        status, answer = scene.ask("POST", f"/v2.0/{resource}s", caller, {resource: body})
        assert status == _expected_of_create(caller, verdict), (caller, answer)


def _expected_of_create(caller: str, verdict: Body) -> int:
    if caller not in verdict["allowed"]:
        seen = {"rule": "get_network", "network": verdict.get("network")}
        return 404 if seen["network"] and not _sees(caller, seen) else 403
    no_type = "provider:network_type" not in verdict["attributes"]
    return 400 if "provider:physical_network" in verdict["attributes"] and no_type else 201


@pytest.mark.parametrize("verdict", _of("update"))
def test_update(scene: Scene, verdict: Body) -> None:
    resource = _resource(verdict)
    for caller in CALLERS:
        path = f"/v2.0/{resource}s/{scene.target(resource, verdict)}"
        before = scene.ask("GET", path, "admin")
        body = {resource: scene.body(resource, verdict)}
        status, answer = scene.ask("PUT", path, caller, body)
        expected = 200 if caller in verdict["allowed"] else _refused(caller, verdict)
        assert status == expected, (caller, answer)
        if status != 200:
            assert scene.ask("GET", path, "admin") == before


@pytest.mark.parametrize("verdict", _of("get"))
def test_get(scene: Scene, verdict: Body) -> None:
    resource, attribute = _resource(verdict), verdict["rule"].partition(":")[2]
    target = scene.target(resource, verdict)
    for caller in CALLERS:
        status, answer = scene.ask("GET", f"/v2.0/{resource}s/{target}", caller)
        listed = scene.ask("GET", f"/v2.0/{resource}s?id={target}", caller)[1][f"{resource}s"]
        if attribute:
            shown = status == 200 and attribute in answer[resource]
            assert shown == (caller in verdict["allowed"]), caller
            assert shown == any(attribute in one for one in listed), caller
        else:
            assert status == (200 if caller in verdict["allowed"] else 404), caller
            assert bool(listed) == (status == 200), caller


@pytest.mark.parametrize("verdict", _of("delete"))
def test_delete(scene: Scene, verdict: Body) -> None:
    resource = _resource(verdict)
    for caller in CALLERS:
        target = scene.target(resource, verdict)
        status, answer = scene.ask("DELETE", f"/v2.0/{resource}s/{target}", caller)
        expected = 204 if caller in verdict["allowed"] else _refused(caller, verdict)
        assert status == expected, (caller, answer)


@pytest.mark.parametrize("verdict", _of("add", "remove"))
def test_router_interfaces(scene: Scene, verdict: Body) -> None:
    for caller in CALLERS:
        path = f"/v2.0/routers/{scene.target('router', verdict)}"
        network = scene.make("network", project_id="proj-a")["id"]
        body = {"subnet_id": scene.subnet(network, project_id="proj-a")["id"]}
        if verdict["rule"].startswith("remove"):
            assert scene.ask("PUT", f"{path}/add_router_interface", "admin", body)[0] == 200
        status, answer = scene.ask("PUT", f"{path}/{verdict['rule']}", caller, body)
        expected = 200 if caller in verdict["allowed"] else _refused(caller, verdict)
        assert status == expected, (caller, answer)


@pytest.mark.parametrize("verdict", _of("create", "update", built=False))
def test_attributes_that_are_not_built_are_refused(scene: Scene, verdict: Body) -> None:
    """Refused before the policy is asked, whoever sends them."""
    resource, path = _resource(verdict), f"/v2.0/{_resource(verdict)}s"
    body = {resource: scene.body(resource, verdict)}
    method = "POST"
    if verdict["rule"].startswith("update"):
        method, path = "PUT", f"{path}/{scene.target(resource, verdict)}"
    status, answer = scene.ask(method, path, "admin", body)
    assert status == 400
    told = answer["NeutronError"]["message"]
    assert "Unrecognized attribute" in told or "is not supported, only" in told


def test_filters_do_not_tell_what_is_not_shown(scene: Scene) -> None:
    made = scene.make(
        "network",
        project_id="proj-a",
        **{"provider:network_type": "flat", "provider:physical_network": "guessed"},
    )
    path = f"/v2.0/networks?id={made['id']}&provider:physical_network="
    for caller, seen in (("admin", True), ("owner", False), ("service", False)):
        found = scene.ask("GET", f"{path}guessed", caller)[1]["networks"]
        assert bool(found) == seen, caller
        assert not scene.ask("GET", f"{path}other", caller)[1]["networks"]

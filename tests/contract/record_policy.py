"""Asks neutron's own policy code who may do what, and prints it as `policy.json`.

It runs in a virtual environment of its own, with the release to be recorded:

    uv venv /tmp/neutron
    uv pip install --python /tmp/neutron/bin/python neutron==29.0.0
    /tmp/neutron/bin/python tests/contract/record_policy.py > tests/contract/policy.json

Recorded are the rules of networks, subnets, ports and routers with their defaults, and what
`neutron.policy` decides by them for every caller, target and attribute of the tables below. The
attribute maps, their defaults and conversions are neutron-lib's; of the plugins there is no more
than three networks. Words in braces stand for values that the test fills in.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any

from neutron import policy
from neutron.conf.extensions import allowedaddresspairs as pairs_options
from neutron.conf.policies import base, network, port, router, subnet
from neutron_lib import constants, context
from neutron_lib.api import attributes
from neutron_lib.api.definitions import allowedaddresspairs as pairs
from neutron_lib.api.definitions import (
    external_net,
    l3,
    l3_ext_gw_mode,
    network_mtu,
    port_security,
    portbindings,
    provider_net,
    subnet_external_network,
)
from neutron_lib.api.definitions import network as network_map
from neutron_lib.api.definitions import port as port_map
from neutron_lib.api.definitions import subnet as subnet_map
from neutron_lib.plugins import constants as plugins
from neutron_lib.plugins import directory
from oslo_config import cfg

Body = dict[str, Any]

CALLERS: dict[str, tuple[str, list[str]]] = {
    "owner": ("proj-a", ["member", "reader"]),
    "owners-manager": ("proj-a", ["manager", "member", "reader"]),
    "owners-reader": ("proj-a", ["reader"]),
    "other": ("proj-b", ["member", "reader"]),
    "others-manager": ("proj-b", ["manager", "member", "reader"]),
    "others-reader": ("proj-b", ["reader"]),
    "admin": ("proj-admin", ["admin", "member", "reader"]),
    "service": ("proj-service", ["service"]),
    "advsvc": ("proj-service", ["advsvc"]),
}
NETWORKS: dict[str, Body] = {
    "own": {"project_id": "proj-a", "shared": False, "router:external": False},
    "shared": {"project_id": "proj-a", "shared": True, "router:external": False},
    "external": {"project_id": "proj-admin", "shared": False, "router:external": True},
}
FILLED = {
    "{subnet}": "11111111-1111-4111-8111-111111111111",
    "{network}": "22222222-2222-4222-8222-222222222222",
    "{address}": "192.0.2.77",
    "{mac}": "fa:16:3e:00:00:77",
    "{name}": "something",
}
OF_PORTS: list[Body] = [
    {},
    {"name": "x", "description": "y", "admin_state_up": False},
    {"device_id": "some-device"},
    {"device_id": ""},
    {"device_owner": ""},
    {"device_owner": "compute:nova"},
    {"device_owner": "network:dhcp"},
    {"device_owner": "network:router_interface"},
    {"device_owner": "network:router_gateway"},
    {"mac_address": "{mac}"},
    {"fixed_ips": []},
    {"fixed_ips": [{"subnet_id": "{subnet}"}]},
    {"fixed_ips": [{"ip_address": "{address}"}]},
    {"fixed_ips": [{"subnet_id": "{subnet}", "ip_address": "{address}"}]},
    {"port_security_enabled": False},
    {"binding:host_id": "host-1"},
    {"binding:profile": {"x": "y"}},
    {"binding:vnic_type": "direct"},
    {"binding:vnic_type": "normal"},
    {"allowed_address_pairs": [{"ip_address": "{address}"}]},
    {"allowed_address_pairs": [{"ip_address": "{address}", "mac_address": "{mac}"}]},
]
OF_NETWORKS: list[Body] = [
    {},
    {"name": "x", "mtu": 1400},
    {"shared": True},
    {"shared": False},
    {"router:external": True},
    {"router:external": False},
    {"provider:network_type": "flat", "provider:physical_network": "{name}"},
    {"provider:physical_network": "{name}"},
    {"provider:network_type": "local"},
]
OF_ROUTERS: list[Body] = [
    {},
    {"name": "x"},
    {"external_gateway_info": {"network_id": "{network}"}},
    {"external_gateway_info": {"network_id": "{network}", "enable_snat": True}},
    {"external_gateway_info": {"network_id": "{network}", "external_fixed_ips": []}},
    {
        "external_gateway_info": {
            "network_id": "{network}",
            "external_fixed_ips": [{"ip_address": "{address}"}],
        }
    },
]
DEVICES = ("", "compute:nova", "network:dhcp", "baremetal:none", "manila:share")


class Networks:
    """What the policy asks of the core plugin."""

    def get_network(self, _: Any, network_id: str, fields: Any = None) -> Body:
        return NETWORKS[network_id]


def main() -> None:
    cfg.CONF([], project="neutron", default_config_files=[])
    pairs_options.register_allowed_address_pair_opts()
    _know_attributes()  # before the rules are parsed: they convert values by them
    policy.init()
    cfg.CONF.set_override("enforce_new_defaults", True, "oslo_policy")
    directory.add_plugin(plugins.CORE, Networks())
    rules = {
        rule.name: rule.check_str
        for module in (base, network, subnet, port, router)
        for rule in module.list_rules()
    }
    recorded = {
        "about": "Made by record_policy.py; see there.",
        "neutron": version("neutron"),
        "rules": rules,
        "callers": {name: {"project": at, "roles": roles} for name, (at, roles) in CALLERS.items()},
        "networks": NETWORKS,
        "verdicts": [*_ports(), *_networks(), *_subnets(), *_routers()],
    }
    sys.stdout.write(_written(recorded))


def _written(recorded: Body) -> str:
    """One rule, one verdict a line."""
    parts = []
    for key, value in recorded.items():
        if isinstance(value, list):
            lines = ",\n".join(f"  {json.dumps(each)}" for each in value)
            parts.append(f' "{key}": [\n{lines}\n ]')
        elif isinstance(value, dict):
            lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            parts.append(f' "{key}": {{\n{lines}\n }}')
        else:
            parts.append(f' "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _know_attributes() -> None:
    attributes.RESOURCES["routers"] = dict(l3.RESOURCE_ATTRIBUTE_MAP["routers"])
    for definition in (
        network_map, subnet_map, port_map, external_net, network_mtu, provider_net, portbindings,
        port_security, pairs, l3_ext_gw_mode, subnet_external_network,
    ):  # fmt: skip
        for collection, known in definition.RESOURCE_ATTRIBUTE_MAP.items():
            attributes.RESOURCES.setdefault(collection, {}).update(known)


def _ports() -> list[Body]:
    found = []
    for name in NETWORKS:
        place = {"network_id": name}
        found += [_create("port", name, place, wanted) for wanted in OF_PORTS]
        for owner in ("proj-a", "proj-b"):
            row = place | {"id": "p", "project_id": owner, "device_id": "", "device_owner": ""}
            about = {"network": name, "of": owner}
            found += [_update("port", about, row, wanted) for wanted in OF_PORTS if wanted]
            found.append(_decide("get_port", about, row))
            for device_owner in DEVICES:
                row["device_owner"] = device_owner
                found.append(_decide("delete_port", about | {"device_owner": device_owner}, row))
    return found


def _networks() -> list[Body]:
    found = [_create("network", "", {}, wanted) for wanted in OF_NETWORKS]
    for name, row in NETWORKS.items():
        about = {"network": name}
        found += [_update("network", about, row, wanted) for wanted in OF_NETWORKS if wanted]
        found += [_decide(f"{verb}_network", about, row) for verb in ("get", "delete")]
        for attribute in provider_net.ATTRIBUTES:
            found.append(_decide(f"get_network:{attribute}", about, row))
    return found


def _subnets() -> list[Body]:
    found = []
    for name, of in NETWORKS.items():
        row = {"network_id": name, "project_id": of["project_id"]}
        row["router:external"] = of["router:external"]
        about = {"network": name}
        wanted = {"cidr": "10.0.0.0/24", "ip_version": 4}
        found.append(_create("subnet", name, {"network_id": name}, wanted))
        found += [_decide(f"{verb}_subnet", about, row) for verb in ("get", "update", "delete")]
    return found


def _routers() -> list[Body]:
    row = {"id": "r", "project_id": "proj-a", "external_gateway_info": None}
    found = [_create("router", "", {}, wanted) for wanted in OF_ROUTERS]
    found += [_update("router", {}, row, wanted) for wanted in OF_ROUTERS if wanted]
    verbs = ("get_router", "delete_router", "add_router_interface", "remove_router_interface")
    return found + [_decide(verb, {}, row) for verb in verbs]


def _create(resource: str, network_name: str, place: Body, wanted: Body) -> Body:
    """Each caller for its own project."""
    allowed = []
    for caller, (project, _) in CALLERS.items():
        body = place | _filled(wanted) | {"project_id": project, "tenant_id": project}
        info = attributes.AttributeInfo(attributes.RESOURCES[f"{resource}s"])
        info.fill_post_defaults(body, check_allow_post=False)
        network_id = body.get("network_id")
        body.pop("network_id", None)
        info.convert_values(body)
        if network_id:
            body["network_id"] = network_id
        if _may(caller, f"create_{resource}", body):
            allowed.append(caller)
    about = {"network": network_name} if network_name else {}
    return {"rule": f"create_{resource}", **about, "attributes": wanted, "allowed": allowed}


def _update(resource: str, about: Body, row: Body, wanted: Body) -> Body:
    filled = _filled(wanted)
    attributes.AttributeInfo(attributes.RESOURCES[f"{resource}s"]).convert_values(filled)
    target = row | filled | {constants.ATTRIBUTES_TO_UPDATE: list(filled)}
    return _decide(f"update_{resource}", about, target) | {"attributes": wanted}


def _decide(rule: str, about: Body, target: Body) -> Body:
    return {"rule": rule, **about, "allowed": [c for c in CALLERS if _may(c, rule, dict(target))]}


def _may(caller: str, rule: str, target: Body) -> bool:
    project, roles = CALLERS[caller]
    asks = context.Context(user_id=f"user-{caller}", project_id=project, roles=roles)
    return bool(policy.check(asks, rule, target))


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return FILLED.get(value, value) if isinstance(value, str) else value


if __name__ == "__main__":
    main()

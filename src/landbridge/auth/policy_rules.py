"""The policy rules and their defaults, named as upstream names them.

Rules this module keeps:
- Names and defaults are neutron's (29.0.0) and neutron-vpnaas' (scope and new defaults on), so an
  operator's ``policy.yaml`` means here what it means there. `tests/contract/policy.json` holds
  neutron's own, and what it decides by them.
- Of ports all rules are here, also of attributes that are not built: they are refused as unknown.
- VPN resources: an admin or a member of the project; a reader sees nothing of them.
- Ours are `get_ipsec_site_connection:psk` (who sees the key, so that readers can be let in
  without it), `initiate_ipsec_site_connection`, `get_quota` for the own project, `get_gateway`,
  `get_router:gateway_id`, those of tokens and `landbridge_agent`.
"""

from __future__ import annotations

from typing import Final

ADMIN: Final = "rule:admin_only"
SERVICE: Final = "rule:service_api"
MEMBER: Final = "role:member and project_id:%(project_id)s"
READER: Final = "role:reader and project_id:%(project_id)s"
NETWORK_MANAGER: Final = "role:manager and rule:network_owner"
NETWORK_MEMBER: Final = "role:member and rule:network_owner"
NETWORK_READER: Final = "role:reader and rule:network_owner"
SHARED: Final = "rule:shared"
ADVSVC: Final = "rule:context_is_advsvc"


def _any(*checks: str) -> str:
    return " or ".join(f"({check})" for check in checks)


ADMIN_OR_MEMBER: Final = _any(ADMIN, MEMBER)
ADMIN_OR_READER: Final = _any(ADMIN, READER)
ADMIN_OR_SERVICE: Final = _any(ADMIN, SERVICE)
ADMIN_OR_NETWORK_OWNER: Final = _any(ADMIN, NETWORK_MEMBER)
OWN_OR_ON_OWN_NETWORK: Final = _any(MEMBER, ADMIN, NETWORK_MEMBER)
PORT_MEMBER: Final = _any(ADMIN, MEMBER, SERVICE)
ON_OWN_NETWORK: Final = _any(ADMIN, SERVICE, NETWORK_MEMBER)
ON_SHARED_NETWORK: Final = _any(ADMIN, SERVICE, NETWORK_MEMBER, SHARED)

BASE: Final = {
    "context_is_admin": "role:admin",
    "context_is_advsvc": "role:advsvc",
    "service_api": "role:service",
    "owner": "project_id:%(project_id)s",
    "admin_or_owner": "rule:context_is_admin or rule:owner",
    "network_owner": "project_id:%(network:project_id)s",
    "admin_or_network_owner": "rule:context_is_admin or project_id:%(network:project_id)s",
    "admin_owner_or_network_owner": "rule:owner or rule:admin_or_network_owner",
    "admin_only": "rule:context_is_admin",
    "regular_user": "",
    "shared": "field:networks:shared=True",
    "external": "field:networks:router:external=True",
    "external_network": "field:subnets:router:external=True",
    "network_device": "field:port:device_owner=~^network:",
    "compute_device": "field:port:device_owner=~^compute:",
    "baremetal_device": "field:port:device_owner=~^baremetal:",
    "manila_device": "field:port:device_owner=~^manila:",
    "admin_or_data_plane_int": "rule:context_is_admin or role:data_plane_integrator",
    "default": "rule:admin_or_owner",
    "landbridge_agent": "role:landbridge-agent",
}

VPN_RESOURCES: Final = (
    "vpnservice",
    "ikepolicy",
    "ipsecpolicy",
    "endpoint_group",
    "ipsec_site_connection",
)
VPN: Final = {
    f"{verb}_{resource}": ADMIN_OR_MEMBER
    for resource in VPN_RESOURCES
    for verb in ("create", "get", "update", "delete")
} | {
    "get_ipsec_site_connection:psk": ADMIN_OR_MEMBER,
    "initiate_ipsec_site_connection": ADMIN_OR_MEMBER,
}

PROVIDER: Final = (
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
)
NETWORKS: Final = {
    "create_network": ADMIN_OR_MEMBER,
    "create_network:shared": ADMIN,
    "create_network:router:external": ADMIN,
    "create_network:is_default": ADMIN,
    "get_network": _any(ADMIN, READER, SERVICE, SHARED, "rule:external", ADVSVC),
    "update_network": ADMIN_OR_MEMBER,
    "update_network:shared": ADMIN,
    "update_network:router:external": ADMIN,
    "update_network:is_default": ADMIN,
    "delete_network": ADMIN_OR_MEMBER,
} | {f"{verb}_network:{name}": ADMIN for verb in ("create", "get", "update") for name in PROVIDER}
SUBNETS: Final = {
    "create_subnet": ADMIN_OR_NETWORK_OWNER,
    "get_subnet": _any(READER, SHARED, "rule:external_network", ADMIN, NETWORK_READER, SERVICE),
    "update_subnet": OWN_OR_ON_OWN_NETWORK,
    "delete_subnet": OWN_OR_ON_OWN_NETWORK,
}
_UNUSED: Final = "not rule:compute_device and not rule:baremetal_device and not rule:manila_device"
_OWNS_PORT: Final = f"({_any(NETWORK_MEMBER, MEMBER)})"
_ADDRESS_PAIRS: Final = _any(ADMIN, NETWORK_MEMBER, SERVICE)
_DEVICE_OWNER: Final = _any("not rule:network_device", ADMIN, SERVICE, NETWORK_MEMBER)
PORTS: Final = {
    "create_port": ON_SHARED_NETWORK,
    "create_port:device_id": PORT_MEMBER,
    "create_port:device_owner": _DEVICE_OWNER,
    "create_port:mac_address": ON_OWN_NETWORK,
    "create_port:fixed_ips": ON_SHARED_NETWORK,
    "create_port:fixed_ips:ip_address": ON_OWN_NETWORK,
    "create_port:fixed_ips:subnet_id": ON_SHARED_NETWORK,
    "create_port:port_security_enabled": ON_OWN_NETWORK,
    "create_port:binding:host_id": ADMIN_OR_SERVICE,
    "create_port:binding:profile": SERVICE,
    "create_port:binding:vnic_type": PORT_MEMBER,
    "create_port:allowed_address_pairs": _ADDRESS_PAIRS,
    "create_port:allowed_address_pairs:mac_address": _ADDRESS_PAIRS,
    "create_port:allowed_address_pairs:ip_address": _ADDRESS_PAIRS,
    "create_port:hints": ADMIN,
    "create_port:trusted": ADMIN,
    "create_port:tags": _any(ADMIN, MEMBER, ADVSVC),
    "get_port": _any(ADMIN, SERVICE, NETWORK_READER, READER),
    "get_port:binding:vif_type": ADMIN_OR_SERVICE,
    "get_port:binding:vif_details": ADMIN_OR_SERVICE,
    "get_port:binding:host_id": ADMIN_OR_SERVICE,
    "get_port:binding:profile": ADMIN_OR_SERVICE,
    "get_port:resource_request": ADMIN,
    "get_port:hints": ADMIN,
    "get_port:trusted": ADMIN,
    "get_port:tags": _any(ADVSVC, ADMIN, NETWORK_READER, READER),
    "update_port": _any(ADMIN, SERVICE, MEMBER),
    "update_port:device_id": PORT_MEMBER,
    "update_port:device_owner": _DEVICE_OWNER,
    "update_port:mac_address": _any(ADMIN, SERVICE, NETWORK_MANAGER),
    "update_port:fixed_ips": ON_OWN_NETWORK,
    "update_port:fixed_ips:ip_address": ON_OWN_NETWORK,
    "update_port:fixed_ips:subnet_id": ON_SHARED_NETWORK,
    "update_port:port_security_enabled": ON_OWN_NETWORK,
    "update_port:binding:host_id": ADMIN_OR_SERVICE,
    "update_port:binding:profile": SERVICE,
    "update_port:binding:vnic_type": _any(ADMIN, SERVICE, MEMBER),
    "update_port:allowed_address_pairs": _ADDRESS_PAIRS,
    "update_port:allowed_address_pairs:mac_address": _ADDRESS_PAIRS,
    "update_port:allowed_address_pairs:ip_address": _ADDRESS_PAIRS,
    "update_port:data_plane_status": _any(ADMIN, "role:data_plane_integrator"),
    "update_port:hints": ADMIN,
    "update_port:trusted": ADMIN,
    "update_port:tags": _any(ADMIN, MEMBER, ADVSVC),
    "delete_port": _any(
        ADMIN,
        SERVICE,
        f"service_roles:service and {_OWNS_PORT}",
        f"{_UNUSED} and {_OWNS_PORT}",
    ),
    "delete_port:tags": _any(ADVSVC, MEMBER, ADMIN, NETWORK_MEMBER),
}
ROUTERS: Final = {
    "create_router": ADMIN_OR_MEMBER,
    "create_router:external_gateway_info": ADMIN_OR_MEMBER,
    "create_router:external_gateway_info:network_id": ADMIN_OR_MEMBER,
    "create_router:external_gateway_info:enable_snat": ADMIN,
    "create_router:external_gateway_info:external_fixed_ips": ADMIN,
    "get_router": ADMIN_OR_READER,
    "update_router": ADMIN_OR_MEMBER,
    "update_router:external_gateway_info": ADMIN_OR_MEMBER,
    "update_router:external_gateway_info:network_id": ADMIN_OR_MEMBER,
    "update_router:external_gateway_info:enable_snat": ADMIN,
    "update_router:external_gateway_info:external_fixed_ips": ADMIN,
    "delete_router": ADMIN_OR_MEMBER,
    "add_router_interface": ADMIN_OR_MEMBER,
    "remove_router_interface": ADMIN_OR_MEMBER,
    "add_extraroutes": ADMIN_OR_MEMBER,
    "remove_extraroutes": ADMIN_OR_MEMBER,
}
QUOTAS: Final = {
    "get_quota": ADMIN_OR_MEMBER,
    "update_quota": ADMIN,
    "delete_quota": ADMIN,
}

#: Of landbridge alone: which gateways there are, whether they report, which of them runs a router.
GATEWAYS: Final = {"get_gateway": ADMIN, "get_router:gateway_id": ADMIN}

TAGS: Final = {
    f"{verb}_{resource}:tags": rule
    for verb in ("create", "update", "delete")
    for resource, rule in (
        ("network", ADMIN_OR_MEMBER),
        ("subnet", OWN_OR_ON_OWN_NETWORK),
        ("router", ADMIN_OR_MEMBER),
    )
}

#: Of landbridge alone: its own tokens, where these are the strategy.
TOKENS: Final = {
    "create_token": ADMIN,
    "get_token": ADMIN,
    "delete_token": ADMIN,
}

DEFAULTS: Final = (
    BASE | VPN | NETWORKS | SUBNETS | PORTS | ROUTERS | TAGS | QUOTAS | GATEWAYS | TOKENS
)

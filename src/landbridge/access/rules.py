"""The policy rules and their defaults, named as upstream names them.

Rules this module keeps:
- Names and defaults are neutron's and neutron-vpnaas' (scope and new defaults on), so an
  operator's ``policy.yaml`` means here what it means there.
- VPN resources: an admin or a member of the project; a reader sees nothing of them.
  Inventory: a reader of the project may read; external and shared networks are for all.
- Ours are `get_ipsec_site_connection:psk` (who sees the key, so that readers can be let in
  without it), `get_quota` for the own project, and `landbridge_agent`.
"""

from __future__ import annotations

from typing import Final

ADMIN: Final = "rule:context_is_admin"
MEMBER: Final = "(role:member and project_id:%(project_id)s)"
READER: Final = "(role:reader and project_id:%(project_id)s)"
NETWORK_OWNER: Final = "(role:member and rule:network_owner)"
ADMIN_OR_MEMBER: Final = f"{ADMIN} or {MEMBER}"
ADMIN_OR_READER: Final = f"{ADMIN} or {READER}"
ADMIN_OR_NETWORK_OWNER: Final = f"{ADMIN} or {NETWORK_OWNER}"
ADVSVC: Final = "rule:context_is_advsvc"

BASE: Final = {
    "context_is_admin": "role:admin",
    "context_is_advsvc": "role:advsvc",
    "owner": "tenant_id:%(tenant_id)s",
    "admin_or_owner": "rule:context_is_admin or rule:owner",
    "network_owner": "tenant_id:%(network:tenant_id)s",
    "admin_or_network_owner": "rule:context_is_admin or tenant_id:%(network:tenant_id)s",
    "admin_owner_or_network_owner": "rule:owner or rule:admin_or_network_owner",
    "admin_only": "rule:context_is_admin",
    "regular_user": "",
    "shared": "field:networks:shared=True",
    "external": "field:networks:router:external=True",
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
} | {"get_ipsec_site_connection:psk": ADMIN_OR_MEMBER}

NETWORKS: Final = {
    "create_network": ADMIN_OR_MEMBER,
    "create_network:shared": ADMIN,
    "create_network:router:external": ADMIN,
    "get_network": f"{ADMIN_OR_READER} or rule:shared or rule:external or {ADVSVC}",
    "update_network": ADMIN_OR_MEMBER,
    "update_network:shared": ADMIN,
    "update_network:router:external": ADMIN,
    "delete_network": ADMIN_OR_MEMBER,
}
SUBNETS: Final = {
    "create_subnet": ADMIN_OR_NETWORK_OWNER,
    "get_subnet": f"{ADMIN_OR_READER} or rule:shared or {ADVSVC}",
    "update_subnet": f"{ADMIN_OR_NETWORK_OWNER} or {MEMBER}",
    "delete_subnet": f"{ADMIN_OR_NETWORK_OWNER} or {MEMBER}",
}
PORTS: Final = {
    "create_port": ADMIN_OR_MEMBER,
    "get_port": f"{ADMIN_OR_READER} or {ADVSVC}",
    "update_port": f"{ADMIN_OR_MEMBER} or {ADVSVC}",
    "delete_port": f"{ADMIN_OR_MEMBER} or {ADVSVC}",
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
}
QUOTAS: Final = {
    "get_quota": ADMIN_OR_MEMBER,
    "update_quota": ADMIN,
    "delete_quota": ADMIN,
}

DEFAULTS: Final = BASE | VPN | NETWORKS | SUBNETS | PORTS | ROUTERS | QUOTAS

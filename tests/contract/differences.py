"""Where landbridge answers otherwise than the reference on purpose, and why.

A line names cases (patterns of their names), what landbridge answers instead, and the
reason. `status`, `type`, `message` None: as recorded. `ignores` are attributes of the answer
that differ; "*" is the whole body. What differs and has no line here is a defect.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

import msgspec


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    cases: tuple[str, ...]
    reason: str
    status: int | None = None
    type: str | None = None
    message: str | None = None  # a pattern
    ignores: tuple[str, ...] = ()


def difference(name: str) -> Difference | None:
    """The line of a case; each case has one at most."""
    found = [line for line in DIFFERENCES if any(fnmatchcase(name, p) for p in line.cases)]
    assert len(found) <= 1, (name, [line.reason for line in found])
    return found[0] if found else None


_FOLLOWS: Final = "The gateway must act on it: PENDING_UPDATE until it says that it has."
_ONE_SHAPE: Final = "Errors have one shape, whatever their status, and say what was wrong."
_NEVER_5XX: Final = "The reference answers 500."

DIFFERENCES: Final = (
    # Never a 5xx
    Difference(
        cases=("create.ike.name_only", "create.ipsec.minimal_defaults",
               "create.*.auth_algorithm.omitted"),
        reason="The default is sha256, not an algorithm that is no longer stored.",
        status=201, ignores=("*",),
    ),
    Difference(
        cases=("create.conn.dpd.string_one",),
        reason="Numbers are numbers, also as text.", status=201, ignores=("*",),
    ),
    Difference(
        cases=("create.conn.vpnservice_id.upper_existing",),
        reason="An id is the same in upper case.", status=201, ignores=("*",),
    ),
    Difference(
        cases=("create.conn.vpnservice_id.nonexistent",),
        reason=_NEVER_5XX, status=404, type="VPNServiceNotFound",
        message="VPNService <NOID> could not be found",
    ),
    Difference(
        cases=("*.mtu.overint", "*.mtu.huge", "*.dpd.overint", "*.lifetime.value_over_int"),
        reason="Numbers that cannot be stored are refused by name.",
        status=400, type="HTTPBadRequest",
        message="Invalid input for *. Reason: '*' is too large - must be no larger than "
        "'2147483647'.",
    ),
    Difference(
        cases=("create.conn.local_id.len256", "create.conn.psk.len256", "create.epg.x.vlan_len300"),
        reason="Text that cannot be stored is refused by name; a key is not repeated.",
        status=400, type="HTTPBadRequest",
        message="Invalid input for *. Reason: * exceeds maximum length of 255.",
    ),
    Difference(
        cases=("*.conn.psk.int", "*.conn.psk.list"),
        reason="A key is not repeated, whatever its type.",
        status=400, type="HTTPBadRequest",
        message="Invalid input for psk. Reason: the value is not a valid string.",
    ),
    Difference(
        cases=("*.ok_3des", "*.ok_sha1"),
        reason="Weak algorithms need [vpn] weak_algorithms.",
        status=400, type="HTTPBadRequest",
        message="Invalid input for *_algorithm. Reason: * is weak and only accepted with "
        "[[]vpn] weak_algorithms = true.",
    ),
    Difference(
        cases=("update.*.shape.list",),
        reason="A list is refused like every other body that is no object.",
        status=400, type="BadRequest", message="Bad body request: Invalid format: b'[[][]]'.",
    ),
    # The path
    Difference(
        cases=("discovery.dot_xml", "discovery.unprefixed*", "discovery.underscore",
               "discovery.extensions_json", "discovery.dot_json", "discovery.service_providers",
               "discovery.flavors", "discovery.agents_as_member"),
        reason="Aliases of paths, flavors, providers and foreign agents are not there.",
        status=404, type="HTTPNotFound", message="The API has no path /*",
    ),
    Difference(
        cases=("discovery.bogus*", "discovery.v3", "discovery.vpn", "discovery.vpn_slash",
               "discovery.vpn_bogus", "discovery.sub_of_one"),
        reason=_ONE_SHAPE, status=404, type="HTTPNotFound", message="The API has no path /*",
    ),
    Difference(
        cases=("discovery.ext_bogus",),
        reason=_ONE_SHAPE, status=404, type="ExtensionNotFound",
        message="Extension with alias bogus does not exist",
    ),
    Difference(
        cases=("noauth.[!r]*",),
        reason=_ONE_SHAPE, status=401, type="HTTPUnauthorized",
        message="The request has no X-Auth-Token.",
    ),
    Difference(
        cases=("discovery.one_dot_json",),
        reason="No suffixes: it is an id that is not there.",
        status=404, type="IPsecSiteConnectionNotFound",
        message="ipsec_site_connection <conn>.json not found",
    ),
    Difference(
        cases=("discovery.ext_flavors",), status=404, type="ExtensionNotFound",
        message="Extension with alias vpn-flavors does not exist",
        reason="What is not built is not advertised.",
    ),
    Difference(
        cases=("discovery.extensions", "discovery.v2_slash"), ignores=("*",),
        reason="Exactly what is built is told.",
    ),
    Difference(
        cases=("discovery.v2",), reason="The same as with the slash.", status=200, ignores=("*",),
    ),
    Difference(
        cases=("method.*_TRACE", "method.*_FOO", "method.coll_PUT", "method.coll_DELETE"),
        reason="A method that a path does not have is 405, with Allow.",
        status=405, type="HTTPMethodNotAllowed", message="* is not allowed, only GET, *",
    ),
    Difference(
        cases=("method.*_PATCH",), reason="The message says which methods the path takes.",
        status=405, type="HTTPMethodNotAllowed", message="PATCH is not allowed, only GET, *",
    ),
    # What can be changed in place
    Difference(
        cases=("inuse.ike.update_[desl]*", "inuse.ipsec.update_name", "inuse.ipsec.update_pfs",
               "inuse.ipsec.update_same_value", "inuse.ipsec.update_empty"),
        reason="A policy in use can be changed; the tunnels that use it follow.",
        status=200, ignores=("*",),
    ),
    Difference(
        cases=("update.conn.ik*policy_id.other", "update.conn.ipsecpolicy_id.other",
               "update.conn.readonly.ik*policy_id", "update.conn.readonly.ipsecpolicy_id",
               "update.conn.ik*policy_id.upper_existing",
               "update.conn.ipsecpolicy_id.upper_existing"),
        reason="The policies of a connection can be changed.", status=200, ignores=("*",),
    ),
    Difference(
        cases=("update.conn.ik*policy_id.tenant_b",),
        reason="The policies of a connection can be changed; another project's is not there.",
        status=404, type="IKEPolicyNotFound", message="IKEPolicy <ike_b> could not be found",
    ),
    Difference(
        cases=("update.conn.ipsecpolicy_id.tenant_b",),
        reason="The policies of a connection can be changed; another project's is not there.",
        status=404, type="IPsecPolicyNotFound", message="IPsecPolicy <ipsec_b> could not be found",
    ),
    Difference(
        cases=("update.conn.ipsecpolicy_id.null", "update.conn.ipsecpolicy_id.empty",
               "update.conn.ipsecpolicy_id.int"),
        reason="The policies of a connection can be changed; this is no id.",
        status=400, type="HTTPBadRequest",
        message="Invalid input for ipsecpolicy_id. Reason: '*' is not a valid UUID.",
    ),
    Difference(
        cases=("update.epg.endpoints.string", "update.epg.endpoints.one",
               "update.epg.endpoints.mixed", "update.epg.endpoints.host_bits",
               "update.epg.readonly.endpoints"),
        reason="Endpoints can be changed, also while in use.", status=200, ignores=("*",),
    ),
    Difference(
        cases=("update.epg.endpoints.null",),
        reason="Endpoints can be changed, but not to none.",
        status=400, type="MissingEndpointForEndpointGroup",
        message="No endpoints specified for endpoint group '{'type': 'cidr', *}'",
    ),
    Difference(
        cases=("update.epg.endpoints.dup", "update.epg.endpoints.bad",
               "update.epg.endpoints.uuid"),
        reason="Endpoints can be changed, by the rules of their creation.",
        status=400, type="InvalidEndpointInEndpointGroup",
        message="Endpoint '*' is invalid for group type 'cidr': *",
    ),
    # Pending changes, revisions, status
    Difference(
        cases=("update.*.state.PENDING_*", "update.conn.state.pending_and_empty"),
        reason="A change is accepted while another is pending; the newest wins.",
        status=200, ignores=("*",),
    ),
    Difference(
        cases=("update.*.if_match_bad",),
        reason="VPN resources have revisions, so the condition is checked.",
        status=412, type="RevisionNumberConstraintFailed",
        message="Constrained to 99, but current revision is *",
    ),
    Difference(
        cases=("update.conn.admin_state_up.*", "update.conn.mtu.v*", "update.conn.mtu.zero",
               "update.conn.mtu.str_num", "update.conn.mtu.float", "update.conn.mtu.maxint",
               "update.conn.dpd.a*",
               "update.conn.dpd.int_0", "update.conn.dpd.strings", "update.conn.dpd.bool",
               "update.conn.peer_address.short_v4", "update.conn.peer_id.*",
               "update.conn.local_id.*", "update.conn.psk.len*", "update.conn.psk.[!il]*",
               "update.conn.peer_cidrs.*",
               "update.conn.local_ep_group_id.other", "update.conn.peer_ep_group_id.other",
               "update.conn.cidrs_*"),
        reason=_FOLLOWS, ignores=("status",),
    ),
    Difference(
        cases=("update.svc.admin_state_up.*", "inuse.svc.admin_down"),
        reason="A service whose state is switched off is DOWN at once.", ignores=("status",),
    ),
    # Values
    Difference(
        cases=("create.conn.*_ep_group_id.upper_existing", "create.conn.*policy_id.upper_existing"),
        reason="Ids are shown as they are kept, in lower case.",
        ignores=("local_ep_group_id", "peer_ep_group_id", "ikepolicy_id", "ipsecpolicy_id"),
    ),
    Difference(
        cases=("update.conn.*_ep_group_id.upper_existing",),
        reason="Ids are shown as they are kept, in lower case.",
        ignores=("local_ep_group_id", "peer_ep_group_id"),
    ),
    Difference(
        cases=("update.conn.dpd.strings_lexical",),
        reason="Numbers are compared as numbers: 60 is greater than 9.",
        status=200, ignores=("*",),
    ),
    Difference(
        cases=("*.conn.peer_address.zero", "*.conn.peer_address.loopback",
               "*.conn.peer_address.multicast", "*.conn.peer_address.v4_hex",
               "*.conn.peer_address.fqdn_ok"),
        reason="No peer can be there (the name is localhost): the tunnel could never come up.",
        status=400, type="HTTPBadRequest",
        message="Invalid input for peer_address. Reason: '*' is *: no peer can be there.",
    ),
    # Words
    Difference(
        cases=("inuse.subnet.delete_in_epg*",),
        reason="The reference names a function of its own in the message.",
        status=409, type="SubnetInUse",
        message="Unable to complete operation on subnet <*>: Subnet <*> is used by endpoint "
        "group <*>: endpoint_group '*' (<*>).",
    ),
    # Lists
    Difference(
        cases=("list.filter.psk",),
        reason="Keys are sealed: they cannot be searched, and must not be guessed by filters.",
        status=400, type="HTTPBadRequest",
        message="[[]'psk'] is invalid attribute for filtering",
    ),
    Difference(
        cases=("list.epg.filter_type",),
        reason="The reference accepts this filter and ignores it.", ignores=("*",),
    ),
    # What Networking has besides
    Difference(
        cases=("inuse.router.admin_down",),
        reason="Availability zones, routes, flavors and tags are not built.",
        ignores=("availability_zones", "availability_zone_hints", "routes", "flavor_id", "tags",
                 "revision_number"),
    ),
    Difference(
        cases=("quota.get_*",), reason="Quotas are of what is built.",
        ignores=("subnetpool", "router_route", "floatingip", "rbac_policy", "security_group",
                 "security_group_rule"),
    ),
)  # fmt: skip

#: Messages (patterns) after whose words landbridge says what the reference leaves out: the limit
#: that was missed, the values that there are, or who uses the object.
TELLS_MORE: Final = (
    "ipsec_site_connection MTU * is too small for ipv*",
    "ipsec_site_connection dpd_timeout is equal to or less than dpd_interval",
    "*Policy * is in use by existing IPsecSiteConnection and can't be updated or deleted",
    "Endpoint group * is in use and cannot be deleted",
    "VPNService * is still in use",
    "Subnet * is used by *",
    "Router * is currently used by VPN service*",
    "Quota exceeded for resources: [[]*].",
    "* is not in valid_values.",
    "Unable to complete operation on subnet *: *",
    "External network * cannot be updated to be made non-external, since *",
    "Port * cannot be deleted directly via the port API: has device owner *",
    "Unable to create the flat network. Physical network * is in use.",
    "Unable to complete operation for network *. The mac address * is in use.",
    "Router interface for subnet * on router * cannot be deleted, as it is required by *",
)


def says(message: str | None, expected: str | None) -> bool:
    """Whether `message` is `expected`, or goes on after it where it may."""
    if message is None or expected is None or message == expected:
        return message == expected
    may_go_on = any(fnmatchcase(expected, pattern) for pattern in TELLS_MORE)
    return may_go_on and message.startswith(expected.removesuffix("."))

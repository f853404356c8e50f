"""Where the inventory answers otherwise than the reference on purpose, and why.

`NOT_BUILT` and `OTHERWISE` are attributes that differ in every answer. A line of `DIFFERENCES`
names requests (patterns of ``case/number``), what landbridge does, and the reason; `status` None:
status, type and message are the reference's, but the attributes in `ignores` ("*": the body) are
not. What differs and has no line here is a defect. The page docs/differences.md is made from it.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    cases: tuple[str, ...]
    asked: str
    ours: str
    reason: str
    status: int | None = None
    message: str | None = None  # a pattern
    ignores: tuple[str, ...] = ()


NOT_BUILT: Final = {
    "availability_zones": "Gateways are no zones: a router is where its gateway is.",
    "ipv4_address_scope": "There are no address scopes.",
    "ipv6_address_scope": "There are no address scopes.",
    "is_default": "There is no auto-allocated topology. `false` is accepted.",
    "binding:profile": "Ports are bound to nothing: landbridge runs no machines.",
    "binding:host_id": "Ports are bound to nothing: landbridge runs no machines.",
    "binding:vif_type": "Ports are bound to nothing: landbridge runs no machines.",
    "binding:vif_details": "Ports are bound to nothing: landbridge runs no machines.",
    "distributed": "A router runs on one gateway.",
    "ha": "A router runs on one gateway; another one takes it over by its lease.",
    "ha_vr_id": "A router runs on one gateway; another one takes it over by its lease.",
    "enable_snat": "Of `external_gateway_info`; the reference shows it twice in some answers.",
    "gw_port_id": "Of `external_gateway_info`; the reference shows it in some answers.",
    "enable_default_route_bfd": "A router has one uplink.",
    "enable_default_route_ecmp": "A router has one uplink.",
    "data_plane_status": "Ports are bound to nothing: landbridge runs no machines.",
    "resource_request": "There is no quality of service.",
    "propagate_uplink_status": "Ports are bound to nothing: landbridge runs no machines.",
}

OTHERWISE: Final = {
    "revision_number": "It counts other steps; it grows with each change of the object.",
    "status": "A port that is not switched off is ACTIVE: there is no agent that would bind it.",
    "security_groups": "There are none, so a port has none: the reference gives it `default`.",
}

SHOWN_OTHERWISE: Final = {
    "gateway_ip": "Of an IPv6 subnet it is by default the first host (`::1`); the reference takes "
    "the address before, which is that of all routers of the link and no host's.",
}

#: Attributes that only landbridge has in some answers.
MORE: Final = frozenset({"tenant_id", "provider:network_type", "provider:physical_network",
                         "provider:segmentation_id", "flavor_id", "gateway_id"})  # fmt: skip

_NEVER_5XX: Final = "The reference answers 500."

DIFFERENCES: Final = (
    Difference(
        cases=("*",), asked="Attributes that are not built, with a value that is not their default",
        ours="400, which names the value that is taken",
        reason="Taking a value and not acting on it would be no answer. The attributes are those "
        "below and `security_groups`, `allowed_address_pairs`, `extra_dhcp_opts`, "
        "`binding:vnic_type`, `service_types`, `subnetpool_id`, `prefixlen`, `flavor_id`, "
        "`availability_zone_hints`, `vlan_transparent`, `qinq`; their defaults are taken.",
        status=400, message="Invalid input for *. Reason: * is not supported, only '*' is.",
    ),
    Difference(
        cases=("*",), asked="Attributes that are not built and have no default to be sent",
        ours="400, unknown, whoever asks", reason="What is not built is not advertised either.",
        status=400, message="Unrecognized attribute(s) *",
    ),
    Difference(
        cases=("*.flavor_id/0", "combined.*.router.*"), asked="`flavor_id: null` of a router",
        ours="taken", reason="It is what a router without a flavor shows.", status=201,
    ),
    Difference(
        cases=("*",), asked="Lists of dictionaries with wrong keys",
        ours="the keys named in alphabetical order",
        reason="The reference's order is that of a set, and changes.", status=400,
        message="Invalid input for *. Reason: Validation of dictionary's keys failed. Expected "
        "keys: [[]*[]] Provided keys: [[]*[]].",
    ),
    Difference(
        cases=("interface.*.post/1",), asked="A method that a path has not",
        ours="405; the message says which methods the path takes",
        reason="It says what was wrong.", status=405,
        message="POST is not allowed, only PUT is: *",
    ),
    Difference(
        cases=("tags.unknown_resource/0", "tags.vpn/2"), asked="A path that is not there",
        ours="404; the message says that it is the path", reason="It says what was wrong.",
        status=404, message="The API has no path *",
    ),
    Difference(
        cases=("tags.*.missing/*",), asked="Tags of an object that is not there", ours="404",
        reason=_NEVER_5XX, status=404, message="* <NOID> could not be found*",
    ),
    Difference(
        cases=("tags.*.revision/1",), asked="Tags with an If-Match that does not hold", ours="412",
        reason=_NEVER_5XX, status=412,
    ),
    Difference(
        cases=("tags.*.access/*",), asked="Tags of another project's object",
        ours="404 instead of 403",
        reason="Who may not see an object is told that it is not there.", status=404,
    ),
    Difference(
        cases=("tags.vpn/*",), asked="Tags of VPN resources, and filters by them",
        ours="as of all other resources",
        reason="They are useful there too; the reference has none.", status=200,
    ),
    Difference(
        cases=("tags.body.*", "tags.no_body/*"), asked="Bodies for tags that are no JSON object",
        ours="400", reason=_NEVER_5XX, status=400,
    ),
    Difference(
        cases=("tags.body.*",), asked="Other members beside `tags`", ours="not repeated",
        reason="Answered is what is kept.", ignores=("more",),
    ),
    Difference(
        cases=("tags.one.words/6",), asked="POST on one tag", ours="405",
        reason="The path has no such method; the reference takes it for DELETE.", status=405,
    ),
    Difference(
        cases=("tags.vpn/0",), asked="VPN resources",
        ours="have tags, times and revisions", reason="As all other resources.", status=201,
    ),
    Difference(
        cases=("extensions.tag/*",), asked="The extensions of tags",
        ours="name and date of our own",
        reason="The name lists the resources that have tags; the reference's date is none.",
        ignores=("name", "updated"),
    ),
    Difference(
        cases=("*.if_match/1",), asked="If-Match with another revision",
        ours="412, with our own revision", reason=OTHERWISE["revision_number"], status=412,
        message="Constrained to 999, but current revision is *",
    ),
    Difference(
        cases=("bulk.*",), asked="Many objects in one POST", ours="400",
        reason="One request is one object: its quota, its events, its answer. No client needs it.",
        status=400, message="Bulk operation not supported",
    ),
    Difference(
        cases=("*.cidr.*", "*.cidr/*", "combined.*.subnet.*"),
        asked="A `cidr` that is none, or has a mask instead of a prefix length",
        ours="400, of the attribute", reason="Other spellings than ADDRESS/LENGTH are refused.",
        status=400, message="Invalid input for cidr. Reason: '*' is not a valid IP subnet.",
    ),
    Difference(
        cases=("*.subnet.without/*", "combined.*.subnet.*"), asked="A subnet without `cidr`",
        ours="400, without the word of a pool", reason="There are no subnet pools.", status=400,
        message="Bad subnets request: cidr must be specified, as there are no subnet pools.",
    ),
    Difference(
        cases=("create.subnet.without/3",), asked="A subnet without `ip_version`",
        ours="taken, with that of its `cidr`", reason="A `cidr` has one. (The recorded one overlaps.)",
        status=400, message="* overlaps with another subnet.",
    ),
    Difference(
        cases=("create.subnet.without/4",), asked="A subnet without anything",
        ours="400, of `network_id`", reason="It is what is missing first.", status=400,
        message="Failed to parse request. Required attribute 'network_id' not specified",
    ),
    Difference(
        cases=("*.subnet.allocation_pools*", "combined.*.subnet.*"), asked="`{}` as a list of pools",
        ours="400", reason="It is no list.", status=400,
        message="Invalid input for allocation_pools. Reason: Invalid data format for IP pool: '{}'.",
    ),
    Difference(
        cases=("update.*", "combined.update.*"), asked="An object after such a PUT",
        ours="has the default", reason="What is not built was refused.",
        ignores=("security_groups", "allowed_address_pairs", "extra_dhcp_opts",
                 "binding:vnic_type", "service_types"),
    ),
    Difference(
        cases=("*.subnet.allocation_pools*",), asked="A pool of the other IP version",
        ours="400, out of bounds", reason="It is valid, and outside of the subnet.", status=400,
        message="The allocation pool * spans beyond the subnet cidr *.",
    ),
    Difference(
        cases=("subnet6.value.10/0",), asked="IPv6 networks of IPv4 addresses",
        ours="written with hexadecimal digits", reason="As the standard library writes them.",
        ignores=("gateway_ip", "cidr", "start", "end"),
    ),
    Difference(
        cases=("subnet6.value.21/0",), asked="The address of all routers as `gateway_ip`",
        ours="taken as sent", reason=SHOWN_OTHERWISE["gateway_ip"],
        ignores=("gateway_ip", "start"),
    ),
    Difference(
        cases=("subnet4.no_dhcp.1/0",), asked="The default gateway of a /32",
        ours="none", reason="The reference takes the address behind, which is another's.",
        ignores=("gateway_ip",),
    ),
    Difference(
        cases=("subnet4.no_dhcp.2/0",), asked="The default gateway of a /31",
        ours="400 instead of 409", reason="The reference checks it a second time elsewhere.",
        status=400, message="Invalid input for operation: Gateway is not valid on subnet.",
    ),
    Difference(
        cases=("*mac_address*", "combined.*.port.*"), asked="MAC addresses of groups",
        ours="400", reason="No port can have one.", status=400,
        message="Invalid input for mac_address. Reason: '*' is not a valid MAC address.",
    ),
    Difference(
        cases=("*provider:*", "combined.*.network.*"), asked="`provider:*` of a network, later",
        ours="can be changed, also null",
        reason="What a network lies on is an administrator's word, and may change.", status=200,
    ),
    Difference(
        cases=("*provider:*", "combined.*.network.*"), asked="`provider:*` that fit no type",
        ours="400, of the type", reason="There are two types, and no segments.", status=400,
        message="Invalid input for operation: *",
    ),
    Difference(
        cases=("*provider:*",), asked="A network whose `provider:*` were changed",
        ours="shows them", reason="They can be changed.",
        ignores=("provider:network_type", "provider:physical_network"),
    ),
    Difference(
        cases=("list.network/35",), asked="`provider:*` as a filter, as a member",
        ours="nothing is found", reason="Who may not see a value finds nothing by it.",
        ignores=("*",),
    ),
    Difference(
        cases=("list.network/15",), asked="A boolean as a filter, both values at once",
        ours="finds both", reason="Several values of a filter are any of them.", ignores=("*",),
    ),
    Difference(
        cases=("list.network/36",), asked="`revision_number` as a filter",
        ours="finds by our own", reason=OTHERWISE["revision_number"], ignores=("*",),
    ),
    Difference(
        cases=("list.*",), asked="Filters by what is not built", ours="400, unknown",
        reason="What is not built is not advertised either.", status=400,
        message="[[]*[]] is invalid attribute for filtering",
    ),
    Difference(
        cases=("list.network/37",), asked="Filters by times", ours="taken",
        reason="Every attribute that is shown can be looked for.", status=200,
    ),
    Difference(
        cases=("list.subnet/5",), asked="`cidr` as a filter that is none", ours="finds nothing",
        reason="A filter that nothing can have finds nothing.", status=200,
    ),
    Difference(
        cases=("list.port/6",), asked="`device_id` in another case", ours="finds nothing",
        reason="It is looked for by an index, and ids are compared exactly.", ignores=("*",),
    ),
    Difference(
        cases=("list.port/*",), asked="`ip_address_substr` of `fixed_ips`",
        ours="says nothing, as names that are not known",
        reason="Substrings are not built; their extension is not advertised.", ignores=("*",),
    ),
    Difference(
        cases=("interface.*", "routes.atomic.*"), asked="Bodies of router actions that are wrong",
        ours="400", reason=_NEVER_5XX, status=400,
    ),
    Difference(
        cases=("routes.atomic.*.2/*",), asked="`routes: null` of a router action",
        ours="no routes", reason=_NEVER_5XX, status=200,
    ),
    Difference(
        cases=("interface.remove/12",), asked="To remove an interface on another project's subnet",
        ours="404, of the interface", reason="The router has none there; that is the mistake.",
        status=404, message="Router <it> has no interface on subnet <subb>",
    ),
    Difference(
        cases=("*.reader/*",), asked="What a reader may not do",
        ours="403, with the rule of the action",
        reason="The reference also names rules of attributes that were not sent.", status=403,
        message="rule:* is disallowed by policy",
    ),
    Difference(
        cases=("interface.delete_port/[56]",), asked="`device_id`, `device_owner` of a router's leg",
        ours="409", reason="A leg goes by its router only (decision 031).", status=409,
    ),
    Difference(
        cases=("interface.delete_port/7",), asked="A router's leg without an address", ours="400",
        reason="It would be no leg.", status=400,
    ),
    Difference(
        cases=("interface.delete_port/9",), asked="A router's leg after that", ours="as it was",
        reason="A leg goes by its router only (decision 031).", ignores=("*",),
    ),
    Difference(
        cases=("gateway.admin/1",), asked="`external_gateway_info` without `enable_snat`",
        ours="stays as it was", reason="What a PUT does not name stays.",
        ignores=("enable_snat",),
    ),
    Difference(
        cases=("routes.update/*",), asked="Routes whose next hop cannot be one",
        ours="400",
        reason="No kernel takes the address of the network, that of all its hosts, or one of the "
        "other IP version.", status=400, message="Invalid format for routes: *",
    ),
    Difference(
        cases=("routes.update/*",), asked="Routes in other spellings",
        ours="shown in the canonical one", reason="Equal routes are equal.",
        ignores=("destination", "nexthop"),
    ),
    Difference(
        cases=("*.network.mtu/*", "combined.*.network.*"), asked="An `mtu` above 1500",
        ours="taken", reason="What a gateway's networks carry is for its operator to know.",
        status=200,
    ),
    Difference(
        cases=("create.network.mtu/*", "combined.create.network.*"), asked="An `mtu` above 1500",
        ours="taken", reason="What a gateway's networks carry is for its operator to know.",
        status=201,
    ),
    Difference(
        cases=("*.network.mtu/*",), asked="An `mtu` that is no 32 bit number", ours="400",
        reason="What cannot be kept is refused by name.", status=400,
        message="Invalid input for mtu. Reason: '*' is too large - must be no larger than *.",
    ),
    Difference(
        cases=("*.network.mtu/*",), asked="A network after that", ours="has it",
        reason="It was taken.", ignores=("mtu",),
    ),
    Difference(
        cases=("*.network.provider:*",), asked="`provider:*` as a member, of a wrong type",
        ours="403", reason="Who may not send it is told that.", status=403,
        message="(rule:*_network and rule:*_network:provider:*) is disallowed by policy",
    ),
    Difference(
        cases=("*.subnet.allocation_pools*", "combined.*.subnet.*"),
        asked="Pools that are no list of ranges", ours="400, of the attribute",
        reason="Every attribute is told of in the same words.", status=400,
        message="Invalid input for allocation_pools. Reason: *",
    ),
    Difference(
        cases=("*.subnet.allocation_pools*", "combined.*.subnet.*"), asked="A pool that ends before it begins",
        ours="written as START-END", reason="As other pools are in messages.", status=400,
        message="The allocation pool *-* is not valid.",
    ),
    Difference(
        cases=("*.subnet.dns_nameservers*", "combined.*.subnet.*"), asked="Name servers that are no list",
        ours="400", reason="Text is no list, also if it is empty.", status=400,
        message="Invalid input for dns_nameservers. Reason: Invalid data format for nameserver: '*'.",
    ),
    Difference(
        cases=("update.subnet.dns_nameservers/16",), asked="A subnet after that",
        ours="has those of before", reason="It was refused.", ignores=("dns_nameservers",),
    ),
    Difference(
        cases=("*.port.tags/*", "combined.create.port.*"), asked="A new port with tags",
        ours="shows them", reason="The reference has them, and shows them from then on.",
        ignores=("tags",),
    ),
    Difference(
        cases=("*.port.fixed_ips*", "combined.*.port.*"), asked="Addresses of a network that the caller does not see",
        ours="400, as of every other network",
        reason="Whether it is there is not told to strangers.", status=400,
        message="Invalid input for operation: Failed to create port on network *, because fixed_ips "
        "included invalid subnet *.",
    ),
    Difference(
        cases=("*.port.fixed_ips*", "combined.*.port.*"), asked="Addresses with other members",
        ours="400", reason="What is not known is not ignored.", status=400,
        message="Invalid input for fixed_ips. Reason: Unexpected keys supplied: *",
    ),
    Difference(
        cases=("*.port.fixed_ips*",), asked="An address that is empty", ours="400",
        reason=_NEVER_5XX, status=400,
        message="Invalid input for operation: IP allocation requires subnet_id or ip_address.",
    ),
    Difference(
        cases=("create.subnet.network_id.*", "combined.create.subnet.*"),
        asked="A subnet on a network that the caller does not see", ours="404 instead of 403",
        reason="Whether it is there is not told to strangers.", status=404,
        message="Network * could not be found.",
    ),
)  # fmt: skip

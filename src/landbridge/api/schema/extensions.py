"""The API extensions that are advertised: those that are implemented.

Rules this module keeps:
- Aliases, names, descriptions and dates of upstream's extensions are upstream's, because clients
  look for aliases. Aliases of our own extensions begin with ``landbridge-``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec


class Extension(msgspec.Struct, frozen=True):
    alias: str
    name: str
    description: str
    updated: str

    def view(self) -> dict[str, Any]:
        return {**msgspec.structs.asdict(self), "links": []}


EXTENSIONS: Final = (
    Extension(
        "vpnaas", "VPN service", "Extension for VPN service", "2013-05-29T10:00:00-00:00"
    ),
    Extension(
        "vpn-endpoint-groups",
        "VPN Endpoint Groups",
        "VPN endpoint groups support",
        "2015-08-04T10:00:00-00:00",
    ),
    Extension(
        "vpn-aes-ccm-gcm",
        "VPN support for AES CCM, GCM modes",
        "Add choices for encryption, auth and pfs",
        "2023-10-24T11:00:00-00:00",
    ),
    Extension(
        "vpn-aes-ctr",
        "VPN support for AES CTR mode",
        "Add AES CTR choices for encryption algorithm",
        "2024-01-09T09:00:00-00:00",
    ),
    Extension(
        "vpn-no-sha1-3des",
        "VPN remove deprecated sha1 and 3des",
        "Remove sha1 auth and 3des encryption from VPN policies",
        "2025-03-30T09:00:00-00:00",
    ),
    Extension(
        "router",
        "Neutron L3 Router",
        "Router abstraction for basic L3 forwarding between L2 Neutron networks and access to "
        "external networks via a NAT gateway.",
        "2012-07-20T10:00:00-00:00",
    ),
    Extension(
        "extraroute",
        "Neutron Extra Route",
        "Extra routes configuration for L3 router",
        "2013-02-01T10:00:00-00:00",
    ),
    Extension(
        "extraroute-atomic",
        "Atomically add/remove extra routes",
        "Edit extra routes of a router on server side by atomically adding/removing extra routes",
        "2019-07-10T00:00:00+00:00",
    ),
    Extension(
        "external-net",
        "Neutron external network",
        "Adds external network attribute to network resource.",
        "2013-01-14T10:00:00-00:00",
    ),
    Extension(
        "provider",
        "Provider Network",
        "Expose mapping of virtual networks to physical networks",
        "2012-09-07T10:00:00-00:00",
    ),
    Extension(
        "net-mtu", "Network MTU", "Provides MTU attribute for a network resource.",
        "2015-03-25T10:00:00-00:00",
    ),
    Extension(
        "net-mtu-writable",
        "Network MTU (writable)",
        "Provides a writable MTU attribute for a network resource.",
        "2017-07-12T00:00:00-00:00",
    ),
    Extension(
        "project-id", "project_id field enabled",
        "Extension that indicates that project_id field is enabled.",
        "2016-09-09T09:09:09-09:09",
    ),
    Extension(
        "quotas",
        "Quota management support",
        "Expose functions for quotas management per project",
        "2012-07-29T10:00:00-00:00",
    ),
    Extension(
        "quota_details",
        "Quota details management support",
        "Expose functions for quotas usage statistics per project",
        "2017-02-10T10:00:00-00:00",
    ),
    Extension(
        "quota-check-limit",
        "Quota engine limit check",
        "Support for checking the resource usage before applying a new quota limit",
        "2021-06-17T00:00:00-00:00",
    ),
    Extension(
        "pagination",
        "Pagination support",
        "Extension that indicates that pagination is enabled.",
        "2016-06-12T00:00:00-00:00",
    ),
    Extension(
        "sorting",
        "Sorting support",
        "Extension that indicates that sorting is enabled.",
        "2016-06-12T00:00:00-00:00",
    ),
    Extension(
        "filter-validation",
        "Filter parameters validation",
        "Provides validation on filter parameters.",
        "2018-07-04T10:00:00-00:00",
    ),
    Extension(
        "sort-key-validation",
        "Sort keys validation",
        "Provides validation on sort keys.",
        "2018-07-04T10:00:00-00:00",
    ),
    Extension(
        "empty-string-filtering",
        "Empty String Filtering Extension",
        "Allow filtering by attributes with empty string value",
        "2018-05-01T10:00:00-00:00",
    ),
    Extension(
        "standard-attr-description",
        "standard-attr-description",
        "Extension to add descriptions to standard attributes",
        "2016-02-10T10:00:00-00:00",
    ),
    Extension(
        "standard-attr-timestamp",
        "Resource timestamps",
        "Adds created_at and updated_at fields to all Neutron resources that have Neutron "
        "standard attributes.",
        "2016-09-12T10:00:00-00:00",
    ),
    Extension(
        "standard-attr-revisions",
        "Resource revision numbers",
        "This extension will display the revision number of neutron resources.",
        "2016-04-11T10:00:00-00:00",
    ),
    Extension(
        "standard-attr-tag",
        "Tag support for resources with standard attribute: network, subnet, port, router and all "
        "VPN resources",
        "Enables to set tag on resources with standard attribute.",
        "2017-01-01T00:00:00-00:00",
    ),
    Extension(
        "tag-creation",
        "Tag creation extension",
        "Allow to create multiple tags for a resource",
        "2024-10-25T10:00:00-00:00",
    ),
    Extension(
        "revision-if-match",
        "If-Match constraints based on revision_number",
        "Extension indicating that If-Match based on revision_number is supported.",
        "2016-12-11T00:00:00-00:00",
    ),
    Extension(
        "landbridge-vpn-updates",
        "Updates of everything in use",
        "IKE and IPsec policies and the endpoints of endpoint groups can be changed while they "
        "are in use; ikepolicy_id, ipsecpolicy_id and split_selector of a connection can be "
        "changed; a change is accepted while another one is pending.",
        "2026-11-01T00:00:00-00:00",
    ),
    Extension(
        "landbridge-update-plan",
        "The plan of an update",
        "POST .../{id}/plan with the body of an update changes nothing; it answers what the "
        "update would, and for each connection concerned the steps and what they disrupt.",
        "2026-11-01T00:00:00-00:00",
    ),
    Extension(
        "landbridge-vpn-split-selector",
        "Split traffic selectors",
        "split_selector: one CHILD_SA per pair of networks instead of one for all.",
        "2026-11-01T00:00:00-00:00",
    ),
    Extension(
        "landbridge-vpn-selector-mode",
        "The selector mode in effect",
        "selector_mode and child_sas of a connection: the CHILD_SAs as its gateway observes them.",
        "2026-11-01T00:00:00-00:00",
    ),
    Extension(
        "landbridge-vpn-status-reason",
        "Reasons of a status",
        "status_reason, status_message and status_changed_at of a connection.",
        "2026-11-01T00:00:00-00:00",
    ),
    Extension(
        "landbridge-vpn-history",
        "The history of a connection",
        "GET .../ipsec-site-connections/{id}/history answers its last events.",
        "2026-11-01T00:00:00-00:00",
    ),
    Extension(
        "landbridge-vpn-diagnostics",
        "Diagnostics of a connection",
        "GET .../ipsec-site-connections/{id}/diagnostics asks its gateway to look closely.",
        "2026-11-01T00:00:00-00:00",
    ),
    Extension(
        "landbridge-vpn-traffic",
        "Traffic of a connection",
        "GET .../ipsec-site-connections/{id}/traffic answers what it carried in the last hour.",
        "2026-11-28T00:00:00-00:00",
    ),
    Extension(
        "landbridge-vpn-initiate",
        "Initiate a connection",
        "POST .../ipsec-site-connections/{id}/initiate has its gateway initiate what is missing.",
        "2026-11-28T00:00:00-00:00",
    ),
    Extension(
        "landbridge-events",
        "Events, as they happen",
        "GET /landbridge/v1/events streams what happens to the VPN resources.",
        "2026-11-01T00:00:00-00:00",
    ),
    Extension(
        "landbridge-vpn-together",
        "A connection with all that it needs",
        "POST /landbridge/v1/connections creates policies, service, endpoint groups and connection "
        "in one transaction; .../plan answers what it would create.",
        "2026-11-28T00:00:00-00:00",
    ),
)  # fmt: skip

BY_ALIAS: Final[Mapping[str, Extension]] = MappingProxyType({e.alias: e for e in EXTENSIONS})

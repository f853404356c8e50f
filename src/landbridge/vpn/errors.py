"""Errors of the VPN rules, with the types and messages of the Networking API.

Rules this module keeps:
- Types and messages are those of the reference implementation: clients match on both. What it
  leaves out, a limit or who uses the object (`landbridge.vpn.users`), follows its words.
- An error names the object and the attribute; it never holds a secret. `attribute` and `part` say
  the same to programs, where the error alone knows it; else who raises it says it.
"""

from __future__ import annotations

from collections.abc import Sequence

from landbridge import errors
from landbridge.errors import ApiError


class _NotFound(errors.NotFound):
    words = "{} could not be found"

    def __init__(self, id: str) -> None:
        super().__init__(self.words.format(id))


class NetworkNotFound(_NotFound):
    words = "Network {} could not be found."


class SubnetNotFound(_NotFound):
    words = "Subnet {} could not be found."


class PortNotFound(_NotFound):
    words = "Port {} could not be found."


class RouterNotFound(_NotFound):
    words = "Router {} could not be found"


class VPNServiceNotFound(_NotFound):
    words = "VPNService {} could not be found"


class IKEPolicyNotFound(_NotFound):
    words = "IKEPolicy {} could not be found"


class IPsecPolicyNotFound(_NotFound):
    words = "IPsecPolicy {} could not be found"


class VPNEndpointGroupNotFound(_NotFound):
    words = "Endpoint group {} could not be found"


class IPsecSiteConnectionNotFound(_NotFound):
    words = "ipsec_site_connection {} not found"


class RouterIsNotExternal(ApiError):
    attribute = "router_id"

    def __init__(self, router_id: str) -> None:
        super().__init__(
            f"Router {router_id} has no external network gateway set",
            f"First PUT /v2.0/routers/{router_id} with "
            '{"router": {"external_gateway_info": {"network_id": ...}}} and the id of an external '
            f"network (openstack router set --external-gateway NETWORK {router_id}).",
        )


class SubnetIsNotConnectedToRouter(ApiError):
    def __init__(self, subnet_id: str, router_id: str) -> None:
        super().__init__(
            f"Subnet {subnet_id} is not connected to Router {router_id}",
            f"First PUT /v2.0/routers/{router_id}/add_router_interface with "
            f'{{"subnet_id": "{subnet_id}"}} '
            f"(openstack router add subnet {router_id} {subnet_id}).",
        )


class ExternalNetworkHasNoSubnet(ApiError):
    attribute = "peer_address"

    def __init__(self, router_id: str, version: int) -> None:
        super().__init__(f"Router's {router_id} external network has no IPv{version} subnet")


class VPNPeerAddressNotResolved(ApiError):
    attribute = "peer_address"

    def __init__(self, peer_address: str) -> None:
        super().__init__(f"Peer address {peer_address} cannot be resolved")


class PeerAddressImpossible(errors.BadRequest):
    """No peer can be at that address."""

    type = errors.BadRequest.type
    attribute = "peer_address"

    def __init__(self, peer_address: str, why: str) -> None:
        super().__init__(
            f"Invalid input for peer_address. Reason: '{peer_address}' is {why}: no peer can be "
            "there."
        )


class IPsecSiteConnectionDpdIntervalValueError(ApiError):
    attribute = "dpd"

    def __init__(self, interval: int, timeout: int) -> None:
        super().__init__(
            "ipsec_site_connection dpd_timeout is equal to or less than dpd_interval: with an "
            f"interval of {interval} seconds the timeout must be at least {interval + 1}, and is "
            f"{timeout}."
        )


class IPsecSiteConnectionMtuError(ApiError):
    attribute = "mtu"

    def __init__(self, mtu: int, version: int, least: int) -> None:
        super().__init__(
            f"ipsec_site_connection MTU {mtu} is too small for ipv{version}: it must be at least "
            f"{least}, or 0 for no limit."
        )


class IpsecValidationFailure(ApiError):
    """The reference's words; where it has none (it accepts transport mode), the reason follows.
    Where it has, the reason is the error's detail."""

    def __init__(self, resource: str, key: str, value: str) -> None:
        words = f"IPSec does not support {resource} attribute {key} with value '{value}'"
        why = (key, value)
        super().__init__(words + _WHY_UNSUPPORTED.get(why, ""), _DETAILS.get(why, ""))
        self.attribute = key


_WHY_UNSUPPORTED = {
    ("encapsulation_mode", "transport"): ": transport mode carries only packets between the two "
    "gateways' own addresses, not those of the networks behind them. Use 'tunnel'.",
}
_DETAILS = {
    ("transform_protocol", "ah-esp"): "strongSwan has no bundles of AH and ESP. Use 'esp', which "
    "encrypts and protects integrity, or 'ah', which protects integrity only.",
}


class MissingPeerCidrs(ApiError):
    attribute = "peer_cidrs"

    def __init__(self) -> None:
        super().__init__("Missing peer CIDRs for IPsec site-to-site connection")


class PeerCidrsInvalid(ApiError):
    attribute = "peer_cidrs"

    def __init__(self) -> None:
        super().__init__("Peer CIDRs cannot be specified, when using endpoint groups")


def _groups(which: Sequence[str]) -> str:
    return f"endpoint group{'s' if len(which) > 1 else ''} {' and '.join(which)}"


class MissingRequiredEndpointGroup(ApiError):
    def __init__(self, which: Sequence[str]) -> None:
        super().__init__(f"Missing {_groups(which)} for IPSec site-to-site connection")
        self.attribute, self.part = f"{which[0]}_ep_group_id", f"{which[0]}_ep_group"


class InvalidEndpointGroup(ApiError):
    def __init__(self, which: Sequence[str]) -> None:
        super().__init__(
            f"E{_groups(which)[1:]} cannot be specified, when VPN Service has subnet specified"
        )
        self.attribute, self.part = f"{which[0]}_ep_group_id", f"{which[0]}_ep_group"


class TooManySelectors(ApiError):
    def __init__(self, local: int, peer: int, most: int) -> None:
        super().__init__(
            f"The connection joins {local} local networks with {peer} of the peer's. Of these "
            f"pairs there may be at most {most}: use wider networks, or several connections."
        )


class WrongEndpointGroupType(ApiError):
    def __init__(self, group_id: str, type: str, expected: str) -> None:
        super().__init__(f"Endpoint group {group_id} type is '{type}' and should be '{expected}'")


class MixedIPVersionsForIPSecEndpoints(ApiError):
    def __init__(self, group_id: str) -> None:
        super().__init__(
            f"Endpoints in group {group_id} do not have the same IP version, as required "
            "for IPSec site-to-site connection"
        )


class MixedIPVersionsForPeerCidrs(ApiError):
    attribute = "peer_cidrs"

    def __init__(self) -> None:
        super().__init__(
            "Peer CIDRs do not have the same IP version, as required "
            "for IPSec site-to-site connection"
        )


class MixedIPVersionsForIPSecConnection(ApiError):
    def __init__(self) -> None:
        super().__init__("IP versions are not compatible between peer and local endpoints")


class MissingEndpointForEndpointGroup(ApiError):
    attribute = "endpoints"

    def __init__(self, group: object) -> None:
        super().__init__(f"No endpoints specified for endpoint group '{group}'")


class InvalidEndpointInEndpointGroup(ApiError):
    attribute = "endpoints"

    def __init__(self, endpoint: object, type: str, why: str) -> None:
        super().__init__(f"Endpoint '{endpoint}' is invalid for group type '{type}': {why}")


class NonExistingSubnetInEndpointGroup(ApiError):
    attribute = "endpoints"

    def __init__(self, subnet_id: str) -> None:
        super().__init__(f"Subnet {subnet_id} in endpoint group does not exist")


class EndpointGroupInUse(ApiError):
    def __init__(self, group_id: str, by: str) -> None:
        super().__init__(f"Endpoint group {group_id} is in use and cannot be deleted: by {by}.")


class _PolicyInUse(errors.Conflict):
    kind = ""

    def __init__(self, policy_id: str, by: str) -> None:
        super().__init__(
            f"{self.kind} {policy_id} is in use by existing IPsecSiteConnection "
            f"and can't be updated or deleted: by {by}."
        )


class IKEPolicyInUse(_PolicyInUse):
    kind = "IKEPolicy"


class IPsecPolicyInUse(_PolicyInUse):
    kind = "IPsecPolicy"


class VPNServiceInUse(errors.Conflict):
    def __init__(self, service_id: str, by: str) -> None:
        super().__init__(f"VPNService {service_id} is still in use: by {by}.")


class SubnetInUseByVPNService(errors.Conflict):
    def __init__(self, subnet_id: str, service_id: str, by: str) -> None:
        super().__init__(f"Subnet {subnet_id} is used by VPNService {service_id}: {by}.")


class SubnetInUseByIPsecSiteConnection(errors.Conflict):
    def __init__(self, subnet_id: str, connection_id: str, by: str) -> None:
        super().__init__(
            f"Subnet {subnet_id} is used by ipsec site connection {connection_id}: {by}."
        )

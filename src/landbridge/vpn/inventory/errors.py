"""Errors of the inventory's rules (networks, subnets, routers, ports).

Rules this module keeps:
- Types and messages are those of the Networking API, followed by what it leaves out, as in
  `landbridge.vpn.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from landbridge import errors
from landbridge.errors import ApiError


class InvalidInput(ApiError):
    def __init__(self, message: str) -> None:
        super().__init__(f"Invalid input for operation: {message}.")


class BadRouterRequest(ApiError):
    type = "BadRequest"

    def __init__(self, message: str) -> None:
        super().__init__(f"Bad router request: {message}.")


class NetworkInUse(errors.Conflict):
    def __init__(self, network_id: str, reason: str) -> None:
        super().__init__(f"Unable to complete operation on network {network_id}. {reason}.")


class ExternalNetworkInUse(errors.Conflict):
    def __init__(self, network_id: str, by: str) -> None:
        super().__init__(
            f"External network {network_id} cannot be updated to be made non-external, "
            f"since it has existing gateway ports: of {by}."
        )


class InvalidSharedSetting(errors.Conflict):
    def __init__(self, network: str) -> None:
        super().__init__(
            f"Unable to reconfigure sharing settings for network {network}. "
            "Multiple projects are using it."
        )


class NetworkMTUSubnetConflict(errors.Conflict):
    def __init__(self, network_id: str, least: int) -> None:
        super().__init__(f"MTU of {network_id} is not valid, subnet requires a minimum of {least}")


class DNSNameServersExhausted(ApiError):
    def __init__(self, subnet: str, limit: int) -> None:
        super().__init__(
            f"Unable to complete operation for {subnet}. "
            f"The number of DNS nameservers exceeds the limit {limit}."
        )


class HostRoutesExhausted(ApiError):
    def __init__(self, subnet: str, limit: int) -> None:
        super().__init__(
            f"Unable to complete operation for {subnet}. "
            f"The number of host routes exceeds the limit {limit}."
        )


class SubnetInUse(errors.Conflict):
    def __init__(self, subnet_id: str, reason: str, by: str) -> None:
        super().__init__(f"Unable to complete operation on subnet {subnet_id}: {reason}: {by}.")


class GatewayIpInUse(errors.Conflict):
    def __init__(self, ip_address: str, port_id: str) -> None:
        super().__init__(
            f"Current gateway ip {ip_address} already in use by port {port_id}. Unable to update."
        )


class GatewayConflictWithAllocationPools(errors.Conflict):
    def __init__(self, ip_address: str, pool: str) -> None:
        super().__init__(f"Gateway ip {ip_address} conflicts with allocation pool {pool}.")


class OverlappingAllocationPools(errors.Conflict):
    def __init__(self, first: str, second: str, cidr: str) -> None:
        super().__init__(f"Found overlapping allocation pools: {first} {second} for subnet {cidr}.")


class InvalidAllocationPool(ApiError):
    def __init__(self, pool: str) -> None:
        super().__init__(f"The allocation pool {pool} is not valid.")


class OutOfBoundsAllocationPool(ApiError):
    def __init__(self, pool: str, cidr: str) -> None:
        super().__init__(f"The allocation pool {pool} spans beyond the subnet cidr {cidr}.")


class IpAddressGenerationFailure(errors.Conflict):
    def __init__(self, network_id: str) -> None:
        super().__init__(f"No more IP addresses available on network {network_id}.")


class IpAddressAlreadyAllocated(errors.Conflict):
    def __init__(self, ip_address: str, subnet_id: str) -> None:
        super().__init__(f"IP address {ip_address} already allocated in subnet {subnet_id}")


class InvalidIpForSubnet(ApiError):
    def __init__(self, ip_address: str) -> None:
        super().__init__(f"IP address {ip_address} is not a valid IP for the specified subnet.")


class InvalidIpForNetwork(ApiError):
    def __init__(self, ip_address: str) -> None:
        super().__init__(
            f"IP address {ip_address} is not a valid IP for any of the subnets "
            "on the specified network."
        )


class PortInUse(errors.Conflict):
    def __init__(self, port_id: str, network_id: str, device_id: str) -> None:
        super().__init__(
            f"Unable to complete operation on port {port_id} for network {network_id}. "
            f"Port already has an attached device {device_id}."
        )


class ServicePortInUse(errors.Conflict):
    def __init__(self, port_id: str, device_owner: str, by: str) -> None:
        super().__init__(
            f"Port {port_id} cannot be deleted directly via the port API: "
            f"has device owner {device_owner}: it is a leg of {by}."
        )


class UnsupportedPortDeviceOwner(errors.Conflict):
    def __init__(self, operation: str, port_id: str, device_owner: str) -> None:
        super().__init__(
            f"Operation {operation} is not supported for device_owner {device_owner} "
            f"on port {port_id}."
        )


class RouterPortByPort(errors.Conflict):
    type = "UnsupportedPortDeviceOwner"

    def __init__(self, router_id: str, device_owner: str) -> None:
        super().__init__(
            f"A port does not become router {router_id}'s by its device_owner {device_owner}: use "
            "add_router_interface or external_gateway_info of the router."
        )


class DeviceIDNotOwnedByTenant(errors.Conflict):
    def __init__(self, device_id: str) -> None:
        super().__init__(
            f"The following device_id {device_id} is not owned by your project or matches "
            "another project router."
        )


class FlatNetworkInUse(errors.Conflict):
    def __init__(self, physical_network: str, by: str) -> None:
        super().__init__(
            f"Unable to create the flat network. Physical network {physical_network} is in use: "
            f"by {by}."
        )


class MacAddressInUse(errors.Conflict):
    def __init__(self, network_id: str, mac_address: str, by: str) -> None:
        super().__init__(
            f"Unable to complete operation for network {network_id}. "
            f"The mac address {mac_address} is in use: by {by}."
        )


class RouterInUse(errors.Conflict):
    def __init__(self, router_id: str, reason: str) -> None:
        super().__init__(f"Router {router_id} {reason}")

    @classmethod
    def by_ports(cls, router_id: str, ports: Iterable[str]) -> RouterInUse:
        return cls(router_id, f"has ports still attached: {', '.join(ports)}")

    @classmethod
    def by_services(cls, router_id: str, services: list[str], by: str) -> RouterInUse:
        plural = "s" if len(services) > 1 else ""
        reason = f"is currently used by VPN service{plural} ({','.join(services)}): {by}."
        return cls(router_id, reason)


class InvalidRoutes(ApiError):
    def __init__(self, routes: Sequence[object], reason: str) -> None:
        super().__init__(f"Invalid format for routes: {routes}, {reason}")


class RouterInterfaceInUseByRoute(errors.Conflict):
    def __init__(self, router_id: str, subnet_id: str, destination: str, nexthop: str) -> None:
        super().__init__(
            f"Router interface for subnet {subnet_id} on router {router_id} cannot be deleted, "
            f"as it is required by one or more routes: {destination} by {nexthop}."
        )


class SubnetMismatchForPort(ApiError):
    def __init__(self, port_id: str, subnet_id: str) -> None:
        super().__init__(
            f"Subnet on port {port_id} does not match the requested subnet {subnet_id}."
        )


class RouterInterfaceNotFound(errors.NotFound):
    def __init__(self, router_id: str, port_id: str) -> None:
        super().__init__(f"Router {router_id} does not have an interface with id {port_id}")


class RouterInterfaceNotFoundForSubnet(errors.NotFound):
    def __init__(self, router_id: str, subnet_id: str) -> None:
        super().__init__(f"Router {router_id} has no interface on subnet {subnet_id}")

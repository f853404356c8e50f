"""A router as its gateway must run it: a namespace with an uplink and inside networks."""

from __future__ import annotations

from landbridge.model.fields import Model


class Leg(Model, frozen=True, kw_only=True):
    """A router's place on one network: the host bridge of that network and its addresses.

    `addresses` are interface addresses with prefix (``10.1.0.1/24``); `gateways` are the
    next hops of the default routes, for the uplink only. `physical_network` is what an
    administrator says that the network lies on, empty: nothing; `network_name` is its owner's
    to choose, and for people to read. `admin_state_up`: of the port and of the network, both.
    """

    network_id: str
    network_name: str
    port_id: str
    mac_address: str
    addresses: tuple[str, ...]
    gateways: tuple[str, ...] = ()
    physical_network: str = ""
    admin_state_up: bool = True


class Route(Model, frozen=True, kw_only=True):
    """A way to a network behind another router: its CIDR, and the next hop on one of our legs."""

    destination: str
    nexthop: str


class Router(Model, frozen=True, kw_only=True):
    """A namespace to be: one uplink, inside legs, routes, and the tunnels that end there."""

    id: str
    name: str
    revision: int
    admin_state_up: bool
    uplink: Leg | None
    inside: tuple[Leg, ...]
    routes: tuple[Route, ...] = ()

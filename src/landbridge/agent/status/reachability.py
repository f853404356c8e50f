"""Whether a router can reach a tunnel's peer at all, told from its configuration; pure.

Rules this module keeps:
- charon sends where no packet can arrive and reports a peer that does not answer. What can be known
  without a packet is reported at once, with what to change.
- Only what makes every attempt pointless is a hindrance. A next hop that does not answer is not.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from landbridge.impact.selectors import Overlaps
from landbridge.model.router import Leg, Router
from landbridge.model.status import Reason, ReasonCode
from landbridge.model.tunnel import Tunnel

_MOST_NAMED: Final = 8
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def hindrance(router: Router, tunnel: Tunnel) -> Reason | None:
    """Why no packet can go between the tunnel's two ends; None: it may."""
    if router.uplink is None:
        return Reason(
            code=ReasonCode.NO_LOCAL_ADDRESS,
            message="The router has no external gateway: there is no address to set the tunnel "
            "up from. Set its external_gateway_info.",
        )
    if off := cut_off(router):
        return off
    legs = (router.uplink, *router.inside)
    local, peer = _address(tunnel.local_address), _address(tunnel.peer_address)
    if local is not None and local not in {own.ip for own in _interfaces(legs)}:
        return Reason(
            code=ReasonCode.NO_LOCAL_ADDRESS,
            message=f"The router has no address {local}, which the tunnel is to be set up from; "
            f"it has {_words(router.uplink.addresses)} on its external network.",
        )
    if peer is None or _routed(peer, router.uplink, legs):
        return None
    return Reason(
        code=ReasonCode.NO_ROUTE,
        message=f"The router has no route to {peer}: it is in none of its networks, and there is "
        f"no IPv{peer.version} gateway. Give the external subnet a gateway_ip.",
    )


def cut_off(router: Router) -> Reason | None:
    """Why nothing passes the router's uplink, on SAs that are up neither; None: it may."""
    if router.uplink is None or router.uplink.admin_state_up:
        return None
    return _switched_off(router.uplink)


def obstacle(router: Router, tunnel: Tunnel) -> Reason | None:
    """Why networks of a tunnel cannot talk though it is up; None: they can, as far as is known."""
    if (own := _own_network(router, tunnel)) is not None:
        return own
    for leg in router.inside:
        if leg.admin_state_up:
            continue
        networks = {own.network for own in _interfaces((leg,))}
        if any(ipaddress.ip_network(cidr) in networks for cidr in tunnel.local_cidrs):
            return _switched_off(leg)
    return None


def _own_network(router: Router, tunnel: Tunnel) -> Reason | None:
    """A router keeps packets for its own networks; a wider network around them is none."""
    own = Overlaps(each.network for each in _interfaces(router.inside))
    peers = map(ipaddress.ip_network, tunnel.peer_cidrs)
    within = [(peer, around) for peer in peers for around in own.around(peer)]
    if not within:
        return None
    return Reason(
        code=ReasonCode.OWN_NETWORK,
        message="No packet can go to "
        + ", ".join(f"{cidr} (within our own {own})" for cidr, own in within[:_MOST_NAMED])
        + ": the router delivers what is for its own networks itself.",
    )


def _switched_off(leg: Leg) -> Reason:
    named = f"network {leg.network_id}" + (f" ({leg.network_name})" if leg.network_name else "")
    return Reason(
        code=ReasonCode.NETWORK_DOWN,
        message=f"The {named}, or the router's port {leg.port_id} there, is switched off: its "
        "admin_state_up is false.",
    )


def _routed(peer: Address, uplink: Leg, legs: Iterable[Leg]) -> bool:
    gateways = (_address(each) for each in uplink.gateways)
    if any(each is not None and each.version == peer.version for each in gateways):
        return True
    return any(peer in own.network for own in _interfaces(legs))


def _interfaces(
    legs: Iterable[Leg],
) -> Iterable[ipaddress.IPv4Interface | ipaddress.IPv6Interface]:
    return (ipaddress.ip_interface(each) for leg in legs for each in leg.addresses)


def _address(text: str) -> Address | None:
    """None for a name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _words(addresses: Iterable[str]) -> str:
    return ", ".join(each.partition("/")[0] for each in addresses) or "none"

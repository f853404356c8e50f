"""Whether a tunnel's packets pass the networks of its router, and what updates do to that; pure.

Rules this module keeps:
- It is about updates of networks, subnets and ports: they change no tunnel, but what its packets
  need on both sides of the router.
- A network that is switched off interrupts the tunnels whose packets go through it, whatever their
  SAs say; one that is switched on lets them pass again, which costs nothing.
- A peer on a network of the uplink's own needs no next hop. Of a peer with a name any family may
  do.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from typing import Final, NamedTuple

from landbridge.impact.impact import Effect, Impact
from landbridge.impact.steps import Disruption, Step, worst
from landbridge.model.router import Leg, Router
from landbridge.model.tunnel import Tunnel

RESOURCES: Final = frozenset({"network", "subnet", "port"})
_SWITCH, _HOP = "admin_state_up", "gateway_ip"


class Passage(NamedTuple):
    """`cut`: local networks whose packets do not pass. `hops`: by which next hops the peer is
    reached; None: it needs none."""

    cut: frozenset[str] = frozenset()
    hops: frozenset[str] | None = None


def passage(router: Router, tunnel: Tunnel) -> Passage:
    uplink = router.uplink
    if uplink is None:
        return Passage()
    if not uplink.admin_state_up:
        return Passage(frozenset(tunnel.local_cidrs), _hops(uplink, tunnel.peer_address))
    off = {
        each.network for leg in router.inside if not leg.admin_state_up for each in _interfaces(leg)
    }
    cut = (cidr for cidr in tunnel.local_cidrs if ip_network(cidr) in off)
    return Passage(frozenset(cut), _hops(uplink, tunnel.peer_address))


def _hops(uplink: Leg, peer: str) -> frozenset[str] | None:
    try:
        address = ip_address(peer)
    except ValueError:  # a name
        return frozenset(uplink.gateways)
    if any(address in each.network for each in _interfaces(uplink)):
        return None
    return frozenset(hop for hop in uplink.gateways if ip_address(hop).version == address.version)


def _interfaces(leg: Leg) -> Iterator[IPv4Interface | IPv6Interface]:
    return (ip_interface(each) for each in leg.addresses)


def changed(before: Passage, after: Passage, resource: str) -> Impact:
    """What an update of `resource` does to the packets of a tunnel that is up."""
    told = [*_of_networks(before, after, resource), *_of_hops(before, after, resource)]
    return Impact(
        attributes=tuple(effect for effect, _ in told),
        disruption=worst(effect.disruption for effect, _ in told),
        steps=tuple(step for _, step in told),
    )


def _of_networks(before: Passage, after: Passage, resource: str) -> Iterator[tuple[Effect, Step]]:
    if lost := sorted(after.cut - before.cut):
        cost, about = Disruption.INTERRUPT, f"Let no packet of {', '.join(lost)} pass any more."
    elif found := sorted(before.cut - after.cut):
        cost, about = Disruption.NONE, f"Let packets of {', '.join(found)} pass again."
    else:
        return
    words = "whether packets pass the router's networks; nothing in charon"
    yield _told(resource, _SWITCH, words, cost, about)


def _of_hops(before: Passage, after: Passage, resource: str) -> Iterator[tuple[Effect, Step]]:
    if before.hops == after.hops:
        return
    words = "by which next hop the peer is reached; nothing in charon"
    if after.hops:
        about = f"Send to the peer by {', '.join(sorted(after.hops))}."
        yield _told(resource, _HOP, words, Disruption.NONE, about)
    elif after.hops is not None:
        about = "Take the only way to the peer: there is no next hop any more."
        yield _told(resource, _HOP, words, Disruption.INTERRUPT, about)


def _told(
    resource: str, attribute: str, words: str, cost: Disruption, about: str
) -> tuple[Effect, Step]:
    effect = Effect(resource=resource, attribute=attribute, changes=words, disruption=cost)
    return effect, Step(step="legs", about=about, disruption=cost)

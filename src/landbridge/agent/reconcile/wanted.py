"""What is desired of one tunnel, as its gateway is to run it; pure.

Rules this module keeps:
- A tunnel is run as the server wants it, but for two things: with its router it is switched off,
  and a peer that is given by name is at the address that the name has.
- What follows from the configuration alone is told here: values that this gateway cannot run, a
  name without an address, no route to the peer.
"""

from __future__ import annotations

import msgspec
import structlog

from landbridge.agent.charon import connection_config
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.dns.addressbook import Place, unresolved
from landbridge.agent.errors import Unsupported, in_words
from landbridge.agent.status.reachability import cut_off, hindrance, obstacle
from landbridge.agent.tunnels.desired import Target
from landbridge.model.fields import Model
from landbridge.model.router import Router
from landbridge.model.status import Reason, ReasonCode
from landbridge.model.tunnel import Tunnel

log = structlog.get_logger(__name__)


class Wanted(Model, frozen=True, kw_only=True):
    """`asked`: as the server says; `tunnel`: as it is run; None: it is to be taken away. `own`: its
    configuration, without regard to other tunnels; None: this gateway cannot run it."""

    asked: Tunnel | None = None
    tunnel: Tunnel | None = None
    own: Target | None = None
    unsupported: Reason | None = None
    unresolved: Reason | None = None  # the name of its peer has no address yet
    lost_name: Reason | None = None  # the address of its peer is only the last known one
    hindrance: Reason | None = None  # no packet can go to the peer
    cut_off: Reason | None = None  # nor on an SA that is up
    obstacle: Reason | None = None  # what an SA that is up cannot carry to its end

    @property
    def is_off(self) -> bool:
        return self.tunnel is not None and not self.tunnel.admin_state_up

    @property
    def running(self) -> Target | None:
        """`own` of a tunnel that is switched on."""
        return self.own if self.own is not None and self.own.admin_state_up else None

    @property
    def as_named(self) -> Tunnel | None:
        """For sentences: the peer's name as the user gave it, and where that is."""
        if self.tunnel is None or self.asked is None:
            return self.tunnel
        name, address = self.asked.peer_address, self.tunnel.peer_address
        if name == address:
            return self.tunnel
        return msgspec.structs.replace(self.tunnel, peer_address=f"{name} ({address})")


def wanted(
    asked: Tunnel | None,
    place: Place | None = None,
    router: Router | None = None,
    *,
    backend: Backend,
) -> Wanted:
    """`place`: where its peer is; None: it is given by address. `router`: as it is now."""
    if asked is None:
        return Wanted()
    tunnel = asked
    if router is not None and not router.admin_state_up:
        tunnel = msgspec.structs.replace(tunnel, admin_state_up=False)
    unknown = lost = unsupported = own = hindered = obstructed = None
    if place is not None and place.address is None:
        unknown = unresolved(asked.peer_address, place)
    elif place is not None and place.address is not None:
        tunnel = msgspec.structs.replace(tunnel, peer_address=place.address)
        lost = unresolved(asked.peer_address, place) if place.failure else None
    try:
        own = connection_config.target(tunnel, backend)
        if router is not None:
            hindered, obstructed = hindrance(router, tunnel), obstacle(router, tunnel)
    except Unsupported as error:
        unsupported = Reason(code=ReasonCode.UNSUPPORTED, message=str(error))
    except Exception as error:  # it is this tunnel's, whatever it is
        log.exception("tunnel_not_understood", tunnel=asked.id)
        own = None
        unsupported = Reason(code=ReasonCode.GATEWAY_ERROR, message=in_words(error))
    return Wanted(
        asked=asked,
        tunnel=tunnel,
        own=own,
        unsupported=unsupported,
        unresolved=unknown,
        lost_name=lost,
        hindrance=hindered,
        cut_off=cut_off(router) if router is not None else None,
        obstacle=obstructed,
    )

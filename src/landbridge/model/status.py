"""What gateways report: states, reasons, statuses and events of tunnels and routers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from landbridge.model.fields import Id, Model, Moment, Networks, Number, Short, Text


class ReasonCode(StrEnum):
    """Why a connection is not ACTIVE, one word a program can act on."""

    ADMIN_DOWN = "admin-down"
    SERVICE_DOWN = "service-down"
    ROUTER_DOWN = "router-down"
    NETWORK_DOWN = "network-down"
    PENDING = "pending"
    CONNECTING = "connecting"
    AUTHENTICATION_FAILED = "authentication-failed"
    PSK_MISMATCH = "psk-mismatch"
    PSK_MISSING = "psk-missing"
    PSK_UNREADABLE = "psk-unreadable"
    IKE_PROPOSAL_MISMATCH = "ike-proposal-mismatch"
    IKE_DH_MISMATCH = "ike-dh-mismatch"
    IPSEC_PROPOSAL_MISMATCH = "ipsec-proposal-mismatch"
    PFS_MISMATCH = "pfs-mismatch"
    TRAFFIC_SELECTOR_MISMATCH = "traffic-selector-mismatch"
    PEER_ID_MISMATCH = "peer-id-mismatch"
    LOCAL_ID_REFUSED = "local-id-refused"
    IKE_VERSION_MISMATCH = "ike-version-mismatch"
    PEER_UNREACHABLE = "peer-unreachable"
    NAT_PORT_BLOCKED = "nat-port-blocked"
    PEER_HAS_NO_CONFIG = "peer-has-no-config"
    NOBODY_INITIATES = "nobody-initiates"
    WAITING_FOR_PEER = "waiting-for-peer"
    NAME_NOT_RESOLVABLE = "name-not-resolvable"
    NO_ROUTE = "no-route"
    NO_LOCAL_ADDRESS = "no-local-address"
    PEER_CLOSED = "peer-closed"
    DPD_TIMEOUT = "dpd-timeout"
    GATEWAY_SILENT = "gateway-silent"
    NO_GATEWAY = "no-gateway"
    ONE_WAY = "one-way"
    OWN_NETWORK = "own-network"
    PARTIAL = "partial"
    PEER_NOT_CHANGED = "peer-not-changed"
    COLLISION = "collision"
    UNSUPPORTED = "unsupported"
    GATEWAY_ERROR = "gateway-error"


class Reason(Model, frozen=True, kw_only=True):
    """`message` is a sentence that a person can act on; no secret is ever in it."""

    code: ReasonCode
    message: Text


class TunnelState(StrEnum):
    """What the gateway observes; `landbridge.vpn.status.apply` turns it into the API's status."""

    BUILDING = "building"
    UP = "up"
    PARTIAL = "partial"
    DOWN = "down"
    ERROR = "error"


class SelectorMode(StrEnum):
    """How a tunnel's pairs of networks are divided over CHILD_SAs: all in one, or one for each."""

    SINGLE = "single"
    SPLIT = "split"


class Selectors(Model, frozen=True, kw_only=True):
    """The networks of one CHILD_SA, each local one with each remote one."""

    local: Networks
    remote: Networks


class ChildStatus(Model, frozen=True, kw_only=True):
    """One CHILD_SA as negotiated."""

    name: Short
    local_ts: Networks
    remote_ts: Networks
    spi_in: Short
    spi_out: Short


class TunnelEventKind(StrEnum):
    """What happens to a tunnel without changing its state."""

    REKEYED = "rekeyed"
    PEER_MOVED = "peer-moved"
    REPLACED = "replaced"


class TunnelEvent(Model, frozen=True, kw_only=True):
    """`at` is seconds since the epoch and grows with each event of one tunnel."""

    kind: TunnelEventKind
    at: Moment
    message: Text


class TunnelStatus(Model, frozen=True, kw_only=True):
    """What is true of one tunnel now.

    `revision` is the newest desired revision that the gateway has taken in,
    `applied_revision` the newest that is in effect on the wire (0: none yet).
    `observed_at` is seconds since the epoch, by the gateway's clock: when this became true.
    `events` are the tunnel's last few, oldest first; who has them already knows by `at`.
    `selector_mode` is the one in effect (None: nothing is up), `missing` what of the wanted
    CHILD_SAs is not up. `known` False: the gateway cannot look at the tunnel now, for the
    `reason` given; whether it carries traffic is not known, and all else is as told before.
    """

    id: Id
    revision: Number
    applied_revision: Number
    state: TunnelState
    reason: Reason | None
    observed_at: Moment
    children: Annotated[tuple[ChildStatus, ...], Meta(max_length=10_000)] = ()
    events: Annotated[tuple[TunnelEvent, ...], Meta(max_length=1000)] = ()
    selector_mode: SelectorMode | None = None
    missing: Annotated[tuple[Selectors, ...], Meta(max_length=10_000)] = ()
    known: bool = True


class RouterStatus(Model, frozen=True, kw_only=True):
    id: Id
    revision: Number
    ready: bool
    reason: Reason | None
    observed_at: Moment


MOST_OBJECTS: Final = 10_000  # in one report


class Report(Model, frozen=True, kw_only=True):
    """Statuses, newest per object. `sequence` grows with each report of one epoch."""

    epoch: Number
    sequence: Number
    tunnels: Annotated[tuple[TunnelStatus, ...], Meta(max_length=MOST_OBJECTS)] = ()
    routers: Annotated[tuple[RouterStatus, ...], Meta(max_length=MOST_OBJECTS)] = ()


class Taken(Model, frozen=True, kw_only=True):
    """The answer to a report of which not everything was taken.

    `elsewhere`: the ids of objects that another gateway runs, of which nothing was written.
    """

    elsewhere: tuple[str, ...] = ()

"""What the two halves say to each other, and nothing else.

Rules this module keeps:
- It is the only vocabulary that the server (north) and the agent (south) share;
  it imports neither of them, no database and no daemon.
- Every struct is frozen and self-contained: a `Tunnel` names everything that a
  gateway needs to run it, so that one change is fetched with one request.
- Everything here travels as JSON over ``/agent/v1``. A field may be added with a
  default; none is renamed or removed, so halves of neighbouring releases agree.
- `Tunnel.psk` is the only secret. `repr` hides it.
- What goes up has bounds, in the types of its fields: numbers that a database's 64 bits hold, times
  that a calendar has, texts of characters that can be written, lists that end.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

#: The type of the error (403) that answers a gateway which asks for what another one runs.
ELSEWHERE: Final = "RunsElsewhere"

LONGEST_TEXT: Final = 4096
MOST_OBJECTS: Final = 10_000  # in one report
_WRITABLE: Final = r"^[^\x00\ud800-\udfff]*\Z"  # no NUL, no half of a character

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[float, Meta(ge=0.0, le=253_402_300_799.0)]  # seconds, until the year 9999
Id = Annotated[str, Meta(min_length=1, max_length=36, pattern=r"^[!-~]*\Z")]
Short = Annotated[str, Meta(max_length=255, pattern=_WRITABLE)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT, pattern=_WRITABLE)]
Texts = Annotated[tuple[Text, ...], Meta(max_length=10_000)]
Networks = Annotated[tuple[Short, ...], Meta(max_length=10_000)]

IkeVersion = Literal["v1", "v2"]
Phase1Mode = Literal["main", "aggressive"]
TransformProtocol = Literal["esp", "ah", "ah-esp"]
EncapsulationMode = Literal["tunnel", "transport"]
DpdAction = Literal["clear", "hold", "restart", "disabled", "restart-by-peer"]
Initiator = Literal["bi-directional", "response-only"]
GATEWAY_NAME_LENGTH: Final = 200


def is_gateway_name(text: str) -> bool:
    """Whether a gateway can be called that: printable, no space at its ends."""
    fits = 0 < len(text) <= GATEWAY_NAME_LENGTH
    return fits and text.isprintable() and text == text.strip() and not text.startswith("*")


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Base of all: frozen, keyword-only, tolerant of fields of a newer release."""


class IkeProposal(Model, frozen=True, kw_only=True):
    """An IKE policy in the API's words; `landbridge.agent.charon.connection_config` translates
    them."""

    version: IkeVersion
    mode: Phase1Mode
    encryption: str
    integrity: str
    dh_group: str
    lifetime: int  # seconds


class EspProposal(Model, frozen=True, kw_only=True):
    """An IPsec policy in the API's words."""

    protocol: TransformProtocol
    encapsulation: EncapsulationMode
    encryption: str
    integrity: str
    pfs_group: str
    lifetime: int  # seconds


class Dpd(Model, frozen=True, kw_only=True):
    """Dead peer detection; `interval` and `timeout` in seconds."""

    action: DpdAction
    interval: int
    timeout: int


class Secret(Model, frozen=True, kw_only=True):
    """A pre-shared key that never shows itself by accident."""

    value: str

    def __repr__(self) -> str:
        return "Secret(***)"


class Tunnel(Model, frozen=True, kw_only=True):
    """One connection as its gateway must run it: the desired state, resolved.

    `psk_generation` grows whenever the PSK changes, so that a gateway can tell two
    secrets apart, also after its restart, without keeping anything derived from them.
    """

    id: str
    name: str
    router_id: str
    revision: int
    admin_state_up: bool
    local_address: str
    local_id: str  # never empty: the local address where the user gave none
    peer_address: str  # an IP address or a name, as the user gave it
    peer_id: str
    psk: Secret | None  # None: it cannot be read at the server
    psk_generation: int
    initiator: Initiator
    mtu: int
    dpd: Dpd
    ike: IkeProposal
    esp: EspProposal
    local_cidrs: tuple[str, ...]
    peer_cidrs: tuple[str, ...]
    split_selector: bool
    request_id: str = ""  # of the API request that made the newest change, for logs


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


class Router(Model, frozen=True, kw_only=True):
    """A namespace to be: one uplink, inside legs, and the tunnels that end there."""

    id: str
    name: str
    revision: int
    admin_state_up: bool
    uplink: Leg | None
    inside: tuple[Leg, ...]


class TunnelRef(Model, frozen=True, kw_only=True):
    id: str
    router_id: str
    revision: int


class Position(Model, frozen=True, kw_only=True):
    """How far a gateway has followed which database: its identity, the newest of its openings
    (starts of its API), the newest change. See `landbridge.store.identity`."""

    database: Short
    opening: Short
    cursor: Number


class Desired(Model, frozen=True, kw_only=True):
    """Everything that one gateway must run, as names and revisions.

    `cursor` is where the gateway's stream of changes goes on from; routers are few and
    come whole, tunnels are fetched one by one (``GET /agent/v1/tunnels/{id}``), or all
    at once (``GET /agent/v1/tunnels``).
    `database` and `opening` make `cursor` a `Position`. `goes_on`: the position that the gateway
    asked with is a part of this database's history. `replaces`: identities that this database
    stands for, by an operator's word.
    """

    cursor: int
    routers: tuple[Router, ...]
    tunnels: tuple[TunnelRef, ...]
    database: str = ""
    opening: str = ""
    goes_on: bool = True
    replaces: tuple[str, ...] = ()


class Change(Model, frozen=True, kw_only=True):
    """One line of a gateway's stream: this object is now at this revision, or gone.

    `request_id` is that of the API request that made the change, for logs. The kind
    ``diagnose`` changes nothing and moves no cursor: it asks for a `Diagnosis` of tunnel `id`,
    to be posted under `diagnosis_id`. `opening` makes `cursor` a `Position`.
    """

    cursor: int
    kind: Literal["router", "tunnel", "diagnose"]
    id: str
    router_id: str
    revision: int
    deleted: bool = False
    request_id: str = ""
    diagnosis_id: str = ""
    opening: str = ""


class Lease(Model, frozen=True, kw_only=True):
    """A gateway's right to act. Reports that carry an older `epoch` are refused.

    `sequence`: of the last report of this epoch; those of its holder go on from there.
    """

    gateway_id: str
    epoch: int
    ttl: float  # seconds; renew well before
    sequence: int = 0


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

"""A tunnel as its gateway must run it.

Rules this module keeps:
- A `Tunnel` has all that a gateway needs to run it, so that one change is fetched with one request.
- `Tunnel.psk` is the only secret that server and agent share. Its `repr` hides it.
"""

from __future__ import annotations

from typing import Literal

from landbridge.model.fields import Model

IkeVersion = Literal["v1", "v2"]
Phase1Mode = Literal["main", "aggressive"]
TransformProtocol = Literal["esp", "ah", "ah-esp"]
EncapsulationMode = Literal["tunnel", "transport"]
DpdAction = Literal["clear", "hold", "restart", "disabled", "restart-by-peer"]
Initiator = Literal["bi-directional", "response-only"]


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


class TunnelRef(Model, frozen=True, kw_only=True):
    id: str
    router_id: str
    revision: int

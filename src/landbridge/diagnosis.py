"""What a gateway tells when it is asked to look closely at one tunnel.

Rules this module keeps:
- The same as `landbridge.model`, of which it is a part: shared by both halves, frozen, JSON
  over ``/agent/v1``, a field may be added with a default.
- No secret has a place in it.
"""

from __future__ import annotations

from landbridge.model import IkeVersion, Model, Reason, SelectorMode, TunnelState


class ChildDiagnosis(Model, frozen=True, kw_only=True):
    """One CHILD_SA as charon and the kernel have it.

    Algorithms in charon's words (``AES_CBC-256``), empty where there is none. Times are
    seconds; None: not known, or never.
    """

    unique_id: int
    name: str
    state: str  # charon's: INSTALLED, REKEYING ...
    current: bool  # made with the newest configuration
    protocol: str  # ESP or AH
    mode: str  # TUNNEL or TRANSPORT
    udp_encapsulation: bool
    local_ts: tuple[str, ...]
    remote_ts: tuple[str, ...]
    spi_in: str
    spi_out: str
    encryption: str
    integrity: str
    dh_group: str  # of its own key exchange (PFS); empty: keys come from the IKE_SA
    bytes_in: int
    packets_in: int
    bytes_out: int
    packets_out: int
    idle_in: int | None  # since the last packet
    idle_out: int | None
    age: int
    rekey_in: int | None
    expires_in: int | None


class IkeDiagnosis(Model, frozen=True, kw_only=True):
    """One IKE_SA, in the same words."""

    unique_id: int
    name: str
    version: IkeVersion
    state: str
    current: bool
    initiator: bool  # we are
    local_host: str
    local_port: int
    local_id: str
    remote_host: str
    remote_port: int
    remote_id: str
    spi_initiator: str
    spi_responder: str
    encryption: str
    integrity: str
    prf: str
    dh_group: str
    nat_here: bool  # this gateway is behind a NAT
    nat_there: bool  # the peer is
    age: int | None  # None: not established
    rekey_in: int | None
    reauth_in: int | None
    children: tuple[ChildDiagnosis, ...] = ()


class Exchange(Model, frozen=True, kw_only=True):
    """How the last IKE exchange of a tunnel ended, as far as the gateway remembers."""

    at: float  # seconds since the epoch
    established: bool
    message: str


class Diagnosis(Model, frozen=True, kw_only=True):
    """What a gateway finds when it looks closely at one tunnel. No secret is in it.

    `missing` are the wanted pairs of networks that no CHILD_SA carries. `problem` says why
    there is nothing to see (charon does not run), else it is empty.
    """

    tunnel_id: str
    observed_at: float
    revision: int  # the newest that the gateway has taken in
    applied_revision: int
    state: TunnelState
    reason: Reason | None = None
    config_loaded: bool = False  # the newest configuration is loaded in charon
    backend: str = ""  # kernel-netlink or kernel-libipsec
    split: bool = False  # one CHILD_SA per pair, as it is in effect
    selector_mode: SelectorMode | None = None  # the same in the API's words; None: nothing is up
    missing: tuple[str, ...] = ()
    last_exchange: Exchange | None = None
    sas: tuple[IkeDiagnosis, ...] = ()
    lines: tuple[str, ...] = ()  # charon's last about this tunnel, oldest first
    problem: str = ""

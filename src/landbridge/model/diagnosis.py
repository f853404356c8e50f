"""What a gateway tells when it is asked to look closely at one tunnel.

Rules this module keeps:
- The same as `landbridge.model`, of which it is a part: shared by both halves, frozen, JSON
  over ``/agent/v1``, a field may be added with a default.
- No secret has a place in it.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from landbridge.model.fields import Id, Model, Moment, Number, Text, Texts
from landbridge.model.initiation import Initiation
from landbridge.model.status import Reason, SelectorMode, TunnelState
from landbridge.model.tunnel import IkeVersion

MOST_SAMPLES: Final = 1000
Samples = Annotated[tuple[Number, ...], Meta(max_length=MOST_SAMPLES)]


class ChildDiagnosis(Model, frozen=True, kw_only=True):
    """One CHILD_SA as charon and the kernel have it.

    Algorithms in charon's words (``AES_CBC-256``), empty where there is none. Times are
    seconds; None: not known, or never.
    """

    unique_id: Number
    name: Text
    state: Text  # charon's: INSTALLED, REKEYING ...
    current: bool  # made with the newest configuration
    protocol: Text  # ESP or AH
    mode: Text  # TUNNEL or TRANSPORT
    udp_encapsulation: bool
    local_ts: Texts
    remote_ts: Texts
    spi_in: Text
    spi_out: Text
    encryption: Text
    integrity: Text
    dh_group: Text  # of its own key exchange (PFS); empty: keys come from the IKE_SA
    bytes_in: Number
    packets_in: Number
    bytes_out: Number
    packets_out: Number
    idle_in: Number | None  # since the last packet
    idle_out: Number | None
    age: Number
    rekey_in: Number | None
    expires_in: Number | None


class IkeDiagnosis(Model, frozen=True, kw_only=True):
    """One IKE_SA, in the same words."""

    unique_id: Number
    name: Text
    version: IkeVersion
    state: Text
    current: bool
    initiator: bool  # we are
    local_host: Text
    local_port: Number
    local_id: Text
    remote_host: Text
    remote_port: Number
    remote_id: Text
    spi_initiator: Text
    spi_responder: Text
    encryption: Text
    integrity: Text
    prf: Text
    dh_group: Text
    nat_here: bool  # this gateway is behind a NAT
    nat_there: bool  # the peer is
    age: Number | None  # None: not established
    rekey_in: Number | None
    reauth_in: Number | None
    children: Annotated[tuple[ChildDiagnosis, ...], Meta(max_length=10_000)] = ()


class Exchange(Model, frozen=True, kw_only=True):
    """How the last IKE exchange of a tunnel ended, as far as the gateway remembers."""

    at: Moment  # seconds since the epoch
    established: bool
    message: Text


class TrafficSeries(Model, frozen=True, kw_only=True):
    """What a tunnel had carried in all, at each moment of `at`, oldest first; `in`: from the peer.

    The gateway takes one sample in ten seconds and keeps those of the last hour, in its memory.
    `lost_in`: packets that the peer has numbered and that did not come; empty: the data plane does
    not tell.
    """

    at: Annotated[tuple[Moment, ...], Meta(max_length=MOST_SAMPLES)] = ()
    bytes_in: Samples = ()
    packets_in: Samples = ()
    bytes_out: Samples = ()
    packets_out: Samples = ()
    lost_in: Samples = ()


class Diagnosis(Model, frozen=True, kw_only=True):
    """What a gateway finds when it looks closely at one tunnel. No secret is in it.

    `missing` are the wanted pairs of networks that no CHILD_SA carries. `problem` says why
    there is nothing to see (charon does not run), else it is empty. `initiation`: what was done,
    where it was asked to initiate; None: it was not, or its release cannot.
    """

    tunnel_id: Id
    observed_at: Moment
    revision: Number  # the newest that the gateway has taken in
    applied_revision: Number
    state: TunnelState
    reason: Reason | None = None
    config_loaded: bool = False  # the newest configuration is loaded in charon
    backend: Text = ""  # kernel-netlink or kernel-libipsec
    split: bool = False  # one CHILD_SA per pair, as it is in effect
    selector_mode: SelectorMode | None = None  # the same in the API's words; None: nothing is up
    missing: Texts = ()
    last_exchange: Exchange | None = None
    sas: Annotated[tuple[IkeDiagnosis, ...], Meta(max_length=1000)] = ()
    lines: Texts = ()  # charon's last about this tunnel, oldest first
    problem: Text = ""
    traffic: TrafficSeries = TrafficSeries()
    initiation: Initiation | None = None

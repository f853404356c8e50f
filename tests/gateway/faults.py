"""Everything that can be wrong between two ends, injected for real: the table, and where it runs.

One gateway and one foreign peer hold all cases at once, each in a seat of its own: an address,
identities and networks of the peer's that no other case has, so that nothing is mixed up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from landbridge.lab.peer import PeerConnection
from landbridge.model.status import ReasonCode
from landbridge.model.tunnel import Dpd, IkeProposal

Version = Literal["v1", "v2"]
Role = Literal["initiator", "responder"]
Maker = Literal["strongSwan", "Libreswan"]
Theirs = Callable[[PeerConnection], PeerConnection | None]
#: What is done once the tunnel is up, or before anything is.
Deed = Literal[
    "", "unplug", "block-500", "block-4500", "mute-phase-2", "delete", "silence", "rekey", "swallow"
]
MAKERS: tuple[Maker, ...] = ("strongSwan", "Libreswan")
VERSIONS: tuple[Version, ...] = ("v1", "v2")
ROLES: tuple[Role, ...] = ("initiator", "responder")
BEFORE: tuple[Deed, ...] = ("unplug", "block-500", "block-4500", "mute-phase-2")

_C = ReasonCode


def child(**values: str) -> Theirs:
    return lambda c: replace(c, children=tuple(replace(each, **values) for each in c.children))


_NEEDS_CHILD = "a CHILD_SA must be up first, for which this peer needs a kernel with ESP"
_AGGRESSIVE = IkeProposal(
    version="v1",
    mode="aggressive",
    encryption="aes-128",
    integrity="sha256",
    dh_group="group14",
    lifetime=3600,
)


def _as_it_is(connection: PeerConnection) -> PeerConnection:
    return connection


@dataclass(frozen=True)
class Fault:
    """`codes`: what must be told, by version and role; what is not there cannot happen.

    `ours` are fields of our `Tunnel`; `theirs` makes the peer's connection wrong, or None.
    `libreswan`: the codes with that peer, where they are others; `libreswan_5`: with one that says
    in words what a 4 is silent about. `unseen`: why some of them, or
    all, cannot be shown with it.
    """

    title: str
    codes: Mapping[tuple[Version, Role], ReasonCode]
    ours: Mapping[str, Any] = field(default_factory=dict)
    theirs: Theirs = _as_it_is
    deed: Deed = ""
    peer_begins: bool = True  # in the responder's role
    libreswan: Mapping[tuple[Version, Role], ReasonCode] | None = None
    libreswan_5: Mapping[tuple[Version, Role], ReasonCode] = field(default_factory=dict)
    unseen: str = ""

    def codes_with(self, maker: Maker) -> Mapping[tuple[Version, Role], ReasonCode]:
        if maker == "strongSwan" or self.libreswan is None:
            return self.codes
        return self.libreswan


def everywhere(code: ReasonCode, *roles: Role) -> dict[tuple[Version, Role], ReasonCode]:
    return {(version, role): code for version in VERSIONS for role in roles or ROLES}


def by(
    v1: tuple[ReasonCode | None, ReasonCode | None], v2: tuple[ReasonCode | None, ReasonCode | None]
) -> dict[tuple[Version, Role], ReasonCode]:
    """(as initiator, as responder)."""
    codes = {("v1", "initiator"): v1[0], ("v1", "responder"): v1[1]}
    codes |= {("v2", "initiator"): v2[0], ("v2", "responder"): v2[1]}
    return {key: code for key, code in codes.items() if code is not None}  # type: ignore[misc]  # literals


FAULTS: tuple[Fault, ...] = (
    Fault(
        "the PSKs differ",
        by((_C.PSK_MISMATCH, _C.PSK_MISMATCH), (_C.AUTHENTICATION_FAILED, _C.PSK_MISMATCH)),
        theirs=lambda c: replace(c, psk="another"),
        libreswan=by(
            (_C.AUTHENTICATION_FAILED, _C.PSK_MISMATCH),
            (_C.AUTHENTICATION_FAILED, _C.PSK_MISMATCH),
        ),
    ),
    Fault(
        "the PSKs differ (aggressive mode)",
        by((_C.PSK_MISMATCH, _C.AUTHENTICATION_FAILED), (None, None)),
        ours={"ike": _AGGRESSIVE},
        theirs=lambda c: replace(c, psk="another", aggressive=True),
    ),
    Fault(
        "the peer has no PSK for us",
        by(
            (_C.AUTHENTICATION_FAILED, _C.NAT_PORT_BLOCKED),
            (_C.AUTHENTICATION_FAILED, _C.NAT_PORT_BLOCKED),
        ),
        theirs=lambda c: replace(c, psk=""),
        libreswan=by(
            (_C.IKE_PROPOSAL_MISMATCH, _C.IKE_PROPOSAL_MISMATCH),
            (_C.AUTHENTICATION_FAILED, _C.NAT_PORT_BLOCKED),
        ),
    ),
    Fault(
        "IKE algorithms differ",
        everywhere(_C.IKE_PROPOSAL_MISMATCH),
        theirs=lambda c: replace(c, proposals="aes256-sha384-modp2048"),
    ),
    Fault(
        "IKE's Diffie-Hellman groups differ",
        by(
            (_C.IKE_PROPOSAL_MISMATCH, _C.IKE_DH_MISMATCH),
            (_C.IKE_PROPOSAL_MISMATCH, _C.IKE_DH_MISMATCH),
        ),
        theirs=lambda c: replace(c, proposals="aes128-sha256-modp4096"),
    ),
    Fault(
        "ESP algorithms differ",
        everywhere(_C.IPSEC_PROPOSAL_MISMATCH),
        theirs=child(esp_proposals="aes256-sha384-modp2048"),
    ),
    Fault(
        "PFS groups differ (IKEv2: shown by the first rekeying)",
        by((_C.IPSEC_PROPOSAL_MISMATCH, _C.PFS_MISMATCH), (_C.PFS_MISMATCH, _C.PFS_MISMATCH)),
        theirs=child(esp_proposals="aes128-sha256-modp4096"),
        deed="rekey",
        libreswan=by((None, _C.PFS_MISMATCH), (None, None)),
        unseen=f"but with IKEv1 where the peer initiates: {_NEEDS_CHILD}",
    ),
    Fault(
        "the peer says nothing to phase 2",
        by((_C.TRAFFIC_SELECTOR_MISMATCH, None), (None, None)),
        deed="mute-phase-2",
    ),
    Fault(
        "traffic selectors differ",
        everywhere(_C.TRAFFIC_SELECTOR_MISMATCH),
        theirs=child(local_ts="10.99.0.0/24"),
    ),
    Fault(
        "the peer has another ID than we expect",
        by(
            (_C.PEER_ID_MISMATCH, _C.PEER_ID_MISMATCH),
            (_C.AUTHENTICATION_FAILED, _C.PEER_ID_MISMATCH),
        ),
        ours={"peer_id": "other.example.com"},
        libreswan=everywhere(_C.PEER_ID_MISMATCH),
    ),
    Fault(
        "the peer does not accept our ID",
        by(
            (_C.AUTHENTICATION_FAILED, _C.LOCAL_ID_REFUSED),
            (_C.AUTHENTICATION_FAILED, _C.LOCAL_ID_REFUSED),
        ),
        theirs=lambda c: replace(c, remote_id="expected.example.com"),
        libreswan=by(
            (_C.PSK_MISMATCH, _C.LOCAL_ID_REFUSED),
            (_C.AUTHENTICATION_FAILED, _C.LOCAL_ID_REFUSED),
        ),
        libreswan_5=by((_C.LOCAL_ID_REFUSED, None), (None, None)),
    ),
    Fault(
        "the peer has the other IKE version",
        by(
            (_C.IKE_PROPOSAL_MISMATCH, _C.IKE_VERSION_MISMATCH),
            (_C.IKE_PROPOSAL_MISMATCH, _C.IKE_VERSION_MISMATCH),
        ),
        theirs=lambda c: replace(c, version=3 - c.version),
        libreswan=by(
            (_C.PEER_UNREACHABLE, _C.IKE_VERSION_MISMATCH),
            (_C.IKE_PROPOSAL_MISMATCH, _C.IKE_VERSION_MISMATCH),
        ),
    ),
    Fault(
        "the peer has no configuration for us",
        everywhere(_C.IKE_PROPOSAL_MISMATCH, "initiator"),
        theirs=lambda _: None,
        libreswan=by((_C.PEER_UNREACHABLE, None), (_C.IKE_PROPOSAL_MISMATCH, None)),
    ),
    Fault(
        "nobody is at the peer's address",
        everywhere(_C.PEER_UNREACHABLE, "initiator"),
        deed="unplug",
    ),
    Fault(
        "UDP 500 is blocked",
        everywhere(_C.PEER_UNREACHABLE, "initiator") | everywhere(_C.NOBODY_INITIATES, "responder"),
        deed="block-500",
    ),
    Fault(
        "UDP 4500 is blocked",
        by(
            (_C.AUTHENTICATION_FAILED, _C.NAT_PORT_BLOCKED),
            (_C.NAT_PORT_BLOCKED, _C.NAT_PORT_BLOCKED),
        ),
        theirs=lambda c: replace(c, extra=(*c.extra, "encap = yes")),  # as if there were a NAT
        deed="block-4500",
    ),
    Fault(
        "both sides are response-only",
        everywhere(_C.NOBODY_INITIATES, "responder"),
        peer_begins=False,
    ),
    Fault(
        "the peer's name is not resolvable",
        everywhere(_C.NAME_NOT_RESOLVABLE, "initiator"),
        ours={"peer_address": "nowhere.example.com"},
    ),
    Fault(
        "there is no route to the peer",
        everywhere(_C.NO_ROUTE, "initiator"),
        ours={"peer_address": "203.0.113.77"},
    ),
    Fault(
        "the gateway has not the local address",
        everywhere(_C.NO_LOCAL_ADDRESS, "initiator"),
        ours={"local_address": "198.51.100.249"},
    ),
    Fault(
        "the peer deletes the SA",
        everywhere(_C.PEER_CLOSED),
        deed="delete",
        libreswan={},
        unseen=_NEEDS_CHILD,
    ),
    Fault(
        "the peer falls silent (DPD)",
        everywhere(_C.DPD_TIMEOUT),
        ours={"dpd": Dpd(action="restart", interval=1, timeout=3)},
        deed="silence",
        libreswan={},
        unseen=_NEEDS_CHILD,
    ),
    Fault(
        "it is up, but no packet comes back",
        everywhere(_C.ONE_WAY),
        deed="swallow",
        libreswan={},
        unseen=_NEEDS_CHILD,
    ),
    Fault(
        "the peer uses aggressive mode",
        by((_C.AUTHENTICATION_FAILED, _C.IKE_VERSION_MISMATCH), (None, None)),
        theirs=lambda c: replace(c, aggressive=True),
        libreswan=by((_C.PEER_UNREACHABLE, _C.IKE_VERSION_MISMATCH), (None, None)),
    ),
)

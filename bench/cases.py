"""The attributes of the update matrix: two values of each, and what the peer's side of it is.

Rules this module keeps:
- Every case leads from the same first state (or from the one that another case leads to) to one
  in which a single attribute differs, and back; so any of them may be measured by itself.
- The peer takes exactly what is configured, so that a peer that has not changed refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from landbridge.lab import sites
from landbridge.lab.peer import PeerChild, PeerConnection

Body = dict[str, Any]
Theirs = Callable[[PeerConnection], PeerConnection]

PROPOSAL: Final = "aes256-sha256-modp2048"
OTHER_ADDRESS: Final = "198.51.100.203"
MORE: Final = "10.20.2.0/24"
WIDE: Final = "10.20.0.0/22"
#: Apart from each other, however wide the one of the tunnel that changes becomes.
CIDRS: Final = {"demo": sites.PEER_CIDRS["demo"], "sibling": "10.20.8.0/24"}
HOSTS: Final = {"demo": sites.SITE_B_HOSTS["demo"], "sibling": "10.20.8.10"}
CIDR: Final = CIDRS["demo"]
DPD: Final = {"action": "hold", "interval": 30, "timeout": 120}


@dataclass(frozen=True)
class Case:
    """`kind`: whose attribute; `before`, `after`: bodies of updates. `theirs`: the peer's
    side of `after`; None: it need not know. `naive`: whether down and up can be measured.
    `given`: the cases whose `after` it begins with. `of`: what else its name says."""

    kind: str
    attribute: str
    before: Body
    after: Body
    theirs: Theirs | None = None
    naive: bool = True
    given: tuple[Case, ...] = ()
    of: str = ""

    @property
    def name(self) -> str:
        name = self.attribute if self.kind == CONNECTION else f"{self.kind}.{self.attribute}"
        return f"{name}, {self.of}" if self.of else name


CONNECTION: Final = "ipsec_site_connection"


def peer_side(name: str, our_address: str, version: int) -> PeerConnection:
    """What the peer has in the first state."""
    address = sites.PEER_ADDRESSES[name]
    return PeerConnection(
        name,
        address,
        our_address,
        sites.PSKS[name],
        (PeerChild(name, CIDRS[name], sites.SITE_A_CIDR, esp_proposals=PROPOSAL),),
        version=version,
        local_id=address,
        proposals=PROPOSAL,
    )


def cases(version: int) -> list[Case]:
    return [
        *_free(),
        *_identities(),
        *_policies("ikepolicy", _proposals),
        *_ike(version),
        *_policies("ipsecpolicy", _esp_proposals),
        *_selectors(version),
    ]


def _free() -> list[Case]:
    def dpd(**after: Any) -> Case:
        return _connection("dpd." + next(iter(after)), {"dpd": DPD}, {"dpd": {**DPD, **after}})

    return [
        _connection("name", {"name": "demo"}, {"name": "other"}),
        _connection("mtu", {"mtu": 1500}, {"mtu": 1400}),
        replace(
            _connection("initiator", {"initiator": "bi-directional"},
                        {"initiator": "response-only"}),
            naive=False,
        ),
        dpd(action="restart"),
        dpd(interval=20),
        dpd(timeout=90),
    ]  # fmt: skip


def _identities() -> list[Case]:
    address = sites.PEER_ADDRESSES["demo"]
    return [
        _connection("psk", {"psk": sites.PSKS["demo"]}, {"psk": "another"}, psk="another"),
        _connection("local_id", {"local_id": ""}, {"local_id": "a.example.com"},
                    remote_id="a.example.com"),
        _connection("peer_id", {"peer_id": address}, {"peer_id": "b.example.com"},
                    local_id="b.example.com"),
        _connection("peer_address", {"peer_address": address}, {"peer_address": OTHER_ADDRESS},
                    local=OTHER_ADDRESS),
    ]  # fmt: skip


def _policies(kind: str, theirs: Callable[[str], Theirs]) -> list[Case]:
    def of(attribute: str, before: str, after: str, proposal: str) -> Case:
        return Case(kind, attribute, {attribute: before}, {attribute: after}, theirs(proposal))

    lifetimes = ({"lifetime": {"value": 3600}}, {"lifetime": {"value": 7200}})
    return [
        of("encryption_algorithm", "aes-256", "aes-128", "aes128-sha256-modp2048"),
        of("auth_algorithm", "sha256", "sha512", "aes256-sha512-modp2048"),
        of("pfs", "group14", "group19", "aes256-sha256-ecp256"),
        Case(kind, "lifetime.value", *lifetimes),
    ]


def _ike(version: int) -> list[Case]:
    other = 3 - version
    versions = {"ike_version": f"v{version}"}, {"ike_version": f"v{other}"}
    found = [Case("ikepolicy", "ike_version", *versions, _fields(version=other))]
    if version == 1:
        name = "phase1_negotiation_mode"
        modes = {name: "main"}, {name: "aggressive"}
        found.append(Case("ikepolicy", name, *modes, _fields(aggressive=True)))
    return found


def _selectors(version: int) -> list[Case]:
    one, more, wide = ({"endpoints": each} for each in ([CIDR], [CIDR, MORE], [WIDE]))
    kind, attribute = "endpoint_group", "endpoints"
    added = Case(kind, attribute, one, more, _more_networks(version))
    widened = Case(kind, attribute, one, wide, _networks(WIDE), of="widened")
    narrowed = Case(kind, attribute, wide, one, _networks(CIDR), given=(widened,), of="narrowed")
    found = [added, widened, narrowed]
    if version != 1:
        whole, split = {"split_selector": False}, {"split_selector": True}
        alone = _connection("split_selector", whole, split)
        two = replace(alone, theirs=_one_child_each, given=(added,), of="two networks")
        back = replace(
            two, before=split, after=whole, theirs=_networks(CIDR, MORE), given=(added, two),
            of="two networks, back",
        )  # fmt: skip
        found += [alone, two, back]
    return found


def _connection(attribute: str, before: Body, after: Body, **theirs: Any) -> Case:
    return Case(CONNECTION, attribute, before, after, _fields(**theirs) if theirs else None)


def _fields(**values: Any) -> Theirs:
    return lambda peer: replace(peer, **values)


def _proposals(proposal: str) -> Theirs:
    return _fields(proposals=proposal)


def _esp_proposals(proposal: str) -> Theirs:
    return lambda peer: replace(
        peer, children=tuple(replace(each, esp_proposals=proposal) for each in peer.children)
    )


def _more_networks(version: int) -> Theirs:
    """IKEv1: one child for each pair; IKEv2: one with both."""
    both = _networks(CIDR, MORE)
    return both if version != 1 else lambda peer: _one_child_each(both(peer))


def _networks(*networks: str) -> Theirs:
    """All in one child."""
    return lambda peer: replace(
        peer, children=(replace(peer.children[0], local_ts=",".join(networks)),)
    )


def _one_child_each(peer: PeerConnection) -> PeerConnection:
    (child,) = peer.children
    first, *more = child.local_ts.split(",")
    others = (replace(child, name=f"more-{n}", local_ts=each) for n, each in enumerate(more))
    return replace(peer, children=(replace(child, local_ts=first), *others))

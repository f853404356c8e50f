"""The packet filter of a router's namespace, rendered as JSON for ``nft -j -f -``. Pure.

Rules this module keeps:
- What belongs to a tunnel leaves by the uplink only encrypted, and comes in by it only
  decrypted, whether the tunnel is up or down, whether charon lives or not.
- TCP connections through a tunnel get the largest segment that its MTU carries, both ways.
- A change adds and removes the elements of the tunnels that changed and nothing else;
  rules and chains stand. Every rendering is one nft transaction: all or nothing, and no
  packet meets a half-made filter.
- Addresses, numbers and names made from ids go in; no text of a user's does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from landbridge.agent.dataplane import segments
from landbridge.agent.dataplane.dataplane import Backend, TunnelNet
from landbridge.agent.dataplane.segments import Segment

Command = dict[str, Any]
TABLE: Final = {"family": "inet", "table": "landbridge"}
INNER_MTU_LIMIT: Final = 1400  # what any ESP suite leaves of 1500 bytes, NAT traversal included
IKE_PORTS: Final = (500, 4500)


@dataclass(frozen=True)
class Family:
    """How IPv4 and IPv6 differ here; `headers` is IP and TCP without options, in bytes."""

    version: int
    protocol: str
    address_type: str
    headers: int
    minimum_mtu: int
    address: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]

    @property
    def peers(self) -> str:
        return f"peers{self.version}"

    @property
    def clamps(self) -> str:
        return f"clamps{self.version}"


FAMILIES: Final = (
    Family(4, "ip", "ipv4_addr", 40, 68, ipaddress.IPv4Address),
    Family(6, "ip6", "ipv6_addr", 60, 1280, ipaddress.IPv6Address),
)


@dataclass(frozen=True)
class Contents:
    """What changes with the tunnels: per IP version the peers' addresses and their MSS."""

    segments: Mapping[int, frozenset[Segment]]

    def sizes(self) -> frozenset[int]:
        return frozenset(piece.value for pieces in self.segments.values() for piece in pieces)


EMPTY: Final = Contents({family.version: frozenset() for family in FAMILIES})


def effective_mtu(mtu: int, version: int) -> int:
    """The largest packet that enters a tunnel, in bytes. `mtu` 0: not set by the user."""
    minimum = next(family.minimum_mtu for family in FAMILIES if family.version == version)
    return max(min(mtu or INNER_MTU_LIMIT, INNER_MTU_LIMIT), minimum)


def contents(tunnels: Iterable[TunnelNet]) -> Contents:
    ranges: dict[int, list[Segment]] = {family.version: [] for family in FAMILIES}
    for tunnel in tunnels:
        for cidr in tunnel.peer_cidrs:
            version, piece = _segment(cidr, tunnel.mtu)
            ranges[version].append(piece)
    return Contents({version: segments.disjoint(found) for version, found in ranges.items()})


@lru_cache(maxsize=65536)
def _segment(cidr: str, mtu: int) -> tuple[int, Segment]:
    net = segments.network(cidr)
    headers = next(family.headers for family in FAMILIES if family.version == net.version)
    return net.version, segments.of_network(net, effective_mtu(mtu, net.version) - headers)


def whole(uplink: str | None, backend: Backend, wanted: Contents) -> list[Command]:
    """Replace whatever the table was; `uplink` is the interface towards the peers."""
    table = {"family": TABLE["family"], "name": TABLE["table"]}
    commands: list[Command] = [{"add": {"table": table}}, {"delete": {"table": table}}]
    commands += [{"add": {"table": table}}, *_clamp_chains(wanted.sizes()), *_frame(wanted)]
    commands += _leak_rules(uplink, backend) if uplink else []
    return [*commands, *_clamp_rules()]


def difference(old: Contents, new: Contents) -> list[Command]:
    """From one content to another; empty when nothing differs."""
    commands = _clamp_chains(new.sizes() - old.sizes())
    for family in FAMILIES:
        before, after = old.segments[family.version], new.segments[family.version]
        commands += _elements("delete", family, before - after)
        commands += _elements("add", family, after - before)
    gone = old.sizes() - new.sizes()
    return commands + [{"delete": {"chain": {**TABLE, "name": _clamp_chain(s)}}} for s in gone]


def _frame(wanted: Contents) -> list[Command]:
    """Sets, maps and empty chains.

    The elements stand inside the sets: nft 1.0 compares elements that come by themselves
    with those of the table that the same transaction deletes.
    """
    commands = []
    for family in FAMILIES:
        kind = {"type": family.address_type, "flags": ["interval"]}
        keys, jumps = _rendered(family, wanted.segments[family.version])
        commands.append(_add("set", name=family.peers, **kind, **_unless_empty(keys)))
        commands.append(
            _add("map", name=family.clamps, map="verdict", **kind, **_unless_empty(jumps))
        )
    hook = {"type": "filter", "prio": -150, "policy": "accept"}
    commands += [_add("chain", name=name, hook=name, **hook) for name in ("forward", "output")]
    return [*commands, _add("chain", name="clamp")]


def _clamp_chains(sizes: Iterable[int]) -> list[Command]:
    """One chain per segment size, for the maps to jump to."""
    ordered = sorted(sizes)
    setting = [{"mangle": {"key": _maxseg(), "value": size}} for size in ordered]
    return [_add("chain", name=_clamp_chain(size)) for size in ordered] + [
        _rule(_clamp_chain(size), rule) for size, rule in zip(ordered, setting, strict=True)
    ]


def _clamp_rules() -> list[Command]:
    lookups = [
        {"vmap": {"key": _payload(family, side), "data": f"@{family.clamps}"}}
        for family in FAMILIES
        for side in ("daddr", "saddr")
    ]
    opening = _match(_tcp_opening(), "syn")
    return [_rule("clamp", lookup) for lookup in lookups] + [
        _rule("forward", opening, _jump("clamp"))
    ]


def _leak_rules(uplink: str, backend: Backend) -> list[Command]:
    """With kernel-libipsec whatever shows itself on the uplink is in clear.

    A tunnel's packets leave each rule before it looks for their address, which costs most.
    """
    by_kernel = backend is Backend.NETLINK
    unprotected_out = [_match({"rt": {"key": "ipsec"}}, False)] if by_kernel else []
    unprotected_in = [_match({"meta": {"key": "ipsec"}}, False)] if by_kernel else []
    going, coming = _interface("oifname", uplink), _interface("iifname", uplink)
    ours = ({"payload": {"protocol": "udp", "field": "sport"}}, {"set": list(IKE_PORTS)})
    protected = ({"meta": {"key": "l4proto"}}, {"set": ["esp", "ah"]})
    accept = {"accept": None}
    rules = [_rule("output", going, _match(*kind), accept) for kind in (ours, protected)]
    for family in FAMILIES:
        to_peer = _match(_payload(family, "daddr"), f"@{family.peers}")
        from_peer = _match(_payload(family, "saddr"), f"@{family.peers}")
        end: tuple[Command, ...] = ({"counter": None}, {"drop": None})
        rules += [
            _rule("forward", going, *unprotected_out, to_peer, *end),
            _rule("forward", coming, *unprotected_in, from_peer, *end),
            _rule("output", going, *unprotected_out, to_peer, *end),
        ]
    return rules


def _elements(verb: str, family: Family, pieces: Iterable[Segment]) -> list[Command]:
    keys, jumps = _rendered(family, pieces)
    if not keys:
        return []
    return [
        {verb: {"element": {**TABLE, "name": family.peers, "elem": keys}}},
        {verb: {"element": {**TABLE, "name": family.clamps, "elem": jumps}}},
    ]


def _rendered(family: Family, pieces: Iterable[Segment]) -> tuple[list[Any], list[Any]]:
    """The elements of the set of peers, and of the map of clamps."""
    ordered = sorted(pieces)
    keys = [_range(family, piece) for piece in ordered]
    jumps = [_jump(_clamp_chain(piece.value)) for piece in ordered]
    return keys, [list(pair) for pair in zip(keys, jumps, strict=True)]


def _unless_empty(elements: list[Any]) -> dict[str, list[Any]]:
    return {"elem": elements} if elements else {}


def _range(family: Family, piece: Segment) -> Command | str:
    first, last = str(family.address(piece.first)), str(family.address(piece.last))
    return first if first == last else {"range": [first, last]}


def _clamp_chain(size: int) -> str:
    return f"clamp-{size}"


def _add(kind: str, **fields: Any) -> Command:
    return {"add": {kind: {**TABLE, **fields}}}


def _rule(chain: str, *expressions: Command) -> Command:
    return {"add": {"rule": {**TABLE, "chain": chain, "expr": list(expressions)}}}


def _match(left: Command, right: Any) -> Command:
    return {"match": {"op": "==", "left": left, "right": right}}


def _interface(key: str, name: str) -> Command:
    return _match({"meta": {"key": key}}, name)


def _payload(family: Family, field: str) -> Command:
    return {"payload": {"protocol": family.protocol, "field": field}}


def _maxseg() -> Command:
    return {"tcp option": {"name": "maxseg", "field": "size"}}


def _tcp_opening() -> Command:
    """The flags of a TCP segment that tell the first of each direction."""
    return {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "rst"]]}


def _jump(chain: str) -> Command:
    return {"jump": {"target": chain}}

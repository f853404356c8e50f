"""Which CHILD_SAs carry which pairs of CIDRs; pure.

Rules this module keeps:
- What counts is what was negotiated, not what was offered: a peer may narrow a CHILD_SA.
- A selector that is no plain CIDR (a range, a protocol) covers nothing and overlaps everything:
  the cautious answer for both questions that are asked here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from landbridge.agent.daemon.observe import ChildSa
from landbridge.agent.planning.target import Pair

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _contains(outer: str, inner: str) -> bool:
    big, small = _network(outer), _network(inner)
    if isinstance(big, ipaddress.IPv4Network) and isinstance(small, ipaddress.IPv4Network):
        return small.subnet_of(big)
    if isinstance(big, ipaddress.IPv6Network) and isinstance(small, ipaddress.IPv6Network):
        return small.subnet_of(big)
    return False


@lru_cache(maxsize=65536)
def _meet(one: str, other: str) -> bool:
    a, b = _network(one), _network(other)
    return a is None or b is None or a.overlaps(b)


def carries(child: ChildSa, pair: Pair) -> bool:
    return any(_contains(ts, pair.local) for ts in child.local_ts) and any(
        _contains(ts, pair.remote) for ts in child.remote_ts
    )


def touches(child: ChildSa, pair: Pair) -> bool:
    return any(_meet(ts, pair.local) for ts in child.local_ts) and any(
        _meet(ts, pair.remote) for ts in child.remote_ts
    )


def meeting(one: Pair, other: Pair) -> bool:
    """Whether a packet can belong to both."""
    return _meet(one.local, other.local) and _meet(one.remote, other.remote)


def uncovered(pairs: Iterable[Pair], children: Iterable[ChildSa]) -> tuple[Pair, ...]:
    """The pairs that none of `children` carries."""
    listed = tuple(children)
    return tuple(pair for pair in pairs if not any(carries(child, pair) for child in listed))


def cidrs(wanted: Iterable[str], negotiated: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """What is wanted and what is in use, each once; of negotiated selectors plain CIDRs only."""
    in_use = (ts for listed in negotiated for ts in listed if _network(ts) is not None)
    return tuple(dict.fromkeys((*wanted, *in_use)))

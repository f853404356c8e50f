"""Which CHILD_SAs carry which pairs of CIDRs; pure.

Rules this module keeps:
- What counts is what was negotiated, not what was offered: a peer may narrow a CHILD_SA.
- A selector that is no plain CIDR (a range, a protocol) covers nothing and overlaps everything:
  the cautious answer for both questions that are asked here.
- Of many with many: each is looked up by its networks, and not compared with all others. Who is
  found is a number with a bit for each, in the order in which they were given.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from landbridge.agent.tunnels.desired import Pair
from landbridge.agent.tunnels.observed import ChildSa
from landbridge.impact.selectors import Network, Overlaps

Texts = Sequence[str]


@lru_cache(maxsize=4096)
def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


class _Side:
    """The local, or the remote networks of many; each has one or several."""

    def __init__(self, listed: Iterable[Texts]) -> None:
        self._of: dict[Network, int] = {}
        self._unclear = 0
        self._all = 0
        for number, texts in enumerate(listed):
            bit = 1 << number
            self._all |= bit if texts else 0
            for text in texts:
                net = _network(text)
                if net is None:
                    self._unclear |= bit
                else:
                    self._of[net] = self._of.get(net, 0) | bit
        self._overlaps = Overlaps(self._of)
        self._found: dict[tuple[str, bool], int] = {}

    def containing(self, text: str) -> int:
        """Those with a network that `text` is a part of."""
        return self._look(text, whole=True)

    def meeting(self, texts: Iterable[str]) -> int:
        """Those with a network that overlaps one of `texts`."""
        found = 0
        for text in texts:
            found |= self._look(text, whole=False)
        return found

    def _look(self, text: str, *, whole: bool) -> int:
        key = text, whole
        if key not in self._found:
            self._found[key] = self._search(text, whole)
        return self._found[key]

    def _search(self, text: str, whole: bool) -> int:
        net = _network(text)
        if net is None:
            return 0 if whole else self._all
        found = 0 if whole else self._unclear
        for known in self._overlaps.around(net) if whole else self._overlaps.of(net):
            found |= self._of[known]
        return found


class Cover:
    """Many pairs of sides, to be asked which carry, or touch, what."""

    def __init__(self, sides: Iterable[tuple[Texts, Texts]]) -> None:
        listed = tuple(sides)
        self._local = _Side(local for local, _ in listed)
        self._remote = _Side(remote for _, remote in listed)

    @classmethod
    def of_children(cls, children: Iterable[ChildSa]) -> Cover:
        return cls((child.local_ts, child.remote_ts) for child in children)

    @classmethod
    def of_pairs(cls, pairs: Iterable[Pair]) -> Cover:
        return cls(((pair.local,), (pair.remote,)) for pair in pairs)

    def carrying(self, pair: Pair) -> int:
        """Those that carry all of it."""
        return self._local.containing(pair.local) & self._remote.containing(pair.remote)

    def touching(self, local: Iterable[str], remote: Iterable[str]) -> int:
        """Those to which a packet between one of `local` and one of `remote` can belong."""
        return self._local.meeting(local) & self._remote.meeting(remote)

    def uncovered(self, pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        """The pairs that nobody carries."""
        return tuple(pair for pair in pairs if not self.carrying(pair))


def numbers_of(found: int) -> Iterator[int]:
    """Which bits are set, the lowest first."""
    while found:
        lowest = found & -found
        yield lowest.bit_length() - 1
        found ^= lowest


def uncovered(pairs: Iterable[Pair], children: Iterable[ChildSa]) -> tuple[Pair, ...]:
    """The pairs that none of `children` carries."""
    listed = tuple(children)
    known = {(child.local_ts, child.remote_ts) for child in listed}
    rest = tuple(pair for pair in pairs if ((pair.local,), (pair.remote,)) not in known)
    # Mostly a child carries just what it was asked for: then nothing else is looked up.
    return Cover.of_children(listed).uncovered(rest) if rest and listed else rest


def cidrs(wanted: Iterable[str], negotiated: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """What is wanted and what is in use, each once; of negotiated selectors plain CIDRs only."""
    in_use = (ts for listed in negotiated for ts in listed if _network(ts) is not None)
    return tuple(dict.fromkeys((*wanted, *in_use)))

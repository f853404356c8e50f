"""Which packets take the detour: text for ``nft -f -``. Pure.

Rules this module keeps:
- ESP to an IKEv1 peer with an SPI that has not been seen before, bare or in UDP, and nothing
  else: no IKE message, no keep-alive, nothing to a peer with IKEv2. (One that is switched to IKEv1
  has SAs in use; their packets wait once, like new ones.)
- A packet is only marked. Where there is no device to take it (no agent runs) the mark leads to
  an empty routing table, and the packet goes where it would have gone.
- The kernel itself ends the detour of an SPI after `LONGEST`, whatever the agent does: one that
  hangs has no tunnel down.
- What is settled is kept in a table of its own, which a new packet filter leaves alone.
- Addresses and numbers go in; no text of a user's does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final

HELD: Final = 0x1B27  # on its way into the detour
RELEASED: Final = 0x1B28  # and out of it
IKE_IN_UDP: Final = 4500
TABLE: Final = "inet landbridge-holdback"
FORGET_AFTER: Final = "1d"  # an SPI lives for hours; one that is asked for again waits again
LONGEST: Final = "2s"

# In UDP the SPI follows the header of 64 bits; zeros there tell an IKE message (RFC 3948).
_IN_UDP: Final = "@th,64,32"
_BARE: Final = "esp spi"
_SPIS: Final = "typeof esp spi; flags {flags}timeout; timeout {timeout}; size 65536;"
_FRAME: Final = f"""\
add table {TABLE}
add set {TABLE} late4 {{ type ipv4_addr; }}
add set {TABLE} late6 {{ type ipv6_addr; }}
add set {TABLE} settled {{ {_SPIS.format(flags="", timeout=FORGET_AFTER)} }}
add set {TABLE} known {{ {_SPIS.format(flags="dynamic,", timeout=FORGET_AFTER)} }}
add set {TABLE} young {{ {_SPIS.format(flags="dynamic,", timeout=LONGEST)} }}
add chain {TABLE} output {{ type route hook output priority -140; policy accept; }}
add chain {TABLE} in-udp
add chain {TABLE} bare
flush table {TABLE}
flush set {TABLE} late4
flush set {TABLE} late6
add rule {TABLE} output meta mark {RELEASED} accept
"""


def _frame() -> Iterator[str]:
    yield _FRAME
    for late in ("ip daddr @late4", "ip6 daddr @late6"):
        yield f"add rule {TABLE} output {late} udp sport {IKE_IN_UDP} {_IN_UDP} != 0 jump in-udp\n"
        yield f"add rule {TABLE} output {late} {_BARE} != 0 jump bare\n"
    for chain, spi in (("in-udp", _IN_UDP), ("bare", _BARE)):
        yield f"add rule {TABLE} {chain} {spi} @settled accept\n"
        yield f"add rule {TABLE} {chain} {spi} @young meta mark set {HELD} accept\n"
        yield f"add rule {TABLE} {chain} {spi} @known accept\n"
        begin = f"add @known {{ {spi} }} add @young {{ {spi} }}"
        yield f"add rule {TABLE} {chain} {begin} meta mark set {HELD}\n"


def whole(peers: Iterable[str]) -> str:
    """The table from whatever it was, but for what has settled. `peers`: addresses."""
    return "".join(_frame()) + _elements("add", peers)


def difference(before: frozenset[str], after: frozenset[str]) -> str:
    """From one set of peers to another; empty when nothing differs."""
    return _elements("delete", before - after) + _elements("add", after - before)


def settled(spis: Iterable[int]) -> str:
    """From now on packets with these SPIs go straight."""
    listed = ", ".join(str(spi) for spi in sorted(spis))
    return f"add element {TABLE} settled {{ {listed} }}\n"


def _elements(verb: str, peers: Iterable[str]) -> str:
    lines = []
    for version in (4, 6):
        listed = ", ".join(
            sorted(peer for peer in peers if ipaddress.ip_address(peer).version == version)
        )
        if listed:
            lines.append(f"{verb} element {TABLE} late{version} {{ {listed} }}\n")
    return "".join(lines)

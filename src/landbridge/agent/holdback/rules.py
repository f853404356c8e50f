"""Which packets take the detour: text for ``nft -f -``. Pure.

Rules this module keeps:
- ESP to an IKEv1 peer with an SPI that is not known to be settled, bare or in UDP, and nothing
  else: no IKE message, no keep-alive, nothing of IKEv2.
- A packet is only marked. Where there is no device to take it (no agent runs) the mark leads to
  an empty routing table, and the packet goes where it would have gone.
- What is settled is kept in a table of its own, which a new packet filter leaves alone.
- Addresses and numbers go in; no text of a user's does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

HELD: Final = 0x1B27  # on its way into the detour
RELEASED: Final = 0x1B28  # and out of it
IKE_IN_UDP: Final = 4500
TABLE: Final = "inet landbridge-holdback"
FORGET_AFTER: Final = "1d"  # an SPI lives for hours; one that is asked for again waits again

# In UDP the SPI follows the header of 64 bits; zeros there tell an IKE message (RFC 3948).
_IN_UDP: Final = f"udp sport {IKE_IN_UDP} @th,64,32 != 0 @th,64,32 != @settled"
_BARE: Final = "esp spi != 0 esp spi != @settled"
_FRAME: Final = f"""\
add table {TABLE}
add set {TABLE} late4 {{ type ipv4_addr; }}
add set {TABLE} late6 {{ type ipv6_addr; }}
add set {TABLE} settled {{ typeof esp spi; flags timeout; timeout {FORGET_AFTER}; }}
add chain {TABLE} output {{ type route hook output priority -140; policy accept; }}
flush chain {TABLE} output
add rule {TABLE} output meta mark {RELEASED} accept
add rule {TABLE} output ip daddr @late4 {_IN_UDP} meta mark set {HELD}
add rule {TABLE} output ip daddr @late4 {_BARE} meta mark set {HELD}
add rule {TABLE} output ip6 daddr @late6 {_IN_UDP} meta mark set {HELD}
add rule {TABLE} output ip6 daddr @late6 {_BARE} meta mark set {HELD}
flush set {TABLE} late4
flush set {TABLE} late6
"""


def whole(peers: Iterable[str]) -> str:
    """The table from whatever it was, but for what has settled. `peers`: addresses."""
    return _FRAME + _elements("add", peers)


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

"""Addresses and selectors: from what a person typed to strings charon cannot misread; pure.

Rules this module keeps:
- They go out only after `ipaddress` (or the host name pattern) took them: charon would load
  ranges, lists and ``%any``.
"""

from __future__ import annotations

import ipaddress

from landbridge.agent.errors import Unsupported
from landbridge.impact.identities import is_host_name
from landbridge.impact.peers import OWN, why_never


def peer_address(text: str, own: tuple[str, ...] = ()) -> str:
    """An IP address or a host name; never a range, a list or ``%any``, nor where no peer can be
    (`own`: the router's addresses)."""
    if why := why_never(text, own):
        raise Unsupported(
            f"The peer address {text} is {why}: no peer can be there. Correct peer_address"
            f"{', or the external address of the router' if why == OWN else ''}."
        )
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if is_host_name(text):
            return text
        raise Unsupported(f"The peer address '{text}' is neither an address nor a name.") from None


def local_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise Unsupported(f"The local address '{text}' is not an IP address.") from None


def selector(text: str) -> str:
    """A CIDR in its canonical form (host bits cleared)."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise Unsupported(f"'{text}' is not a CIDR.") from None

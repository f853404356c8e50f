"""What a refusal means where the peer agreed to all but one thing before. Pure.

Rules this module keeps:
- A peer that refuses and does not say why leaves several possibilities. Where the tunnel was in
  effect with another value of one thing, and of nothing else, that thing is told.
- It is what is known, not proof: the peer's operator may have changed something as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from landbridge.model.status import ReasonCode
from landbridge.model.tunnel import Tunnel

_PARTS: Final[Mapping[str, Callable[[Tunnel], Any]]] = {
    "psk": lambda tunnel: tunnel.psk_generation,
    "local_id": lambda tunnel: tunnel.local_id,
    "peer_id": lambda tunnel: tunnel.peer_id,
    "version": lambda tunnel: (tunnel.ike.version, tunnel.ike.mode),
    "ike": lambda tunnel: (tunnel.ike.encryption, tunnel.ike.integrity, tunnel.ike.dh_group),
    "addresses": lambda tunnel: (tunnel.local_address, tunnel.peer_address),
}
_ELSE: Final = "To all else it agreed before"
#: By the reason and what the peer said: by what has changed.
_SENTENCES: Final[Mapping[tuple[ReasonCode, str], Mapping[str, str]]] = {
    (ReasonCode.AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED"): {
        "psk": f"{{peer}} does not take our new PSK yet (AUTHENTICATION_FAILED). {_ELSE}.",
        "local_id": f"{{peer}} does not take our new ID {{we_are}} yet (AUTHENTICATION_FAILED). "
        f"{_ELSE}.",
        "peer_id": "{peer} refused our authentication (AUTHENTICATION_FAILED): its own ID is not "
        f"{{peer_is}} yet. {_ELSE}.",
    },
    (ReasonCode.IKE_PROPOSAL_MISMATCH, "NO_PROPOSAL_CHOSEN"): {
        "ike": "{peer} answers NO_PROPOSAL_CHOSEN: it does not take our new IKE proposal ({ike}) "
        f"yet. {_ELSE}.",
        "version": "{peer} answers NO_PROPOSAL_CHOSEN: it does not speak IKE{version} in "
        f"{{mode}} mode with us yet. {_ELSE}.",
    },
}


def narrowed(code: ReasonCode, line: str, tunnel: Tunnel, agreed: Tunnel | None) -> str | None:
    """The sentence for a refusal of `tunnel`, told by `line`, of a peer that agreed to `agreed`;
    None: it is not known better."""
    if agreed is None:
        return None
    changed = [name for name, part in _PARTS.items() if part(tunnel) != part(agreed)]
    if len(changed) != 1:
        return None
    for (of, word), sentences in _SENTENCES.items():
        if of is code and word in line:
            return sentences.get(changed[0])
    return None

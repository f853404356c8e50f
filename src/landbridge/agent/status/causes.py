"""Why: from charon's log lines (VICI event ``log``, level 1) to reasons.

Rules this module keeps:
- The table of `landbridge.agent.charon.log_patterns` decides; here a line meets the tunnel it is
  about.
- `rank` orders the lines of one attempt: a more telling one is not overwritten by what it leads
  to (a refused PSK by the retransmissions after it).
- A sentence holds what we offered and what the peer answered, never a secret; it is the same
  for the same cause, however often that is told.
"""

from __future__ import annotations

from typing import Final

from landbridge.agent.charon.log_pairs import identities
from landbridge.agent.charon.log_patterns import DEATH, END, TABLE
from landbridge.agent.charon.proposals import AEADS
from landbridge.agent.status.agreed import narrowed
from landbridge.agent.status.event_log import CHATTER
from landbridge.impact.identities import described
from landbridge.model.fields import Model
from landbridge.model.status import Reason, ReasonCode
from landbridge.model.tunnel import EspProposal, IkeProposal, Tunnel

#: Said by a peer that has been asked for what is configured here now.
REFUSALS: Final = frozenset(
    {
        ReasonCode.AUTHENTICATION_FAILED,
        ReasonCode.PSK_MISMATCH,
        ReasonCode.PSK_MISSING,
        ReasonCode.IKE_PROPOSAL_MISMATCH,
        ReasonCode.IKE_DH_MISMATCH,
        ReasonCode.IPSEC_PROPOSAL_MISMATCH,
        ReasonCode.PFS_MISMATCH,
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        ReasonCode.PEER_ID_MISMATCH,
        ReasonCode.LOCAL_ID_REFUSED,
        ReasonCode.IKE_VERSION_MISMATCH,
        ReasonCode.PEER_HAS_NO_CONFIG,
    }
)
#: They are about one CHILD_SA, not about the IKE_SA or others on it.
OF_CHILDREN: Final = frozenset(
    {
        ReasonCode.IPSEC_PROPOSAL_MISMATCH,
        ReasonCode.PFS_MISMATCH,
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        ReasonCode.UNSUPPORTED,
    }
)
__all__ = ["DEATH", "OF_CHILDREN", "REFUSALS", "Cause", "address_gone", "cause", "dead", "offer"]


class Cause(Model, frozen=True, kw_only=True):
    rank: int
    reason: Reason


def offer(tunnel: Tunnel) -> dict[str, str]:
    """What a sentence may name of our side. No secret."""
    ike, esp = tunnel.ike, tunnel.esp
    return {
        "peer": tunnel.peer_address,
        "local_address": tunnel.local_address,
        "local_id": tunnel.local_id,
        "peer_id": tunnel.peer_id,
        "we_are": described(tunnel.local_id),
        "peer_is": described(tunnel.peer_id),
        "version": ike.version,
        "mode": ike.mode,
        "ike": f"{ike.encryption}, {_with(ike)}{ike.integrity}, {ike.dh_group}",
        "ike_parts": f"encryption, {_with(ike) or 'integrity '}or Diffie-Hellman group",
        "esp": f"{esp.protocol}: {_algorithms(esp)}, PFS {esp.pfs_group}{_mode(esp)}",
        "local_cidrs": ", ".join(tunnel.local_cidrs),
        "peer_cidrs": ", ".join(tunnel.peer_cidrs),
        "dpd_timeout": str(tunnel.dpd.timeout),
    }


def _with(ike: IkeProposal) -> str:
    """What the algorithm beside the cipher is, where that brings its own integrity."""
    return "PRF " if ike.encryption in AEADS else ""


def _algorithms(esp: EspProposal) -> str:
    """AH does not encrypt; an AEAD cipher brings its own integrity."""
    if esp.protocol == "ah":
        return esp.integrity
    return esp.encryption if esp.encryption in AEADS else f"{esp.encryption}, {esp.integrity}"


def _mode(esp: EspProposal) -> str:
    """Tunnel mode goes without saying."""
    return "" if esp.encapsulation == "tunnel" else f", {esp.encapsulation} mode"


def cause(
    line: str,
    tunnel: Tunnel,
    *,
    established: bool = False,
    port: int | None = None,
    agreed: Tunnel | None = None,
) -> Cause | None:
    """What one log line about `tunnel` tells; None: nothing. `established`: the line's IKE_SA
    is. `port`: of the peer's, that the IKE_SA uses. `agreed`: what was in effect before."""
    if CHATTER.search(line):
        return None
    line = identities(line, tunnel.local_id, tunnel.peer_id)
    for row in TABLE:
        facts = (established, port, tunnel.esp.encapsulation)
        if any(
            wanted not in (None, found) for wanted, found in zip(row.conditions, facts, strict=True)
        ):
            continue
        if (found := row.pattern.search(line)) is not None:
            told = {name: value or "" for name, value in found.groupdict().items()}
            sentence = narrowed(row.code, line, tunnel, agreed) or row.sentence
            message = sentence.format_map({**offer(tunnel), **told})
            return Cause(rank=row.rank, reason=Reason(code=row.code, message=message))
    return None


def address_gone(address: str) -> Cause:
    """The router has lost the address that an IKE_SA runs from."""
    words = f"The router has no address {address} any more, which the tunnel ran from."
    return Cause(rank=END, reason=Reason(code=ReasonCode.NO_LOCAL_ADDRESS, message=words))


def dead(tunnel: Tunnel) -> Cause:
    """The agent itself has declared the peer dead."""
    found = cause(DEATH, tunnel)
    assert found is not None  # noqa: S101 - the table has that row
    return found

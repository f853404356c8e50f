"""Why: from charon's log lines (VICI event ``log``, level 1) to reasons.

Rules this module keeps:
- One table, a row per line that tells a cause, with the release it was seen in. Wording differs
  between releases: an unknown line tells nothing, and nothing else depends on it.
- Where a line cannot tell causes apart (an initiator sees one NO_PROPOSAL_CHOSEN for several),
  the sentence names them all.
- `rank` orders the lines of one attempt: a more telling one is not overwritten by what it leads
  to (a refused PSK by the retransmissions after it).
- Level 1 lines hold no secret; a sentence holds what we offered and what the peer answered.
"""

from __future__ import annotations

import re
from typing import Final

from landbridge.model import Model, Reason, ReasonCode, Tunnel

DEATH: Final = "DPD check timed out"  # charon's own words, with IKEv1


class Row(Model, frozen=True, kw_only=True):
    """`established`: the line means this only after, or only before, its IKE_SA is up."""

    seen_in: str
    pattern: re.Pattern[str]
    code: ReasonCode
    rank: int
    sentence: str  # may name a pattern's groups and the fields of `offer`
    established: bool | None


def _row(
    seen_in: str,
    pattern: str,
    code: ReasonCode,
    rank: int,
    sentence: str,
    *,
    established: bool | None = None,
) -> Row:
    return Row(
        seen_in=seen_in,
        pattern=re.compile(pattern),
        code=code,
        rank=rank,
        sentence=sentence,
        established=established,
    )


#: Ranks: 0 silence, 1 an end without a cause, 2 a refusal, 3 what exactly was refused.
TABLE: Final = (
    _row(
        "5.9.8",
        r"retransmit \d+ of request (?:with )?message ID \d+",
        ReasonCode.PEER_UNREACHABLE,
        0,
        "No answer from {peer}: it is not reachable, UDP port 500 or 4500 is filtered on the way, "
        "or no IKE daemon runs there.",
    ),
    _row(
        "5.9.8",
        r"giving up after \d+ retransmits",
        ReasonCode.PEER_UNREACHABLE,
        0,
        "No answer from {peer}: it is not reachable, UDP port 500 or 4500 is filtered on the way, "
        "or no IKE daemon runs there.",
    ),
    _row(
        "5.9.8",
        r"received DELETE for (?:IKE_SA|ESP CHILD_SA|AH CHILD_SA)",
        ReasonCode.PEER_CLOSED,
        1,
        "{peer} has deleted the tunnel.",
    ),
    _row(
        "5.9.8",
        DEATH,
        ReasonCode.DPD_TIMEOUT,
        2,
        "{peer} stopped answering: no sign of life for {dpd_timeout} seconds.",
    ),
    _row(
        "5.9.8",
        r"error writing to socket: Network is unreachable",
        ReasonCode.NO_ROUTE,
        2,
        "The router has no route to {peer}.",
    ),
    _row(
        "5.9.8",
        r"error installing route with policy (?P<local>\S+) === ",
        ReasonCode.NO_LOCAL_ADDRESS,
        3,
        "The router has no address of its own in {local}, which this gateway's userspace IPsec "
        "needs; attach the router to that subnet.",
    ),
    _row(
        "5.9.8",
        r"unable to resolve (?P<name>\S+?),? initiate aborted",
        ReasonCode.NAME_NOT_RESOLVABLE,
        3,
        "The peer address {name} cannot be resolved.",
    ),
    _row(
        "5.9.8",
        r"received AUTHENTICATION_FAILED (?:notify error|error notify)",
        ReasonCode.AUTHENTICATION_FAILED,
        2,
        "{peer} refused our authentication: the PSK differs, it does not accept our ID "
        "'{local_id}', or its own ID is not '{peer_id}'.",
    ),
    _row(
        "5.9.8",
        r"tried \d+ shared keys? for .* but MAC mismatched",
        ReasonCode.PSK_MISMATCH,
        3,
        "The PSK differs from that of {peer}.",
    ),
    _row(
        "5.9.8",
        r"invalid (?:HASH|ID)_V1 payload length, decryption failed\?"
        r"|calculated HASH does not match HASH payload",
        ReasonCode.PSK_MISMATCH,
        3,
        "What {peer} sent cannot be decrypted: the PSK differs.",
    ),
    _row(
        "5.9.8",
        r"no shared key found for '(?P<ours>[^']*)'(?:\[\S*\])? - '(?P<theirs>[^']*)'",
        ReasonCode.PSK_MISSING,
        3,
        "There is no PSK for our ID '{ours}' and the peer's '{theirs}'.",
    ),
    _row(
        "5.9.8",
        r"received NO_PROPOSAL_CHOSEN (?:notify error|error notify)",
        ReasonCode.IKE_PROPOSAL_MISMATCH,
        2,
        "{peer} refused to negotiate: it does not take our IKE proposal ({ike}), not IKE{version}, "
        "or has no configuration for us.",
        established=False,
    ),
    _row(
        "5.9.8",
        r"received NO_PROPOSAL_CHOSEN error notify",
        ReasonCode.IPSEC_PROPOSAL_MISMATCH,
        2,
        "{peer} does not take our IPsec proposal ({esp}): algorithms or PFS group differ.",
        established=True,
    ),
    _row(
        "5.9.8",
        r"received INVALID_KE_PAYLOAD error notify",
        ReasonCode.AUTHENTICATION_FAILED,
        2,
        "{peer} refused our key exchange: it has no PSK for us, or another group than {ike}.",
    ),
    _row(
        "5.9.8",
        r"received proposals unacceptable",
        ReasonCode.IKE_PROPOSAL_MISMATCH,
        2,
        "{peer} offers no IKE proposal that fits ours ({ike}).",
    ),
    _row(
        "5.9.8",
        r"received proposals: (?P<theirs>IKE:.*)",
        ReasonCode.IKE_PROPOSAL_MISMATCH,
        3,
        "{peer} offers {theirs}; we take {ike}.",
    ),
    _row(
        "5.9.8",
        r"received proposals: (?P<theirs>(?:ESP|AH):.*)",
        ReasonCode.IPSEC_PROPOSAL_MISMATCH,
        3,
        "{peer} offers {theirs}; we take {esp}.",
    ),
    _row(
        "5.9.8",
        r"received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built|no acceptable proposal found"
        r"|no matching proposal found, sending NO_PROPOSAL_CHOSEN",
        ReasonCode.IPSEC_PROPOSAL_MISMATCH,
        2,
        "{peer} does not take our IPsec proposal ({esp}): algorithms or PFS group differ.",
    ),
    _row(
        "5.9.8",
        r"received TS_UNACCEPTABLE notify, no CHILD_SA built",
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        2,
        "{peer} does not take our CIDRs (local {local_cidrs}; peer {peer_cidrs}).",
    ),
    _row(
        "5.9.8",
        r"received (?:INVALID_ID_INFORMATION|INVALID_ID) error notify",
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        2,
        "{peer} does not take our CIDRs (local {local_cidrs}; peer {peer_cidrs}).",
    ),
    _row(
        "5.9.8",
        r"traffic selectors (?P<theirs>.*) unacceptable",
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        3,
        "{peer} asks for {theirs}; we have local {local_cidrs}, peer {peer_cidrs}.",
    ),
    _row(
        "5.9.8",
        r"no matching CHILD_SA config found for (?P<theirs>.*)",
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        3,
        "{peer} asks for {theirs}; we have local {local_cidrs}, peer {peer_cidrs}.",
    ),
    _row(
        "5.9.8",
        r"IDir '(?P<theirs>.*)' does not match to '(?P<wanted>.*)'",
        ReasonCode.PEER_ID_MISMATCH,
        3,
        "{peer} calls itself '{theirs}', we expect '{wanted}'.",
    ),
    _row(
        "5.9.8",
        r"no (?:matching )?peer config found",
        ReasonCode.PEER_ID_MISMATCH,
        2,
        "{peer} initiates with IDs that do not fit ours ('{local_id}') and its own ('{peer_id}').",
    ),
    _row(
        "5.9.8",
        r"no IKE config found for \S+, sending NO_PROPOSAL_CHOSEN",
        ReasonCode.IKE_VERSION_MISMATCH,
        2,
        "{peer} initiates with an IKE version or mode other than IKE{version}.",
    ),
    _row(
        "5.9.8",
        r"found \d+ matching configs?, but none allows pre-shared key authentication",
        ReasonCode.IKE_VERSION_MISMATCH,
        3,
        "{peer} initiates in another IKEv1 mode (main or aggressive) than is configured here.",
    ),
)


class Cause(Model, frozen=True, kw_only=True):
    rank: int
    reason: Reason


def offer(tunnel: Tunnel) -> dict[str, str]:
    """What a sentence may name of our side. No secret."""
    ike, esp = tunnel.ike, tunnel.esp
    return {
        "peer": tunnel.peer_address,
        "local_id": tunnel.local_id,
        "peer_id": tunnel.peer_id,
        "version": ike.version,
        "ike": f"{ike.encryption}, {ike.integrity}, {ike.dh_group}",
        "esp": f"{esp.protocol}: {esp.encryption}, {esp.integrity}, PFS {esp.pfs_group}",
        "local_cidrs": ", ".join(tunnel.local_cidrs),
        "peer_cidrs": ", ".join(tunnel.peer_cidrs),
        "dpd_timeout": str(tunnel.dpd.timeout),
    }


def cause(line: str, tunnel: Tunnel, *, established: bool = False) -> Cause | None:
    """What one log line about `tunnel` tells; None: nothing. `established`: the line's IKE_SA
    is."""
    for row in TABLE:
        found = row.pattern.search(line)
        if found is not None and row.established in (None, established):
            message = row.sentence.format_map({**offer(tunnel), **found.groupdict()})
            return Cause(rank=row.rank, reason=Reason(code=row.code, message=message))
    return None


def dead(tunnel: Tunnel) -> Cause:
    """The agent itself has declared the peer dead."""
    found = cause(DEATH, tunnel)
    assert found is not None  # noqa: S101 - the table has that row
    return found

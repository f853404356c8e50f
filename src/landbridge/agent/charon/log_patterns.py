"""Which of charon's lines tells which cause: the table, and nothing else.

Rules this module keeps:
- A row per line that tells a cause, with the release it was seen in. Wording differs between
  releases: an unknown line tells nothing, and nothing else depends on it.
- Where a line cannot tell causes apart (an initiator sees one NO_PROPOSAL_CHOSEN for several),
  the sentence names them all.
- The first row that fits counts.
- Level 1 lines hold no secret; a sentence holds what we offered and what the peer answered.
"""

from __future__ import annotations

import re
from typing import Final

from landbridge.agent.charon.log_pairs import ONLY_GROUPS, ONLY_TYPES, OTHER_ID
from landbridge.agent.charon.silences import SILENCES, STALLS
from landbridge.model.fields import Model
from landbridge.model.status import ReasonCode

DEATH: Final = "DPD check timed out"  # charon's own words, with IKEv1
#: Words of ours, where charon has none.
STALLED: Final = "the peer began and did not go on"
ANSWER: Final = "received DELETE for ESP CHILD_SA"  # with IKEv2 also to our own
UNREAD: Final = "invalid HASH_V1 payload length, decryption failed?"  # with IKEv1, as initiator
UNTIMELY: Final = "before any CHILD_SA"
#: Of whom, or of networks, if it answers our Quick Mode: IKEv1 has one word for both.
REFUSED_ID: Final = "received (?:INVALID_ID_INFORMATION|INVALID_ID) error notify"
UNASKED: Final = "instead of an answer to our Quick Mode"

#: Ranks: how much a line tells. What tells more is not overwritten by less in one attempt.
FIRST_SILENCE, SILENCE, END, REFUSAL, EXACT = -1, 0, 1, 2, 3


class Row(Model, frozen=True, kw_only=True):
    """`established`, `port`, `encapsulation`: the line means this only when its IKE_SA is (not) up,
    only when it uses that port of the peer's, only of a tunnel in that mode."""

    pattern: re.Pattern[str]
    code: ReasonCode
    rank: int
    sentence: str  # may name a pattern's groups and the fields of `causes.offer`
    established: bool | None
    port: int | None
    encapsulation: str | None
    seen_in: str

    @property
    def conditions(self) -> tuple[bool | None, int | None, str | None]:
        """None: any will do."""
        return self.established, self.port, self.encapsulation


def _row(
    pattern: str,
    code: ReasonCode,
    rank: int,
    sentence: str,
    *,
    established: bool | None = None,
    port: int | None = None,
    encapsulation: str | None = None,
    seen_in: str = "5.9.8",
) -> Row:
    return Row(
        pattern=re.compile(pattern),
        code=code,
        rank=rank,
        sentence=sentence,
        established=established,
        port=port,
        encapsulation=encapsulation,
        seen_in=seen_in,
    )


_CIDRS: Final = "{peer} does not take our CIDRs (local {local_cidrs}; peer {peer_cidrs})."
_TRANSPORT: Final = (
    "{peer} does not take transport mode between {local_cidrs} and {peer_cidrs}: it is configured "
    "for tunnel mode, or for other addresses."
)
_NOT_INSTALLED: Final = (
    "This gateway's data plane did not take the CHILD_SA ({esp}): it lacks the protocol, an "
    "algorithm or the mode. charon's log on the gateway says which."
)
_ONE_TYPE: Final = (
    "{peer} calls itself '{theirs}', which reads as peer_id does, but is of another type: we "
    "expect {peer_is}. Name the type in peer_id, as in keyid:{theirs} or fqdn:{theirs}."
)
_ESP: Final = (
    "{peer} answers NO_PROPOSAL_CHOSEN to our IPsec proposal ({esp}): its algorithms, its PFS "
    "group or its encapsulation mode differ."
)

_SILENCE: Final = (
    *(
        _row(
            f"(?:{again}).*{each.stage}",
            each.code,
            rank,
            each.sentence,
            established=each.established,
            port=each.port,
        )
        for again, rank in (
            (r"retransmit 1 of ", FIRST_SILENCE),
            (r"retransmit \d+ of |giving up after \d+ retransmits", SILENCE),
        )
        for each in SILENCES
    ),
    *(_row(f"{STALLED}.*{each.stage}", each.code, SILENCE, each.sentence) for each in STALLS),
)
_ENDS: Final = (
    _row(
        rf"received DELETE for IKE_SA .*{UNTIMELY}",
        ReasonCode.LOCAL_ID_REFUSED,
        REFUSAL,
        "{peer} ends the tunnel as soon as it knows who we are: it does not accept our ID "
        "{we_are}.",
    ),
    _row(
        rf"received DELETE for IKE_SA .*{UNASKED}",
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        END,
        "{peer} has taken our IKE_SA (phase 1) and ends it instead of answering our phase 2: its "
        "networks (ours are local {local_cidrs}; peer {peer_cidrs}), its IPsec proposal or its PFS "
        "group (ours: {esp}) differ.",
    ),
    _row(
        r"received DELETE for (?:IKE_SA|ESP CHILD_SA|AH CHILD_SA)",
        ReasonCode.PEER_CLOSED,
        END,
        "{peer} has deleted the tunnel.",
    ),
    _row(
        DEATH,
        ReasonCode.DPD_TIMEOUT,
        REFUSAL,
        "{peer} stopped answering: no sign of life for {dpd_timeout} seconds.",
    ),
)
_GATEWAY: Final = (
    _row(
        r"error writing to socket: Network is unreachable",
        ReasonCode.NO_ROUTE,
        REFUSAL,
        "The router has no route to {peer}.",
    ),
    _row(
        r"error installing route with policy (?P<local>\S+) === ",
        ReasonCode.NO_LOCAL_ADDRESS,
        EXACT,
        "The router has no address of its own in {local}, which this gateway's userspace IPsec "
        "needs; attach the router to that subnet.",
    ),
)
_DATA_PLANE: Final = (
    _row(
        r"unable to install (?:inbound |and |outbound )+IPsec SA \(SAD\) in kernel",
        ReasonCode.UNSUPPORTED,
        EXACT,
        _NOT_INSTALLED,
    ),
    _row(
        r"unable to allocate SPIs? from kernel|allocating SPI from kernel failed",
        ReasonCode.UNSUPPORTED,
        EXACT,
        _NOT_INSTALLED,
    ),
    _row(
        r"can't install route for (?P<local>\S+) === (?P<remote>\S+) out, conflicts with IKE",
        ReasonCode.UNSUPPORTED,
        EXACT,
        "This gateway encrypts in charon itself (kernel-libipsec), which cannot carry what {local} "
        "and {remote} say to each other: IKE does, too. Use a kernel with ESP.",
    ),
    _row(
        r"unable to install IPsec policies \(SPD\) in kernel",
        ReasonCode.UNSUPPORTED,
        REFUSAL,
        "This gateway's data plane did not take the policies of the CHILD_SA (local {local_cidrs}; "
        "peer {peer_cidrs}). charon's log on the gateway says why.",
    ),
)
_AUTHENTICATION: Final = (
    _row(
        r"received AUTHENTICATION_FAILED (?:notify error|error notify)",
        ReasonCode.AUTHENTICATION_FAILED,
        REFUSAL,
        "{peer} refused our authentication (AUTHENTICATION_FAILED) and does not say why: its PSK "
        "differs or it has none for us, it does not accept our ID {we_are}, or its own ID is "
        "not {peer_is}.",
    ),
    _row(
        r"received (?:PAYLOAD_MALFORMED|INVALID_PAYLOAD_TYPE|INVALID_HASH_INFORMATION"
        r"|UNEQUAL_PAYLOAD_LENGTHS|INVALID_FLAGS) error notify",
        ReasonCode.PSK_MISMATCH,
        REFUSAL,
        "{peer} cannot read what we send once it is encrypted: the PSK differs.",
        established=False,
    ),
    *(
        _row(
            f"{REFUSED_ID}{when}",
            ReasonCode.LOCAL_ID_REFUSED,
            REFUSAL,
            "{peer} does not accept our ID {we_are}, or expects another one from our address.",
            established=established,
        )
        for when, established in (("", False), (f"; {UNTIMELY}", True))
    ),
    _row(
        r"received (?:INVALID_KE_PAYLOAD|INVALID_KEY_INFORMATION|INVALID_KEY_INFO) error notify",
        ReasonCode.AUTHENTICATION_FAILED,
        REFUSAL,
        "{peer} refused our key exchange: it has no PSK for us, or another group than {ike}.",
    ),
    _row(
        r"tried \d+ shared keys? for .* but MAC mismatched",
        ReasonCode.PSK_MISMATCH,
        EXACT,
        "The PSK differs from that of {peer} (our ID {we_are}, its ID {peer_is}).",
    ),
    _row(
        r"invalid ID_V1 payload length, decryption failed\?"
        r"|calculated HASH does not match HASH payload",
        ReasonCode.PSK_MISMATCH,
        EXACT,
        "What {peer} sent cannot be decrypted: the PSK differs.",
    ),
    _row(
        rf"{re.escape(UNREAD)}; {UNTIMELY}",
        ReasonCode.LOCAL_ID_REFUSED,
        REFUSAL,
        "{peer} begins, its PSK is ours, and what it says once it knows who we are cannot be read: "
        "it does not accept our ID {we_are}.",
        established=True,
        seen_in="5.9.8 with Libreswan 4.10",
    ),
    _row(
        re.escape(UNREAD),
        ReasonCode.PSK_MISMATCH,
        REFUSAL,
        "What {peer} answers to our authentication cannot be decrypted: most probably the PSK "
        "differs. Otherwise it does not accept our ID {we_are}, which some peers (Libreswan) say "
        "in a form that strongSwan cannot read.",
        established=False,
    ),
    _row(
        rf"no shared key found for '.*' - '(?P<theirs>[^']*)'.*; {ONLY_TYPES}",
        ReasonCode.PEER_ID_MISMATCH,
        EXACT,
        _ONE_TYPE,
    ),
    _row(
        rf"no shared key found for '.*' - '(?P<theirs>[^']*)'.*; {OTHER_ID}",
        ReasonCode.PEER_ID_MISMATCH,
        EXACT,
        "{peer} calls itself '{theirs}', we expect {peer_is}.",
    ),
    _row(
        r"no shared key found for '(?P<ours>[^']*)'(?:\[\S*\])? - '(?P<theirs>[^']*)'",
        ReasonCode.PSK_MISSING,
        EXACT,
        "There is no PSK for our ID '{ours}' and the peer's '{theirs}'.",
    ),
)
_IKE: Final = (
    _row(
        rf"received proposals: (?P<theirs>IKE:.*); configured proposals: (?P<ours>.*); "
        rf"{ONLY_GROUPS}",
        ReasonCode.IKE_DH_MISMATCH,
        EXACT,
        "{peer} offers {theirs}; we take {ours} ({ike}): only the Diffie-Hellman group differs.",
    ),
    _row(
        r"received proposals: (?P<theirs>IKE:.*); configured proposals: (?P<ours>[^;]*)",
        ReasonCode.IKE_PROPOSAL_MISMATCH,
        EXACT,
        "{peer} offers {theirs}; we take {ours} ({ike}).",
    ),
    _row(
        r"peer didn't accept (?:DH group|key exchange method) (?P<ours>\S+), "
        r"it requested (?P<theirs>\S+)",
        ReasonCode.IKE_DH_MISMATCH,
        EXACT,
        "{peer} wants the Diffie-Hellman group {theirs}; we offer {ours} ({ike}).",
        established=False,
    ),
    _row(
        r"received NO_PROPOSAL_CHOSEN (?:notify error|error notify)",
        ReasonCode.IKE_PROPOSAL_MISMATCH,
        REFUSAL,
        "{peer} answers NO_PROPOSAL_CHOSEN and does not say why: it does not take our IKE proposal "
        "({ike}: {ike_parts} differs), does not speak "
        "IKE{version}, or has no configuration or no PSK for us ({local_address}).",
        established=False,
    ),
    _row(
        r"received proposals unacceptable",
        ReasonCode.IKE_PROPOSAL_MISMATCH,
        REFUSAL,
        "{peer} offers no IKE proposal that fits ours ({ike}).",
    ),
    _row(
        r"no IKE config found for \S+, sending NO_PROPOSAL_CHOSEN",
        ReasonCode.IKE_VERSION_MISMATCH,
        REFUSAL,
        "{peer} initiates with another IKE version than ours, IKE{version}.",
    ),
    _row(
        r"found \d+ matching configs?, but none allows pre-shared key authentication"
        r"|Aggressive Mode PSK disabled",
        ReasonCode.IKE_VERSION_MISMATCH,
        EXACT,
        "{peer} initiates in another IKEv1 mode (main or aggressive) than is configured here.",
    ),
)
_CHILD: Final = (
    _row(
        r"CHILD_SA rekeying failed, trying again",
        ReasonCode.PFS_MISMATCH,
        EXACT,
        "{peer} refuses to rekey the CHILD_SA that it took at first: its PFS group differs from "
        "ours ({esp}). The tunnel ends when the keys have served their lifetime.",
    ),
    _row(
        rf"received proposals: (?P<theirs>(?:ESP|AH):.*); configured proposals: (?P<ours>.*); "
        rf"{ONLY_GROUPS}",
        ReasonCode.PFS_MISMATCH,
        EXACT,
        "{peer} offers {theirs}; we take {ours} ({esp}): only the PFS group differs.",
    ),
    _row(
        r"received proposals: (?P<theirs>(?:ESP|AH):.*); configured proposals: (?P<ours>[^;]*)",
        ReasonCode.IPSEC_PROPOSAL_MISMATCH,
        EXACT,
        "{peer} offers {theirs}; we take {ours} ({esp}).",
    ),
    _row(
        r"received NO_PROPOSAL_CHOSEN error notify",
        ReasonCode.IPSEC_PROPOSAL_MISMATCH,
        REFUSAL,
        _ESP,
        established=True,
    ),
    _row(
        r"received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built|no acceptable proposal found"
        r"|no matching proposal found, sending NO_PROPOSAL_CHOSEN",
        ReasonCode.IPSEC_PROPOSAL_MISMATCH,
        REFUSAL,
        _ESP,
    ),
    *(
        _row(
            rf"received TS_UNACCEPTABLE notify, no CHILD_SA built|{REFUSED_ID}$",
            ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
            REFUSAL,
            sentence,
            encapsulation=mode,
        )
        for mode, sentence in (("transport", _TRANSPORT), (None, _CIDRS))
    ),
    _row(
        r"traffic selectors +=== +unacceptable",
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        EXACT,
        "{peer} asks for no networks at all, as one does that is configured for transport mode; we "
        "have local {local_cidrs}, peer {peer_cidrs}.",
    ),
    _row(
        r"(?:traffic selectors (?P<theirs>.*) unacceptable"
        r"|no matching CHILD_SA config found for (?P<also>.*))",
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
        EXACT,
        "{peer} asks for {theirs}{also}; we have local {local_cidrs}, peer {peer_cidrs}.",
    ),
)
_IDENTITIES: Final = (
    _row(
        rf"IDir '(?P<theirs>.*)' does not match to '.*'; {ONLY_TYPES}",
        ReasonCode.PEER_ID_MISMATCH,
        EXACT,
        _ONE_TYPE,
    ),
    _row(
        rf"no (?:matching )?peer config found; it calls itself '(?P<theirs>.*)'; {ONLY_TYPES}",
        ReasonCode.PEER_ID_MISMATCH,
        EXACT,
        "{peer} initiates with IDs that read as ours and its own, but one is of another type than "
        "configured here: we are {we_are}, it is to be {peer_is}. Name the type in local_id or "
        "peer_id, as in keyid:{theirs} or fqdn:{theirs}.",
    ),
    _row(
        r"IDir '(?P<theirs>.*)' does not match to '(?P<wanted>.*)'",
        ReasonCode.PEER_ID_MISMATCH,
        EXACT,
        "{peer} calls itself '{theirs}', we expect '{wanted}'.",
    ),
    _row(
        r"no (?:matching )?peer config found; it calls us '(?P<ours>.*)'$",
        ReasonCode.LOCAL_ID_REFUSED,
        EXACT,
        "{peer} expects us to be '{ours}', but our ID is {we_are}.",
    ),
    _row(
        r"no (?:matching )?peer config found; it calls itself '(?P<theirs>.*)'$",
        ReasonCode.PEER_ID_MISMATCH,
        EXACT,
        "{peer} calls itself '{theirs}', we expect {peer_is}.",
    ),
    _row(
        r"no (?:matching )?peer config found",
        ReasonCode.PEER_ID_MISMATCH,
        REFUSAL,
        "{peer} initiates with IDs that do not fit ours, {we_are}, and its own, {peer_is}.",
    ),
)
TABLE: Final = (
    *_SILENCE, *_ENDS, *_GATEWAY, *_DATA_PLANE, *_AUTHENTICATION, *_IKE, *_CHILD, *_IDENTITIES,
)  # fmt: skip

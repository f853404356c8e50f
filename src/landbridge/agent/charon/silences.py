"""Which silence tells what: the table, by the message that a peer leaves unanswered.

Rules this module keeps:
- strongSwan complains where most others say nothing, so silence is all that many causes show.
  What a silence can mean depends on what was answered before it; that is what the stages say.
- The code is that of what is shown, the sentence names all that it can be, most common first. No
  silence tells `psk-mismatch`: a filtered port looks the same.
- The first stage that fits counts. The last rows are for what was sent before we listened.

| unanswered | what was answered before | what it can be |
|---|---|---|
| main mode 1, aggressive mode 1, IKE_SA_INIT | nothing | no way there, nobody, not for us |
| main mode 3 | our proposal | the peer has no PSK for us |
| main mode 5 | our key exchange | it cannot read us: another PSK; port 4500; our ID |
| aggressive mode 2 (it began) | | it cannot verify us: another PSK; our ID |
| IKE_AUTH on another port | IKE_SA_INIT | port 4500; our PSK or ID |
| IKE_AUTH on the same port | IKE_SA_INIT | our PSK or ID |
| Quick Mode, the first, port 4500 unheard | aggressive mode | port 4500 |
| Quick Mode, the first, or heard since | phase 1 | networks, proposal, PFS group |
| Quick Mode 2 (it began) | | what we chose of its proposal; its data plane |
| anything else | a CHILD_SA, or all of IKE | the peer is gone, or the way there |
"""

from __future__ import annotations

from typing import Final, NamedTuple

from landbridge.agent.charon.unanswered import CHILD_BEFORE, HEARD_SINCE, UNANSWERED, UNHEARD
from landbridge.model.status import ReasonCode


class Silence(NamedTuple):
    """`stage`: a pattern of the message. `port`: of the peer's, that it was sent to; None: any.
    `established`: the IKE_SA is, or is not; None: either."""

    stage: str
    code: ReasonCode
    sentence: str
    port: int | None = None
    established: bool | None = None


_NAT_PORT: Final = 4500
_NOTHING: Final = (
    "No answer from {peer} to what we send from {local_address}: it is not reachable, UDP port 500 "
    "(or 4500) is filtered on the way, no IKE daemon runs there, or it says nothing where it has "
    "no configuration for our address with IKE{version} in our mode."
)
_NOT_AGGRESSIVE: Final = (
    "No answer from {peer} to what we send from {local_address}: it is not reachable, UDP port 500 "
    "is filtered on the way, no IKE daemon runs there, or it says nothing to what it does not take "
    "(aggressive mode, our ID {we_are}, {ike})."
)
_NO_MORE: Final = (
    "{peer} answers no more on an IKE_SA that is up: it is down, or what we send to it from "
    "{local_address}, or its answers, are filtered on the way now."
)
_NO_KEY: Final = (
    "{peer} takes our IKE proposal and says nothing to our key exchange: most probably it has no "
    "PSK for us ({local_address})."
)
_UNREADABLE: Final = (
    "{{peer}} takes our IKE proposal and falls silent when we authenticate, as a peer does that "
    "cannot read us: most probably its PSK differs. Otherwise {port}it does not accept our ID "
    "{{we_are}} and does not say so."
)
_ON_NAT_PORT: Final = (
    "UDP port 4500, where IKE goes on, is filtered on the way or not forwarded to it, or "
)
_UNVERIFIED: Final = (
    "{peer} begins in aggressive mode and falls silent when we authenticate: most probably its PSK "
    "differs. Otherwise it does not accept our ID {we_are}, or our answer does not arrive."
)
_NO_4500: Final = (
    "{peer} answers on UDP port 500 but not on UDP port 4500, where IKE goes on: port 4500 is "
    "filtered on the way or not forwarded to it."
)
_NO_4500_OR_SILENT: Final = (
    f"{_NO_4500} Or, of a peer that refuses without a word: its PSK differs or it has none for us, "
    "or it does not accept our ID {we_are}."
)
_NO_AUTH: Final = (
    "{peer} takes our IKE proposal and says nothing to our authentication: its PSK differs or it "
    "has none for us, or it does not accept our ID {we_are}."
)
_NO_PHASE_2: Final = (
    "The IKE_SA with {peer} is up (phase 1), but it says nothing to our phase 2: its networks "
    "(ours are local {local_cidrs}; peer {peer_cidrs}), its IPsec proposal or its PFS group "
    "(ours: {esp}) differ, or it cannot set up the CHILD_SA."
)
_PHASE_2_DROPPED: Final = (
    "{peer} begins phase 2 and falls silent at our answer: it does not take what we chose of its "
    "proposal ({esp}), it cannot set up the CHILD_SA, or our answer does not arrive."
)
_C: Final = ReasonCode
_QUICK: Final = rf"{UNANSWERED}QUICK_MODE request.*"
SILENCES: Final = (
    Silence(
        rf"{UNANSWERED}ID_PROT request \[ ID",
        _C.AUTHENTICATION_FAILED,
        _UNREADABLE.format(port=_ON_NAT_PORT),
        _NAT_PORT,
    ),
    Silence(
        rf"{UNANSWERED}ID_PROT request \[ ID",
        _C.AUTHENTICATION_FAILED,
        _UNREADABLE.format(port=""),
    ),
    Silence(rf"{UNANSWERED}ID_PROT request \[ KE", _C.AUTHENTICATION_FAILED, _NO_KEY),
    Silence(rf"{UNANSWERED}AGGRESSIVE response", _C.AUTHENTICATION_FAILED, _UNVERIFIED),
    Silence(rf"{UNANSWERED}AGGRESSIVE request \[ SA", _C.PEER_UNREACHABLE, _NOT_AGGRESSIVE),
    Silence(
        rf"{UNANSWERED}IKE_AUTH request.*{UNHEARD}",
        _C.NAT_PORT_BLOCKED,
        _NO_4500_OR_SILENT,
        _NAT_PORT,
    ),
    Silence(rf"{UNANSWERED}IKE_AUTH request", _C.AUTHENTICATION_FAILED, _NO_AUTH),
    Silence(rf"{_QUICK}{UNHEARD}", _C.NAT_PORT_BLOCKED, _NO_4500, _NAT_PORT),
    Silence(rf"{_QUICK}{HEARD_SINCE}", _C.TRAFFIC_SELECTOR_MISMATCH, _NO_PHASE_2),
    Silence(rf"{_QUICK}{CHILD_BEFORE}", _C.PEER_UNREACHABLE, _NO_MORE),
    Silence(_QUICK, _C.TRAFFIC_SELECTOR_MISMATCH, _NO_PHASE_2),
    Silence(rf"{UNANSWERED}QUICK_MODE response", _C.IPSEC_PROPOSAL_MISMATCH, _PHASE_2_DROPPED),
    Silence(
        rf"{UNANSWERED}(?:CREATE_CHILD_SA|INFORMATIONAL|INFORMATIONAL_V1|TRANSACTION) ",
        _C.PEER_UNREACHABLE,
        _NO_MORE,
    ),
    # charon's words with IKEv2; the first after IKE_SA_INIT is IKE_AUTH.
    Silence(r"with message ID 1$", _C.NAT_PORT_BLOCKED, _NO_4500_OR_SILENT, _NAT_PORT, False),
    Silence("", _C.PEER_UNREACHABLE, _NOTHING),
)
#: A peer that has begun, by the last message of ours.
STALLS: Final = (
    Silence(
        rf"{UNANSWERED}ID_PROT response \[ SA",
        _C.AUTHENTICATION_FAILED,
        "{peer} begins and falls silent at our answer to its IKE proposal: most probably it has no "
        "PSK for us. Otherwise our answer does not arrive, or it is not what it takes ({ike}).",
    ),
    Silence(
        "",
        _C.NAT_PORT_BLOCKED,
        "{peer} begins on UDP port 500, then nothing more comes of it: UDP port 4500 is filtered "
        "on the way, or the peer gives up by itself (it has no PSK for us).",
    ),
)

"""What each reason means and what to do about it, in one table.

Rules this module keeps:
- Every `ReasonCode` has a row; docs/status.md, diagnostics and ``landbridge doctor`` take their
  words from it (``python -m landbridge.model.reasons`` prints the page's table).
- A row names what to change on either side; an empty text: nothing there.
- It explains kinds of causes. What was offered and answered this time is in `status_message`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from landbridge.model.status import ReasonCode


class Explanation(NamedTuple):
    """`meaning` is one sentence; `here` and `there` say what to change on our side (through
    the API, or on the gateway) and on the peer's."""

    meaning: str
    here: str = ""
    there: str = ""


_FIREWALL = "Let UDP 500 and 4500 (and ESP, protocol 50) pass to and from the gateway's address."
_EXPLANATIONS: Final[dict[ReasonCode, Explanation]] = {
    ReasonCode.ADMIN_DOWN: Explanation(
        "The connection is switched off.",
        "Set admin_state_up of the connection to true.",
    ),
    ReasonCode.SERVICE_DOWN: Explanation(
        "Its VPN service is switched off.",
        "Set admin_state_up of the vpnservice to true.",
    ),
    ReasonCode.ROUTER_DOWN: Explanation(
        "The router of its VPN service is switched off.",
        "Set admin_state_up of the router to true.",
    ),
    ReasonCode.NETWORK_DOWN: Explanation(
        "A network of the router, or the router's port there, is switched off, and the tunnel "
        "needs it.",
        "Set admin_state_up of the network and the port that the message names to true.",
    ),
    ReasonCode.PENDING: Explanation(
        "The change is kept and on its way; the gateway has not said yet what came of it.",
        "Wait a moment; if it stays, look at the gateway's agent.",
    ),
    ReasonCode.CONNECTING: Explanation(
        "The gateway negotiates with the peer and nothing has failed yet.",
        "Wait a moment; if it stays, compare the peer's address with its own configuration.",
        "See whether the peer receives anything from the gateway's address.",
    ),
    ReasonCode.AUTHENTICATION_FAILED: Explanation(
        "The peer refused our authentication, in words or by silence: the PSK, our ID or the ID "
        "that we expect of it differs, which it does not tell apart. Of a silent peer the message "
        "says what else it can be.",
        "Compare psk, local_id and peer_id with the peer's configuration.",
        "Compare the PSK, the ID expected of us and its own ID; its log says which it was.",
    ),
    ReasonCode.PSK_MISMATCH: Explanation(
        "The two sides have different pre-shared keys.",
        "Set psk to the peer's.",
        "Set the PSK to ours.",
    ),
    ReasonCode.PSK_MISSING: Explanation(
        "There is no pre-shared key for this pair of IDs.",
        "Compare local_id and peer_id with the IDs that the message names.",
        "Let it use the ID that we expect (peer_id).",
    ),
    ReasonCode.PSK_UNREADABLE: Explanation(
        "The pre-shared key that the server keeps is damaged. What is up goes on as it is.",
        "Set psk again.",
    ),
    ReasonCode.IKE_PROPOSAL_MISMATCH: Explanation(
        "The two sides have no common IKE proposal. Where only the peer knows: or it does not "
        "speak this IKE version, or has no configuration for us.",
        "Compare the IKE policy (encryption, auth, pfs, ike_version) with the peer's first phase; "
        "with GCM or CCM auth is the PRF.",
        "Allow the proposal of our IKE policy for the gateway's address.",
    ),
    ReasonCode.IKE_DH_MISMATCH: Explanation(
        "The two sides have no common Diffie-Hellman group for IKE.",
        "Set pfs of the IKE policy to the peer's group.",
        "Allow the group of our IKE policy.",
    ),
    ReasonCode.IPSEC_PROPOSAL_MISMATCH: Explanation(
        "IKE works, but the two sides have no common ESP or AH proposal (or PFS group).",
        "Compare the IPsec policy (protocol, encryption, pfs, and auth but with GCM or CCM) with "
        "the peer's second phase.",
        "Allow the proposal of our IPsec policy.",
    ),
    ReasonCode.PFS_MISMATCH: Explanation(
        "IKE works, but the two sides have no common PFS group for ESP.",
        "Set pfs of the IPsec policy to the peer's group.",
        "Allow the PFS group of our IPsec policy.",
    ),
    ReasonCode.TRAFFIC_SELECTOR_MISMATCH: Explanation(
        "IKE works, but the two sides do not want to connect the same networks. Where the peer "
        "says nothing to phase 2: or its IPsec proposal or PFS group differs.",
        "Compare the endpoint groups (or subnet_id and peer_cidrs) with the peer's networks; "
        "some peers take one pair only: try split_selector.",
        "Make its local and remote networks the mirror of ours, in tunnel mode.",
    ),
    ReasonCode.PEER_ID_MISMATCH: Explanation(
        "The peer says it is somebody else than peer_id.",
        "Set peer_id to the ID that the message names.",
        "Let it present the ID that we expect.",
    ),
    ReasonCode.LOCAL_ID_REFUSED: Explanation(
        "The peer does not accept our ID.",
        "Set local_id to the ID that the peer expects.",
        "Let it expect our local_id.",
    ),
    ReasonCode.IKE_VERSION_MISMATCH: Explanation(
        "The two sides speak different IKE versions.",
        "Set ike_version of the IKE policy to the peer's.",
        "Allow our IKE version.",
    ),
    ReasonCode.PEER_UNREACHABLE: Explanation(
        "The peer does not answer: wrong address, filtered on the way, nothing runs there, or it "
        "says nothing to those whom it has no configuration for.",
        f"Compare peer_address; see whether the gateway's uplink works. {_FIREWALL}",
        f"See that its IKE daemon runs at that address. {_FIREWALL}",
    ),
    ReasonCode.NAT_PORT_BLOCKED: Explanation(
        "The peer answers or begins on UDP 500, but nothing comes of UDP 4500, where IKE goes on. "
        "A peer that begins may also have given up because it has no PSK for us.",
        "Let UDP 4500 out of and into the gateway.",
        "Let UDP 4500 in; forward it where the peer is behind a NAT.",
    ),
    ReasonCode.PEER_HAS_NO_CONFIG: Explanation(
        "The peer has no configuration for this gateway's address or IDs.",
        "Compare local_id and the service's external address with what the peer expects.",
        "Add a connection for the gateway's address and IDs.",
    ),
    ReasonCode.NOBODY_INITIATES: Explanation(
        "Both sides wait for the other to begin.",
        "Set initiator to bi-directional.",
        "Let the peer initiate.",
    ),
    ReasonCode.WAITING_FOR_PEER: Explanation(
        "The connection is response-only and the peer has not begun.",
        "Set initiator to bi-directional, unless the peer is to begin.",
        "Let the peer initiate to the service's external address.",
    ),
    ReasonCode.NAME_NOT_RESOLVABLE: Explanation(
        "The peer's name cannot be resolved on the gateway.",
        "Correct peer_address, or the gateway's name servers.",
        "Publish the name in the DNS.",
    ),
    ReasonCode.NO_ROUTE: Explanation(
        "The router has no route to the peer.",
        "Give the external subnet a gateway_ip that reaches the peer.",
    ),
    ReasonCode.NO_LOCAL_ADDRESS: Explanation(
        "The router lacks an address that the tunnel needs.",
        "Attach the router to the subnet that the message names, or set its external gateway.",
    ),
    ReasonCode.PEER_CLOSED: Explanation(
        "The peer has deleted the tunnel.",
        "It is set up anew; if it goes on, ask the peer's operator.",
        "Its log says why: an operator, an idle time-out, another configuration.",
    ),
    ReasonCode.DPD_TIMEOUT: Explanation(
        "The peer was there and stopped answering for the DPD timeout.",
        f"See whether the gateway's uplink works. {_FIREWALL}",
        "See that it runs and is connected.",
    ),
    ReasonCode.GATEWAY_SILENT: Explanation(
        "The gateway does not report: whether the tunnel carries traffic is not known.",
        "See that the gateway is up, its agent runs, and it reaches the API.",
    ),
    ReasonCode.NO_GATEWAY: Explanation(
        "No gateway runs the connection's router yet.",
        "Start an agent: it takes over routers that nobody runs.",
    ),
    ReasonCode.ONE_WAY: Explanation(
        "The tunnel is up and we send, but no packet comes back.",
        "See that the hosts behind us answer and that ESP (or UDP 4500) comes in.",
        "See that it routes our networks into the tunnel and that its filter lets them pass.",
    ),
    ReasonCode.OWN_NETWORK: Explanation(
        "A network of the peer lies within one of the router's own: packets for it never leave.",
        "Take the network out of peer_cidrs (or the peer's endpoint group), or renumber one side.",
        "Renumber the network, or translate it to one that is not ours.",
    ),
    ReasonCode.PARTIAL: Explanation(
        "The tunnel carries some of its networks but not all.",
        "Compare the networks that the message names with the peer's; try split_selector.",
        "Allow the networks that the message names.",
    ),
    ReasonCode.PEER_NOT_CHANGED: Explanation(
        "The change is not in effect, because the peer does not take it yet; the tunnel goes on "
        "as it was.",
        "Change the peer as well, or take the change back.",
        "Make the same change.",
    ),
    ReasonCode.COLLISION: Explanation(
        "Another connection of this router cannot be told apart from this one, and the two do not "
        "fit on one IKE_SA.",
        "Make equal (or, of networks, disjoint) what the message names; or give the two different "
        "peers or IDs.",
    ),
    ReasonCode.UNSUPPORTED: Explanation(
        "The gateway, its kernel or strongSwan cannot do what is asked for.",
        "Choose what the message says is possible.",
        "Allow the same.",
    ),
    ReasonCode.GATEWAY_ERROR: Explanation(
        "The gateway's host or its daemon refuses what the router (or this tunnel) needs, in the "
        "words of the message; it is tried again.",
        "Mend what the message names on the gateway; the agent's and charon's log say more.",
    ),
}
EXPLANATIONS: Final[Mapping[ReasonCode, Explanation]] = MappingProxyType(_EXPLANATIONS)


def markdown() -> str:
    """The table of docs/status.md."""
    rows = (
        f"| `{code}` | {told.meaning} | {told.here} | {told.there} |"
        for code, told in EXPLANATIONS.items()
    )
    return "\n".join(("| Code | What it means | On our side | At the peer |", "|---|---|---|---|",
                      *rows))  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(markdown() + "\n")

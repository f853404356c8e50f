"""What is told of a peer that says nothing, by the message that it says nothing to.

The lines are charon's (5.9.8), in the order in which it wrote them.
"""

from __future__ import annotations

import msgspec
import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.charon.event_parser import STALL, EventParser, Hint
from landbridge.agent.charon.log_patterns import UNREAD
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.status.causes import Cause, cause
from landbridge.model.status import ReasonCode
from landbridge.model.tunnel import Tunnel
from landbridge.vici import Event, Message
from tests.unit.agent.tunnels import tunnel

NAME = target(tunnel(), Backend.LIBIPSEC).name
C = ReasonCode
TO_500 = "sending packet: from 10.0.0.1[500] to 10.0.0.2[500] (9 bytes)"
TO_4500 = "sending packet: from 10.0.0.1[4500] to 10.0.0.2[4500] (9 bytes)"
FROM_500 = "received packet: from 10.0.0.2[500] to 10.0.0.1[500] (9 bytes)"
FROM_4500 = "received packet: from 10.0.0.2[4500] to 10.0.0.1[4500] (9 bytes)"
AGAIN_V1 = "sending retransmit 1 of request message ID 0, seq 1"
AGAIN_V2 = "retransmit 1 of request with message ID 1"
GIVEN_UP = "giving up after 5 retransmits"
UP = f"IKE_SA {NAME}[7] established between 10.0.0.1[a]...10.0.0.2[b]"
CHILD_UP = "CHILD_SA all{1} established with SPIs a_i b_o and TS 10.1.0.0/24 === 10.2.0.0/24"

MAIN_1 = (
    f"initiating Main Mode IKE_SA {NAME}[7] to 10.0.0.2",
    "generating ID_PROT request 0 [ SA V V V V V ]",
    TO_500,
)
MAIN_3 = (*MAIN_1, FROM_500, "generating ID_PROT request 0 [ KE No NAT-D NAT-D ]", TO_500)
MAIN_5 = (*MAIN_3, FROM_500, "generating ID_PROT request 0 [ ID HASH N(INITIAL_CONTACT) ]", TO_4500)
MAIN_5_500 = (*MAIN_5[:-1], TO_500)
QUICK = "generating QUICK_MODE request 77 [ HASH SA No KE ID ID ]"
AGAIN_QUICK = "sending retransmit 1 of request message ID 77, seq 4"
PHASE_1 = (*MAIN_5, FROM_4500, UP)
AGGRESSIVE_1 = (
    f"initiating Aggressive Mode IKE_SA {NAME}[7] to 10.0.0.2",
    "generating AGGRESSIVE request 0 [ SA KE No ID V V V V V ]",
    TO_500,
)
AGGRESSIVE_UP = (
    *AGGRESSIVE_1,
    FROM_500,
    UP,
    "generating AGGRESSIVE request 0 [ NAT-D NAT-D HASH ]",
    TO_4500,
)
INIT = (
    f"initiating IKE_SA {NAME}[7] to 10.0.0.2",
    "generating IKE_SA_INIT request 0 [ SA KE No N(NATD_S_IP) ]",
    TO_500,
)
AUTH = (*INIT, FROM_500, "generating IKE_AUTH request 1 [ IDi AUTH SA TSi TSr ]", TO_4500)
UP_V2 = (*AUTH, FROM_4500, UP, CHILD_UP)

SILENCES: tuple[tuple[tuple[str, ...], str, ReasonCode, tuple[str, ...]], ...] = (
    (MAIN_1, AGAIN_V1, C.PEER_UNREACHABLE, ("not reachable", "UDP port 500", "configuration")),
    (MAIN_3, AGAIN_V1, C.AUTHENTICATION_FAILED, ("no PSK for us",)),
    (MAIN_5, AGAIN_V1, C.AUTHENTICATION_FAILED, ("its PSK differs", "UDP port 4500", "our ID")),
    (
        (*MAIN_5, FROM_500, "received retransmit of response with ID 0, but next request already"),
        AGAIN_V1,
        C.AUTHENTICATION_FAILED,
        ("its PSK differs", "UDP port 4500"),
    ),
    (MAIN_5_500, AGAIN_V1, C.AUTHENTICATION_FAILED, ("its PSK differs", "our ID")),
    (AGGRESSIVE_1, AGAIN_V1, C.PEER_UNREACHABLE, ("not reachable", "aggressive mode", "our ID")),
    (
        (*PHASE_1, QUICK, TO_4500),
        AGAIN_QUICK,
        C.TRAFFIC_SELECTOR_MISMATCH,
        ("phase 1", "networks", "proposal", "PFS group"),
    ),
    (
        (*AGGRESSIVE_UP, QUICK, TO_4500),
        AGAIN_QUICK,
        C.NAT_PORT_BLOCKED,
        ("not on UDP port 4500",),
    ),
    (
        (*PHASE_1, CHILD_UP, QUICK, TO_4500),
        AGAIN_QUICK,
        C.PEER_UNREACHABLE,
        ("answers no more",),
    ),
    (
        (*PHASE_1, CHILD_UP, QUICK, TO_4500, FROM_4500),
        AGAIN_QUICK,
        C.TRAFFIC_SELECTOR_MISMATCH,
        ("networks",),
    ),
    (INIT, "retransmit 1 of request with message ID 0", C.PEER_UNREACHABLE, ("not reachable",)),
    (AUTH, AGAIN_V2, C.NAT_PORT_BLOCKED, ("not on UDP port 4500", "PSK")),
    (
        (*AUTH[:-1], "generating IKE_AUTH request 1 [ EF(1/2) ]", TO_500),
        AGAIN_V2,
        C.AUTHENTICATION_FAILED,
        ("PSK", "our ID"),
    ),
    (
        (*UP_V2, "generating CREATE_CHILD_SA request 2 [ SA No KE TSi TSr ]", TO_4500),
        "retransmit 1 of request with message ID 2",
        C.PEER_UNREACHABLE,
        ("answers no more",),
    ),
    (
        (*UP_V2, "generating INFORMATIONAL request 2 [ ]", TO_4500),
        "retransmit 1 of request with message ID 2",
        C.PEER_UNREACHABLE,
        ("answers no more",),
    ),
)


def heard(lines: tuple[str, ...], name: str = NAME, parser: EventParser | None = None) -> Hint:
    parser = parser or EventParser()
    hint = None
    for text in lines:
        message: Message = {"group": "IKE", "ikesa-name": name, "ikesa-uniqueid": "7", "msg": text}
        hint = parser.read(Event("log", message))
    assert hint is not None
    return hint


def told(hint: Hint, wanted: Tunnel | None = None) -> Cause | None:
    return cause(hint.line, wanted or tunnel(), established=hint.established, port=hint.port)


@pytest.mark.parametrize(("before", "again", "code", "words"), SILENCES)
def test_a_silence_is_told_by_what_it_answers(
    before: tuple[str, ...], again: str, code: ReasonCode, words: tuple[str, ...]
) -> None:
    for lines in ((*before, again), (*before, again, GIVEN_UP)):
        found = told(heard(lines))
        assert found is not None
        assert found.reason.code is code
        places = [found.reason.message.find(word) for word in words]
        assert -1 not in places, found.reason.message
        assert places == sorted(places), found.reason.message


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ("generating QUICK_MODE response 77 [ HASH SA No KE ID ID ]", C.IPSEC_PROPOSAL_MISMATCH),
        ("generating AGGRESSIVE response 77 [ SA KE No ID HASH ]", C.AUTHENTICATION_FAILED),
    ],
)
def test_a_peer_that_began_may_fall_silent_as_well(made: str, code: ReasonCode) -> None:
    again = "sending retransmit 1 of response message ID 77, seq 2"
    found = told(heard((FROM_500, made, TO_500, again)))
    assert found is not None
    assert found.reason.code is code


@pytest.mark.parametrize(
    ("payloads", "code"),
    [("SA V V V", C.AUTHENTICATION_FAILED), ("KE No NAT-D", C.NAT_PORT_BLOCKED)],
)
def test_a_peer_that_began_is_told_by_where_it_stopped(payloads: str, code: ReasonCode) -> None:
    now = [0.0]
    parser = EventParser(lambda: now[0])
    begins = "10.0.0.2 is initiating a Main Mode IKE_SA"
    answers = f"generating ID_PROT response 0 [ {payloads} ]"
    heard((FROM_500, begins, answers), "(unnamed)", parser)
    now[0] += STALL
    (hint,) = parser.stalled()
    found = told(hint)
    assert found is not None
    assert found.reason.code is code


def test_of_what_was_sent_before_we_listened_the_exchange_is_not_known() -> None:
    found = told(heard((TO_4500, "sending retransmit 2 of request message ID 77, seq 4")))
    assert found is not None
    assert found.reason.code is C.PEER_UNREACHABLE


DELETED = f"received DELETE for IKE_SA {NAME}[7]"


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ((*PHASE_1, QUICK), C.TRAFFIC_SELECTOR_MISMATCH),
        ((*AUTH, UP), C.PEER_CLOSED),
        ((*PHASE_1, QUICK, CHILD_UP), C.PEER_CLOSED),
        ((FROM_500, UP), C.LOCAL_ID_REFUSED),
        ((FROM_500, UP, CHILD_UP), C.PEER_CLOSED),
    ],
)
def test_an_end_without_a_word_is_told_by_what_was_accepted(
    before: tuple[str, ...], code: ReasonCode
) -> None:
    found = told(heard((*before, DELETED)))
    assert found is not None
    assert found.reason.code is code


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (MAIN_5, C.PSK_MISMATCH),
        ((FROM_500, UP), C.LOCAL_ID_REFUSED),
        ((*PHASE_1, QUICK), None),
        ((FROM_500, UP, CHILD_UP), None),
    ],
)
def test_what_cannot_be_read_is_told_by_what_was_read_before(
    before: tuple[str, ...], code: ReasonCode | None
) -> None:
    """Libreswan refuses our ID in a message that strongSwan cannot decrypt."""
    found = told(heard((*before, UNREAD)))
    assert (found.reason.code if found else None) is code
    if found is not None:
        assert "our ID" in found.reason.message


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (MAIN_5, C.LOCAL_ID_REFUSED),
        ((FROM_500, UP), C.LOCAL_ID_REFUSED),
        ((*PHASE_1, QUICK), C.TRAFFIC_SELECTOR_MISMATCH),
        ((FROM_500, UP, QUICK), C.TRAFFIC_SELECTOR_MISMATCH),
    ],
)
def test_whose_identification_is_refused_is_told_by_what_was_asked(
    before: tuple[str, ...], code: ReasonCode
) -> None:
    """IKEv1 has one word for who we are and for our networks; a Libreswan 5 that began says it of
    the first once the IKE_SA is up here."""
    found = told(heard((*before, "received INVALID_ID_INFORMATION error notify")))
    assert found is not None
    assert found.reason.code is code


@pytest.mark.parametrize(
    ("name", "established", "code"),
    [
        ("INVALID_ID_INFORMATION", False, C.LOCAL_ID_REFUSED),
        ("INVALID_ID_INFORMATION", True, C.TRAFFIC_SELECTOR_MISMATCH),
        ("PAYLOAD_MALFORMED", False, C.PSK_MISMATCH),
        ("INVALID_HASH_INFORMATION", False, C.PSK_MISMATCH),
    ],
)
def test_an_error_is_told_by_its_phase(name: str, established: bool, code: ReasonCode) -> None:
    found = cause(f"received {name} error notify", tunnel(), established=established)
    assert found is not None
    assert found.reason.code is code


def test_a_peer_that_answers_as_another_is_not_one_without_a_secret() -> None:
    wanted = msgspec.structs.replace(tunnel(), local_id="a.x", peer_id="b.x")
    line = "no shared key found for 'a.x' - '{}'"
    codes = [cause(line.format(theirs), wanted) for theirs in ("c.x", "b.x", "%any")]
    assert [each.reason.code if each else None for each in codes] == [
        C.PEER_ID_MISMATCH,
        C.PEER_ID_MISMATCH,  # they read alike: the types differ
        C.PSK_MISSING,
    ]

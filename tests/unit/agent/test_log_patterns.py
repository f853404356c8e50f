"""Which cause a line of charon's log tells."""

from __future__ import annotations

import msgspec
import pytest

from landbridge.agent.charon.event_parser import EventParser
from landbridge.agent.status.causes import cause
from landbridge.agent.status.last_failure import LastFailure
from landbridge.model.status import ReasonCode
from tests.unit.agent.lines import line
from tests.unit.agent.tunnels import tunnel

#: Lines as charon 5.9.8 wrote them; `True`: after its IKE_SA was established.
LINES: tuple[tuple[str, bool, ReasonCode], ...] = (
    ("retransmit 1 of request with message ID 0", False, ReasonCode.PEER_UNREACHABLE),
    ("sending retransmit 1 of request message ID 0, seq 3", False, ReasonCode.PEER_UNREACHABLE),
    ("giving up after 5 retransmits", False, ReasonCode.PEER_UNREACHABLE),
    ("received AUTHENTICATION_FAILED notify error", False, ReasonCode.AUTHENTICATION_FAILED),
    ("received AUTHENTICATION_FAILED error notify", False, ReasonCode.AUTHENTICATION_FAILED),
    (
        "tried 1 shared key for 'b.x' - 'a.x', but MAC mismatched",
        False,
        ReasonCode.PSK_MISMATCH,
    ),
    ("invalid HASH_V1 payload length, decryption failed?", False, ReasonCode.PSK_MISMATCH),
    ("invalid ID_V1 payload length, decryption failed?", False, ReasonCode.PSK_MISMATCH),
    ("no shared key found for 'b.x' - 'a.x'", False, ReasonCode.PSK_MISSING),
    ("no shared key found for 'b.x'[10.0.0.2] - 'a.x'[10.0.0.1]", False, ReasonCode.PSK_MISSING),
    ("received NO_PROPOSAL_CHOSEN notify error", False, ReasonCode.IKE_PROPOSAL_MISMATCH),
    ("received NO_PROPOSAL_CHOSEN error notify", False, ReasonCode.IKE_PROPOSAL_MISMATCH),
    ("received NO_PROPOSAL_CHOSEN error notify", True, ReasonCode.IPSEC_PROPOSAL_MISMATCH),
    (
        "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built",
        True,
        ReasonCode.IPSEC_PROPOSAL_MISMATCH,
    ),
    (
        "received TS_UNACCEPTABLE notify, no CHILD_SA built",
        True,
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
    ),
    ("received INVALID_ID_INFORMATION error notify", True, ReasonCode.TRAFFIC_SELECTOR_MISMATCH),
    (
        "traffic selectors 10.2.0.0/24 === 10.1.0.0/24 unacceptable",
        True,
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
    ),
    (
        "no matching CHILD_SA config found for 10.1.0.0/24 === 10.2.0.0/24",
        True,
        ReasonCode.TRAFFIC_SELECTOR_MISMATCH,
    ),
    ("IDir 'c.x' does not match to 'b.x'", False, ReasonCode.PEER_ID_MISMATCH),
    ("no matching peer config found", False, ReasonCode.PEER_ID_MISMATCH),
    (
        "no IKE config found for 192.0.2.2...192.0.2.1, sending NO_PROPOSAL_CHOSEN",
        False,
        ReasonCode.IKE_VERSION_MISMATCH,
    ),
    ("DPD check timed out, enforcing DPD action", True, ReasonCode.DPD_TIMEOUT),
    ("received DELETE for IKE_SA x[1]", True, ReasonCode.PEER_CLOSED),
    (
        "error writing to socket: Network is unreachable",
        False,
        ReasonCode.NO_ROUTE,
    ),
    (
        "error installing route with policy 10.1.1.0/24 === 10.2.1.0/24 out",
        True,
        ReasonCode.NO_LOCAL_ADDRESS,
    ),
    (
        "unable to install inbound and outbound IPsec SA (SAD) in kernel",
        True,
        ReasonCode.UNSUPPORTED,
    ),
    ("unable to install outbound IPsec SA (SAD) in kernel", True, ReasonCode.UNSUPPORTED),
    ("unable to allocate SPIs from kernel", True, ReasonCode.UNSUPPORTED),
    ("allocating SPI from kernel failed", True, ReasonCode.UNSUPPORTED),
    ("unable to install IPsec policies (SPD) in kernel", True, ReasonCode.UNSUPPORTED),
    (
        "can't install route for 10.0.0.1/32 === 10.0.0.2/32 out, conflicts with IKE traffic",
        True,
        ReasonCode.UNSUPPORTED,
    ),
    ("traffic selectors  ===  unacceptable", True, ReasonCode.TRAFFIC_SELECTOR_MISMATCH),
)


@pytest.mark.parametrize(("line", "established", "code"), LINES)
def test_a_line_tells_a_cause(line: str, established: bool, code: ReasonCode) -> None:
    told = cause(line, tunnel(), established=established)
    assert told is not None
    assert told.reason.code is code
    assert "{" not in told.reason.message


@pytest.mark.parametrize(
    "line",
    [
        "received TS_UNACCEPTABLE notify, no CHILD_SA built",
        "received INVALID_ID_INFORMATION error notify",
        "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built",
        "unable to install inbound and outbound IPsec SA (SAD) in kernel",
    ],
)
def test_of_a_tunnel_in_transport_mode_the_mode_is_named(line: str) -> None:
    wanted = tunnel()
    esp = msgspec.structs.replace(wanted.esp, encapsulation="transport")
    told = cause(line, msgspec.structs.replace(wanted, esp=esp), established=True)
    assert told is not None
    assert "transport mode" in told.reason.message
    told = cause(line, wanted, established=True)
    assert told is not None
    assert "transport" not in told.reason.message


def test_ah_is_not_said_to_encrypt() -> None:
    esp = msgspec.structs.replace(tunnel().esp, protocol="ah")
    line = "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built"
    told = cause(line, tunnel(esp=esp), established=True)
    assert told is not None
    assert "(ah: sha256, PFS group14)" in told.reason.message


def test_a_route_that_charon_cannot_install_tells_more_than_what_follows() -> None:
    first = "can't install route for 10.0.0.1/32 === 10.0.0.2/32 out, conflicts with IKE traffic"
    told = [
        cause(line, tunnel())
        for line in (first, "unable to install IPsec policies (SPD) in kernel")
    ]
    blame = LastFailure()
    for each in told:
        assert each is not None
        blame.accept(each, "")
    assert blame.reason is not None
    assert "10.0.0.2/32" in blame.reason.message


def test_other_lines_tell_nothing() -> None:
    assert cause("IKE_SA x[1] established between a...b", tunnel()) is None


OURS = "IKE:AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048"
ESP_OURS = "ESP:AES_CBC_128/HMAC_SHA2_256_128/MODP_2048/NO_EXT_SEQ"


@pytest.mark.parametrize(
    ("theirs", "ours", "code"),
    [
        (OURS.replace("128/H", "256/H"), OURS, ReasonCode.IKE_PROPOSAL_MISMATCH),
        (OURS.replace("2048", "4096"), OURS, ReasonCode.IKE_DH_MISMATCH),
        (f"{OURS.replace('MODP_2048', 'CURVE_25519')}, {OURS}x", OURS, ReasonCode.IKE_DH_MISMATCH),
        (ESP_OURS.replace("CBC_128", "CBC_256"), ESP_OURS, ReasonCode.IPSEC_PROPOSAL_MISMATCH),
        (ESP_OURS.replace("MODP_2048/", ""), ESP_OURS, ReasonCode.PFS_MISMATCH),
    ],
)
def test_two_lines_tell_what_differs(theirs: str, ours: str, code: ReasonCode) -> None:
    pair = (f"received proposals: {theirs}", f"configured proposals: {ours}")
    for first, second in (pair, pair[::-1]):  # charon's threads may overtake each other
        hints = EventParser()
        assert hints.read(line(first, group="CFG")) is None
        hint = hints.read(line(second, group="CFG"))
        told = cause(hint.line, tunnel()) if hint else None
        assert told is not None
        assert told.reason.code is code
        assert theirs in told.reason.message
        assert ours in told.reason.message
        assert "aes-128, sha256" in told.reason.message


@pytest.mark.parametrize(
    ("searched", "code", "named"),
    [
        (
            "looking for peer configs matching 10.0.0.1[c.x]...10.0.0.2[b.x]",
            ReasonCode.LOCAL_ID_REFUSED,
            "c.x",
        ),
        (
            "looking for peer configs matching 10.0.0.1[%any]...10.0.0.2[C=CH, CN=c d]",
            ReasonCode.PEER_ID_MISMATCH,
            "C=CH, CN=c d",
        ),
        (
            "looking for pre-shared key peer configs matching 10.0.0.1...10.0.0.2[c.x]",
            ReasonCode.PEER_ID_MISMATCH,
            "c.x",
        ),
        (
            "looking for peer configs matching 10.0.0.1[a.x]...10.0.0.2[B.X]",
            ReasonCode.PEER_ID_MISMATCH,
            "of another type",
        ),
    ],
)
def test_a_fruitless_search_tells_whose_id_it_is(
    searched: str, code: ReasonCode, named: str
) -> None:
    pair = (searched, "no matching peer config found")
    for first, second in (pair, pair[::-1]):
        hints = EventParser()
        hints.read(line("received packet: from 10.0.0.2[500] to 10.0.0.1[500] (9 bytes)", "", "4"))
        hints.read(line(first, "(unnamed)", "4"))
        hint = hints.read(line(second, "(unnamed)", "4"))
        told = cause(hint.line, tunnel(local_id="a.x", peer_id="@b.x")) if hint else None
        assert told is not None
        assert told.reason.code is code
        assert named in told.reason.message

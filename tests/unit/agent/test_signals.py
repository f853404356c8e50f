"""What charon says: lists, events, log lines."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from landbridge.agent.charon.connection_config import target
from landbridge.agent.charon.event_parser import EventParser
from landbridge.agent.dataplane.dataplane import Backend
from landbridge.agent.plan.candidate import Candidate
from landbridge.agent.reconcile.index import TunnelIndex
from landbridge.agent.reconcile.tunnel import ManagedTunnel
from landbridge.agent.status.causes import cause
from landbridge.agent.status.last_failure import LastFailure
from landbridge.agent.tunnels import steps as do
from landbridge.agent.tunnels.coverage import Cover
from landbridge.agent.tunnels.desired import Pair
from landbridge.agent.tunnels.loaded import Loaded
from landbridge.agent.tunnels.observed import Actual, actual, ike_sas
from landbridge.model.objects import Dpd, Reason, ReasonCode, Router, TunnelState
from landbridge.vici import Event, Message
from tests.unit.agent.tunnels import ID, child_sa, ike_sa, tunnel

NAME = target(tunnel(), Backend.LIBIPSEC).name
OTHER = "11111111-bdee-4a78-9d14-3484d8ee97a9"

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


def listed(**changes: Any) -> Message:
    section: Message = {
        "uniqueid": "7",
        "version": "2",
        "state": "ESTABLISHED",
        "established": "12",
        "tasks-active": ["IKE_DPD"],
        "child-sas": {
            "all.0-3": {
                "name": "all.0",
                "uniqueid": "3",
                "state": "INSTALLED",
                "local-ts": ["10.1.0.0/24"],
                "remote-ts": ["10.2.0.0/24"],
                "spi-in": "aa",
                "bytes-in": "99",
            }
        },
    }
    section.update(changes)
    return {NAME: section}


def test_lists_are_read() -> None:
    foreign: Message = {"site-a": {"uniqueid": "9", "state": "ESTABLISHED"}}
    found = actual(ike_sas([listed(), foreign, listed()]), ID)
    (sa,) = found.sas
    assert (sa.unique_id, sa.name, sa.age, sa.tasks) == (7, NAME, 12, frozenset({"IKE_DPD"}))
    (child,) = found.carrying
    assert (child.unique_id, child.key, child.bytes_in, child.spi_out) == (3, "all", 99, "")
    assert actual(ike_sas([listed(state="CONNECTING")]), ID).carrying == ()
    assert actual(ike_sas([listed(uniqueid="x")]), OTHER).sas == ()


@pytest.mark.parametrize(
    ("local", "remote", "carried", "touched"),
    [
        (("10.1.0.0/24",), ("10.2.0.0/24",), True, True),
        (("10.0.0.0/8",), ("10.9.0.0/24", "10.2.0.0/16"), True, True),
        (("10.1.0.0/25",), ("10.2.0.0/24",), False, True),
        (("10.1.1.0/24",), ("10.2.0.0/24",), False, False),
        (("fd00::/64",), ("10.2.0.0/24",), False, False),
        (("10.1.0.1..10.1.0.9",), ("10.2.0.0/24",), False, True),
    ],
)
def test_cover(
    local: tuple[str, ...], remote: tuple[str, ...], carried: bool, touched: bool
) -> None:
    pair = Pair(local="10.1.0.0/24", remote="10.2.0.0/24")
    child = child_sa("all.0", local, remote, 1)
    cover = Cover.of_children([child])
    found = cover.carrying(pair), cover.touching((pair.local,), (pair.remote,))
    assert found == (carried, touched)
    of_pair = Cover.of_pairs([pair])
    assert of_pair.touching(child.local_ts, child.remote_ts) == touched


def line(text: str, name: str = NAME, unique_id: str = "1", group: str = "IKE") -> Event:
    return Event(
        "log", {"group": group, "ikesa-name": name, "ikesa-uniqueid": unique_id, "msg": text}
    )


def test_events_name_their_tunnel() -> None:
    hint = EventParser().read(Event("child-updown", {"up": "yes", **listed()}))
    assert hint is not None
    assert (hint.tunnel_id, hint.line, len(hint.sas)) == (ID, "", 1)
    assert EventParser().read(Event("ike-updown", {"site-a": {"uniqueid": "1"}})) is None


def test_a_strangers_lines_are_known_by_its_address() -> None:
    hints = EventParser()
    assert hints.read(line("no acceptable proposal found", "(unnamed)", "4")) is None
    hints.read(line("192.0.2.7 is initiating an IKE_SA", "(unnamed)", "4"))
    hint = hints.read(line("no acceptable proposal found", "(unnamed)", "4"))
    assert hint is not None
    assert (hint.tunnel_id, hint.peer_address) == ("", "192.0.2.7")
    between = "no IKE config found for 192.0.2.2...192.0.2.9, sending NO_PROPOSAL_CHOSEN"
    hint = hints.read(line(between, "(unnamed)", "5"))
    assert hint is not None
    assert hint.peer_address == "192.0.2.9"


def test_lines_know_whether_their_ike_sa_is_up() -> None:
    hints = EventParser()
    early = hints.read(line("received NO_PROPOSAL_CHOSEN error notify"))
    hints.read(line(f"IKE_SA {NAME}[1] established between 10.0.0.1[a]...10.0.0.2[b]"))
    late = hints.read(line("received NO_PROPOSAL_CHOSEN error notify"))
    silent = hints.read(line("retransmit 1 of request with message ID 3"))
    assert early is not None
    assert late is not None
    assert silent is not None
    assert (early.established, late.established, silent.silence) == (False, True, True)


def test_a_telling_line_is_not_overwritten_by_silence_of_the_same_attempt() -> None:
    managed = ManagedTunnel(ID, Backend.LIBIPSEC)
    managed.want(tunnel())
    managed.begin_attempt()
    assert managed.explain("invalid HASH_V1 payload length, decryption failed?", established=False)
    assert not managed.explain("sending retransmit 1 of request message ID 0", established=False)
    status = managed.current_status(0.0)
    assert status is not None
    assert status.reason is not None
    assert status.reason.code is ReasonCode.PSK_MISMATCH
    managed.begin_attempt()
    assert not managed.explain("sending retransmit 1 of request message ID 0", established=False)
    assert managed.explain("sending retransmit 2 of request message ID 0", established=False)


def test_an_answer_to_our_own_delete_is_not_the_peers() -> None:
    managed = ManagedTunnel(ID, Backend.LIBIPSEC)
    managed.want(tunnel())
    line = "received DELETE for ESP CHILD_SA with SPI c0ffee00"
    managed.stepped(do.TerminateChild(unique_id=3), 1.0, None, Candidate())
    assert not managed.explain(line, established=True)
    managed.begin_pass(Loaded(), 2.0)  # it is gone
    assert managed.explain(line, established=True)


def test_a_partial_tunnel_names_what_is_missing() -> None:
    wanted = tunnel(split_selector=True, peer_cidrs=("10.2.0.0/24", "10.2.1.0/24"))
    managed = ManagedTunnel(ID, Backend.LIBIPSEC)
    managed.want(wanted)
    assert managed.facts.target is not None
    first = managed.facts.target.children[0]
    child = child_sa(first.name, ("10.1.0.0/24",), ("10.2.0.0/24",), 1)
    managed.observe(Actual(sas=(ike_sa(managed.facts.target.name, 1, child),)))
    status = managed.current_status(0.0)
    assert status is not None
    assert status.reason is not None
    assert (status.state, status.reason.code) == (TunnelState.PARTIAL, ReasonCode.PARTIAL)
    assert "10.1.0.0/24 - 10.2.1.0/24" in status.reason.message
    assert status.applied_revision == wanted.revision


def test_what_cannot_be_done_is_a_terminal_error() -> None:
    wanted = tunnel()
    managed = ManagedTunnel(ID, Backend.LIBIPSEC)
    managed.want(tunnel(esp=msgspec.structs.replace(wanted.esp, protocol="ah")))
    status = managed.current_status(0.0)
    assert status is not None
    assert status.reason is not None
    assert (status.state, status.reason.code) == (TunnelState.ERROR, ReasonCode.UNSUPPORTED)


def test_of_tunnels_that_a_peer_cannot_tell_apart_the_first_stays() -> None:
    marked: list[str] = []
    tunnel_index = TunnelIndex(Backend.LIBIPSEC, marked.append)
    first, second = tunnel(), tunnel(id=OTHER, dpd=Dpd(action="hold", interval=5, timeout=9))
    tunnel_index.want(ID, first)
    tunnel_index.want(OTHER, second)
    other = tunnel_index.get(OTHER)
    assert other is not None
    assert other.facts.attachment.conflict is not None
    assert other.facts.attachment.conflict.code is ReasonCode.COLLISION
    assert ID in other.facts.attachment.conflict.message
    tunnel_index.want(ID, first)  # the same again: it may not lose its place
    assert other.facts.attachment.conflict is not None
    tunnel_index.want(ID, None)
    assert marked == [OTHER]
    assert _fault(tunnel_index) is None


def _fault(tunnel_index: TunnelIndex) -> Reason | None:
    managed = tunnel_index.get(OTHER)
    assert managed is not None
    return managed.facts.attachment.conflict


def test_a_switched_off_router_switches_its_tunnels_off_and_on_again() -> None:
    tunnel_index = TunnelIndex(Backend.LIBIPSEC, lambda _: None)
    off = Router(id="r", name="", revision=1, admin_state_up=False, uplink=None, inside=())
    tunnel_index.want(ID, tunnel(), router=off)
    managed = tunnel_index.get(ID)
    assert managed is not None
    assert managed.facts.target is not None
    assert not managed.facts.target.admin_state_up
    tunnel_index.want(ID, managed.facts.wanted.asked)
    assert managed.facts.target.admin_state_up


def test_what_is_not_as_it_should_be_is_left_out() -> None:
    """Of an SA that is listed oddly the rest is read all the same."""
    child: Message = {
        "name": "all.0",
        "uniqueid": "3",
        "bytes-in": "many",
        "local-ts": "10.1.0.0/24",
        "reqid": {},
    }
    odd = listed(established="soon", version=["2"], **{"child-sas": {"all.0-3": child, "x": "y"}})
    (sa,) = actual(ike_sas([odd]), ID).sas
    (found,) = sa.children
    assert (sa.unique_id, sa.age, sa.version) == (7, 0, "")
    assert (found.unique_id, found.bytes_in, found.local_ts, found.reqid) == (3, 0, (), 0)
